"""The price features of the baseline, from bars known at the cut-off.

Both cut-offs lie between the close of the session before and the open of the row's own, so the row of session s sees
the bars of sessions before s and no other: everything is computed on the session of the bar and moved one session down.
"""

import numpy as np
import pandas as pd

from sentfeat.errors import DataError

FIELDS = ("open", "high", "low", "close", "volume")
MONTH, QUARTER, YEAR = 21, 63, 252
NEEDED = ("ret_1", "vol_21")  # a row without these has too short a price history and is dropped
BASELINE_COLUMNS = (
    "ret_1", "ret_5", "ret_21", "mom_252_21", "overnight_1", "intraday_1", "high_gap_252",
    "vol_21", "vol_63", "parkinson_21", "beta_252", "volume_abn", "dollar_volume", "amihud",
)  # fmt: skip
LEVEL_COLUMNS = ("dollar_volume", "amihud")  # mean something on raw prices only

Wide = dict[str, pd.DataFrame]


def wide_bars(prices: pd.DataFrame, sessions: pd.DatetimeIndex, securities: pd.Index) -> Wide:
    """Each field of the bars as a frame (sessions x securities), NaN where there is no usable bar.

    `prices` has one row per (security_id, session); values that are not positive count as missing. Raises DataError
    for a repeated key.
    """
    keys = [pd.to_datetime(prices["session"]).rename("session"), prices["security_id"].astype(str)]
    bars = prices[list(FIELDS)].astype("float64").set_index(pd.MultiIndex.from_arrays(keys))
    if bars.index.has_duplicates:
        first = bars.index[bars.index.duplicated()][0]
        raise DataError(f"prices: more than one bar for {first[1]} on {first[0].date()}; pass the latest revision only")
    bars = bars.where(bars > 0)
    return {name: bars[name].unstack().reindex(index=sessions, columns=securities) for name in FIELDS}


def price_features(bars: Wide, *, raw_basis: bool) -> Wide:
    """Frames (sessions x securities) of what was known before the open of each session.

    Returns, momentum and gaps are log returns; volatilities are per day. Cells are NaN where the window is not filled
    (long windows: where less than a quarter of a year is there). The level columns are left out unless `raw_basis`.
    Parkinson (1980) for the range volatility, Amihud (2002) for illiquidity, George and Hwang (2004) for the
    52-week-high gap; beta is against the equally weighted mean of the securities given.
    """
    log = {name: np.log(frame) for name, frame in bars.items()}
    daily = log["close"].diff()
    features = _returns(log, daily) | _risk(log, daily) | _activity(bars, log, daily)
    if not raw_basis:
        features = {name: frame for name, frame in features.items() if name not in LEVEL_COLUMNS}
    return {name: frame.shift(1) for name, frame in features.items()}


def _returns(log: Wide, daily: pd.DataFrame) -> Wide:
    close = log["close"]
    return {
        "ret_1": daily,
        "ret_5": close.diff(5),
        "ret_21": close.diff(MONTH),
        "mom_252_21": close.shift(MONTH).diff(YEAR - MONTH),
        "overnight_1": log["open"] - close.shift(1),
        "intraday_1": close - log["open"],
        "high_gap_252": close - log["high"].rolling(YEAR, min_periods=QUARTER).max(),
    }


def _risk(log: Wide, daily: pd.DataFrame) -> Wide:
    log_range = log["high"] - log["low"]
    return {
        "vol_21": daily.rolling(MONTH).std(),
        "vol_63": daily.rolling(QUARTER).std(),
        "parkinson_21": np.sqrt((log_range**2).rolling(MONTH).mean() / (4 * np.log(2))),
        "beta_252": _beta(daily),
    }


def _beta(daily: pd.DataFrame) -> pd.DataFrame:
    """Rolling slope on the mean return of all, from sums over the sessions on which the security has a return."""
    market = pd.DataFrame({name: daily.mean(axis=1) for name in daily.columns}).where(daily.notna())

    def mean(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.rolling(YEAR, min_periods=QUARTER).mean()

    covariance = mean(daily * market) - mean(daily) * mean(market)
    variance = mean(market**2) - mean(market) ** 2
    return covariance / variance.where(variance > 0)


def _activity(bars: Wide, log: Wide, daily: pd.DataFrame) -> Wide:
    dollars = bars["close"] * bars["volume"]
    usual = log["volume"].rolling(QUARTER, min_periods=MONTH).mean()
    return {
        "volume_abn": log["volume"] - usual,
        "dollar_volume": np.log(dollars.rolling(MONTH).mean()),
        "amihud": np.log((daily.abs() / dollars).rolling(MONTH).mean()),
    }
