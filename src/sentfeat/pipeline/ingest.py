"""Sources to documents, links, coverage and quarantine."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from sentfeat.config import settings_hash
from sentfeat.errors import SourceError
from sentfeat.hashing import digest
from sentfeat.ingest.archive import Attempt
from sentfeat.ingest.documents import CLOCK_TOLERANCE, split_usable, to_documents, to_quarantine
from sentfeat.ingest.link import link
from sentfeat.ingest.source import Harvest, Source, Visit
from sentfeat.pipeline.project import Project
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import COVERAGE, DOCUMENTS, LINKS, QUARANTINE, Table

logger = logging.getLogger(__name__)

LIVE_REACH = pd.Timedelta(days=2)  # how far back every poll looks: items are often listed hours after their stamp
LONGEST_OUTAGE = pd.Timedelta(days=30)  # a poll after a longer one starts anew


@dataclass(frozen=True)
class SourceReport:
    """What one source brought in one window. repeats: items whose text another document of that day has already.

    reason: why the source could not be read (not ok), or not wholly.
    """

    source: str
    ok: bool = True
    items: int = 0
    documents: int = 0
    links: int = 0
    repeats: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    reason: str | None = None


def ingest_window(project: Project, span: Window, now: pd.Timestamp, *, poll: bool = True) -> list[SourceReport]:
    """Read every archive for what became available in `span` and, with `poll`, every live source; one report each.

    A source that cannot be read is noted in coverage and the others go on. Raises SourceError if none could be read.
    """
    chosen = zip(project.sources, project.config.sources, strict=True)
    reports = [
        _ingest_source(project, source, settings_hash(settings), span, now)
        for source, settings in chosen
        if poll or not source.live
    ]
    if reports and not any(report.ok for report in reports):
        raise SourceError("no source could be read: " + "; ".join(str(report.reason) for report in reports))
    return reports


def _ingest_source(project: Project, source: Source, settings: str, span: Window, now: pd.Timestamp) -> SourceReport:
    lake = project.lake
    shift_by = pd.Timedelta(0) if source.live else source.delay
    asked = _poll_window(lake, source, now) if source.live else Window(span.after - shift_by, span.until - shift_by)
    attempt = {"source": source.name, "required": source.required, "attempted_at": now}
    attempt |= dict(zip(("window_start", "window_end"), asked if source.live else span, strict=True))
    try:
        stamp = str(now) if source.live else source.fingerprint()
        attempt["attempt_id"] = digest(source.name, settings, project.universe.hash, *map(str, asked), stamp)
        if _was_read(lake, source, attempt["attempt_id"]):
            return SourceReport(source.name)
        record = Attempt(source.name, now.isoformat(), asked.after.isoformat(), asked.until.isoformat(), source.live)
        with project.archive.recording(record) as tape:
            harvest = source.fetch(asked, Visit(tape, lambda: _held_filings(lake, source)))
    except SourceError as error:
        logger.warning("%s", error)
        attempt["attempt_id"] = digest(source.name, "failed", str(now), *map(str, asked))
        _note_attempt(lake, attempt, ok=False, reason=str(error))
        return SourceReport(source.name, ok=False, reason=str(error))
    report = _store_harvest(project, source, harvest, asked, now)
    covered = harvest.covered and Window(harvest.covered.after + shift_by, harvest.covered.until + shift_by)
    _note_attempt(lake, attempt, ok=True, reason=harvest.problem, covered=covered, report=report)
    return report


def _held_filings(lake: Lake, source: Source) -> frozenset[str]:
    """The accessions of which the lake has more than that they came."""
    whole = (pc.field("source") == source.name) & pc.field("kind").isin(("filing_section", "filing_item"))
    return frozenset(lake.read(DOCUMENTS, columns=["accession"], where=whole)["accession"])


def _poll_window(lake: Lake, source: Source, now: pd.Timestamp) -> Window:
    """Back to the last successful poll, and always by LIVE_REACH; what is held already is not stored again."""
    recent = _files_since(lake, COVERAGE, now - LONGEST_OUTAGE)
    mine = pc.field("source") == source.name
    last = lake.read(COVERAGE, columns=["covered_end"], where=mine, paths=recent)["covered_end"].max()
    reach = now - LIVE_REACH
    return Window(reach if pd.isna(last) else min(last, reach), now)


def _files_since(lake: Lake, table: Table, since: pd.Timestamp) -> list[str]:
    """The files of a table that is partitioned by UTC day, from a day on: a poll does not read years."""
    return [path for path in lake.files(table.name) if path.split("date=")[1][:10] >= str(since.date())]


def _was_read(lake: Lake, source: Source, attempt_id: str) -> bool:
    same = (pc.field("source") == source.name) & (pc.field("attempt_id") == attempt_id)
    return not source.live and not lake.read(COVERAGE, columns=["attempt_id"], where=same).empty


def _store_harvest(
    project: Project, source: Source, harvest: Harvest, asked: Window, now: pd.Timestamp
) -> SourceReport:
    """Links first, documents last: a document that is there has its links, also after a crash in between."""
    lake, partition = project.lake, f"ingest_date={now.date()}"
    usable, rejected = split_usable(harvest, now)
    documents = to_documents(usable, source, now)
    held = _held(lake, source, asked)
    fresh = documents[~documents["document_id"].isin(held["document_id"])]
    repeated = _is_repeat(fresh, held) if source.live else pd.Series(False, index=fresh.index)
    fresh = fresh[~repeated]
    linked = link(usable, fresh, project.universe)
    rejected = pd.concat([rejected, linked.rejected], ignore_index=True)
    quarantine(lake, rejected, source.name, now)
    lake.append(LINKS, linked.links, partition)
    lake.append(DOCUMENTS, fresh, partition)
    return SourceReport(
        source=source.name,
        items=len(harvest.items),
        documents=len(fresh),
        links=len(linked.links),
        repeats=int(repeated.sum()),
        rejected=dict(Counter(rejected["reason"])),
        reason=harvest.problem,
    )


def _held(lake: Lake, source: Source, asked: Window) -> pd.DataFrame:
    """The source's documents that `asked` may bring again; what a live one shows was seen after it was published."""
    paths = _files_since(lake, DOCUMENTS, asked.after - CLOCK_TOLERANCE) if source.live else None
    columns = ["document_id", "text_hash", "published_at"] if source.live else ["document_id"]
    return lake.read(DOCUMENTS, columns=columns, where=pc.field("source") == source.name, paths=paths)


def _is_repeat(fresh: pd.DataFrame, held: pd.DataFrame) -> pd.Series:
    """Headlines that the source brought before, published on the same day (UTC): another of its feeds has them too."""
    known = set(zip(held["text_hash"], held["published_at"].dt.date, strict=True))
    rows = zip(fresh["kind"], fresh["text_hash"], fresh["published_at"].dt.date, strict=True)
    repeats = [kind == "headline" and (text, day) in known for kind, text, day in rows]
    return pd.Series(repeats, index=fresh.index, dtype=bool)


def quarantine(lake: Lake, rejected: pd.DataFrame, source: str, now: pd.Timestamp) -> None:
    """Keep rejected rows, each once."""
    rows = to_quarantine(rejected, source, now)
    held = lake.read(QUARANTINE, columns=["row_hash"], where=pc.field("source") == source)["row_hash"]
    lake.append(QUARANTINE, rows[~rows["row_hash"].isin(held)], f"date={now.date()}")


def _note_attempt(
    lake: Lake,
    attempt: dict[str, Any],
    *,
    ok: bool,
    reason: str | None,
    covered: Window | None = None,
    report: SourceReport | None = None,
) -> None:
    row = {
        **attempt,
        "ok": ok,
        "reason": reason,
        "covered_start": covered and covered.after,
        "covered_end": covered and covered.until,
        "items": report.items if report else 0,
        "documents": report.documents if report else 0,
    }
    lake.append(COVERAGE, pd.DataFrame([row]), f"date={attempt['attempted_at'].date()}")
