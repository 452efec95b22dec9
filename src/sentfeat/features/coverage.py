"""Which sessions a source was read for: the difference between no news and not having looked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class SessionCoverage:
    """Per session, each (sessions,): ok, every required source read for the whole window; share, of all sources."""

    ok: np.ndarray
    share: np.ndarray


def session_coverage(
    spans: pd.DataFrame, required: dict[str, bool], starts: pd.DatetimeIndex, ends: pd.DatetimeIndex
) -> SessionCoverage:
    """Coverage of the windows (starts, ends].

    spans: columns source, covered_start, covered_end (UTC), what each attempt accounts for. required: every configured
    source and whether a session needs it; where none is required, one that was read is enough.
    """
    read = {name: _contained(spans[spans["source"] == name], starts, ends) for name in required}
    share = np.mean(list(read.values()), axis=0)
    needed = [read[name] for name, is_required in required.items() if is_required]
    return SessionCoverage(np.all(needed, axis=0) if needed else share > 0, share)


def _contained(spans: pd.DataFrame, starts: pd.DatetimeIndex, ends: pd.DatetimeIndex) -> np.ndarray:
    """Whether each window lies in one unbroken stretch of the union of the spans."""
    spans = spans.dropna(subset=["covered_start", "covered_end"]).sort_values("covered_start")
    if spans.empty:
        return np.zeros(len(starts), dtype=bool)
    reach = spans["covered_end"].cummax()
    stretch = (spans["covered_start"] > reach.shift()).cumsum()
    merged = spans.assign(covered_end=reach).groupby(stretch).agg({"covered_start": "first", "covered_end": "last"})
    at = merged["covered_start"].searchsorted(starts, side="right") - 1
    return (at >= 0) & (ends <= pd.DatetimeIndex(merged["covered_end"])[np.maximum(at, 0)])
