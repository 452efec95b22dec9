"""What stands beside the primary test: other tests on the same session series, none of which decides alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.bootstrap import SPA, StationaryBootstrap, optimal_block_length
from scipy.stats import kurtosis, norm, skew
from scipy.stats import t as student
from statsmodels.tsa.stattools import diebold_mariano_test

from sentfeat.backtest.costs import sharpe
from sentfeat.backtest.inference import hac_lags


@dataclass(frozen=True)
class Drawn:
    """An estimate with its bootstrap interval (95 %, percentile) and the share of draws at or below zero."""

    value: float
    low: float
    high: float
    p: float
    n: int
    draws: int
    block: float  # mean length in sessions


@dataclass(frozen=True)
class LossTest:
    """Diebold-Mariano: mean of the smaller model's loss less the larger one's; `p` one-sided (the larger is better)."""

    gain: float
    t: float
    p: float
    n: int
    lags: int


def diebold_mariano(small: np.ndarray, large: np.ndarray, horizon: int = 1) -> LossTest:
    """On session means of two losses, with the small-sample correction of Harvey, Leybourne and Newbold (1997).

    NaN sessions are left out; equal losses give t = 0 and p = 1. The statistic is statsmodels'.
    """
    good = np.isfinite(small) & np.isfinite(large)
    a, b = small[good], large[good]
    n, lags = len(a), hac_lags(len(a), horizon)
    if n <= lags + 1 or np.ptp(a - b) == 0:
        return LossTest(float(np.mean(a - b)) if n else float("nan"), 0.0, 1.0, n, lags)
    result = diebold_mariano_test(
        np.zeros(n), a, b, lags=lags, criterion=lambda _, loss: loss, harvey_adj=True, horizon=horizon
    )
    t = float(result.statistic)
    return LossTest(float((a - b).mean()), t, float(student.sf(t, n - 1)), n, lags)


def bootstrap_gains(
    ic: tuple[np.ndarray, np.ndarray], net: tuple[np.ndarray, np.ndarray], draws: int, seed: int
) -> dict[str, Drawn]:
    """Gain in mean rank IC and in net annual Sharpe of the second series of each pair over the first.

    Politis and Romano (1994): sessions are redrawn in blocks of random length, all four series together; the mean
    length is that of Politis and White (2004) for the IC difference.
    """
    series = np.column_stack([*ic, *net])
    series = series[np.isfinite(series).all(axis=1)]
    block = max(1.0, float(optimal_block_length(series[:, 1] - series[:, 0])["stationary"].iloc[0]))
    real = _gains(series)
    bootstrap = StationaryBootstrap(block, series, seed=seed)  # type: ignore[arg-type]  # a mean need not be whole
    drawn = bootstrap.apply(_gains, draws)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    below = (1 + (drawn <= 0).sum(axis=0)) / (draws + 1)
    return {
        name: Drawn(float(real[at]), float(low[at]), float(high[at]), float(below[at]), len(series), draws, block)
        for at, name in enumerate(("ic", "net_sharpe"))
    }


def _gains(series: np.ndarray) -> np.ndarray:
    return np.array(
        [series[:, 1].mean() - series[:, 0].mean(), sharpe(series[:, 3]) - sharpe(series[:, 2])], dtype=float
    )


def superior_ability(benchmark: np.ndarray, models: pd.DataFrame, draws: int, seed: int) -> float:
    """p that no model has a smaller expected loss than the benchmark, the best of them having been picked.

    Hansen (2005), consistent version, on session means of losses.
    """
    good = np.isfinite(benchmark) & np.isfinite(models).all(axis=1)
    test = SPA(benchmark[good], models[good], reps=draws, seed=seed)
    test.compute()
    return float(test.pvalues["consistent"])


def deflated_sharpe(returns: np.ndarray, trial_sharpes: Sequence[float], trials: int) -> dict[str, float]:
    """Probability that the true Sharpe of `returns` exceeds what the best of `trials` useless books would show.

    Bailey and Lopez de Prado (2014), "The deflated Sharpe ratio", eq. 1 and 9. `trial_sharpes` are per session, of the
    books tried; their spread sets the bar. All Sharpes here are per session, not annual.
    """
    n, spread = len(returns), returns.std(ddof=1)
    if spread == 0 or len(trial_sharpes) < 2:
        return {"probability": 0.0, "bar": float("nan"), "sharpe": 0.0, "trials": trials, "n": n}
    ratio = float(returns.mean() / spread)
    bar = expected_best(float(np.var(trial_sharpes, ddof=1)), trials)
    shape = 1 - skew(returns) * ratio + (kurtosis(returns, fisher=False) - 1) / 4 * ratio**2
    z = (ratio - bar) * np.sqrt(n - 1) / np.sqrt(shape)
    return {"probability": float(norm.cdf(z)), "bar": bar, "sharpe": ratio, "trials": trials, "n": n}


def expected_best(variance: float, trials: int) -> float:
    """Expected largest of `trials` Sharpe ratios of no worth whose variance is given; 0 for a single one."""
    if trials < 2:
        return 0.0
    euler = float(np.euler_gamma)
    return float(
        np.sqrt(variance) * ((1 - euler) * norm.ppf(1 - 1 / trials) + euler * norm.ppf(1 - 1 / (trials * np.e)))
    )
