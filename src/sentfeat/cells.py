"""Two versions of the same rows, cell by cell."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sentfeat.schema import NUMBER
from sentfeat.tables import FEATURES

KEY = ["session", "security_id"]


def changed_cells(
    before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str] = tuple(FEATURES.names)
) -> pd.DataFrame:
    """The cells in which two frames of FEATURES rows differ: session, security_id, ticker, column, before, after.

    Null equals null, numbers are compared exactly. A row that only one of them has differs in its column `row`, which
    is True where it is there.
    """
    first, second = before.set_index(KEY).sort_index(), after.set_index(KEY).sort_index()
    common = first.index.intersection(second.index)
    parts = [_presence(first, second, common)]
    for name in columns:
        if name in KEY:
            continue
        old, new = first.loc[common, name], second.loc[common, name]
        differs = _differs(old, new)
        parts.append(_cells(second.loc[common, "ticker"][differs], name, old[differs], new[differs]))
    return pd.concat(parts, ignore_index=True).sort_values([*KEY, "column"], ignore_index=True, kind="stable")


def _differs(old: pd.Series, new: pd.Series) -> np.ndarray:
    empty = old.isna().to_numpy(), new.isna().to_numpy()
    both = ~empty[0] & ~empty[1]
    differs = empty[0] != empty[1]
    differs[both] = old[both].to_numpy(dtype=object) != new[both].to_numpy(dtype=object)
    return differs


def _presence(first: pd.DataFrame, second: pd.DataFrame, common: pd.MultiIndex) -> pd.DataFrame:
    """A cell for each row that only one of the two has."""
    gone, new = first.drop(index=common)["ticker"], second.drop(index=common)["ticker"]
    there = pd.Series(True, index=gone.index), pd.Series(True, index=new.index)
    return pd.concat([_cells(gone, "row", there[0], ~there[0]), _cells(new, "row", ~there[1], there[1])])


def _cells(tickers: pd.Series, column: str, old: pd.Series, new: pd.Series) -> pd.DataFrame:
    frame = tickers.rename("ticker").reset_index().assign(column=column)
    return frame.assign(before=np.asarray(old, dtype=object), after=np.asarray(new, dtype=object))


def compare_models(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Two models' rows of the same sessions and securities, a row for each column of numbers that differs somewhere.

    n (both have a value), equal (share of them that are the same), correlation, mean_difference (second - first).
    """
    both = first.merge(second, on=KEY, suffixes=("_1", "_2"))
    rows = []
    for column in FEATURES.columns:
        if column.type != NUMBER:
            continue
        pair = both[[f"{column.name}_1", f"{column.name}_2"]].dropna().to_numpy(dtype=float)
        if len(pair) and (pair[:, 0] != pair[:, 1]).any():
            varies = len(pair) > 1 and (pair.std(axis=0) > 0).all()
            rows.append(
                {
                    "column": column.name,
                    "n": len(pair),
                    "equal": float((pair[:, 0] == pair[:, 1]).mean()),
                    "correlation": float(np.corrcoef(pair.T)[0, 1]) if varies else np.nan,
                    "mean_difference": float((pair[:, 1] - pair[:, 0]).mean()),
                }
            )
    return pd.DataFrame(rows, columns=["column", "n", "equal", "correlation", "mean_difference"])
