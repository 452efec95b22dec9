"""Pruned history is refused, never answered with something else."""

import pandas as pd
import pytest

from sentfeat import read_features
from sentfeat.errors import DataError, SessionError
from sentfeat.publish import Shelf
from sentfeat.retention import plan_prune, prune
from sentfeat.sessions import Cutoff, utc_now
from sentfeat.store import Lake
from tests.published import publish, run_sentfeat

SESSIONS = pd.DatetimeIndex(["2023-11-14", "2023-11-15", "2023-11-16"])
DAYS = pd.date_range("2023-11-14 14:20", periods=12, tz="UTC")


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Three sessions, published in one to four versions on different days."""
    lake = Lake(tmp_path / "lake")
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    for session, days in zip(SESSIONS, ([0, 3, 6, 9], [1, 4], [2]), strict=True):
        for day in days:
            publish(shelf, session, DAYS[day], n_news=[day, day + 1])
    return lake


def seen(lake: Lake, as_of: pd.Timestamp) -> list[int]:
    return read_features(lake=lake, as_of=as_of)["n_news"].tolist()


@pytest.mark.parametrize("day", range(12))
def test_every_as_of_from_the_date_on_is_answered_as_before_and_every_earlier_one_refused(lake, day):
    before = {at: seen(lake, at) for at in DAYS}
    prune(lake, plan_prune(lake, DAYS[day]))
    for at in DAYS[day:]:
        assert seen(lake, at) == before[at]
    for at in DAYS[:day]:
        with pytest.raises(DataError, match="they were pruned"):
            read_features(lake=lake, as_of=at)


def test_only_what_nobody_can_reach_goes(lake):
    """Of the first session the versions of day 0 and 3 were replaced by day 6, of the second that of day 1 by day 4."""
    removed = {file.path for file in plan_prune(lake, DAYS[6]).files}
    kept = set(lake.files("superseded", "")) - removed
    assert len(removed) == 2 * 3
    assert len(kept) == 2 * 1


def test_a_later_pruning_never_opens_what_an_earlier_one_closed(lake):
    for day in (6, 2):
        prune(lake, plan_prune(lake, DAYS[day]))
    with pytest.raises(DataError, match="they were pruned"):
        read_features(lake=lake, as_of=DAYS[4])


def test_the_command_touches_nothing_unless_told_to(lake):
    files = lake.files("", "")
    listed = run_sentfeat("prune", "--lake", lake.root, "--superseded-before", "2023-11-21")
    assert listed.exit_code == 0, listed.stderr
    assert "6 files" in listed.stdout
    assert "would be removed" in listed.stdout
    assert lake.files("", "") == files
    done = run_sentfeat("prune", "--lake", lake.root, "--superseded-before", "2023-11-21", "--apply")
    assert "6 files" in done.stdout
    assert len(set(files) - set(lake.files("", ""))) == 6


@pytest.mark.parametrize("nothing", ["", "nan"])
def test_without_a_date_that_has_come_nothing_is_pruned_and_nothing_is_read(lake, nothing):
    files = lake.files("", "")
    with pytest.raises(SessionError, match="is not a time"):
        run_sentfeat("prune", "--lake", lake.root, "--superseded-before", nothing, "--apply")
    assert lake.files("", "") == files
    with pytest.raises(SessionError, match="is not a time"):
        plan_prune(lake, pd.NaT)
    with pytest.raises(SessionError, match="still to come"):
        plan_prune(lake, utc_now() + pd.Timedelta(days=1))
    with pytest.raises(SessionError, match="is not a time"):
        read_features(lake=lake, as_of=nothing)


def test_pairs_of_versions_are_complete(lake):
    """Each removed manifest goes with its data and the other way round."""
    removed = sorted(file.path for file in plan_prune(lake, DAYS[9]).files)
    for manifest, data in zip(removed[::2], removed[1::2], strict=True):
        assert manifest.removesuffix(".json") == data.removesuffix(".parquet")


def test_a_version_that_comes_back_does_not_hide_its_first_time(tmp_path):
    lake = Lake(tmp_path / "lake")
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    for at, count in zip(DAYS[:4], (1, 2, 1, 3), strict=True):
        publish(shelf, SESSIONS[0], at, n_news=[count])
    assert [seen(lake, at) for at in DAYS[:4]] == [[1], [2], [1], [3]]
    assert len(shelf.versions(SESSIONS[0])) == 4
