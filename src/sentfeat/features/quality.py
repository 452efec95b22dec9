"""Does a session look like the sessions before it? Limits on every build, against the trailing 60 sessions.

    range   a cell lies outside what its column can be (tables.py)
    nulls   a column is empty more often than in any of the trailing sessions, by more than `null_jump`
    drift   a column's values lie elsewhere: population stability index (PSI) over the trailing values' deciles above
            `psi`, and above what chance makes of so few values: under no drift n x PSI is about chi-squared with
            (bins - 1) degrees of freedom, so that n x PSI > 50 is no chance for independent values

Drift need not be an error: a crash day drifts, too. It is told, so that nobody learns of it from a model's loss.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.config import QualitySettings
from sentfeat.drift import stability_index
from sentfeat.schema import COUNT, NUMBER
from sentfeat.tables import FEATURES

TRAILING_NEEDED = 20  # sessions; with fewer before it nothing is said about nulls and drift
VALUES_NEEDED = 20  # of a session, for drift
BEYOND_CHANCE = 50.0
ROUNDING = 1e-9
MEASURED = tuple(column for column in FEATURES.columns if column.type in (NUMBER, COUNT))


class Breach(NamedTuple):
    """A limit that a session breaks."""

    session: pd.Timestamp
    column: str
    check: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.session.date()} {self.column}: {self.check} {self.value:.3g}, limit {self.limit:.3g}"


def find_breaches(rows: pd.DataFrame, trailing: pd.DataFrame, settings: QualitySettings) -> Iterator[Breach]:
    """The limits that the sessions of `rows` break, by column.

    rows, trailing: FEATURES rows of consecutive sessions; those of `trailing` come before and are only compared with.
    """
    both = pd.concat([trailing[rows.columns], rows], ignore_index=True) if len(trailing) else rows
    at, sessions = pd.factorize(both["session"], sort=True)
    judged = np.isin(sessions, rows["session"].unique())
    for column in MEASURED:
        values = both[column.name].astype(float).to_numpy()
        checks = {
            "cells out of range": (_out_of_range(values, at, len(sessions), column.bounds), 0.0),
            "null share above the trailing most": (_null_jump(values, at, len(sessions), settings), settings.null_jump),
            "PSI": (_stability(values, at, len(sessions), settings), settings.psi),
        }
        for check, (found, limit) in checks.items():
            for place in np.flatnonzero(judged & (found > limit)):
                yield Breach(sessions[place], column.name, check, float(found[place]), limit)


def _out_of_range(values: np.ndarray, at: np.ndarray, sessions: int, bounds: tuple[float, float] | None) -> np.ndarray:
    if bounds is None:
        return np.zeros(sessions)
    outside = (values < bounds[0] - ROUNDING) | (values > bounds[1] + ROUNDING)
    return np.bincount(at, weights=outside, minlength=sessions)


def _null_jump(values: np.ndarray, at: np.ndarray, sessions: int, settings: QualitySettings) -> np.ndarray:
    """Per session the share of nulls less the largest of the trailing sessions; NaN with too few of them."""
    share = pd.Series(np.bincount(at, weights=np.isnan(values), minlength=sessions) / np.bincount(at))
    before = share.shift().rolling(settings.trailing_sessions, min_periods=TRAILING_NEEDED).max()
    return (share - before).to_numpy()


def _stability(values: np.ndarray, at: np.ndarray, sessions: int, settings: QualitySettings) -> np.ndarray:
    """Per session the PSI against the trailing ones; NaN where there is too little, 0 where chance can explain it."""
    known = ~np.isnan(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0.1, 0.9, 9))) if known.any() else np.empty(0)
    bins = len(edges) + 1
    place = at[known] * bins + np.searchsorted(edges, values[known], side="right")
    counts = np.bincount(place, minlength=sessions * bins).reshape(sessions, bins)
    window = pd.DataFrame(counts).shift().rolling(settings.trailing_sessions, min_periods=TRAILING_NEEDED)
    usual = window.sum().to_numpy()
    psi = stability_index(counts, usual)
    n, trailing = counts.sum(axis=1), usual.sum(axis=1)
    enough = (n >= VALUES_NEEDED) & (trailing >= VALUES_NEEDED * TRAILING_NEEDED)
    return np.where(enough, np.where(n * psi > BEYOND_CHANCE, psi, 0.0), np.nan)
