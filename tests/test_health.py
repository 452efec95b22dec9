"""A night that never ran, a damaged file and a dead source are noticed by looking at the lake alone."""

import json

import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.health import BEHIND, BLIND, FINE, check_lake
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import COVERAGE
from tests.published import publish, run_sentfeat

FRIDAY, MONDAY = pd.Timestamp("2026-11-20"), pd.Timestamp("2026-11-23")
HOUR = pd.Timedelta(hours=1)


def new_york(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="America/New_York").tz_convert("UTC")


def attempt(lake: Lake, source: str, at: str, *, ok: bool, required: bool = True, reason: str | None = None) -> None:
    when = new_york(at)
    row = dict.fromkeys(COVERAGE.names) | {
        "source": source, "attempt_id": f"{source}{at}", "attempted_at": when, "window_start": when - HOUR,
        "window_end": when, "ok": ok, "polled": True, "required": required,
        "items": 0, "documents": 0, "reason": reason,
    }  # fmt: skip
    lake.append(COVERAGE, pd.DataFrame([row]), f"date={when.date()}")


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Friday's rows at both cut-offs, Monday's of the evening, and a source that was read on Sunday evening."""
    lake = Lake(tmp_path / "lake")
    publish(Shelf(lake, "m", Cutoff.EVENING), FRIDAY, new_york("2026-11-19 22:07"))
    publish(Shelf(lake, "m", Cutoff.EVENING), MONDAY, new_york("2026-11-20 22:07"))
    publish(Shelf(lake, "m", Cutoff.PRE_OPEN), FRIDAY, new_york("2026-11-20 09:20"))
    attempt(lake, "rss", "2026-11-22 20:00", ok=True)
    return lake


def test_over_a_weekend_nothing_is_missing(lake):
    health = check_lake(lake, new_york("2026-11-22 23:59"), grace=HOUR)
    assert health.code == FINE
    assert {shelf.cutoff: str(shelf.newest.date()) for shelf in health.shelves} == {
        "evening": "2026-11-23",
        "pre_open": "2026-11-20",
    }
    assert not health.complaints


def test_a_night_that_never_ran_is_missed_after_its_grace(lake):
    """Monday's evening run builds Tuesday's row; it is due at 21:45, and an hour later it is late."""
    publish(Shelf(lake, "m", Cutoff.PRE_OPEN), MONDAY, new_york("2026-11-23 09:20"))
    assert check_lake(lake, new_york("2026-11-23 22:40"), grace=HOUR).code == FINE
    late = check_lake(lake, new_york("2026-11-23 22:46"), grace=HOUR)
    assert late.code == BEHIND
    assert late.complaints == ["evening: 1 session(s) behind; 2026-11-24 should be there, the newest is 2026-11-23"]


def test_three_lost_sessions_over_thanksgiving_are_counted_as_sessions(lake):
    """From Friday the 20th to Monday the 30th there are the 23rd, 24th, 25th, 27th and 30th; the 26th is a holiday."""
    health = check_lake(lake, new_york("2026-11-30 12:00"), grace=HOUR)
    assert {shelf.cutoff: shelf.behind for shelf in health.shelves} == {"evening": 4, "pre_open": 5}


def test_a_damaged_file_is_no_complete_session(lake):
    shelf = Shelf(lake, "m", Cutoff.PRE_OPEN)
    lake.put(shelf.data_path(FRIDAY), b"PAR1")
    health = check_lake(lake, new_york("2026-11-21 12:00"), grace=HOUR)
    assert health.code == BEHIND
    assert health.complaints == ["pre_open: the file of 2026-11-20 is damaged"]


def test_a_required_source_that_fails_now_is_told_with_its_last_reason(lake):
    now = new_york("2026-11-22 23:00")
    attempt(lake, "rss", "2026-11-22 21:00", ok=False, reason="HTTP 500")
    attempt(lake, "rss", "2026-11-22 22:00", ok=False, reason="HTTP 503")
    attempt(lake, "yahoo", "2026-11-22 22:00", ok=False, required=False, reason="empty")
    health = check_lake(lake, now, grace=HOUR)
    assert health.code == BLIND
    assert "source rss failed 2 time(s) in a row: HTTP 503" in health.complaints
    attempt(lake, "rss", "2026-11-22 22:30", ok=True)
    recovered = check_lake(lake, now, grace=HOUR)
    assert recovered.code == FINE, "what is not required does not fail the check"
    assert recovered.complaints == ["source yahoo failed 1 time(s) in a row: empty"]


def test_a_lake_without_features_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="holds no features yet; run the backfill or the nightly flow first"):
        check_lake(Lake(tmp_path), new_york("2026-11-22 12:00"), grace=HOUR)


def test_the_command_ends_with_the_code_that_a_cron_job_needs(lake):
    """Whenever this test runs, these sessions are long past."""
    told = run_sentfeat("status", "--lake", lake.root)
    assert told.exit_code == BEHIND
    assert "2026-11-23" in told.stdout
    assert "should be there" in told.stderr or "behind" in told.stdout
    as_json = json.loads(run_sentfeat("status", "--lake", lake.root, "--json").stdout)
    assert as_json["code"] == BEHIND
    assert [shelf["cutoff"] for shelf in as_json["shelves"]] == ["evening", "pre_open"]
