"""Many nights in a row, undisturbed, killed at random, and with a source that fails by a schedule."""

import os
from pathlib import Path

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.sessions import Cutoff, sessions_between, shift
from tests.conftest import ROOT
from tests.pipeline.nights import (
    Killer,
    Wire,
    assert_nothing_is_doubled_or_half,
    feature_hashes,
    make_items,
    open_market,
    run_days,
    times,
)

LAG = pd.Timedelta(minutes=15)
SHORT = ("2023-03-06", "2023-03-15")  # 16 nights; the clocks change on the 12th
LONG = ("2023-01-03", "2023-07-03")  # 250 nights: 125 evenings and 125 mornings


@pytest.fixture
def market(tmp_path, tiny_bundle):
    """Makes projects that share one wire's items and one loaded engine."""
    engines = {}

    def make(name: str, span: tuple[str, str], **wire: object):
        first, last = map(pd.Timestamp, span)
        items = make_items(first - pd.Timedelta(days=3), last + pd.Timedelta(days=5), a_day=6, seed=1)
        universe = ROOT / "data" / "universe.csv"
        project = open_market(tmp_path / name, tiny_bundle, Wire(items, **wire), universe)
        project.__dict__["engine"] = engines.setdefault("engine", engines.get("engine") or project.engine)
        return project

    return make


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def compare_with_killed(market, span: tuple[str, str], monkeypatch) -> None:
    whole, killed = market("whole", span), market("killed", span)
    for _ in run_days(whole, *span):
        pass
    killer = Killer(share=0.1, seed=4)
    with killer.armed(monkeypatch):
        for _ in run_days(killed, *span, run=killer.run):
            pass
    assert killer.kills > len(sessions_between(*span))
    assert feature_hashes(killed.lake) == feature_hashes(whole.lake)
    assert len(feature_hashes(whole.lake)) == 2 * len(sessions_between(*span))
    assert not killed.lake.files("superseded"), "nothing that stood was replaced"
    assert_nothing_is_doubled_or_half(killed.lake)


def test_nights_killed_in_the_middle_end_with_the_tables_of_undisturbed_ones(market, monkeypatch):
    compare_with_killed(market, SHORT, monkeypatch)


@pytest.mark.slow
def test_250_nights_killed_in_the_middle_end_with_the_tables_of_undisturbed_ones(market, monkeypatch):
    compare_with_killed(market, LONG, monkeypatch)


@pytest.mark.slow
def test_250_nights_leave_memory_open_files_and_the_lake_where_they_were(market):
    """Between the 50th and the 250th night: no file left open, little memory, and few files a night in the lake."""
    project, seen = market("growth", LONG), {}
    for number, _ in enumerate(run_days(project, *LONG)):
        seen[number] = (open_files(), resident_megabytes(), len(project.lake.files("", "")))
    (files, memory, stored), last = seen[25], len(seen) - 1
    assert seen[last][0] <= files + 2
    assert seen[last][1] - memory < 60
    assert (seen[last][2] - stored) / (last - 25) < 20, "files a day"


def test_a_source_that_was_down_for_three_days_is_caught_up_without_a_lost_or_doubled_document(market):
    """All that the feed still shows afterwards is there, once; every session of the outage was built."""
    begin, end = pd.Timestamp("2023-03-07 20:00", tz="UTC"), pd.Timestamp("2023-03-10 20:00", tz="UTC")
    project = market("outage", SHORT, is_down=lambda at: begin <= at < end)
    for _ in run_days(project, *SHORT):
        pass
    (wire,) = project.sources
    documents = read_table("documents", lake=project.lake)
    last = max(at for _, at in times(pd.Timestamp(SHORT[1])))
    first = min(at for _, at in times(pd.Timestamp(SHORT[0]))) - pd.Timedelta(days=2)
    due = wire.items[wire.items["published_at"].between(first, last, inclusive="right")]
    assert sorted(documents["title"]) == sorted(due["title"])
    for cutoff in Cutoff:
        rows = read_features(lake=project.lake, cutoff=cutoff)
        expected = sessions_between("2023-03-07", shift(pd.Timestamp(SHORT[1]), 1))
        assert set(rows["session"]) == set(expected), "every session was built, the missed ones afterwards"
