"""Edges of time: each instant falls into the row that the timing rules say, at both cut-offs."""

import pandas as pd
import pytest

from sentfeat.errors import SessionError
from sentfeat.sessions import (
    Cutoff,
    as_day,
    as_utc,
    known_at,
    latest_known,
    require_session,
    session_of,
    tradable_at,
)

LAG = pd.Timedelta(minutes=15)


def row_of(new_york: str, cutoff: Cutoff) -> str:
    at = pd.Series([pd.Timestamp(new_york, tz="America/New_York").tz_convert("UTC")])
    return str(session_of(at, cutoff, LAG).iloc[0].date())


@pytest.mark.parametrize(
    ("new_york", "pre_open", "evening"),
    [
        # Thursday 2026-11-19: the pre-open cut-off is 09:15, the evening one 21:45 of the day before
        ("2026-11-19 09:14", "2026-11-19", "2026-11-20"),
        ("2026-11-19 09:15", "2026-11-19", "2026-11-20"),
        ("2026-11-19 09:15:00.000001", "2026-11-20", "2026-11-20"),
        ("2026-11-19 09:16", "2026-11-20", "2026-11-20"),
        ("2026-11-19 16:05", "2026-11-20", "2026-11-20"),
        ("2026-11-19 21:45", "2026-11-20", "2026-11-20"),
        ("2026-11-19 21:46", "2026-11-20", "2026-11-23"),
        # Saturday before a Monday holiday (Martin Luther King, 2026-01-19): Tuesday's pre-open row
        ("2026-01-17 12:00", "2026-01-20", "2026-01-21"),
        ("2026-01-16 21:45", "2026-01-20", "2026-01-20"),
        # Saturday before an ordinary Monday
        ("2026-11-14 12:00", "2026-11-16", "2026-11-17"),
        # the half day after Thanksgiving: the exchange closes at 13:00, the cut-offs stay where they are
        ("2026-11-27 09:15", "2026-11-27", "2026-11-30"),
        ("2026-11-27 13:30", "2026-11-30", "2026-11-30"),
        ("2026-11-25 22:00", "2026-11-27", "2026-11-30"),
        # clocks go forward on Sunday 2026-03-08 and back on Sunday 2026-11-01
        ("2026-03-06 09:15", "2026-03-06", "2026-03-09"),
        ("2026-03-08 03:30", "2026-03-09", "2026-03-10"),
        ("2026-03-09 09:15", "2026-03-09", "2026-03-10"),
        ("2026-03-09 09:16", "2026-03-10", "2026-03-10"),
        ("2026-11-02 09:15", "2026-11-02", "2026-11-03"),
        ("2026-11-02 09:16", "2026-11-03", "2026-11-03"),
    ],
)
def test_an_instant_belongs_to_the_first_session_that_can_trade_on_it(new_york, pre_open, evening):
    assert row_of(new_york, Cutoff.PRE_OPEN) == pre_open
    assert row_of(new_york, Cutoff.EVENING) == evening


def test_cutoffs_keep_new_york_time_across_both_clock_changes():
    sessions = pd.DatetimeIndex(["2026-03-06", "2026-03-09", "2026-10-30", "2026-11-02"])
    pre_open = known_at(sessions, Cutoff.PRE_OPEN, LAG).tz_convert("America/New_York")
    evening = known_at(sessions, Cutoff.EVENING, LAG).tz_convert("America/New_York")
    assert set(pre_open.strftime("%H:%M")) == {"09:15"}
    assert set(evening.strftime("%H:%M")) == {"21:45"}
    utc_hours = known_at(sessions, Cutoff.PRE_OPEN, LAG).strftime("%H:%M").tolist()
    assert utc_hours == ["14:15", "13:15", "13:15", "14:15"]


def test_no_row_knows_more_than_its_open():
    sessions = pd.date_range("2007-01-01", "2013-12-31", freq="B")
    sessions = sessions[[not _closed(day) for day in sessions]]
    for cutoff in Cutoff:
        assert (known_at(sessions, cutoff, LAG) < tradable_at(sessions)).all()


def _closed(day: pd.Timestamp) -> bool:
    try:
        require_session(day)
    except SessionError:
        return True
    return False


@pytest.mark.parametrize(
    ("day", "message"),
    [
        ("2026-11-26", "weekend or holiday.*2026-11-27"),
        ("2026-11-21", "weekend or holiday.*2026-11-23"),
        ("1980-01-02", "outside the calendar"),
        ("tomorrow-ish", "not a date"),
        ("", "'' is not a date; write it as YYYY-MM-DD"),
        ("nan", "not a date"),
        (pd.NaT, "not a date"),
        ("2024-01-02T00:00Z", "has a zone"),
        (pd.Timestamp("2024-01-02", tz="America/New_York"), "has a zone"),
    ],
)
def test_a_day_without_trading_is_refused_with_the_next_session(day, message):
    with pytest.raises(SessionError, match=message):
        require_session(day)


@pytest.mark.parametrize("nothing", ["", "nan", "NaT", pd.NaT, None, "soon"])
def test_what_is_no_time_is_refused_and_never_means_now(nothing):
    with pytest.raises(SessionError, match="not a time; write it as"):
        as_utc(nothing)
    with pytest.raises(SessionError, match="not a date; write it as"):
        as_day(nothing)


def test_the_newest_known_session_moves_at_the_cutoffs():
    def newest(new_york: str, cutoff: Cutoff) -> str:
        return str(latest_known(cutoff, LAG, pd.Timestamp(new_york, tz="America/New_York").tz_convert("UTC")).date())

    assert newest("2026-11-19 21:44", Cutoff.EVENING) == "2026-11-19"
    assert newest("2026-11-19 21:45", Cutoff.EVENING) == "2026-11-20"
    assert newest("2026-11-20 09:14", Cutoff.PRE_OPEN) == "2026-11-19"
    assert newest("2026-11-20 09:15", Cutoff.PRE_OPEN) == "2026-11-20"
