"""Does a session look like the sessions before it? Limits on every build, against the trailing 60 sessions.

    range   a cell lies outside what its column can be (tables.py)
    nulls   a column is empty more often than in any of the trailing sessions, by more than `null_jump`
    drift   a column's values lie elsewhere: population stability index (PSI) over the deciles of the trailing values
            above `psi`, and above what chance makes of so few values: under no drift n x PSI is about chi-squared with
            (bins - 1) degrees of freedom, so that n x PSI > 50 is no chance for independent values

Drift need not be an error: a crash day drifts, too. It is told, so that nobody learns of it from a model's loss.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.config import TRAILING_LEAST, QualitySettings
from sentfeat.drift import stability_index
from sentfeat.schema import COUNT, NUMBER
from sentfeat.tables import FEATURES

VALUES_NEEDED = 20  # of a session, for drift
BEYOND_CHANCE = 50.0
DECILES = np.arange(1, 10) / 10
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
            "PSI": (_stability(values, at, judged, settings), settings.psi),
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
    before = share.shift().rolling(settings.trailing_sessions, min_periods=TRAILING_LEAST).max()
    return (share - before).to_numpy()


def _stability(values: np.ndarray, at: np.ndarray, judged: np.ndarray, settings: QualitySettings) -> np.ndarray:
    """Per judged session the PSI against the trailing ones; NaN where there is too little, 0 where chance can explain
    it. values, at: (rows,), `at` the position of each row's session."""
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]  # NaN is sorted last
    values, at = values[order], at[order].astype(np.uint16)  # sorts fast, and no build has 65,536 sessions
    ranks = np.argsort(at, kind="stable")  # by session, and in it in order
    by_session = np.split(ranks, np.searchsorted(at[ranks], np.arange(1, len(judged))))
    psi = np.full(len(judged), np.nan)
    for place, usual in enumerate(_trailing(by_session, settings.trailing_sessions)):
        seen = by_session[place]
        enough = len(seen) >= VALUES_NEEDED and len(usual) >= VALUES_NEEDED * TRAILING_LEAST
        if judged[place] and place >= TRAILING_LEAST and enough:
            index = _decile_stability(values[seen], values[usual])
            psi[place] = index if len(seen) * index > BEYOND_CHANCE else 0.0
    return psi


def _trailing(by_session: list[np.ndarray], reach: int) -> Iterator[np.ndarray]:
    """For each session the ranks of the `reach` sessions before it, sorted; moved on, since sorting anew is slow."""
    window = np.empty(0, dtype=np.int64)
    for place, ranks in enumerate(by_session):
        yield window
        if place >= reach:
            window = np.delete(window, window.searchsorted(by_session[place - reach]))
        window = np.sort(np.concatenate([window, ranks]), kind="stable")


def _decile_stability(seen: np.ndarray, usual: np.ndarray) -> float:
    """The PSI of `seen` over the deciles of `usual`, both sorted."""
    at, part = np.divmod(DECILES * (len(usual) - 1), 1)
    below, above = usual[at.astype(int)], usual[at.astype(int) + 1]
    deciles = np.unique(below + part * (above - below))
    counts = [np.diff([0, *values.searchsorted(deciles), len(values)]) for values in (seen, usual)]
    return float(stability_index(*counts))
