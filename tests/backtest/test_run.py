import datetime as dt

import pandas as pd
import pytest
from scipy.stats import spearmanr

from sentfeat.backtest import Context, run
from sentfeat.backtest.report import verdict_json
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError
from tests.backtest.synthetic import market


def test_a_planted_effect_is_found_and_belongs_to_tone(planted):
    assert planted.verdict["verdict"] in ("INFORMATIVE BUT NOT TRADABLE", "ADDS VALUE NET OF COST")
    by_name = {row["name"]: row for row in planted.verdict["comparisons"]}
    assert by_name["B2 vs B1"]["p_holm"] < 0.05
    assert by_name["B1 vs B0"]["p_holm"] > 0.05
    assert planted.verdict["placebo"]["p"] == pytest.approx(1 / 20)


def test_no_effect_is_claimed_where_there_is_none_though_prices_forecast(null):
    assert null.verdict["verdict"] == "NOT DISTINGUISHABLE"
    assert null.verdict["models"]["B0"]["rank_ic"]["t"] > 2
    assert f"{null.verdict['detectable_effect']['simulated']:.3f}" in null.verdict["reason"]


def test_the_same_input_gives_the_same_bytes(planted, planted_tables, settings):
    features, prices = planted_tables
    again = run(features.sample(frac=1, random_state=0), prices.iloc[::-1], settings)
    assert verdict_json(again.verdict) == verdict_json(planted.verdict)
    pd.testing.assert_frame_equal(again.predictions, planted.predictions, check_exact=True)
    pd.testing.assert_frame_equal(again.tables["placebos"], planted.tables["placebos"], check_exact=True)


def test_every_arm_forecasts_every_test_row_once(planted):
    frame = planted.predictions
    assert not frame.duplicated(["session", "security_id"]).any()
    assert frame[["forecast_B0", "forecast_B1", "forecast_B2", "y1", "ret_open_close"]].notna().all(axis=None)
    assert len(frame) == planted.verdict["data"]["test_rows"] == planted.by_session["n_rows"].sum()


def test_the_reported_ic_can_be_recomputed_from_the_predictions(planted):
    by_day = planted.predictions.groupby("session")
    ic = by_day.apply(lambda day: spearmanr(day["forecast_B2"], day["y1"]).statistic)
    assert planted.verdict["models"]["B2"]["rank_ic"]["mean"] == pytest.approx(ic.mean(), abs=1e-12)


def test_the_primary_statistic_can_be_recomputed_from_the_predictions(planted):
    frame = planted.predictions
    f = 2 * (frame["y1"] - frame["forecast_B0"]) * (frame["forecast_B4"] - frame["forecast_B0"])
    assert planted.verdict["comparisons"][0]["clark_west"]["mean"] == pytest.approx(
        f.groupby(frame["session"]).mean().mean()
    )


def test_progress_is_told_to_the_end(null_tables, settings):
    heard = []
    run(*null_tables, settings, Context(progress=lambda *told: heard.append(told)))
    steps = {"ridge", "probes", "placebos", "power", "secondary tests"}
    assert {step for step, done, total in heard if done == total} == steps


def test_too_little_data_is_one_clear_error(settings):
    with pytest.raises(DataError, match="are needed"):
        run(*market(0, securities=8, sessions=120), settings)


def test_a_panel_too_short_to_shift_is_one_clear_error():
    short = BacktestSettings(train_sessions=21, min_test_sessions=10, placebos=19, power_draws=1)
    with pytest.raises(DataError, match="70 sessions with usable rows, 138 are needed"):
        run(*market(0, securities=8, sessions=100), short)


def test_no_prices_at_all_is_one_clear_error(planted_tables, settings):
    features, prices = planted_tables
    with pytest.raises(DataError, match="0 sessions with usable rows"):
        run(features, prices.iloc[:0], settings)


def test_features_without_a_value_are_one_clear_error(planted_tables, settings):
    features, prices = planted_tables
    bare = features[["session", "security_id", "known_at", "tradable_at", "cutoff"]]
    with pytest.raises(DataError, match="no text column with a value"):
        run(bare, prices, settings)


def test_settings_that_could_never_say_yes_are_refused():
    with pytest.raises(ValueError, match="can never give p"):
        BacktestSettings(placebos=5)


def test_the_table_is_split_where_the_models_own_text_ends(null_tables, settings):
    until = dt.date(2020, 1, 31)
    groups = run(*null_tables, settings, Context(seen_until=until, trial=3)).tables["groups"]
    split = groups[groups["by"] == "model's text"].set_index("part")["n_rows"]
    assert split.sum() == groups.loc[groups["by"] == "all", "n_rows"].item()
    assert (split > 0).all()
