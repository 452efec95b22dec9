"""Leaks put into the table of a lake of one's own: each leads to INVALID, and an untouched one to no alarm."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sentfeat.backtest import run
from sentfeat.backtest.intake import accept
from sentfeat.backtest.lineage import as_published, published_check
from sentfeat.backtest.probes import FAILED, PASSED, UNKNOWN
from sentfeat.publish import Shelf
from sentfeat.reader import read_features
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import FEATURES

SESSIONS = 40  # published; few, since every one is a file


@pytest.fixture(scope="module")
def shelf(planted_tables, tmp_path_factory) -> Shelf:
    shelf = Shelf(Lake(tmp_path_factory.mktemp("lake")), "model", Cutoff.PRE_OPEN)
    days = sorted(planted_tables[0]["session"].unique())[:SESSIONS]
    for day in days:
        rows = planted_tables[0][planted_tables[0]["session"] == day][FEATURES.names]
        shelf.publish(day, rows, {"input_hash": "x", "published_at": "2024-01-01T00:00:00+00:00"})
    return shelf


@pytest.fixture
def features(shelf) -> pd.DataFrame:
    return read_features(lake=shelf.lake, model=shelf.model)


def status(features: pd.DataFrame, planted_tables) -> str:
    """Through the door that the library call uses."""
    check = published_check(features)
    rows, _, _ = accept(features, planted_tables[1])
    return check(rows).status


def test_what_was_published_passes_whole_or_in_part(features, shelf, planted_tables):
    assert status(features, planted_tables) == PASSED
    assert status(features[features["ticker"] == "S003"], planted_tables) == PASSED
    assert status(features.sample(frac=1, random_state=0), planted_tables) == PASSED


def shifted(features: pd.DataFrame) -> pd.DataFrame:
    """Each row has the features of the session after."""
    moved = [name for name in features if name.startswith("sent_") or name == "has_news"]
    return features.assign(**{name: features.groupby("security_id")[name].shift(-1) for name in moved})


def with_the_target(features: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(0)
    return features.assign(sent_mom=random.standard_normal(len(features)))


def scaled(features: pd.DataFrame) -> pd.DataFrame:
    tone = features["sent_mean"]
    return features.assign(sent_mean=(tone - tone.mean()) / tone.std())


@pytest.mark.parametrize("leak", [shifted, with_the_target, scaled])
def test_columns_that_were_changed_after_reading_fail(features, planted_tables, leak):
    assert status(leak(features), planted_tables) == FAILED


def test_a_column_put_beside_the_published_ones_is_of_unknown_time(features, planted_tables):
    assert status(features.assign(mine=1.0), planted_tables) == UNKNOWN


def test_rows_that_were_never_published_fail(features, planted_tables):
    invented = features.assign(session=features["session"] + pd.Timedelta(days=3650))
    assert status(pd.concat([features, invented]), planted_tables) == FAILED


def test_a_file_changed_behind_the_manifests_back_fails(shelf, planted_tables):
    day = shelf.sessions()[5]
    path = shelf.lake.location(shelf.data_path(day))
    before = pq.read_table(path)
    changed = before.set_column(
        before.schema.get_field_index("buzz"), before.schema.field("buzz"), [[9.0] * before.num_rows]
    )
    try:
        pq.write_table(changed, path)
        altered = read_features(lake=shelf.lake, model=shelf.model)
        probe = as_published(accept(altered, planted_tables[1])[0], shelf)
        assert probe.status == FAILED
        assert f"1 files changed after their manifest was written ({day.date()})" in probe.detail
    finally:
        pq.write_table(before, path)


def test_a_table_from_elsewhere_is_not_asked_for_its_lake(planted_tables):
    assert published_check(planted_tables[0]) is None


@pytest.mark.slow
def test_features_shifted_by_one_session_make_the_backtest_invalid(planted_tables, settings, tmp_path):
    """The whole way, on a lake with every session: nothing but the shift is wrong with the table."""
    table, prices = planted_tables
    shelf = Shelf(Lake(tmp_path), "model", Cutoff.PRE_OPEN)
    for day, rows in table[FEATURES.names].groupby("session"):
        shelf.publish(day, rows, {"input_hash": "x", "published_at": "2024-01-01T00:00:00+00:00"})
    features = read_features(lake=shelf.lake, model=shelf.model)
    assert run(features, prices, settings).verdict["verdict"] not in ("INVALID", "UNVERIFIED TIMING")
    verdict = run(shifted(features), prices, settings).verdict
    assert verdict["verdict"] == "INVALID"
    assert "The features are what the lake published: FAILED" in verdict["reason"]
