"""A night makes up for nights that never ran, and knows when there is nothing to do."""

import pandas as pd
import pytest

from sentfeat.pipeline import idle_reason, open_project, plan_night
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff, sessions_between
from tests.published import publish

NIGHTLY = """
lake = "lake"
[[sources]]
kind = "sample"
name = "sample"
"""


def new_york(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="America/New_York").tz_convert("UTC")


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "sample.toml"
    path.write_text(NIGHTLY)
    return open_project(path, ["operations.catch_up_sessions=5"])


def publish_all(project, days: list[str], cutoffs=tuple(Cutoff)) -> None:
    for cutoff in cutoffs:
        for day in pd.DatetimeIndex(days):
            publish(Shelf(project.lake, project.model, cutoff), day, new_york("2023-04-01 12:00"))


def planned(project, now: str) -> list[tuple[str, str, int]]:
    return [
        (str(plan.first.date()), str(plan.last.date()), len(plan.cutoffs))
        for plan in plan_night(project, None, new_york(now))
    ]


def test_a_first_night_builds_one_session_and_no_history(project):
    assert planned(project, "2023-03-13 22:05") == [("2023-03-14", "2023-03-14", 1)]


def test_nights_that_never_ran_are_made_up_for_run_by_run(project):
    """The 9th and the 13th are missing, the 10th stands and is not touched."""
    publish_all(project, ["2023-03-07", "2023-03-08", "2023-03-10"])
    assert planned(project, "2023-03-13 22:05") == [
        ("2023-03-09", "2023-03-09", 2),
        ("2023-03-13", "2023-03-13", 2),
        ("2023-03-14", "2023-03-14", 1),
    ]


def test_a_missing_cutoff_is_a_missing_session(project):
    publish_all(project, ["2023-03-09", "2023-03-10", "2023-03-13"], (Cutoff.EVENING,))
    publish_all(project, ["2023-03-09", "2023-03-13"], (Cutoff.PRE_OPEN,))
    (caught_up, _) = plan_night(project, None, new_york("2023-03-13 22:05"))
    assert (str(caught_up.first.date()), str(caught_up.last.date())) == ("2023-03-10", "2023-03-10")
    assert caught_up.cutoffs == (Cutoff.PRE_OPEN,), "what stands at the other cut-off is not built again"


def test_sessions_that_lack_different_cutoffs_are_made_up_for_apart(project):
    publish_all(project, ["2023-03-08", "2023-03-09", "2023-03-13"], (Cutoff.EVENING,))
    publish_all(project, ["2023-03-08", "2023-03-10", "2023-03-13"], (Cutoff.PRE_OPEN,))
    plans = plan_night(project, None, new_york("2023-03-13 22:05"))
    assert [(str(plan.first.date()), str(plan.last.date()), plan.cutoffs) for plan in plans] == [
        ("2023-03-09", "2023-03-09", (Cutoff.PRE_OPEN,)),
        ("2023-03-10", "2023-03-10", (Cutoff.EVENING,)),
        ("2023-03-14", "2023-03-14", (Cutoff.EVENING,)),
    ]


def test_a_cutoff_that_was_never_built_is_made_up_for_from_the_oldest_session_of_the_others(project):
    publish_all(project, ["2023-03-09", "2023-03-10", "2023-03-13"], (Cutoff.EVENING,))
    (caught_up, _) = plan_night(project, None, new_york("2023-03-13 22:05"))
    assert (str(caught_up.first.date()), str(caught_up.last.date())) == ("2023-03-09", "2023-03-13")
    assert caught_up.cutoffs == (Cutoff.PRE_OPEN,)


def test_a_file_without_its_manifest_is_a_missing_session(project):
    publish_all(project, [str(day.date()) for day in sessions_between("2023-03-07", "2023-03-13")])
    shelf = project.shelf(Cutoff.EVENING)
    project.lake.delete(shelf.manifest_path(pd.Timestamp("2023-03-09")))
    assert planned(project, "2023-03-13 22:05")[0] == ("2023-03-09", "2023-03-09", 1)


def test_what_lies_further_back_is_left_to_a_backfill(project):
    publish_all(project, ["2023-02-01"])
    assert planned(project, "2023-03-13 22:05")[0] == ("2023-03-07", "2023-03-13", 2)


def test_a_session_asked_for_is_the_only_one(project):
    publish_all(project, ["2023-03-07"])
    plans = plan_night(project, "2023-03-13", new_york("2023-03-13 22:05"))
    assert [str(plan.first.date()) for plan in plans] == ["2023-03-13"]


def test_on_a_holiday_there_is_nothing_to_do_if_all_stands(project):
    """Good Friday 2023-04-07: Monday's evening row was due on Thursday the 6th."""
    publish_all(project, [str(day.date()) for day in sessions_between("2023-03-29", "2023-04-06")])
    publish_all(project, ["2023-04-10"], (Cutoff.EVENING,))
    now = new_york("2023-04-07 22:05")
    reason = idle_reason(project, plan_night(project, None, now), now)
    assert reason == "2023-04-07 is no XNYS session and 2023-04-10 stands: nothing to do"
    project.lake.delete(project.shelf(Cutoff.EVENING).manifest_path(pd.Timestamp("2023-04-10")))
    assert idle_reason(project, plan_night(project, None, now), now) is None, "Thursday's night never ran"
    thursday = new_york("2023-04-06 22:05")
    assert idle_reason(project, plan_night(project, None, thursday), thursday) is None, "a trading day is no holiday"
