import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest.groups import RESULTS, earnings_days, row_groups
from sentfeat.backtest.intake import accept
from sentfeat.backtest.panel import build_panel, within_session
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError
from tests.backtest.synthetic import market

SETTINGS = BacktestSettings()


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return accept(*market(0, securities=8, sessions=60))[:2]


def dropped(panel, words: str) -> int:
    lines = panel.ledger[panel.ledger["step"].str.contains(words)]
    assert len(lines) == 1
    return -int(lines["rows"].iloc[0])


def test_target_is_the_demeaned_standardised_clipped_open_to_close_return(tables):
    panel = build_panel(*tables, SETTINGS)
    day = panel.sessions[10]
    bars = tables[1][tables[1]["session"] == day].sort_values("security_id")
    log_return = [float(np.log(c / o)) for o, c in zip(bars["open"], bars["close"], strict=True)]
    mean = sum(log_return) / 8
    spread = (sum((r - mean) ** 2 for r in log_return) / 7) ** 0.5
    np.testing.assert_allclose(panel.target[10], [(r - mean) / spread for r in log_return], atol=1e-10)
    np.testing.assert_allclose(panel.returns[10], bars["close"] / bars["open"] - 1, atol=1e-12)


def test_an_outlier_is_clipped_in_the_target_but_not_in_the_return():
    values = pd.Series([0.0] * 40 + [1.0])
    assert within_session(values, pd.Series([1] * 41)).max() == 4.0


def test_a_session_without_dispersion_has_no_target():
    assert within_session(pd.Series([0.1, 0.1]), pd.Series([1, 1])).isna().all()


def test_every_row_left_out_is_counted_once_by_reason(tables):
    features, prices = (table.copy() for table in tables)
    days = sorted(features["session"].unique())
    features.loc[features["session"] == days[3], "coverage_ok"] = False
    features.loc[features["session"] == days[4], "cutoff"] = "evening"
    prices = prices[~((prices["session"] == days[5]) & (prices["security_id"] == "S001"))]
    prices.loc[(prices["session"] == days[6]) & (prices["security_id"] == "S002"), "open"] = np.nan
    panel = build_panel(features, prices, SETTINGS)
    assert dropped(panel, "required source") == 8
    assert dropped(panel, "other cut-off") == 8
    assert dropped(panel, "no bar with") == 2
    steps = panel.ledger.set_index("step")["rows"]
    assert steps["rows given"] + steps.iloc[1:-1].sum() == steps["rows kept"] == panel.present.sum()


def test_a_short_price_history_is_counted(tables):
    features, prices = tables
    days = sorted(prices["session"].unique())
    late = prices[(prices["security_id"] != "S000") | (prices["session"] >= days[30])]
    assert dropped(build_panel(features, late, SETTINGS), "fewer than 22 bars") == 22


def test_thin_sessions_are_left_out(tables):
    features, prices = tables
    few = features[features["security_id"].isin(["S000", "S001", "S002"])]
    panel = build_panel(few, prices, SETTINGS)
    assert dropped(panel, "fewer than 5 securities") == len(few)
    assert not panel.present.any()


def test_null_tone_stays_null_and_marks_what_is_covered(tables):
    panel = build_panel(*tables, SETTINGS)
    tone = panel.values[..., panel.columns.index("sent_mean")]
    assert np.array_equal(np.isfinite(tone), panel.covered)
    assert 0 < panel.covered.mean() < 1


def test_adjusted_prices_lose_the_level_columns_with_a_note(tables):
    features, prices = tables
    panel = build_panel(features, prices.assign(price_basis="adjusted_asof"), SETTINGS)
    assert not {"dollar_volume", "amihud"} & set(panel.columns)
    assert "dollar_volume, amihud are left out" in panel.notes[0]


def test_an_empty_text_column_is_left_out_with_a_note(tables):
    features, prices = tables
    panel = build_panel(features.assign(sent_disp=np.nan), prices, SETTINGS)
    assert "sent_disp" not in panel.columns
    assert any("sent_disp" in note for note in panel.notes)


def test_row_order_does_not_matter(tables):
    features, prices = tables
    shuffled = features.sample(frac=1, random_state=1), prices.sample(frac=1, random_state=2)
    ours, other = build_panel(features, prices, SETTINGS), build_panel(*shuffled, SETTINGS)
    np.testing.assert_array_equal(ours.values, other.values)


def test_repeated_keys_are_refused(tables):
    features, prices = tables
    with pytest.raises(DataError, match="more than one row"):
        build_panel(pd.concat([features, features.head(1)]), prices, SETTINGS)


def test_a_row_is_an_earnings_day_in_the_first_session_that_can_trade_on_the_filing():
    days = pd.to_datetime(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"])
    rows = pd.DataFrame(
        {
            "session": [*days, *days][::-1],
            "security_id": ["a"] * 4 + ["b"] * 4,
            "f8k_2_02_21d": [1, 1, 1, 0, None, 2, 1, 1],  # newest first
        }
    )
    found = earnings_days(rows).fillna("-").tolist()
    filed, none = "results filed", "no results filed"
    assert found == [none, none, filed, "-", "-", filed, none, "-"]
    assert RESULTS in row_groups(rows.assign(vol_21=1.0, turnover=1.0))
    assert RESULTS not in row_groups(rows.assign(vol_21=1.0, turnover=1.0, f8k_2_02_21d=0))
