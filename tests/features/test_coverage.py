"""No news is told from not having looked: windows against what was read, hand-checkable."""

import numpy as np
import pandas as pd
import pytest

from sentfeat.features.coverage import Reading, session_coverage

STARTS = pd.DatetimeIndex(["2026-03-02 14:15", "2026-03-03 14:15", "2026-03-04 14:15"], tz="UTC")
ENDS = STARTS + pd.Timedelta(days=1)
HALF_HOUR = pd.Timedelta(minutes=30)


def coverage(readings, *spans: tuple[str, str, str], polled: bool | list[bool] = True):
    frame = pd.DataFrame(spans, columns=["source", "covered_start", "covered_end"])
    for name in ("covered_start", "covered_end"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return session_coverage(frame.assign(polled=polled), readings, STARTS, ENDS)


ARCHIVE, POLLED = Reading(required=True), Reading(required=True, staleness=HALF_HOUR)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([("2026-03-02", "2026-03-06")], [True, True, True]),
        ([("2026-03-02", "2026-03-04 10:00"), ("2026-03-04 10:00", "2026-03-06")], [True, True, True]),
        ([("2026-03-02", "2026-03-04 10:00"), ("2026-03-04 10:01", "2026-03-06")], [True, False, True]),
        ([("2026-03-02 14:16", "2026-03-06")], [False, True, True]),
        ([("2026-03-02", "2026-03-05 14:14")], [True, True, False]),
        ([], [False, False, False]),
    ],
)
def test_an_archive_covers_what_lies_inside_it_without_a_gap(spans, expected):
    assert coverage({"a": ARCHIVE}, *[("a", *span) for span in spans]).ok.tolist() == expected


def test_a_window_that_ends_in_an_outage_is_blind_and_the_next_is_not():
    """Polls to 08:00 on the 3rd, then an outage over the cut-off; one poll at 20:00 finds everything since."""
    spans = [("a", "2026-03-02 14:00", "2026-03-03 08:00"), ("a", "2026-03-03 08:00", "2026-03-03 20:00")]
    spans += [("a", "2026-03-03 20:00", "2026-03-04 14:10"), ("a", "2026-03-04 14:10", "2026-03-05 14:20")]
    assert coverage({"a": POLLED}, *spans).ok.tolist() == [False, True, False]


def test_a_poll_after_the_cutoff_proves_nothing_about_the_row():
    spans = [("a", "2026-02-28", "2026-03-03 14:16"), ("a", "2026-03-03 14:16", "2026-03-04 14:16")]
    assert coverage({"a": POLLED}, *spans).ok.tolist() == [False, False, False]


def test_a_poll_after_the_cutoff_fills_no_gap_before_it():
    """Unread from 13:00 to 13:30 when the row of 14:15 was cut off; at 14:30 a poll still found what came in then."""
    known = [("a", "2026-03-01", "2026-03-03 13:00"), ("a", "2026-03-03 13:30", "2026-03-03 14:00")]
    later = [("a", "2026-03-03 12:00", "2026-03-03 14:30"), ("a", "2026-03-03 14:30", "2026-03-04 14:10")]
    assert coverage({"a": POLLED}, *known).ok.tolist() == [False, False, False]
    assert coverage({"a": POLLED}, *known, *later).ok.tolist() == [False, True, False]


def test_each_row_has_the_coverage_that_was_known_at_its_cutoff():
    """Polls and later readings at random: the same with every poll after the cut-off taken away."""
    rng = np.random.default_rng(0)
    ok = []
    for _ in range(60):
        ends = np.sort(rng.integers(1, 100, 25))
        hours = pd.DataFrame({"covered_start": np.maximum(ends - rng.integers(1, 12, 25), 0), "covered_end": ends})
        spans = (pd.Timestamp("2026-03-01 12:15", tz="UTC") + hours.apply(pd.to_timedelta, unit="h")).assign(source="a")
        spans["polled"] = rng.random(25) < 0.8
        readings = {"a": Reading(required=True, staleness=6 * HALF_HOUR)}
        found = session_coverage(spans, readings, STARTS, ENDS).ok
        for at, end in enumerate(ENDS):
            then = spans[~spans["polled"] | (spans["covered_end"] <= end)]
            assert found[at] == session_coverage(then, readings, STARTS, ENDS).ok[at]
            assert found[at] == read_without_a_gap(then, STARTS[at], end, 6 * HALF_HOUR)
        ok += found.tolist()
    assert 20 < sum(ok) < len(ok) - 20


def read_without_a_gap(spans: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp, staleness: pd.Timedelta) -> bool:
    """Hour by hour: the window up to the last poll, if that is not stale, or up to its end without any poll."""

    def whole(spans, until):
        hours = pd.date_range(start, until, freq="30min")[1::2]
        return all(((spans["covered_start"] < hour) & (hour < spans["covered_end"])).any() for hour in hours)

    polls = spans.loc[spans["polled"], "covered_end"]
    in_time = len(polls) > 0 and polls.max() >= end - staleness
    return (in_time and whole(spans, polls.max())) or whole(spans[~spans["polled"]], end)


def test_only_required_sources_decide_and_all_are_counted():
    readings = {"a": ARCHIVE, "b": Reading(required=False)}
    found = coverage(readings, ("a", "2026-03-02", "2026-03-04"), ("b", "2026-03-03 14:15", "2026-03-05"))
    assert found.ok.tolist() == [True, False, False]
    assert found.share.tolist() == [0.5, 0.5, 0.0]
    optional = {"a": Reading(required=False), "b": Reading(required=False)}
    assert coverage(optional, ("a", "2026-03-02", "2026-03-04")).ok.tolist() == [True, False, False]


def test_a_polled_source_that_was_read_afterwards_covers_what_lies_inside_it():
    past, poll = ("a", "2026-03-02", "2026-03-04"), ("a", "2026-03-04", "2026-03-05 14:10")
    assert coverage({"a": POLLED}, past, polled=[False]).ok.tolist() == [True, False, False]
    assert coverage({"a": POLLED}, past, poll, polled=[False, True]).ok.tolist() == [True, False, True]
    assert coverage({"a": POLLED}, past, ("a", "2026-03-04", "2026-03-04 14:15"), polled=[False, True]).ok.tolist() == [
        True, True, False,
    ]  # fmt: skip
