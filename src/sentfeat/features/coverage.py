"""Which sessions a source was read for: the difference between no news and not having looked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Reading:
    """How a source is read.

    staleness: how long ago a polled one may have been read last; None for an archive. filings: whether it is a source
    of SEC filings.
    """

    required: bool
    staleness: pd.Timedelta | None = None
    filings: bool = False


@dataclass(frozen=True)
class SessionCoverage:
    """Per session, each (sessions,): ok, every required source read for the whole window; share, of all sources."""

    ok: np.ndarray
    share: np.ndarray


def session_coverage(
    spans: pd.DataFrame, readings: Mapping[str, Reading], starts: pd.DatetimeIndex, ends: pd.DatetimeIndex
) -> SessionCoverage:
    """Coverage of the windows (starts, ends].

    spans: columns source, covered_start, covered_end (UTC), what each attempt accounts for, and whether it polled.
    readings: every configured source; where none is required, one that was read is enough. What a poll brings is known
    from the poll on, so a polled source counts only up to its last poll before the window's end, and not at all if that
    one is stale: a row that was cut off during an outage stays blind, the one after it is not. What was read afterwards
    instead counts like an archive.
    """
    read = {
        name: np.asarray(_held_since(spans[spans["source"] == name], ends, reading.staleness) <= starts)
        for name, reading in readings.items()
    }
    share = np.mean(list(read.values()), axis=0)
    needed = [read[name] for name, reading in readings.items() if reading.required]
    return SessionCoverage(np.all(needed, axis=0) if needed else share > 0, share)


def filings_read_since(
    spans: pd.DataFrame, readings: Mapping[str, Reading], ends: pd.DatetimeIndex
) -> pd.DatetimeIndex:
    """For each end, since when all sources of filings were read without a gap; NaT if one was not, or there is none."""
    since = [
        _held_since(spans[spans["source"] == name], ends, reading.staleness)
        for name, reading in readings.items()
        if reading.filings
    ]
    if not since:
        return pd.DatetimeIndex([pd.NaT] * len(ends), tz="UTC")
    return pd.DatetimeIndex(pd.concat([pd.Series(one) for one in since], axis=1).max(axis=1, skipna=False))


def _held_since(spans: pd.DataFrame, ends: pd.DatetimeIndex, staleness: pd.Timedelta | None) -> pd.DatetimeIndex:
    """The begin of the unbroken stretch of spans that reaches up to each end; NaT where none does.

    A polled source reaches up to an end if its last poll before it is not stale, or if it was read afterwards. Polls
    after the end fill no gap before it.
    """
    if staleness is None:
        return _stretch_begin(spans, ends)
    polled = spans["polled"].astype(bool)
    read_later = spans[~polled]
    afterwards = _stretch_begin(read_later, ends)
    polls = spans[polled].dropna(subset=["covered_start", "covered_end"]).sort_values("covered_end")
    if polls.empty:
        return afterwards
    poll_ends = pd.DatetimeIndex(polls["covered_end"])
    number = np.maximum(poll_ends.searchsorted(ends, side="right") - 1, 0)
    last = poll_ends[number]
    in_time = _begins_known(polls, read_later)[number].where((last >= ends - staleness) & (last <= ends))
    return afterwards.where(afterwards.notna() & ~(in_time < afterwards), in_time)


def _begins_known(polls: pd.DataFrame, read_later: pd.DataFrame) -> pd.DatetimeIndex:
    """For each of `polls`, in order of covered_end, the begin of the unbroken stretch up to its end, as the polls so
    far and the spans that were read afterwards make it."""
    starts = pd.DatetimeIndex(polls["covered_start"])
    joined = _stretch_begin(read_later, starts)
    starts = joined.where(joined.notna(), starts)
    begins: list[int] = []
    stretches: list[tuple[int, int]] = []  # begin and end, of the polls so far, apart from each other
    for begin, end in zip(_microseconds(starts), _microseconds(polls["covered_end"]), strict=True):
        while stretches and stretches[-1][1] >= begin:
            begin = min(begin, stretches.pop()[0])
        stretches.append((begin, end))
        begins.append(begin)
    return pd.DatetimeIndex(pd.to_datetime(begins, unit="us", utc=True))


def _microseconds(times: pd.Series | pd.DatetimeIndex) -> list[int]:
    """Plain numbers, which a loop over years of polls compares quickly."""
    return pd.DatetimeIndex(times).as_unit("us").asi8.tolist()


def _stretch_begin(spans: pd.DataFrame, at: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The begin of the stretch of the union of the spans that each time lies in; NaT for none."""
    spans = spans.dropna(subset=["covered_start", "covered_end"]).sort_values("covered_start")
    if spans.empty:
        return pd.DatetimeIndex([pd.NaT] * len(at), tz="UTC")
    reach = spans["covered_end"].cummax()
    stretch = (spans["covered_start"] > reach.shift()).cumsum()
    merged = spans.assign(covered_end=reach).groupby(stretch).agg({"covered_start": "first", "covered_end": "last"})
    number = merged["covered_start"].searchsorted(at, side="right") - 1
    inside = (number >= 0) & np.asarray(at <= pd.DatetimeIndex(merged["covered_end"])[np.maximum(number, 0)])
    return pd.DatetimeIndex(merged["covered_start"])[np.maximum(number, 0)].where(inside)
