import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest.panel import build_panel
from sentfeat.backtest.probes import FAILED, PASSED, UNKNOWN, equal_rows, label_overlap, prefix_invariance, timing
from sentfeat.backtest.run import run_backtest
from sentfeat.backtest.walk import predictions_frame, walk_forward
from sentfeat.backtest.walkforward import Fold


def test_rows_known_in_time_pass(planted_tables):
    assert timing(planted_tables[0]).status == PASSED


def test_a_single_row_known_after_the_open_fails(planted_tables):
    features = planted_tables[0].copy()
    features.loc[5, "known_at"] += pd.Timedelta(minutes=16)
    probe = timing(features)
    assert probe.status == FAILED
    assert probe.detail.startswith("1 rows known after tradable_at")


def test_a_tradable_at_later_than_the_exchange_opens_fails(planted_tables):
    features = planted_tables[0]
    assert timing(features.assign(tradable_at=features["tradable_at"] + pd.Timedelta(hours=4))).status == FAILED


@pytest.mark.parametrize("column", ["known_at", "tradable_at"])
def test_a_missing_time_is_unknown_not_passed(planted_tables, column):
    assert timing(planted_tables[0].drop(columns=column)).status == UNKNOWN


def test_a_training_part_that_touches_the_forecasts_fails(planted_tables):
    features = planted_tables[0]
    sessions = pd.DatetimeIndex(sorted(features["session"].unique()))
    assert label_overlap(features, sessions, [Fold(100, 102, 110, True)]).status == PASSED
    assert label_overlap(features, sessions, [Fold(103, 102, 110, True)]).status == FAILED


def test_an_arm_with_fewer_rows_fails(planted_tables, settings):
    panel = build_panel(*planted_tables, settings)
    full = np.where(panel.present, 0.0, np.nan)
    short = full.copy()
    short[-1, 0] = np.nan
    assert equal_rows(panel, {"B0": full, "B1": full}, 0).status == PASSED
    assert equal_rows(panel, {"B0": full, "B1": short}, 0).status == FAILED


def leaky(features: pd.DataFrame, prices: pd.DataFrame, settings) -> pd.DataFrame:
    """Forecasts standardised over the whole sample, the future included."""
    frame = predictions_frame(walk_forward(features, prices, settings))
    return frame.assign(forecast_B2=frame["forecast_B2"] / frame["forecast_B2"].std())


def test_full_sample_scaling_changes_when_the_future_is_taken_away(planted_tables, settings):
    features, prices = planted_tables
    cuts = pd.DatetimeIndex(sorted(features["session"].unique()))[[250, 300]]
    for forecast, status in (
        (lambda *tables: predictions_frame(walk_forward(*tables, settings)), PASSED),
        (lambda *tables: leaky(*tables, settings), FAILED),
    ):
        full = forecast(features, prices)
        assert prefix_invariance(forecast, features, prices, full, cuts).status == status


def test_late_features_make_the_backtest_invalid(planted_tables, settings):
    features, prices = planted_tables
    late = features.assign(known_at=features["known_at"] + pd.Timedelta(days=1))
    verdict = run_backtest(late, prices, settings).verdict
    assert verdict["verdict"] == "INVALID"
    assert "known before they could be traded: FAILED" in verdict["reason"]


def test_a_table_without_known_at_is_unverified(planted_tables, settings):
    features, prices = planted_tables
    verdict = run_backtest(features.drop(columns="known_at"), prices, settings).verdict
    assert verdict["verdict"] == "UNVERIFIED TIMING"
