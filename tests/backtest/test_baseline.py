import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest.baseline import LEVEL_COLUMNS, price_features, wide_bars
from sentfeat.errors import DataError
from tests.backtest.synthetic import market


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return market(0, securities=4, sessions=320)[1]


def features_of(prices: pd.DataFrame) -> dict[str, pd.DataFrame]:
    days = pd.DatetimeIndex(sorted(prices["session"].unique()))
    bars = wide_bars(prices, days, pd.Index(sorted(prices["security_id"].unique())))
    return price_features(bars, raw_basis=True)


def test_a_row_sees_bars_of_sessions_before_its_own_only(prices):
    days = sorted(prices["session"].unique())
    changed = prices.copy()
    future = changed["session"] >= days[300]
    changed.loc[future, ["open", "high", "low", "close", "volume"]] *= 3.0
    before, after = features_of(prices), features_of(changed)
    for name in before:
        pd.testing.assert_frame_equal(before[name].iloc[:301], after[name].iloc[:301], check_exact=True)
    assert any(not before[name].iloc[301:].equals(after[name].iloc[301:]) for name in before)


def test_returns_by_hand(prices):
    features = features_of(prices)
    one = prices[prices["security_id"] == "S002"].reset_index(drop=True)
    close, opened, at = one["close"], one["open"], 310
    expected = {
        "ret_1": np.log(close[at - 1] / close[at - 2]),
        "ret_5": np.log(close[at - 1] / close[at - 6]),
        "ret_21": np.log(close[at - 1] / close[at - 22]),
        "mom_252_21": np.log(close[at - 22] / close[at - 253]),
        "overnight_1": np.log(opened[at - 1] / close[at - 2]),
        "intraday_1": np.log(close[at - 1] / opened[at - 1]),
        "high_gap_252": np.log(close[at - 1] / one["high"][at - 252 : at].max()),
    }
    for name, value in expected.items():
        assert features[name].iloc[at]["S002"] == pytest.approx(value, abs=1e-12), name


def test_risk_and_activity_by_hand(prices):
    features = features_of(prices)
    one = prices[prices["security_id"] == "S001"].reset_index(drop=True)
    at = 310
    returns = np.log(one["close"]).diff()
    month = slice(at - 21, at)
    log_range = np.log(one["high"] / one["low"])[month]
    dollars = (one["close"] * one["volume"])[month]
    expected = {
        "vol_21": returns[month].std(),
        "vol_63": returns[at - 63 : at].std(),
        "parkinson_21": np.sqrt((log_range**2).mean() / (4 * np.log(2))),
        "volume_abn": np.log(one["volume"][at - 1]) - np.log(one["volume"][at - 63 : at]).mean(),
        "dollar_volume": np.log(dollars.mean()),
        "amihud": np.log((returns[month].abs() / dollars).mean()),
    }
    for name, value in expected.items():
        assert features[name].iloc[at]["S001"] == pytest.approx(value, abs=1e-9), name


def test_beta_is_the_slope_of_a_regression_on_the_mean_return(prices):
    wide = np.log(prices.pivot(index="session", columns="security_id", values="close")).diff()
    window = wide.iloc[310 - 252 : 310]
    slope = np.polyfit(window.mean(axis=1), window["S003"], 1)[0]
    assert features_of(prices)["beta_252"].iloc[310]["S003"] == pytest.approx(slope, abs=1e-9)


def test_level_columns_need_raw_prices(prices):
    days = pd.DatetimeIndex(sorted(prices["session"].unique()))
    bars = wide_bars(prices, days, pd.Index(["S000", "S001"]))
    assert not set(LEVEL_COLUMNS) & set(price_features(bars, raw_basis=False))


def test_a_price_that_is_not_positive_counts_as_missing(prices):
    broken = prices.copy()
    broken.loc[0, "open"] = 0.0
    days = pd.DatetimeIndex(sorted(prices["session"].unique()))
    assert np.isnan(wide_bars(broken, days, pd.Index(["S000"]))["open"].iloc[0, 0])


def test_two_bars_for_one_session_are_refused(prices):
    days = pd.DatetimeIndex(sorted(prices["session"].unique()))
    with pytest.raises(DataError, match="more than one bar for S000 on 2019-01-02"):
        wide_bars(pd.concat([prices, prices.iloc[:1]]), days, pd.Index(["S000"]))
