"""Structural probes: what must hold before any number means anything. One failure makes the run INVALID."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat.backtest.panel import Panel
from sentfeat.backtest.walkforward import Fold
from sentfeat.errors import DataError
from sentfeat.sessions import closes, tradable_at

PASSED, FAILED, UNKNOWN = "passed", "failed", "unknown"
TOLERANCE = 1e-8  # of forecasts in units of standardised y1: sums of other lengths round differently
TIMES = ("known_at", "tradable_at")

Forecast = Callable[[pd.DataFrame, pd.DataFrame, pd.Timestamp], pd.DataFrame]


@dataclass(frozen=True)
class Probe:
    """What was checked, on how many (rows, folds, forecasts), what came out, and the worst case in words."""

    name: str
    status: str
    n: int
    unit: str
    detail: str


def timing(features: pd.DataFrame) -> Probe:
    """known_at <= tradable_at <= the session's open by the exchange calendar.

    Without tradable_at the open stands for it. Unknown where known_at is missing, empty or without a time zone.
    """
    name = "Features were known before they could be traded"
    wanting = _wanting(features)
    if wanting:
        return Probe(name, UNKNOWN, len(features), "rows", wanting)
    opens = pd.Series(tradable_at(pd.DatetimeIndex(features["session"])), index=features.index)
    known = pd.to_datetime(features["known_at"], utc=True)
    tradable = pd.to_datetime(features["tradable_at"], utc=True) if "tradable_at" in features else opens
    late, after_open = known > tradable, tradable > opens
    detail = f"{int(late.sum())} rows known after tradable_at, {int(after_open.sum())} rows tradable after the open"
    return Probe(name, FAILED if (late | after_open).any() else PASSED, len(features), "rows", detail)


def _wanting(features: pd.DataFrame) -> str | None:
    """What keeps the times from being checked."""
    if "known_at" not in features:
        return "no column known_at"
    for column in [name for name in TIMES if name in features]:
        if features[column].isna().any():
            return f"{column} is empty in {int(features[column].isna().sum())} rows"
        if not _has_zone(features[column], column):
            return f"{column} has no time zone"
    return None


def _has_zone(times: pd.Series, column: str) -> bool:
    """Of text, whether every time has one: those of a clock that is put forward have two. Raises DataError."""
    if pd.api.types.is_datetime64_any_dtype(times):
        return times.dt.tz is not None
    try:
        return all(pd.Timestamp(time).tzinfo is not None for time in times.unique())
    except (ValueError, TypeError) as error:
        raise DataError(f"features: the column {column} holds something that is no time: {error}") from error


def label_overlap(sessions: pd.DatetimeIndex, folds: list[Fold], horizon: int = 1) -> Probe:
    """Every label in a training part ends before the first forecast could be traded, however old its features are."""
    name = "No training label reaches into a forecast period"
    opens, ends = tradable_at(sessions), closes(sessions)
    bad = [f for f in folds if not ends[f.train_stop + horizon - 2] < opens[f.test_start]]
    gaps = [f.test_start - f.train_stop for f in folds]
    detail = f"{len(bad)} folds overlap; at least {min(gaps)} sessions are left out in between"
    return Probe(name, FAILED if bad else PASSED, len(folds), "folds", detail)


def equal_rows(panel: Panel, forecasts: dict[str, np.ndarray], first: int) -> Probe:
    """Every arm forecasts exactly the rows of the panel from position `first` on."""
    name = "All arms forecast the same rows"
    differing = sum(int((np.isfinite(f[first:]) != panel.present[first:]).sum()) for f in forecasts.values())
    rows = int(panel.present[first:].sum())
    detail = f"{differing} cells differ between {len(forecasts)} arms"
    return Probe(name, FAILED if differing else PASSED, rows, "rows", detail)


def prefix_invariance(
    forecast: Forecast, features: pd.DataFrame, prices: pd.DataFrame, full: pd.DataFrame, cuts: pd.DatetimeIndex
) -> Probe:
    """Forecasts up to a cut are the same when all that follows it is gone and the cut's own bars are scrambled.

    `forecast` makes predictions like `full` from a feature table, a price table and the cut; it may leave out rows and
    columns (a model that is dear is refitted on its last fold only). This catches full-sample scaling, splits by row,
    and any baseline that looks at the bar it trades on.
    """
    name = "Forecasts do not change when the future is taken away"
    keys, worst, compared = ["session", "security_id"], 0.0, 0
    for cut in cuts:
        again = forecast(*_without_future(features, prices, cut), cut).set_index(keys)
        models = [column for column in again if column.startswith("forecast_")]
        past = full[full["session"] <= cut].set_index(keys)[models].astype("float64")
        again = again.loc[again.index.get_level_values("session") <= cut, models]
        if not past.index.equals(again.index):
            return Probe(name, FAILED, compared, "forecasts", f"other rows when cut after {cut.date()}")
        change = (past - again).abs().to_numpy()[again.notna().to_numpy()]
        worst = max(worst, float(np.nan_to_num(change, nan=np.inf).max()))
        compared += change.size
    days = ", ".join(str(cut.date()) for cut in cuts)
    detail = f"largest change {worst:.1e} (allowed {TOLERANCE:.0e}), cut at {days}"
    return Probe(name, PASSED if worst <= TOLERANCE else FAILED, compared, "forecasts", detail)


def _without_future(
    features: pd.DataFrame, prices: pd.DataFrame, cut: pd.Timestamp
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables up to and including `cut`, with the prices of that session scrambled."""
    kept = features[pd.to_datetime(features["session"]) <= cut]
    names = ["open", "high", "low", "close"]
    bars = prices[pd.to_datetime(prices["session"]) <= cut].astype(dict.fromkeys(names, "float64"))
    last = pd.to_datetime(bars["session"]) == cut
    factors = np.random.default_rng(0).uniform(0.5, 2.0, (int(last.sum()), len(names)))
    bars.loc[last, names] = bars.loc[last, names].to_numpy() * factors
    return kept, bars
