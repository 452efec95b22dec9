"""The backtest on a lake: the whole way from headlines to a verdict, with its variants, its memory and its alarms."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from sentfeat.pipeline import BacktestOptions, BacktestReport, Project, backtest_range, open_project, published_range
from sentfeat.pipeline.trials import register
from sentfeat.pipeline.variants import COMPANY, DATE, mask_of
from sentfeat.reader import read_features
from sentfeat.store import Lake
from tests.pipeline.conftest import run

CONFIG = """
lake = "lake"
[[sources]]
kind = "sample"
name = "sample"
seed = 3
companies = 6
start = 2022-12-01
end = 2023-09-29
[prices]
kind = "sample"
[backtest]
train_sessions = 42
min_test_sessions = 21
placebos = 19
power_draws = 1
bootstrap_draws = 50
trees = false
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    path = tmp_path_factory.mktemp("lake") / "sample.toml"
    path.write_text(CONFIG)
    project = open_project(path)
    run(project, "2023-01-17", "2023-09-29")
    return project


def backtested(project: Project, **options) -> BacktestReport:
    first, last = published_range(project, None, None)
    return backtest_range(project, first, last, command="again", options=BacktestOptions(**options))


def verdict_of(report: BacktestReport) -> dict:
    return json.loads(Path(report.path).with_name("verdict.json").read_text())


@pytest.mark.slow
def test_a_clean_lake_raises_no_alarm_and_is_not_tested_twice(project):
    first, again = backtested(project, masked=True, latency=True), backtested(project, masked=True, latency=True)
    verdict = verdict_of(first)
    assert verdict["verdict"] not in ("INVALID", "UNVERIFIED TIMING")
    rebuilt = next(probe for probe in verdict["probes"] if "made again" in probe["name"])
    assert (rebuilt["status"], rebuilt["n"]) == ("passed", 3)
    variants = {row["variant"]: row for row in verdict["variants"]}
    assert {"text 15 minutes later", "text an hour later", "names and dates masked"} <= set(variants)
    assert variants["names and dates masked"]["n_sessions"] > 100
    assert again.reused
    assert not first.reused
    assert not list(Path(first.path).parent.glob(".pieces/*"))


@pytest.mark.slow
def test_masked_scores_are_kept_and_another_run_asks_nothing(project, monkeypatch):
    backtested(project, masked=True)
    monkeypatch.setattr(type(project.engine), "answers", lambda *_, **__: pytest.fail("a masked text scored twice"))
    from sentfeat.pipeline.variants import masked_features

    first, last = published_range(project, "2023-05-01", "2023-05-31")
    assert masked_features(project, first, last)["sent_mean"].notna().any()


@pytest.mark.slow
def test_a_published_file_that_was_changed_makes_the_backtest_invalid(project):
    shelf = project.shelf(project.config.backtest.cutoff)
    path = shelf.lake.location(shelf.data_path(shelf.sessions()[-30]))
    before = pq.read_table(path)
    at = before.schema.get_field_index("buzz")
    try:
        pq.write_table(before.set_column(at, before.schema.field("buzz"), [[9.0] * before.num_rows]), path)
        assert backtested(project).verdict == "INVALID"
    finally:
        pq.write_table(before, path)


@pytest.mark.slow
def test_a_table_made_elsewhere_is_tested_with_the_lakes_prices(project, tmp_path):
    rows = read_features(lake=project.lake, model=project.model)
    table = pd.DataFrame({"session": rows["session"], "ticker": rows["ticker"], "alpha": rows["sent_mean"]})
    table.to_parquet(tmp_path / "vendor.parquet")
    report = backtested(project, table=str(tmp_path / "vendor.parquet"))
    assert report.verdict == "UNVERIFIED TIMING"
    assert "table-vendor" in report.path


def test_each_different_plan_is_counted_once(tmp_path):
    lake = Lake(tmp_path)
    plans = [{"settings": "a"}, {"settings": "b"}, {"settings": "a"}, {"settings": "c"}]
    assert [register(lake, plan)[1] for plan in plans] == [1, 2, 1, 3]
    assert len({register(lake, plan)[0] for plan in plans}) == 3


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Acme Corp beats estimates", f"{COMPANY} beats estimates"),
        ("ACM's profit rises; Acme's too", f"{COMPANY} profit rises; {COMPANY} too"),
        ("Results for 2009 due on March 3, 2010", f"Results for {DATE} due on {DATE}"),
        ("Q3 sales up 12 percent", f"{DATE} sales up 12 percent"),
        ("Acmeville opens a road", "Acmeville opens a road"),
        ("The firm may raise its outlook", "The firm may raise its outlook"),
    ],
)
def test_names_and_dates_are_masked_and_nothing_else(text, masked):
    universe = pd.DataFrame({"ticker": ["ACM"], "name": ["Acme Corp"], "aliases": ["Acme|A"]})
    assert mask_of(universe)(text) == masked
