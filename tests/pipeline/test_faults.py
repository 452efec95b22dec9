"""What may happen to a night, and what is promised then: docs/reliability.md is the table of it."""

import os
import resource
import signal
import uuid
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sentfeat import read_table
from sentfeat.errors import DataError, LakeError
from sentfeat.ingest.source import Harvest
from sentfeat.store import STAGING, Lake
from tests.conftest import ROOT
from tests.pipeline.nights import (
    Wire,
    assert_nothing_is_doubled_or_half,
    feature_hashes,
    make_items,
    night,
    open_market,
    poll,
    times,
)

DAY = pd.Timestamp("2023-03-08")
(_, POLLED), (_, NIGHT), (_, MORNING_POLL), (_, MORNING) = times(DAY)


@pytest.fixture
def markets(tmp_path, tiny_bundle):
    """Two projects over the same wire, polled before the evening's cut-off, with the night still to come."""
    items = make_items(DAY - pd.Timedelta(days=3), DAY + pd.Timedelta(days=2), a_day=8, seed=5)
    late = items.head(1).assign(published_at=POLLED + pd.Timedelta(minutes=9), url="http://wire/late", title="KO late")
    items = pd.concat([items, late]).sort_values("published_at", ignore_index=True)  # the night has something to read
    whole, other = (
        open_market(tmp_path / name, tiny_bundle, Wire(items), ROOT / "data" / "universe.csv") for name in ("a", "b")
    )
    other.__dict__["engine"] = whole.engine
    for project in (whole, other):
        poll(project, POLLED)
        assert project.model, "the bundle is open: a later user may have no right to"
    return whole, other


def die_where_nobody_died(diary: Path, place_of: Callable[[str], str]) -> None:
    """From now on this process dies by kill -9 at a write, half way or right after it, at the first place and way that
    are not in the diary yet."""
    put, held = Lake.put, diary.read_text() if diary.exists() else ""

    def deadly(self: Lake, path: str, data: bytes) -> None:
        half, after = f"half of {place_of(path)}\n", f"after {place_of(path)}\n"
        if half not in held:
            staged = self.folder / STAGING / f".half-{uuid.uuid4().hex}"
            staged.parent.mkdir(exist_ok=True)
            staged.write_bytes(data[: len(data) // 2])
        else:
            put(self, path, data)
            if after in held:
                return
        diary.write_text(held + (after if half in held else half))
        os.kill(os.getpid(), signal.SIGKILL)

    Lake.put = deadly


def killed_night(project, diary: Path, place_of: Callable[[str], str]) -> bool:
    """Run the night in a process that dies at a place of its own; whether it did."""
    child = os.fork()
    if child == 0:
        die_where_nobody_died(diary, place_of)
        night(project, NIGHT)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def kill_everywhere(markets, diary: Path, place_of: Callable[[str], str]) -> list[str]:
    """Kill a night at all places, both ways, and compare with one that was not; returns the diary."""
    whole, killed = markets
    night(whole, NIGHT)
    while killed_night(killed, diary, place_of):
        pass
    deaths = diary.read_text().splitlines()
    assert len(killed.lake.files(STAGING, "")) == len(deaths) / 2, "what was half written stays out of sight"
    assert feature_hashes(killed.lake) == feature_hashes(whole.lake) != {}
    assert_nothing_is_doubled_or_half(killed.lake)
    return deaths


def test_killed_at_every_step_of_a_night_it_ends_as_if_undisturbed(markets, tmp_path):
    """A step is the first file of a table (documents, links, coverage, scores, rows, manifest) or one of COLUMNS.json,
    LATEST.json, CURRENT.json."""
    deaths = kill_everywhere(markets, tmp_path / "diary", lambda path: path.split("/")[0])
    assert len(deaths) == 2 * 9


@pytest.mark.slow
def test_killed_at_every_write_of_a_night_it_ends_as_if_undisturbed(markets, tmp_path):
    """Each file that the night writes, in the middle of it and right after it."""
    deaths = kill_everywhere(markets, tmp_path / "diary", lambda path: path)
    assert len(deaths) > 2 * 20


def test_a_full_disk_leaves_the_last_good_tables_and_the_next_run_goes_on(markets):
    """No file may grow beyond two kilobytes: the documents' segment already does not fit."""
    whole, full = markets
    for project in markets:
        night(project, NIGHT)
        poll(project, MORNING_POLL)
    before = feature_hashes(full.lake)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(LakeError, match=r"cannot write .*\(File too large\); what was there before still stands"):
            night(full, MORNING)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert feature_hashes(full.lake) == before
    assert not full.lake.files(STAGING, ""), "nothing half written is left"
    for project in markets:
        night(project, MORNING)
    assert feature_hashes(full.lake) == feature_hashes(whole.lake)
    assert_nothing_is_doubled_or_half(full.lake)


def test_a_read_only_lake_is_named_and_not_changed(markets, read_only):
    _, project = markets
    project.__dict__["lake"] = Lake(read_only)
    before = project.lake.files("", "")
    with pytest.raises(LakeError, match=r"cannot write .*\(Permission denied\)"):
        night(project, NIGHT)
    assert project.lake.files("", "") == before


def test_a_damaged_segment_stops_the_night_by_name_and_its_copy_lets_it_go_on(markets):
    whole, damaged = markets
    (path, *_) = damaged.lake.files("documents")
    copy = damaged.lake.get(path)
    damaged.lake.put(path, copy[:-100])
    with pytest.raises(
        DataError, match=rf"{path} is not a readable Parquet file .*; move it away and run the same again"
    ):
        night(damaged, NIGHT)
    assert not damaged.lake.files("features")
    damaged.lake.put(path, copy)
    for project in markets:
        night(project, NIGHT)
    assert feature_hashes(damaged.lake) == feature_hashes(whole.lake)


def test_a_clock_set_back_is_refused_before_anything_is_dated_by_it(markets):
    _, project = markets
    night(project, NIGHT)
    before = project.lake.files("", "")
    with pytest.raises(DataError, match="the clock was set back: .* was written at 2023-03-09 03:05:00 UTC"):
        poll(project, NIGHT - pd.Timedelta(hours=5))
    assert project.lake.files("", "") == before


def test_a_clock_stepped_back_by_a_minute_changes_no_row(markets):
    whole, stepped = markets
    for project in markets:
        night(project, NIGHT)
    poll(stepped, NIGHT - pd.Timedelta(minutes=1))
    for project in markets:
        poll(project, MORNING_POLL)
        night(project, MORNING)
    assert feature_hashes(stepped.lake) == feature_hashes(whole.lake)
    assert_nothing_is_doubled_or_half(stepped.lake)


def test_a_source_that_answers_nonsense_fails_alone_and_is_told(markets):
    """Items dated in the future are kept in the quarantine and reach no row."""
    whole, odd = markets
    (wire,) = odd.sources
    future = wire.items.head(3).assign(published_at=NIGHT + pd.Timedelta(days=400), url=["u1", "u2", "u3"])
    fetch = Wire.fetch

    class Odd(Wire):
        def fetch(self, window, visit):
            found = fetch(self, window, visit)
            return Harvest(pd.concat([found.items, future], ignore_index=True), found.covered)

    odd.__dict__["sources"] = [Odd(wire.items)]
    for project in markets:
        night(project, NIGHT)
    assert feature_hashes(odd.lake) == feature_hashes(whole.lake)
    assert read_table("quarantine", lake=odd.lake)["reason"].tolist() == 3 * ["published_in_future"]
