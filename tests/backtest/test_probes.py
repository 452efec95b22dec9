import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from sentfeat.backtest import Context, run
from sentfeat.backtest.panel import build_panel
from sentfeat.backtest.probes import FAILED, PASSED, UNKNOWN, equal_rows, label_overlap, timing
from sentfeat.backtest.walkforward import Fold
from sentfeat.errors import DataError


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


def test_without_known_at_timing_is_unknown_and_without_tradable_at_the_open_stands_for_it(planted_tables):
    features = planted_tables[0]
    assert timing(features.drop(columns="known_at")).status == UNKNOWN
    assert timing(features.drop(columns="tradable_at")).status == PASSED
    late = features.assign(known_at=features["known_at"] + pd.Timedelta(hours=1)).drop(columns="tradable_at")
    assert timing(late).status == FAILED


def test_times_that_are_empty_or_of_no_zone_are_unknown(planted_tables):
    features = planted_tables[0].copy()
    assert timing(features.assign(known_at=features["known_at"].dt.tz_localize(None))).detail.endswith("no time zone")
    features.loc[3, "known_at"] = pd.NaT
    assert timing(features).detail == "known_at is empty in 1 rows"


def test_times_as_text_may_have_the_offsets_of_summer_and_winter(planted_tables):
    features = planted_tables[0]
    text = features.assign(known_at=features["known_at"].dt.tz_convert("America/New_York").astype(str))
    assert len(set(text["known_at"].str[-6:])) == 2
    assert timing(text) == timing(features)
    with pytest.raises(DataError, match="the column known_at holds something that is no time"):
        timing(features.assign(known_at="soon"))


def test_a_training_part_that_touches_the_forecasts_fails(planted_tables):
    sessions = pd.DatetimeIndex(sorted(planted_tables[0]["session"].unique()))
    assert label_overlap(sessions, [Fold(100, 102, 110, 108, True)]).status == PASSED
    assert label_overlap(sessions, [Fold(103, 102, 110, 108, True)]).status == FAILED
    assert label_overlap(sessions, [Fold(100, 102, 110, 108, True)], horizon=4).status == FAILED


def test_an_arm_with_fewer_rows_fails(planted_tables, settings):
    panel = build_panel(*planted_tables, settings)
    full = np.where(panel.present, 0.0, np.nan)
    short = full.copy()
    short[-1, 0] = np.nan
    assert equal_rows(panel, {"B0": full, "B1": full}, 0).status == PASSED
    assert equal_rows(panel, {"B0": full, "B1": short}, 0).status == FAILED


def plain_ridge(rows: np.ndarray, target: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return Ridge(alpha=1e4).fit(np.nan_to_num(rows), target).predict(np.nan_to_num(asked))


def honest(panel, fold, columns) -> np.ndarray:
    past = panel.present[: fold.train_stop]
    asked = panel.present[fold.test_start : fold.test_stop]
    rows = panel.values[: fold.train_stop][past][:, columns]
    mean, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0) + 1e-9
    wanted = (panel.values[fold.test_start : fold.test_stop][asked][:, columns] - mean) / spread
    out = np.full(asked.shape, np.nan)
    out[asked] = plain_ridge((rows - mean) / spread, panel.target[: fold.train_stop][past], wanted)
    return out


def scaled_over_the_whole_sample(panel, fold, columns) -> np.ndarray:
    """The same, but mean and deviation are of all rows, those to come included."""
    rows = panel.values[panel.present][:, columns]
    mean, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0) + 1e-9
    past = panel.present[: fold.train_stop]
    asked = panel.present[fold.test_start : fold.test_stop]
    wanted = (panel.values[fold.test_start : fold.test_stop][asked][:, columns] - mean) / spread
    train = (panel.values[: fold.train_stop][past][:, columns] - mean) / spread
    out = np.full(asked.shape, np.nan)
    out[asked] = plain_ridge(train, panel.target[: fold.train_stop][past], wanted)
    return out


def split_by_row(panel, fold, columns) -> np.ndarray:
    """Cross-validated over shuffled rows, as if they were not in time."""
    rows, target = panel.values[panel.present][:, columns], panel.target[panel.present]
    forecast = np.zeros(len(rows))
    for train, test in KFold(4, shuffle=True, random_state=0).split(rows):
        forecast[test] = plain_ridge(rows[train], target[train], rows[test])
    grid = np.full(panel.present.shape, np.nan)
    grid[panel.present] = forecast
    return grid[fold.test_start : fold.test_stop]


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:Degrees of freedom")
@pytest.mark.parametrize(
    ("learner", "invalid"), [(honest, False), (scaled_over_the_whole_sample, True), (split_by_row, True)]
)
def test_a_learner_that_looks_ahead_makes_the_backtest_invalid(planted_tables, settings, learner, invalid):
    verdict = run(*planted_tables, settings, Context(learners={"mine": learner})).verdict
    assert (verdict["verdict"] == "INVALID") == invalid
    if invalid:
        assert "Forecasts do not change when the future is taken away: FAILED" in verdict["reason"]


def test_late_features_make_the_backtest_invalid(planted_tables, settings):
    features, prices = planted_tables
    late = features.assign(known_at=features["known_at"] + pd.Timedelta(days=1))
    verdict = run(late, prices, settings).verdict
    assert verdict["verdict"] == "INVALID"
    assert "known before they could be traded: FAILED" in verdict["reason"]


def test_a_table_that_was_known_days_before_is_valid(planted_tables, settings):
    features, prices = planted_tables
    old = features.assign(known_at=features["known_at"] - pd.Timedelta(days=5))
    assert run(old, prices, settings).verdict["verdict"] == run(features, prices, settings).verdict["verdict"]


def test_a_table_without_known_at_is_unverified(planted_tables, settings):
    features, prices = planted_tables
    verdict = run(features.drop(columns="known_at"), prices, settings).verdict
    assert verdict["verdict"] == "UNVERIFIED TIMING"
