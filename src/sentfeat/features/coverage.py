"""Which sessions a source was read for: the difference between no news and not having looked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Reading:
    """How a source is read. `staleness` is how long ago a polled one may have been read last; None for an archive."""

    required: bool
    staleness: pd.Timedelta | None = None


@dataclass(frozen=True)
class SessionCoverage:
    """Per session, each (sessions,): ok, every required source read for the whole window; share, of all sources."""

    ok: np.ndarray
    share: np.ndarray


def session_coverage(
    spans: pd.DataFrame, readings: Mapping[str, Reading], starts: pd.DatetimeIndex, ends: pd.DatetimeIndex
) -> SessionCoverage:
    """Coverage of the windows (starts, ends].

    spans: columns source, covered_start, covered_end (UTC), what each attempt accounts for. readings: every configured
    source; where none is required, one that was read is enough. What a poll brings is known from the poll on, so a
    polled source counts only up to its last poll before the window's end, and not at all if that one is stale: a row
    that was cut off during an outage stays blind, the one after it is not.
    """
    read = {
        name: _contained(spans[spans["source"] == name], starts, ends, reading.staleness)
        for name, reading in readings.items()
    }
    share = np.mean(list(read.values()), axis=0)
    needed = [read[name] for name, reading in readings.items() if reading.required]
    return SessionCoverage(np.all(needed, axis=0) if needed else share > 0, share)


def _contained(
    spans: pd.DataFrame, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex, staleness: pd.Timedelta | None
) -> np.ndarray:
    """Whether each window lies in one unbroken stretch of the union of the spans."""
    spans = spans.dropna(subset=["covered_start", "covered_end"]).sort_values("covered_start")
    if spans.empty:
        return np.zeros(len(starts), dtype=bool)
    reach = spans["covered_end"].cummax()
    stretch = (spans["covered_start"] > reach.shift()).cumsum()
    merged = spans.assign(covered_end=reach).groupby(stretch).agg({"covered_start": "first", "covered_end": "last"})
    at = merged["covered_start"].searchsorted(starts, side="right") - 1
    until = pd.DatetimeIndex(merged["covered_end"])[np.maximum(at, 0)]
    if staleness is None:
        return (at >= 0) & (ends <= until)
    polls = pd.DatetimeIndex(spans["covered_end"].sort_values())
    last = np.maximum(polls.searchsorted(ends, side="right") - 1, 0)
    return (at >= 0) & (polls[last] <= until) & (polls[last] >= ends - staleness) & (polls[last] <= ends)
