"""What was read for which session, and what is missing and why: the page behind coverage_ok.

A session's row listens to a window of time, and a source was read for it if the spans that its attempts account for
hold that window. The verdicts are those of sentfeat.features.coverage, asked of each source alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import pyarrow.compute as pc

from sentfeat.features.coverage import Reading, session_coverage
from sentfeat.ingest.source import Source
from sentfeat.pipeline.plan import RECENT
from sentfeat.pipeline.project import Project
from sentfeat.sessions import Cutoff, Window, latest_known, sessions_between, shift, window
from sentfeat.tables import COVERAGE, DOCUMENTS, QUARANTINE


@dataclass(frozen=True)
class Cell:
    """One source in one session. state: read, partly read or not read; for a session whose cut-off is still to come,
    so far. documents: available in the window. late: of these, published in an earlier session's window."""

    session: pd.Timestamp
    source: str
    required: bool
    state: str
    documents: int
    late: int
    why: str


@dataclass(frozen=True)
class SessionLine:
    """One session: coverage_ok as its feature rows have it, and the sources that were not read."""

    session: pd.Timestamp
    open: bool
    coverage_ok: bool
    missing: tuple[str, ...]

    def __str__(self) -> str:
        until = ", so far" if self.open else ""
        if not self.missing:
            return f"{self.session.date()}{until}: every source was read"
        return (
            f"{self.session.date()}{until}: degraded, without {', '.join(self.missing)}; "
            f"coverage_ok {str(self.coverage_ok).lower()}"
        )


@dataclass(frozen=True)
class CoverageReport:
    """cells and sessions in time order; quarantine: source, reason, rows and an example, of the same days."""

    cutoff: Cutoff
    cells: list[Cell]
    sessions: list[SessionLine]
    quarantine: pd.DataFrame


def reading(source: Source) -> Reading:
    """How the features judge a source: a polled one is stale after two polls (one each `delay`) that did not happen."""
    return Reading(source.required, 2 * source.delay if source.live else None)


def report_coverage(
    project: Project,
    now: pd.Timestamp,
    *,
    cutoff: Cutoff = Cutoff.PRE_OPEN,
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
) -> CoverageReport:
    """The sessions from `first` to `last`; by default the newest ones, with that which is still open for news."""
    lag = project.config.features.lag
    last = last or shift(latest_known(cutoff, lag, now), 1)
    sessions = sessions_between(first or shift(last, 1 - RECENT), last)
    windows = {session: window(session, session, cutoff, lag) for session in sessions}
    seen = {session: Window(w.after, min(w.until, now)) for session, w in windows.items() if w.after < now}
    span = Window(min(w.after for w in seen.values()), max(w.until for w in seen.values()))
    attempts, documents = project.lake.read(COVERAGE), _documents(project, span)
    cells = [
        _cell(source, session, w, attempts, documents) for session, w in seen.items() for source in project.sources
    ]
    lines = []
    for session, w in seen.items():
        ok = _is_read(project.sources, w, attempts)
        missing = tuple(cell.source for cell in cells if cell.session == session and cell.state != "read")
        lines.append(SessionLine(session, w.until < windows[session].until, ok, missing))
    return CoverageReport(cutoff, cells, lines, _quarantined(project, span))


def _is_read(sources: Iterable[Source], w: Window, attempts: pd.DataFrame) -> bool:
    """coverage_ok of a session that listens to `w`, were these the sources."""
    readings = {source.name: reading(source) for source in sources}
    ends = pd.DatetimeIndex([w.after]), pd.DatetimeIndex([w.until])
    return bool(session_coverage(attempts[attempts["ok"]], readings, *ends).ok[0])


def _cell(source: Source, session: pd.Timestamp, w: Window, attempts: pd.DataFrame, documents: pd.DataFrame) -> Cell:
    attempts = attempts[attempts["source"] == source.name]
    by_then = attempts[(attempts["covered_end"] <= w.until) | ~attempts["polled"]] if source.live else attempts
    holes = gaps(_spans(by_then[by_then["ok"]]), w)
    read = _is_read([source], w, attempts)
    at = documents["available_at"]
    inside = documents[(documents["source"] == source.name) & (at > w.after) & (at <= w.until)]
    return Cell(
        session=session,
        source=source.name,
        required=source.required,
        state="read" if read else "not read" if holes == [w] else "partly read",
        documents=len(inside),
        late=int((inside["published_at"] + source.delay <= w.after).sum()),
        why="" if read else _why(source, holes, attempts),
    )


def gaps(spans: Iterable[Window], w: Window) -> list[Window]:
    """The parts of `w` that no span holds, in time order."""
    found, reached = [], w.after
    for span in sorted(spans):
        if span.after > reached:
            found.append(Window(reached, min(span.after, w.until)))
        reached = max(reached, span.until)
        if reached >= w.until:
            break
    else:
        found.append(Window(reached, w.until))
    return [gap for gap in found if gap.after < gap.until]


def _why(source: Source, holes: list[Window], attempts: pd.DataFrame) -> str:
    """The largest gap and what the attempts in it ran into."""
    gap = max(holes, key=lambda hole: hole.until - hole.after)
    others = f" and {len(holes) - 1} shorter ones" if len(holes) > 1 else ""
    return f"{gap.after:%m-%d %H:%M} to {gap.until:%m-%d %H:%M} UTC{others}: {_cause(source, gap, attempts)}"


def _cause(source: Source, gap: Window, attempts: pd.DataFrame) -> str:
    if source.live:
        tried = attempts[attempts["attempted_at"].between(gap.after, gap.until)]
    else:
        tried = attempts[(attempts["window_start"] < gap.until) & (attempts["window_end"] > gap.after)]
    troubled = tried[tried["reason"].notna()].sort_values("attempted_at")
    if len(troubled):
        times = f" ({len(troubled)} times)" if len(troubled) > 1 else ""
        return f"{troubled['reason'].iloc[-1]}{times}"
    if not source.live:
        return "not ingested yet" if tried.empty else "outside what the archive vouches for"
    rolled = (attempts["covered_start"] == gap.until).any()
    return "when asked again, it no longer showed what came then" if rolled else "nobody asked"


def _spans(attempts: pd.DataFrame) -> list[Window]:
    known = attempts.dropna(subset=["covered_start", "covered_end"])
    return [Window(*pair) for pair in zip(known["covered_start"], known["covered_end"], strict=True)]


def _documents(project: Project, span: Window) -> pd.DataFrame:
    inside = (pc.field("available_at") > span.after) & (pc.field("available_at") <= span.until)
    return project.lake.read(DOCUMENTS, columns=["source", "published_at", "available_at"], where=inside)


def _quarantined(project: Project, span: Window) -> pd.DataFrame:
    rows = project.lake.read(QUARANTINE, columns=["source", "reason", "detail", "seen_at"])
    rows = rows[rows["seen_at"] > span.after]
    groups = rows.groupby(["source", "reason"], as_index=False)
    return groups.agg(rows=("detail", "size"), example=("detail", "first")).sort_values("rows", ascending=False)
