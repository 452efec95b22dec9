"""A table made elsewhere: what must be there, what is made of the rest."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest import run
from sentfeat.backtest.intake import accept
from sentfeat.errors import DataError


@pytest.fixture(scope="module")
def vendor(planted_tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Session, ticker and two columns of numbers; bars by ticker, without a basis."""
    features, prices = planted_tables
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "session": features["session"].dt.strftime("%Y-%m-%d"),
            "ticker": features["security_id"],
            "alpha": features["sent_mean"],
            "noise": random.standard_normal(len(features)),
            "analyst": "somebody",
        }
    )
    bars = prices.rename(columns={"security_id": "ticker"}).drop(columns="price_basis")
    return table, bars


@pytest.fixture(scope="module")
def verdict(vendor, settings) -> dict:
    return run(*vendor, settings).verdict


def test_a_vendors_table_without_known_at_is_unverified_yet_fully_tested(verdict):
    assert verdict["verdict"] == "UNVERIFIED TIMING"
    assert verdict["comparisons"][0]["name"] == "B4 vs B0"
    assert verdict["comparisons"][0]["clark_west"]["t"] > 3
    assert list(verdict["models"]) == ["B0", "B4"]


def test_its_columns_form_one_block_and_what_is_no_number_is_named(verdict):
    assert verdict["data"]["columns"]["other"] == 2
    notes = " ".join(verdict["data"]["notes"])
    assert "no numbers, left out: analyst" in notes
    assert "B2 vs B1 is left out" in notes
    assert verdict["detectable_effect"]["column"] == "alpha"


def test_with_known_at_it_is_judged_like_any_other(vendor, settings, planted_tables):
    table, bars = vendor
    known = planted_tables[0]["known_at"]
    assert run(table.assign(known_at=known), bars, settings).verdict["verdict"] not in ("INVALID", "UNVERIFIED TIMING")
    late = known + pd.Timedelta(hours=2)
    assert run(table.assign(known_at=late), bars, settings).verdict["verdict"] == "INVALID"


def test_columns_named_like_the_baselines_keep_their_values_under_another_name(vendor):
    table, bars = vendor
    rows, _, notes = accept(table.assign(vol_21=1.0, target=2.0), bars)
    assert {"given_vol_21", "given_target"} <= set(rows)
    assert "vol_21" in notes[-1]


def test_infinite_values_become_null(vendor):
    table, bars = vendor
    rows, _, _ = accept(table.assign(alpha=np.inf), bars)
    assert rows["alpha"].isna().all()


def test_decimals_are_numbers_and_dates_may_be_numbers(vendor):
    table, bars = vendor
    exact = table["alpha"].map(lambda value: None if pd.isna(value) else Decimal(str(value)))
    as_numbers = table["session"].str.replace("-", "").astype(int)
    rows, _, notes = accept(table.assign(alpha=exact, session=as_numbers), bars)
    assert rows["alpha"].equals(table["alpha"])
    assert rows["session"].equals(pd.to_datetime(table["session"]).astype("datetime64[us]"))
    assert "alpha" not in " ".join(notes)


def test_too_few_sessions_come_with_what_became_of_the_rows(vendor, settings):
    table, bars = vendor
    few = table["ticker"].isin(sorted(table["ticker"].unique())[:2])
    with pytest.raises(DataError, match=r"0 sessions with usable rows.*fewer than \d+ securities in the session: -\d"):
        run(table[few], bars, settings)


def test_an_index_that_repeats_means_nothing(vendor):
    table, bars = vendor
    halves = [half.reset_index(drop=True) for half in (table[:100], table[100:])]
    pd.testing.assert_frame_equal(accept(pd.concat(halves), bars)[0], accept(table, bars)[0])


def test_the_newest_revision_of_a_bar_is_taken(vendor):
    table, bars = vendor
    newer = bars.assign(revision_seen_at=pd.Timestamp("2024-01-02", tz="UTC"), close=1.0)
    older = bars.assign(revision_seen_at=pd.Timestamp("2024-01-01", tz="UTC"))
    _, taken, _ = accept(table, pd.concat([newer, older]))
    assert len(taken) == len(bars)
    assert (taken["close"] == 1.0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, b: (t.drop(columns="session"), b), "features: columns .'session'. are missing"),
        (lambda t, b: (t, b.drop(columns="high")), "prices: columns .'high'. are missing"),
        (lambda t, b: (t.drop(columns="ticker"), b), "share neither security_id nor ticker"),
        (lambda t, b: (t.assign(session="soon"), b), "no date"),
        (lambda t, b: (t.assign(session=pd.Timestamp("2024-01-02 14:30")), b), "dates without a clock"),
        (lambda t, b: (t.assign(session=20240230), b), "no date"),
        (lambda t, b: (t.assign(ticker=None), b), "ticker or session is empty"),
        (lambda t, b: (t.assign(ticker=t["ticker"].str.lower()), b), "no ticker in common: .'s000'.*'S000'"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(vendor, change, message):
    with pytest.raises(DataError, match=message):
        accept(*change(*vendor))
