"""How good the forecasts of a session are, one number a session; sessions are averaged elsewhere.

"Up" means above the session's mean (y1 > 0). Inputs are (T, N) grids; `present` marks rows; a session in which the
number means nothing is NaN.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from sentfeat.backtest.inference import session_means


def hit_rate(forecast: np.ndarray, target: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Share of rows whose forecast has the right sign."""
    return session_means((forecast > 0) == (target > 0), present)


def auc(forecast: np.ndarray, target: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Chance that a row that went up had a higher forecast than one that went down (Mann and Whitney)."""
    ranks = rankdata(np.where(present, forecast, np.nan), axis=1, nan_policy="omit")
    up = present & (target > 0)
    n_up, n_down = up.sum(axis=1), (present & ~up).sum(axis=1)
    wins = np.where(up, ranks, 0.0).sum(axis=1) - n_up * (n_up + 1) / 2
    return _divided(wins, (n_up * n_down).astype(float))


def mcc(forecast: np.ndarray, target: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Matthews correlation of the signs of forecast and outcome."""
    said, was = forecast > 0, target > 0
    tp, tn, fp, fn = (
        (present & (said == a) & (was == b)).sum(axis=1).astype(float)
        for a, b in ((True, True), (False, False), (True, False), (False, True))
    )
    return _divided(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


def brier(forecast: np.ndarray, target: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Squared error of the chance of "up", taken as Phi(forecast) since y1 has deviation 1; 0.25 is a coin."""
    return session_means((norm.cdf(np.nan_to_num(forecast)) - (target > 0)) ** 2, present)


def calibration_table(forecast: np.ndarray, target: np.ndarray, present: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Mean outcome against mean forecast, rows sorted into bins of equal count: bin, forecast, outcome, low, high, n.

    The interval treats the sessions in a bin as the observations (95 %).
    """
    session = np.nonzero(present)[0]
    rows = pd.DataFrame({"session": session, "forecast": forecast[present], "outcome": target[present]})
    rows["bin"] = pd.qcut(rows["forecast"].rank(method="first"), bins, labels=False) + 1
    by_session = rows.groupby(["bin", "session"])["outcome"].mean().groupby("bin")
    reach = norm.ppf(0.975) * by_session.std() / np.sqrt(by_session.count())
    table = rows.groupby("bin").agg(forecast=("forecast", "mean"), outcome=("outcome", "mean"), n=("outcome", "size"))
    return table.assign(low=table["outcome"] - reach, high=table["outcome"] + reach).reset_index()


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
