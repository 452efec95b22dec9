"""Sessions and securities as positions: the matrices that feature columns are computed in."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Grid:
    """`sessions` in order, wanted from position `first` on; `known_at`, their cut-offs (UTC); `securities`, sorted."""

    sessions: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    first: int
    securities: pd.Index

    @property
    def shape(self) -> tuple[int, int]:
        """(all sessions, securities)."""
        return len(self.sessions), len(self.securities)

    @property
    def wanted(self) -> np.ndarray:
        """The positions of the wanted sessions."""
        return np.arange(self.first, len(self.sessions))

    def placed(self, items: pd.DataFrame) -> pd.DataFrame:
        """`items` with `column`, the position of their security, and `cell`, one number for session and security.

        `number` is the position of the session; items of securities that the universe does not know are left out.
        """
        column = self.securities.get_indexer(items["security_id"])
        items = items.assign(column=column, cell=items["number"] * len(self.securities) + column)
        return items[column >= 0]

    def matrix(self, values: pd.Series) -> np.ndarray:
        """A series by `cell` as a matrix of all sessions and securities, NaN where it has no value."""
        flat = np.full(len(self.sessions) * len(self.securities), np.nan)
        flat[values.index.to_numpy(dtype=np.int64)] = values
        return flat.reshape(self.shape)

    def sums(self, items: pd.DataFrame, values: np.ndarray | float = 1.0) -> np.ndarray:
        """The values of placed items added up by cell, in their order."""
        total = np.zeros(self.shape)
        np.add.at(total, (items["number"].to_numpy(), items["column"].to_numpy()), values)
        return total
