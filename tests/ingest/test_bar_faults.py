"""Faults of daily bars, planted and real, and the sound bars beside them."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.price_faults import fault_files
from sentfeat.ingest.bar_faults import find_faults
from sentfeat.ingest.prices import clean_bars, rescaled
from sentfeat.universe import read_universe
from tests.conftest import ROOT

SPLIT, DIVIDEND = 60, 40


def bars(**columns) -> pd.DataFrame:
    """A hundred sessions of a walk without a fault, with one dividend of 2 % and a split that is adjusted for."""
    draw = np.random.default_rng(3)
    close = 50 * np.exp(np.cumsum(draw.normal(0, 0.012, 100)))
    opened = close * np.exp(draw.normal(0, 0.004, 100))
    dividend = np.zeros(100)
    dividend[DIVIDEND] = 0.02 * close[DIVIDEND - 1]
    frame = pd.DataFrame({"open": opened, "close": close, "volume": draw.integers(1000, 9000, 100).astype(float)})
    frame["high"], frame["low"] = (
        frame[["open", "close"]].max(axis=1) * 1.003,
        frame[["open", "close"]].min(axis=1) / 1.003,
    )
    frame["adjusted_close"] = close * np.where(np.arange(100) < DIVIDEND, 0.98, 1.0)
    frame["dividend"] = dividend
    frame["split"] = np.where(np.arange(100) == SPLIT, 4.0, 0.0)
    return frame.assign(**columns)


def scaled(rows: slice, factor: float) -> pd.DataFrame:
    frame = bars().drop(columns=["adjusted_close", "dividend"])
    frame.loc[rows, ["open", "high", "low", "close"]] *= factor
    return frame


def test_sound_bars_are_not_blamed():
    assert find_faults(bars()).isna().all()
    assert find_faults(bars().drop(columns=["adjusted_close", "dividend", "split"])).isna().all()
    assert find_faults(bars().head(2)).isna().all()


@pytest.mark.parametrize(
    ("rows", "factor"),
    [
        (slice(30, 30), 100.0),  # a day in pence
        (slice(80, 99), 0.01),  # from some day on
        (slice(0, SPLIT - 1), 4.0),  # the past not adjusted for the split
        (slice(SPLIT, SPLIT), 0.25),  # its own day adjusted twice
        (slice(20, 25), 2.0),  # a split that nobody recorded, taken back
    ],
)
def test_bars_on_another_scale_are_found_and_no_others(rows, factor):
    faults = find_faults(scaled(rows, factor))
    wrong = scaled(rows, factor)["close"] != bars()["close"]
    smaller = wrong if wrong.sum() <= 50 else ~wrong
    assert set(faults.dropna().index) == set(faults.index[smaller])
    assert set(faults.dropna()) == {"scale_break"}


def test_a_crash_by_half_within_a_day_and_a_recovery_are_no_faults():
    frame = bars().drop(columns=["adjusted_close", "dividend", "split"])
    frame.loc[50, ["low", "close"]] *= 0.5
    frame.loc[51:60, ["open", "high", "low", "close"]] *= 0.5
    frame.loc[60, ["high", "close"]] *= 2
    assert find_faults(frame).isna().all()


def test_a_repeated_bar_is_stale():
    frame = bars()
    frame.loc[70] = frame.loc[69]
    assert find_faults(frame).dropna().to_dict() == {70: "repeated_values"}


def with_dividend(at: int, amount: float, adjust: bool = True) -> pd.DataFrame:
    frame = bars()
    frame.loc[at, "dividend"] = amount
    if adjust:
        frame.loc[: at - 1, "adjusted_close"] *= 1 - amount / frame.loc[at - 1, "close"]
    return frame


@pytest.mark.parametrize(
    ("frame", "at", "reason"),
    [
        (with_dividend(80, 40.0), 80, "dividend_not_in_price"),
        (with_dividend(DIVIDEND + 3, bars()["dividend"][DIVIDEND]), DIVIDEND + 3, "dividend_twice"),
        (with_dividend(80, 1.0, adjust=False), 80, "adjustment_mismatch"),
        (bars(dividend=0.0), DIVIDEND, "adjustment_mismatch"),
    ],
)
def test_dividends_that_the_prices_do_not_show_are_found(frame, at, reason):
    found = find_faults(frame).dropna()
    assert found.to_dict() == {at: reason}


def test_the_odd_dividend_out_is_in_another_unit():
    frame = with_dividend(10, 1.0)
    for at in (55, 80):
        frame.loc[at, "dividend"] = 1.0
        frame.loc[: at - 1, "adjusted_close"] *= 1 - 1.0 / frame.loc[at - 1, "close"]
    frame.loc[90, "dividend"] = 0.01
    assert find_faults(frame).dropna().to_dict() == {90: "dividend_unit"}


def test_most_real_faults_of_yahoo_are_found_and_few_repaired_tables_blamed(real_data):
    files = fault_files(real_data)
    faulty, sound = files[files["kind"].notna()], files[files["kind"].isna()]
    assert (len(faulty), len(sound)) == (37, 44)
    assert (faulty["found"] > 0).sum() >= 36
    assert (sound["found"] > 0).sum() <= 10


def test_no_bar_of_the_market_archive_is_blamed(real_data):
    archive = pd.read_parquet(real_data / "market" / "ohlcv_2006_2013.parquet").sort_values(["ticker", "date"])
    assert sum(find_faults(one).notna().sum() for _, one in archive.groupby("ticker")) == 0


def test_a_faulty_bar_is_turned_away_by_its_reason_whatever_the_source():
    universe = read_universe(str(ROOT / "data" / "universe.csv"))
    days = pd.bdate_range("2012-06-04", periods=20)
    days = days[days != "2012-06-29"]
    frame = scaled(slice(9, 9), 100.0).head(len(days)).drop(columns="split")
    frame = frame.assign(ticker="AAPL", session=days, price_basis="raw", adjusted_asof_date=None)
    good, rejected = clean_bars(frame.sample(frac=1, random_state=0), universe)
    assert rejected[["reason", "detail"]].values.tolist() == [["scale_break", f"AAPL {days[9].date()}"]]
    assert len(good) == len(days) - 1


def test_a_history_that_came_back_on_another_scale_is_noticed():
    days = pd.bdate_range("2012-06-04", periods=4)
    seen = pd.Timestamp("2012-06-10", tz="UTC")
    held = pd.DataFrame(
        {
            "security_id": ["a"] * 4 + ["b"] * 4,
            "session": [*days, *days],
            "close": [10.0, 11.0, 12.0, 11.0, 20.0, 21.0, 20.0, 22.0],
            "revision_seen_at": seen,
        }
    )
    assert rescaled(held, held) == []
    split = held.assign(close=held["close"].where(held["security_id"] == "b", held["close"] / 4))
    assert rescaled(split, held) == ["a"]
    revised = held.assign(close=held["close"] + [0, 0, 0, 0, 0, 0, 0, 1.0])
    assert rescaled(revised, held) == [], "one revised close is no new scale"
