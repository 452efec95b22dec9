"""A night that never ran, a damaged file and a dead source are noticed by looking at the lake alone."""

import json

import pandas as pd
import pytest
import yaml

from sentfeat.errors import DataError
from sentfeat.health import BEHIND, BLIND, FINE, check_lake
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.tables import COVERAGE
from tests.conftest import ROOT
from tests.published import publish, run_sentfeat

FRIDAY, MONDAY = pd.Timestamp("2026-11-20"), pd.Timestamp("2026-11-23")
HOUR = pd.Timedelta(hours=1)


def new_york(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="America/New_York").tz_convert("UTC")


def attempt(
    lake: Lake,
    source: str,
    at: str,
    *,
    ok: bool,
    required: bool = True,
    reason: str | None = None,
    covers: bool = True,
) -> None:
    when = new_york(at)
    covered = {"covered_start": when - HOUR, "covered_end": when} if ok and covers else {}
    row = dict.fromkeys(COVERAGE.names) | {
        "source": source, "attempt_id": f"{source}{at}", "attempted_at": when, "window_start": when - HOUR,
        "window_end": when, "ok": ok, "polled": True, "required": required,
        "items": 0, "documents": 0, "reason": reason,
    } | covered  # fmt: skip
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


def test_a_poll_of_a_required_source_that_vouches_for_no_time_is_a_failure(lake):
    now = new_york("2026-11-22 23:00")
    attempt(lake, "yahoo", "2026-11-22 22:00", ok=True, required=False, covers=False)
    assert check_lake(lake, now, grace=HOUR).code == FINE
    attempt(lake, "rss", "2026-11-22 22:00", ok=True, covers=False, reason="feed wire: HTTP 503")
    attempt(lake, "rss", "2026-11-22 22:30", ok=True, covers=False)
    health = check_lake(lake, now, grace=HOUR)
    assert health.code == BLIND
    assert health.complaints == ["source rss failed 2 time(s) in a row: it answered, but vouches for no time"]


def test_a_configured_cutoff_that_was_never_built_is_missed_once_its_first_session_was_due(tmp_path):
    lake = Lake(tmp_path / "evenings")
    publish(Shelf(lake, "m", Cutoff.EVENING), MONDAY, new_york("2026-11-20 22:07"))
    before, after = new_york("2026-11-23 09:19"), new_york("2026-11-23 09:20")
    grace = pd.Timedelta(minutes=5)
    assert check_lake(lake, before, grace=grace, cutoffs=tuple(Cutoff)).code == FINE
    late = check_lake(lake, after, grace=grace, cutoffs=tuple(Cutoff))
    assert late.code == BEHIND
    assert late.complaints == ["pre_open: configured, and no session of it was ever built"]
    assert check_lake(lake, after, grace=grace).code == FINE, "the lake alone does not say what is configured"


def test_the_watch_before_the_open_sees_that_this_mornings_run_failed(lake):
    """Monday 2026-11-23 has its evening row; the run at 09:16 that makes its pre_open row did not."""
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    (watch,) = [one for one in declared if one["entrypoint"].endswith(":watch")]
    (morning,) = [one for one in watch["schedules"] if one["slug"] == "before-the-open"]
    minute, hour = morning["cron"].split()[:2]
    grace = pd.Timedelta(minutes=morning["parameters"]["grace_minutes"])
    assert check_lake(lake, new_york(f"2026-11-23 {hour}:{minute}"), grace=grace).code == BEHIND


def test_a_lake_that_names_no_session_of_its_model_cannot_be_checked(lake):
    lake.put_json("CURRENT.json", {"model": "other"})
    with pytest.raises(DataError, match="names no session of the model other; it names m"):
        check_lake(lake, new_york("2026-11-22 12:00"), grace=HOUR)
    lake.put_json("CURRENT.json", {"model": "m"})
    lake.put("LATEST.json", b"{")
    with pytest.raises(DataError, match=r"LATEST\.json names no session of the model m"):
        check_lake(lake, new_york("2026-11-22 12:00"), grace=HOUR)


def test_a_session_whose_manifest_is_gone_is_shown_as_damaged(lake):
    lake.delete(Shelf(lake, "m", Cutoff.PRE_OPEN).manifest_path(FRIDAY))
    told = run_sentfeat("status", "--lake", lake.root)
    assert told.exit_code == BEHIND
    line = next(line for line in told.stdout.splitlines() if "damaged" in line)
    assert line.split() == ["│", "pre_open", "│", "2026-11-20", "│", "-", "│", "-", "│", "damaged", "│"]
    shelf = json.loads(run_sentfeat("status", "--lake", lake.root, "--json").stdout)["shelves"][1]
    assert (shelf["intact"], shelf["published_at"]) == (False, None)


def test_what_others_wrote_is_shown_as_it_is(lake):
    attempt(lake, "[video]", str(pd.Timestamp.now("America/New_York").tz_localize(None)), ok=False, reason="[/b] :x:")
    told = run_sentfeat("status", "--lake", lake.root)
    assert "[video]" in told.stdout
    assert "[/b] :x:" in told.stdout


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
