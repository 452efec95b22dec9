"""Groups of rows by what was known before the session: for the stability table and for placebos among equals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

TERCILES = ("low", "middle", "high")
VOLATILITY, TURNOVER, SECTOR, GRADE = "volatility", "turnover", "sector", "timing grade"
RESULTS = "earnings days"
RESULTS_COLUMN = "f8k_2_02_21d"
"""How many 8-Ks with results the last 21 sessions had: it rises in the first session that can trade on one."""


@dataclass(frozen=True)
class Group:
    """A partition of the rows: `codes` (T, N) are positions in `labels`, -1 for rows (and cells) in none."""

    labels: tuple[str, ...]
    codes: np.ndarray

    @classmethod
    def of(cls, values: pd.Series, spread: Callable[[np.ndarray], np.ndarray]) -> "Group":
        """From one label per row (null for none); `spread` puts rows on the grid."""
        kind = values.astype("category")
        codes = spread(kind.cat.codes.to_numpy(dtype=float)).astype(np.int16)
        return cls(tuple(str(label) for label in kind.cat.categories), codes)


def row_groups(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """For each grouping that the rows allow, the label of each row.

    Volatility and turnover are terciles within the session, of the month before it.
    """
    groups = {
        VOLATILITY: terciles(rows["vol_21"], rows["session"]),
        TURNOVER: terciles(rows["turnover"], rows["session"]),
    }
    if "sector" in rows and rows["sector"].notna().any():
        groups[SECTOR] = rows["sector"].astype("string")
    if "pit_grade_worst" in rows and rows["pit_grade_worst"].notna().any():
        groups[GRADE] = rows["pit_grade_worst"].astype("string")
    if RESULTS_COLUMN in rows and rows[RESULTS_COLUMN].gt(0).any():
        groups[RESULTS] = earnings_days(rows)
    return groups


def earnings_days(rows: pd.DataFrame) -> pd.Series:
    """Whether results were filed since the security's row before; null where that is not known."""
    count = rows.sort_values("session").groupby("security_id")[RESULTS_COLUMN]
    rise = (rows[RESULTS_COLUMN] - count.shift()).astype("Float64")
    return rise.gt(0).map({True: "results filed", False: "no results filed"}, na_action="ignore").astype("string")


def terciles(values: pd.Series, session: pd.Series) -> pd.Series:
    """low, middle or high within the session; null where the value is."""
    rank = values.groupby(session).rank(pct=True, method="first")
    return pd.cut(rank, [0, 1 / 3, 2 / 3, 1], labels=list(TERCILES))
