import msgspec
import numpy as np
import pytest

from sentfeat.backtest import run, write_report
from sentfeat.backtest.panel import build_panel


@pytest.fixture(scope="module")
def filed(null_tables):
    """A column that holds for a quarter, as filings do, and knows nothing."""
    features, prices = null_tables
    random = np.random.default_rng(0)
    quarter = features["session"].dt.to_period("Q").astype(str) + features["security_id"]
    held = {key: random.standard_normal() for key in quarter.unique()}
    return features.assign(rf_len=quarter.map(held)), prices


def test_filings_are_tested_over_weeks_and_what_is_too_short_says_so(filed, settings, tmp_path):
    result = run(*filed, msgspec.structs.replace(settings, filing_horizons=(21, 200)))
    month, year = result.verdict["filing_horizons"]
    assert month["clark_west"]["lags"] >= 21
    assert month["clark_west"]["n"] > 63
    assert month["skipped"] is None
    assert "too little data" in year["skipped"]
    assert "B3" in result.verdict["models"]
    page = write_report(result, tmp_path, command="x", provenance={}).html.read_text()
    assert "open to close 21 sessions later" in page
    assert "too little data" in page


def test_a_label_of_weeks_runs_from_the_open_to_a_later_close(filed, settings):
    features, prices = filed
    panel = build_panel(features, prices, settings, horizon=5)
    day = panel.sessions[50]
    days = sorted(prices["session"].unique())
    later = days[days.index(day) + 4]
    bars = prices.set_index(["session", "security_id"])
    gains = np.array([np.log(bars.loc[(later, s), "close"] / bars.loc[(day, s), "open"]) for s in panel.securities])
    np.testing.assert_allclose(panel.target[50], (gains - gains.mean()) / gains.std(ddof=1), atol=1e-10)
