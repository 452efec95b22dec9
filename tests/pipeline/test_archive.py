"""A real archive through the shipped example configuration, with no code of its own."""

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.pipeline import open_project
from tests.conftest import ROOT
from tests.pipeline.conftest import run

FACEBOOK_LISTED = pd.Timestamp("2012-05-18")


@pytest.mark.slow
def test_the_shipped_example_reads_a_real_archive(real_data, tmp_path):
    overrides = [f"folder={real_data / 'market'}", f"lake={tmp_path / 'lake'}"]
    project = open_project(ROOT / "data" / "archive.toml", overrides)
    summary = run(project, "2012-05-14", "2012-05-25", pd.Timestamp("2026-11-20", tz="UTC"))
    assert not summary.failures
    rows = read_features(lake=project.lake)
    assert rows["session"].nunique() == 10
    assert rows["coverage_ok"].all()
    listed = rows.groupby("session")["ticker"].nunique()
    assert set(listed[listed.index < FACEBOOK_LISTED]) == {84}
    assert set(listed[listed.index >= FACEBOOK_LISTED]) == {85}
    facebook = rows[rows["ticker"] == "FB"]
    assert facebook["session"].min() == FACEBOOK_LISTED
    documents = read_table("documents", lake=project.lake)
    assert (documents["pit_grade"] == "B").all()
    one = documents[documents["title"] == documents["title"].iloc[0]].iloc[0]
    assert one["available_at"] - one["published_at"] == pd.Timedelta(minutes=15)
    assert set(summary.drops) <= {"archive: unknown_ticker", "prices: bar_outside_listing"}
