"""From forecasts to money: a long-short book entered at the open and left at the close.

Equal weights, long the highest and short the lowest tail of the session's forecasts, gross exposure 1 (half on each
side). Everything bought in the morning is sold in the evening, so 2 sum|w| = 2 is traded a day whatever the forecast
does. No position is held overnight; borrow is charged all the same, on the short half, as if it were.
"""

import numpy as np
import pandas as pd

from sentfeat.backtest.inference import mean_test

SESSIONS_PER_YEAR = 252
TRADES_PER_DAY = 2  # in and out
SHORT_SHARE = 0.5  # of the gross exposure
BROAD = 50  # securities from which a tail is a tenth, otherwise a fifth
BASIS_POINT = 1e-4


def tail_share(present: np.ndarray) -> float:
    """The share of securities on each side of the book."""
    return 0.1 if np.median(present.sum(axis=1)) >= BROAD else 0.2


def book_returns(forecast: np.ndarray, returns: np.ndarray, present: np.ndarray, share: float) -> np.ndarray:
    """(T,) return of the book before cost per unit of gross exposure, from (T, N) simple open-to-close returns.

    A session in which all forecasts are equal is not traded: 0.
    """
    gross = np.zeros(len(present))
    for at in np.flatnonzero(present.any(axis=1)):
        rows = present[at]
        values = forecast[at, rows]
        if np.ptp(values) > 0:
            order = np.argsort(values, kind="stable")
            size = max(1, int(share * len(order)))
            earned = returns[at, rows][order]
            gross[at] = (earned[-size:].mean() - earned[:size].mean()) / 2
    return gross


def net_returns(gross: np.ndarray, cost_bp: float, borrow_bp_year: float = 0.0) -> np.ndarray:
    """(T,) returns after `cost_bp` one way and borrow on the short half; a session without a position costs nothing."""
    daily_bp = cost_bp * TRADES_PER_DAY + SHORT_SHARE * borrow_bp_year / SESSIONS_PER_YEAR
    return gross - daily_bp * BASIS_POINT * (gross != 0)


def cost_table(gross: dict[str, np.ndarray], costs_bp: tuple[float, ...], borrow_bp_year: float = 0.0) -> pd.DataFrame:
    """Each arm's book at each one-way cost: arm, cost_bp, net_bp (mean a day), low_bp, high_bp (95 %), t, p, sharpe, n.

    `p` is one-sided (net above 0, Newey-West); `sharpe` is annual.
    """
    rows = []
    for arm, series in gross.items():
        for cost in costs_bp:
            net = net_returns(series, cost, borrow_bp_year)
            test = mean_test(net)
            low, high = (edge / BASIS_POINT for edge in test.interval)
            rows.append((arm, cost, test.mean / BASIS_POINT, low, high, test.t, test.p, sharpe(net), test.n))
    return pd.DataFrame(
        rows, columns=["arm", "cost_bp", "net_bp", "low_bp", "high_bp", "t", "p", "sharpe", "n_sessions"]
    )


def sharpe(daily: np.ndarray) -> float:
    """Mean over standard deviation times sqrt(252); 0 for a series that never moves."""
    spread = daily.std(ddof=1)
    return float(daily.mean() / spread * np.sqrt(SESSIONS_PER_YEAR)) if spread > 0 else 0.0


def break_even_bp(gross: np.ndarray, borrow_bp_year: float = 0.0) -> float:
    """The one-way cost at which the book earns nothing after borrow, in basis points."""
    borrow_bp = SHORT_SHARE * borrow_bp_year / SESSIONS_PER_YEAR
    return float((gross.mean() / BASIS_POINT - borrow_bp * np.mean(gross != 0)) / TRADES_PER_DAY)


def capacity(forecast: np.ndarray, turnover: np.ndarray, present: np.ndarray, participation: float) -> np.ndarray:
    """(T,) gross exposure in currency at which no position exceeds `participation` of its security's daily turnover.

    `turnover` (T, N) is the mean of the month before; NaN for a session without a book or with unknown turnover.
    """
    share, room = tail_share(present), np.full(len(present), np.nan)
    for at in np.flatnonzero(present.any(axis=1)):
        rows = present[at]
        order = np.argsort(forecast[at, rows], kind="stable")
        size = max(1, int(share * len(order)))
        held = turnover[at, rows][np.concatenate([order[:size], order[-size:]])]
        if np.ptp(forecast[at, rows]) > 0 and np.isfinite(held).all():
            room[at] = participation * held.min() * 2 * size  # each position is 1 / (2 size) of the book
    return room


def bucket_returns(forecast: np.ndarray, returns: np.ndarray, present: np.ndarray, buckets: int) -> pd.DataFrame:
    """Mean excess open-to-close return by bucket of the session's forecasts: bucket, mean_bp, low_bp, high_bp, n.

    Excess over the session's mean; n counts sessions; the interval is 95 %, Newey-West, on session means.
    """
    means = np.full((len(present), buckets), np.nan)
    for at in np.flatnonzero(present.sum(axis=1) >= buckets):
        rows = present[at]
        order = np.argsort(forecast[at, rows], kind="stable")
        excess = returns[at, rows] - returns[at, rows].mean()
        means[at] = [part.mean() for part in np.array_split(excess[order], buckets)]
    tests = [mean_test(means[:, bucket]) for bucket in range(buckets)]
    rows = [(number, t.mean, *t.interval, t.n) for number, t in enumerate(tests, start=1)]
    frame = pd.DataFrame(rows, columns=["bucket", "mean_bp", "low_bp", "high_bp", "n_sessions"])
    frame[["mean_bp", "low_bp", "high_bp"]] /= BASIS_POINT
    return frame
