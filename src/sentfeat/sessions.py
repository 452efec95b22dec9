"""Exchange time: which session may trade on what was available when.

A feature row belongs to the session it can be traded in. Two cut-offs say what such a row may know:

    evening    22:00 New York on the day of the session before, less the lag   (the nightly run)
    pre_open   the session's open, less the lag                                (a run before the open)

Its window is (known_at of the row before, known_at of this row]. The lag is applied here and nowhere else. Sessions
are naive midnights (`datetime64`), every other time is UTC.
"""

import datetime as dt
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import exchange_calendars
import numpy as np
import pandas as pd

from sentfeat.errors import SessionError

EXCHANGE = "XNYS"
NEW_YORK = "America/New_York"
EVENING_HOUR = 22
FIRST_DAY = "1990-01-01"


class Cutoff(StrEnum):
    """When a row stops listening."""

    EVENING = "evening"
    PRE_OPEN = "pre_open"


class Window(NamedTuple):
    """The half-open span (after, until] of UTC times."""

    after: pd.Timestamp
    until: pd.Timestamp


@lru_cache(maxsize=1)
def calendar() -> exchange_calendars.ExchangeCalendar:
    """The exchange calendar from 1990 to a year ahead."""
    return exchange_calendars.get_calendar(EXCHANGE, start=FIRST_DAY)


def sessions_between(start: dt.date | str, end: dt.date | str) -> pd.DatetimeIndex:
    """All sessions from `start` to `end`, both included."""
    days = calendar().sessions
    return days[(days >= as_day(start)) & (days <= as_day(end))]


def as_day(day: dt.date | str) -> pd.Timestamp:
    """`day` as a naive midnight. Raises SessionError if it is no date, or one with a zone."""
    stamp = _stamp(day, "a date; write it as YYYY-MM-DD")
    if stamp.tzinfo is not None:
        raise SessionError(f"{day!r} has a zone, which a day has not; write it as YYYY-MM-DD")
    return stamp.normalize()


def require_session(day: dt.date | str) -> pd.Timestamp:
    """`day` as a session. Raises SessionError for a holiday, a weekend, a day outside the calendar, or no date."""
    stamp, days = as_day(day), calendar().sessions
    if stamp in days:
        return stamp
    if not days[0] <= stamp <= days[-1]:
        raise SessionError(f"{stamp.date()} is outside the calendar ({days[0].date()} to {days[-1].date()})")
    following = days[days.searchsorted(stamp)].date()
    raise SessionError(f"{stamp.date()} is no {EXCHANGE} session (weekend or holiday); the next one is {following}")


def shift(session: pd.Timestamp, by: int) -> pd.Timestamp:
    """The session `by` sessions after (or, if negative, before) `session`, held inside the calendar."""
    days = calendar().sessions
    return days[int(np.clip(days.get_loc(session) + by, 0, len(days) - 1))]


def tradable_at(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The open of each session, UTC."""
    return pd.DatetimeIndex(calendar().opens.loc[sessions])


def closes(sessions: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The close of each session, UTC; half days close early."""
    return pd.DatetimeIndex(calendar().closes.loc[sessions])


def known_at(sessions: pd.DatetimeIndex, cutoff: Cutoff, lag: pd.Timedelta) -> pd.DatetimeIndex:
    """The last instant whose documents the row of each session may contain, UTC."""
    if cutoff == Cutoff.PRE_OPEN:
        return tradable_at(sessions) - lag
    days = calendar().sessions
    before = days[np.maximum(days.get_indexer(sessions) - 1, 0)]
    evenings = (before + pd.Timedelta(hours=EVENING_HOUR)).tz_localize(NEW_YORK)
    return evenings.tz_convert("UTC") - lag


@lru_cache(maxsize=8)
def _all_known_at(cutoff: Cutoff, lag: pd.Timedelta) -> pd.DatetimeIndex:
    return known_at(calendar().sessions, cutoff, lag)


def session_of(available_at: pd.Series, cutoff: Cutoff, lag: pd.Timedelta) -> pd.Series:
    """The first session whose row may contain a document available at that time.

    `available_at` is UTC and without nulls; the answer is a Series of sessions with the same index, NaT past the end
    of the calendar.
    """
    at = _all_known_at(cutoff, lag).searchsorted(pd.DatetimeIndex(available_at), side="left")
    days = np.append(calendar().sessions.to_numpy(), np.datetime64("NaT"))
    return pd.Series(days[np.minimum(at, len(days) - 1)], index=available_at.index)


def window(first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff, lag: pd.Timedelta) -> Window:
    """The span of `available_at` that the rows from `first` to `last` listen to."""
    edges = known_at(pd.DatetimeIndex([shift(first, -1), last]), cutoff, lag)
    return Window(edges[0], edges[1])


def latest_known(cutoff: Cutoff, lag: pd.Timedelta, now: pd.Timestamp) -> pd.Timestamp:
    """The newest session whose cut-off has passed at `now`."""
    return calendar().sessions[_all_known_at(cutoff, lag).searchsorted(now, side="right") - 1]


def as_utc(at: str | pd.Timestamp) -> pd.Timestamp:
    """`at` as a UTC time; without a zone it is UTC already. Raises SessionError if it is no time."""
    stamp = _stamp(at, "a time; write it as 2026-11-19T21:45Z")
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def _stamp(value: dt.date | str, wanted: str) -> pd.Timestamp:
    """`value` as a time. Raises SessionError if it is none or empty, which says what was `wanted`."""
    try:
        stamp = pd.Timestamp(value)
    except ValueError as error:
        raise SessionError(f"{value!r} is not {wanted}") from error
    if pd.isna(stamp):
        raise SessionError(f"{value!r} is not {wanted}")
    return stamp


def utc_now() -> pd.Timestamp:
    """The wall clock; the one place that reads it."""
    return pd.Timestamp.now("UTC").floor("us")
