"""The tables again from the raw archive, without a network: the same documents, first seen and available as they were.

Every recorded reading is carried out once more in the order of then, with the answers of then. A day's documents are
written together, so that a rebuilt lake has fewer files than one that was polled.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import pandas as pd

from sentfeat.config import settings_hash
from sentfeat.errors import DataError
from sentfeat.ingest.archive import Attempt, RawArchive
from sentfeat.ingest.source import Source
from sentfeat.pipeline.harvests import Held, store
from sentfeat.pipeline.ingest import Errand, Outcome, SourceReport, attempt_key, carry_out, coverage_row
from sentfeat.pipeline.project import Project
from sentfeat.sessions import Window
from sentfeat.tables import COVERAGE


def replay(
    project: Project, archive: RawArchive, progress: Callable[[int], None] = lambda _: None
) -> list[SourceReport]:
    """Bring what `archive` has of the project's sources into its lake; what the lake holds already stays as it is.

    progress: told the number of readings done. Raises DataError if the archive has nothing of any source.
    """
    reports = []
    for source, settings in zip(project.sources, project.config.sources, strict=True):
        attempts = archive.attempts(source.name)
        done = list(
            _replay_source(project, archive, source, _errands(attempts, source, settings_hash(settings)), progress)
        )
        reports += [_summed(source.name, done)] if done else []
    if not reports:
        names = ", ".join(source.name for source in project.sources)
        raise DataError(f"the archive has nothing of {names}; only what was read from the web is in it")
    return reports


def _errands(attempts: Iterable[Attempt], source: Source, settings: str) -> Iterator[tuple[Errand, Attempt]]:
    for attempt in attempts:
        reader = source if attempt.polled or source.past is None else source.past
        span = Window(pd.Timestamp(attempt.after), pd.Timestamp(attempt.until))
        yield Errand(reader, settings, span, attempt.now), attempt


def _replay_source(
    project: Project,
    archive: RawArchive,
    source: Source,
    errands: Iterable[tuple[Errand, Attempt]],
    progress: Callable[[int], None],
) -> Iterator[SourceReport]:
    """A report for each day."""
    held = Held.read(project.lake, source)
    for day, pairs in groupby(errands, key=lambda pair: pair[0].now.date()):
        outcomes = []
        for errand, attempt in pairs:
            stamp = str(errand.now) if errand.source.live else errand.source.fingerprint()
            key = attempt_key(errand, project.universe.hash, stamp)
            outcomes.append((errand, carry_out(errand, key, archive.replaying(attempt), held)))
            progress(1)
        yield _store_day(project, source.name, outcomes, f"date={day}")


def _store_day(project: Project, source: str, outcomes: list[tuple[Errand, Outcome]], partition: str) -> SourceReport:
    found = [outcome.fresh for _, outcome in outcomes if outcome.fresh]
    links, rejected = store(project, source, found, outcomes[0][0].now) if found else (0, {})
    rows = pd.DataFrame([coverage_row(*pair) for pair in outcomes]).drop_duplicates("attempt_id")
    project.lake.append(COVERAGE, rows, partition)
    return SourceReport(
        source=source,
        ok=bool(found),
        items=sum(one.items for one in found),
        documents=sum(len(one.documents) for one in found),
        links=links,
        repeats=sum(one.repeats for one in found),
        rejected=rejected,
        reason=next((outcome.error for _, outcome in outcomes if outcome.error), None),
    )


def _summed(source: str, days: list[SourceReport]) -> SourceReport:
    rejected = pd.DataFrame([day.rejected for day in days]).sum().astype(int).to_dict()
    counts = {name: sum(getattr(day, name) for day in days) for name in ("items", "documents", "links", "repeats")}
    return SourceReport(
        source=source,
        ok=any(day.ok for day in days),
        rejected={str(reason): int(n) for reason, n in rejected.items()},
        reason=next((day.reason for day in days if day.reason), None),
        **counts,
    )
