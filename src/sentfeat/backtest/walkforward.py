"""Folds in time: fit on the past, leave a gap, forecast the next sessions; never by row.

    |---------- training, expanding ----------| purge |--- 21 sessions forecast ---|
                                              ^ train_stop     ^ test_start        ^ test_stop

The purge is the label's horizon + 1. Folds before the first one that counts are there for tuning only: a penalty for
fold k is chosen by the forecasts that folds before k made on sessions inside k's training part.
"""

from dataclasses import dataclass

import pandas as pd

from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError


@dataclass(frozen=True)
class Fold:
    """Positions of sessions: trained on [0, train_stop), forecasts [test_start, test_stop).

    `check_stop` ends the part of the forecast that lies inside the training part of the fold `delay` later.
    """

    train_stop: int
    test_start: int
    test_stop: int
    check_stop: int
    counts: bool


def purge_of(horizon: int) -> int:
    """Sessions left out between training and forecasts for labels that span `horizon` sessions."""
    return horizon + 1


def delay_of(horizon: int, settings: BacktestSettings) -> int:
    """After how many folds a fold's forecasts can be checked without looking ahead."""
    return purge_of(horizon) // settings.refit_sessions + 1


def make_folds(n_sessions: int, settings: BacktestSettings, horizon: int = 1) -> list[Fold]:
    """Folds over `n_sessions` sessions. Raises DataError if too few are left to test on."""
    purge, step = purge_of(horizon), settings.refit_sessions
    first = settings.train_sessions + purge
    needed = first + settings.min_test_sessions
    if n_sessions < needed:
        raise DataError(
            f"too little data for a backtest: {n_sessions} sessions with usable rows, {needed} are needed "
            f"({settings.train_sessions} to train, {purge} left out in between, {settings.min_test_sessions} to test); "
            "build features over a longer span, or lower backtest.train_sessions"
        )
    earliest = first - step * ((settings.train_sessions // 2) // step)
    checked = delay_of(horizon, settings) * step - purge
    starts = range(earliest, n_sessions, step)
    return [
        Fold(at - purge, at, min(at + step, n_sessions), min(at + checked, n_sessions), counts=at >= first)
        for at in starts
    ]


def fold_table(folds: list[Fold], sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The folds that count, as dates: fold, train_first, train_last, test_first, test_last."""
    rows = [
        (number, sessions[0], sessions[f.train_stop - 1], sessions[f.test_start], sessions[f.test_stop - 1])
        for number, f in enumerate(fold for fold in folds if fold.counts)
    ]
    return pd.DataFrame(rows, columns=["fold", "train_first", "train_last", "test_first", "test_last"])
