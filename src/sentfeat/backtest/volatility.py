"""Does the text help to forecast the day's range? y_vol against HAR; never part of a tradable verdict.

y_vol is the log of Parkinson's (1980) variance of the session, ln(high / low)^2 / (4 ln 2). The baseline is HAR
(Corsi 2009) on the day, the mean of 5 and the mean of 22 sessions before, pooled, by least squares. Each arm's text is
a ridge on what HAR missed out of fold. A forecast F of the variance is exp(forecast of the log) times the mean of
exp(error) over the training rows (Duan 1983). Loss: QLIKE, V / F - ln(V / F) - 1.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from sentfeat.backtest.arms import PRICE, arms_with
from sentfeat.backtest.baseline import wide_bars
from sentfeat.backtest.design import make_cross, make_design, make_gram
from sentfeat.backtest.inference import session_means
from sentfeat.backtest.panel import Panel
from sentfeat.backtest.ridge import fit_arms
from sentfeat.backtest.secondary import diebold_mariano
from sentfeat.backtest.walkforward import Fold, delay_of
from sentfeat.config import BacktestSettings
from sentfeat.sessions import sessions_between

HAR = (1, 5, 22)


def volatility_gain(
    panel: Panel, prices: pd.DataFrame, folds: list[Fold], settings: BacktestSettings
) -> dict[str, Any] | None:
    """Each arm's QLIKE against HAR's: mean losses, Diebold-Mariano, n. None without bars that have a range."""
    log_variance, lags = log_ranges(panel, prices)
    present = panel.present & np.isfinite(log_variance) & np.isfinite(lags).all(axis=2)
    begin = folds[0].test_start
    if present[begin:].sum() < settings.min_securities * settings.min_test_sessions:
        return None
    missed = log_variance - har_forecasts(log_variance, lags, present, folds)
    known = present & np.isfinite(missed)
    fitted = _text_forecasts(panel, np.where(known, missed, 0.0), known, folds, settings)
    tested = slice(next(fold.test_start for fold in folds if fold.counts), None)
    smeared = {arm: missed[tested] - text[tested] - np.log(factor[tested]) for arm, (text, factor) in fitted.items()}
    losses = {arm: session_means(np.expm1(error) - error, known[tested]) for arm, error in smeared.items()}
    gains = {arm: asdict(diebold_mariano(losses["B0"], losses[arm])) for arm in losses if arm != "B0"}
    return {
        "qlike": {arm: float(np.nanmean(series)) for arm, series in losses.items()},
        "diebold_mariano": gains,
        "rows": int(known[tested].sum()),
        "sessions": int(known[tested].any(axis=1).sum()),
        "rows_without_range": int((panel.present & ~np.isfinite(log_variance)).sum()),
    }


def log_ranges(panel: Panel, prices: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(T, N) log variance of each session, NaN where high <= low, and (T, N, 3) what HAR knows before it."""
    days = sessions_between(prices["session"].min(), max(prices["session"].max(), panel.sessions[-1]))
    bars = wide_bars(prices, days, panel.securities)
    spread = np.log(bars["high"] / bars["low"])
    log_variance = np.log(spread.where(spread > 0) ** 2 / (4 * np.log(2)))
    means = [log_variance.rolling(count, min_periods=-(-count // 2)).mean().shift(1) for count in HAR]
    picked = days.get_indexer(panel.sessions)
    return log_variance.to_numpy()[picked], np.stack([frame.to_numpy()[picked] for frame in means], axis=2)


def har_forecasts(log_variance: np.ndarray, lags: np.ndarray, present: np.ndarray, folds: list[Fold]) -> np.ndarray:
    """(T, N) out-of-fold forecasts of the log variance, NaN before the first fold."""
    forecast = np.full(log_variance.shape, np.nan)
    for fold in folds:
        seen, asked = present[: fold.train_stop], present[fold.test_start : fold.test_stop]
        model = LinearRegression().fit(lags[: fold.train_stop][seen], log_variance[: fold.train_stop][seen])
        if asked.any():
            forecast[fold.test_start : fold.test_stop][asked] = model.predict(
                lags[fold.test_start : fold.test_stop][asked]
            )
    return forecast


def _text_forecasts(
    panel: Panel, missed: np.ndarray, known: np.ndarray, folds: list[Fold], settings: BacktestSettings
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each arm its (T, N) forecasts of what HAR missed and the (T, 1) factor that undoes the logarithm."""
    begin, text = folds[0].test_start, panel.columns_in(tuple(set(panel.block_of) - {PRICE}))
    blocks = tuple(panel.block_of[column] for column in text)
    part = [_moved(fold, begin) for fold in folds if fold.counts]
    design = make_design(panel.values[begin:][..., text], known[begin:], blocks)
    gram = make_gram(design, part, delay_of(1, settings))
    arms = {arm: tuple(b for b in parts if b != PRICE) for arm, parts in arms_with(panel.block_of).items()}
    cross = make_cross(design, gram, missed[begin:], part)
    weights, _ = fit_arms(gram, cross, {arm: parts for arm, parts in arms.items() if parts}, blocks, settings.alphas)
    weights["B0"] = np.zeros((len(part), len(blocks)))
    result = {}
    for arm in arms:
        forecast, factor = np.zeros(panel.present.shape), np.ones((len(panel.sessions), 1))
        for number, fold in enumerate(part):
            all_rows = design.centred[: fold.test_stop] @ (gram.transform[number] @ weights[arm][number])
            seen = known[begin : begin + fold.train_stop]
            left = (missed[begin : begin + fold.train_stop] - all_rows[: fold.train_stop])[seen]
            span = slice(begin + fold.test_start, begin + fold.test_stop)
            forecast[span], factor[span] = all_rows[fold.test_start :], np.exp(left).mean()
        result[arm] = forecast, factor
    return result


def _moved(fold: Fold, by: int) -> Fold:
    """The fold on a grid that begins `by` sessions later."""
    edges = {name: max(0, getattr(fold, name) - by) for name in ("train_stop", "test_start", "test_stop", "check_stop")}
    return replace(fold, **edges)
