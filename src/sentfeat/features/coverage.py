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

    A polled source reaches up to an end if its last poll before it is not stale, or if it was read afterwards.
    """
    if staleness is None:
        return _stretch_begin(spans, ends)
    polled = spans["polled"].astype(bool)
    afterwards = _stretch_begin(spans[~polled], ends)
    polls = pd.DatetimeIndex(spans.loc[polled, "covered_end"].dropna().sort_values())
    if polls.empty:
        return afterwards
    last = polls[np.maximum(polls.searchsorted(ends, side="right") - 1, 0)]
    in_time = _stretch_begin(spans, last).where((last >= ends - staleness) & (last <= ends))
    return afterwards.where(afterwards.notna() & ~(in_time < afterwards), in_time)


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
