"""Tests on session means: the rows of one session are one observation, never many."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata
from statsmodels.stats.sandwich_covariance import S_hac_simple


@dataclass(frozen=True)
class MeanTest:
    """The mean of a series over `n` sessions against zero; `p` is one-sided (greater), `lags` the HAC lags."""

    mean: float
    se: float
    t: float
    p: float
    n: int
    lags: int

    @property
    def interval(self) -> tuple[float, float]:
        return normal_interval(self.mean, self.se)


def normal_interval(mean: float, se: float) -> tuple[float, float]:
    """95 %, two-sided."""
    reach = float(norm.ppf(0.975)) * se
    return mean - reach, mean + reach


def hac_lags(n: int, horizon: int = 1) -> int:
    """floor(4 (n / 100)^(2/9)), the rule of Newey and West (1994), and never below the label's horizon."""
    return max(horizon, int(4 * (n / 100) ** (2 / 9)))


def mean_test(series: np.ndarray, horizon: int = 1) -> MeanTest:
    """Newey and West (1987): Bartlett weights, with the n / (n - 1) correction; NaN values are left out.

    A series shorter than 2, or without variance, gives t = 0 and p = 1: no evidence.
    """
    values = series[np.isfinite(series)]
    n, lags = len(values), hac_lags(len(values), horizon)
    mean = float(values.mean()) if n else float("nan")
    if n < 2 or np.ptp(values) == 0:
        return MeanTest(mean, float("nan"), 0.0, 1.0, n, lags)
    long_run = float(S_hac_simple((values - mean)[:, None], nlags=lags)[0, 0]) / n
    se = float(np.sqrt(long_run / (n - 1)))
    return MeanTest(mean, se, mean / se, float(norm.sf(mean / se)), n, lags)


def session_means(grid: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(T,) means of a (T, N) grid over the rows of each session, NaN for a session without rows."""
    count = present.sum(axis=1)
    total = np.where(present, grid, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def clark_west_series(target: np.ndarray, small: np.ndarray, large: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(T,) session means of f = e0^2 - (e1^2 - (yhat0 - yhat1)^2), for nested forecasts (T, N).

    Clark and West (2007), "Approximately normal tests for equal predictive accuracy in nested models", eq. 2.1: the
    last term takes out the noise that a larger model adds to its forecast where the smaller one is true.
    """
    f = (target - small) ** 2 - ((target - large) ** 2 - (small - large) ** 2)
    return session_means(f, present)


def rank_ic(forecast: np.ndarray, outcome: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(T,) Spearman correlations of forecast and outcome across each session's rows; NaN where either is constant."""
    kept = present & np.isfinite(forecast) & np.isfinite(outcome)
    a, b = (_centred_ranks(grid, kept) for grid in (forecast, outcome))
    power = (a**2).sum(axis=1) * (b**2).sum(axis=1)
    enough = (kept.sum(axis=1) > 2) & (power > 0)
    return np.divide((a * b).sum(axis=1), np.sqrt(power), out=np.full(len(present), np.nan), where=enough)


def _centred_ranks(grid: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(T, N) average ranks within the kept cells of each session, less their mean; 0 elsewhere."""
    ranks = rankdata(np.where(kept, grid, np.nan), axis=1, nan_policy="omit")
    return np.where(kept, ranks - (kept.sum(axis=1, keepdims=True) + 1) / 2, 0.0)


def r2_gain_bp(target: np.ndarray, small: np.ndarray, large: np.ndarray, present: np.ndarray) -> float:
    """By how much the larger model's out-of-sample R2 exceeds the smaller one's, in basis points.

    Of session means: (mean e0^2 - mean e1^2) / mean y^2, as Campbell and Thompson (2008) with zero as the naive
    forecast, which is the session's mean of a demeaned target.
    """
    gain = session_means((target - small) ** 2 - (target - large) ** 2, present)
    return float(1e4 * np.nanmean(gain) / np.nanmean(session_means(target**2, present)))


def detectable_effect(rows: int, significance: float, power: float = 0.8) -> float:
    """The smallest correlation that a one-sided test on `rows` independent rows shows with this power.

    (z_{1-significance} + z_power) / sqrt(rows): exact to first order if the signal's weight were known. A model that
    has to learn the weight needs more; power.py simulates that.
    """
    return float((norm.ppf(1 - significance) + norm.ppf(power)) / np.sqrt(max(rows, 1)))
