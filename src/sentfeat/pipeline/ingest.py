"""Sources to documents, links, coverage and quarantine."""

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from sentfeat.config import settings_hash
from sentfeat.errors import DataError, SourceError
from sentfeat.hashing import digest
from sentfeat.ingest.archive import Attempt, Tape
from sentfeat.ingest.source import Harvest, Source, Visit
from sentfeat.pipeline.coverage import gaps
from sentfeat.pipeline.harvests import Fresh, Held, files_since, only_fresh, store
from sentfeat.pipeline.project import Project
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import COVERAGE

logger = logging.getLogger(__name__)

CLOCK_STEP = pd.Timedelta(minutes=10)  # as far back as time services step a clock
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


class Errand(NamedTuple):
    """One reading of a source. span: of publication time. settings: hash of the source's configuration."""

    source: Source
    settings: str
    span: Window
    now: pd.Timestamp

    @property
    def shift(self) -> pd.Timedelta:
        """From publication to when an item counts as available, which coverage is noted in; a poll has no such wait."""
        return pd.Timedelta(0) if self.source.live else self.source.delay

    @property
    def attempt(self) -> Attempt:
        """Its record for the archive, without the answers."""
        after, until = (at.isoformat() for at in self.span)
        return Attempt(self.source.name, self.now.isoformat(), after, until, self.source.live)


class Outcome(NamedTuple):
    """What an errand came back with: a harvest and what is new in it, or an error; attempt_id: its key in coverage."""

    attempt_id: str
    harvest: Harvest | None = None
    fresh: Fresh | None = None
    error: str | None = None


def ingest_window(project: Project, span: Window, now: pd.Timestamp, *, poll: bool = True) -> list[SourceReport]:
    """Read every archive for what became available in `span` and, with `poll`, every live source; a report for each.

    A live source that can be read afterwards too is read so for the part of `span` before its first poll. A source
    that cannot be read is noted in coverage and the others go on. Raises SourceError if every configured source was
    asked and none could be read, DataError if the clock was set back.
    """
    now = _steady(project.lake, now)
    errands = [
        _errands(project.lake, source, settings_hash(settings), span, now, poll=poll)
        for source, settings in zip(project.sources, project.config.sources, strict=True)
    ]
    reports = [_ingest(project, errand) for of_source in errands for errand in of_source]
    if all(errands) and not any(report.ok for report in reports):
        raise SourceError("no source could be read: " + "; ".join(str(report.reason) for report in reports))
    return reports


def _steady(lake: Lake, now: pd.Timestamp) -> pd.Timestamp:
    """`now`, or the newest attempt's time if the clock was set back a little since then.

    A clock that is far behind would date what comes in into sessions that were built without it: DataError.
    """
    newest = lake.read(COVERAGE, columns=["attempted_at"], paths=files_since(lake, COVERAGE, now))["attempted_at"].max()
    if pd.isna(newest) or now >= newest:
        return now
    if newest - now > CLOCK_STEP:
        raise DataError(
            f"the clock was set back: {lake.location('')} was written at {newest:%Y-%m-%d %H:%M:%S} UTC, now it is "
            f"{now:%Y-%m-%d %H:%M:%S}; set the clock right (what it is wrong by would be wrong in every row)"
        )
    return newest


def _errands(lake: Lake, source: Source, settings: str, span: Window, now: pd.Timestamp, *, poll: bool) -> list[Errand]:
    """The readings of a source that an ingest of `span` asks for, in time order."""
    if not source.live:
        return [Errand(source, settings, _published(span, source), now)]
    past = source.past
    unread = _unread_past(lake, past, span, now) if past else []
    errands = [Errand(past, settings, _published(gap, past), now) for gap in unread if past]
    return errands + ([Errand(source, settings, _poll_window(lake, source, now), now)] if poll else [])


def _published(span: Window, source: Source) -> Window:
    return Window(span.after - source.delay, span.until - source.delay)


def _ingest(project: Project, errand: Errand) -> SourceReport:
    source = errand.source
    outcome = Outcome("")
    try:
        stamp = str(errand.now) if source.live else source.fingerprint()
        attempt_id = attempt_key(errand, project.universe.hash, stamp)
        if not source.live and _was_read(project.lake, source, attempt_id):
            return SourceReport(source.name)
    except SourceError as error:
        outcome = failed(errand, error)
    else:
        with project.archive.recording(errand.attempt) as tape:
            outcome = carry_out(errand, attempt_id, tape, Held.read(project.lake, source, errand.span))
    report = SourceReport(source.name, ok=False, reason=outcome.error)
    if outcome.harvest is not None and outcome.fresh is not None:
        links, rejected = store(project, source.name, [outcome.fresh], errand.now)
        report = SourceReport(
            source=source.name,
            items=outcome.fresh.items,
            documents=len(outcome.fresh.documents),
            links=links,
            repeats=outcome.fresh.repeats,
            rejected=rejected,
            reason=outcome.harvest.problem,
        )
    else:
        logger.warning("%s", outcome.error)
    project.lake.append(COVERAGE, pd.DataFrame([coverage_row(errand, outcome)]), f"date={errand.now.date()}")
    return report


def carry_out(errand: Errand, attempt_id: str, tape: Tape, held: Held) -> Outcome:
    """Read a source through a tape, and keep of it what is not held."""
    try:
        visit = Visit(tape, lambda: frozenset(held.filings), errand.now)
        harvest = errand.source.fetch(errand.span, visit)
    except SourceError as error:
        return failed(errand, error)
    return Outcome(attempt_id, harvest, only_fresh(harvest, errand.source, errand.now, held))


def failed(errand: Errand, error: SourceError) -> Outcome:
    """Nothing came; a failed attempt is another one each time."""
    key = digest(errand.source.name, "failed", str(errand.now), *map(str, errand.span))
    return Outcome(key, error=str(error))


def attempt_key(errand: Errand, universe_hash: str, stamp: str) -> str:
    """The key of a reading in coverage; of an archive it changes when the archive does."""
    return digest(errand.source.name, errand.settings, universe_hash, *map(str, errand.span), stamp)


def coverage_row(errand: Errand, outcome: Outcome) -> dict[str, object]:
    """A reading as a row of tables.COVERAGE."""
    harvest, fresh, shift = outcome.harvest, outcome.fresh, errand.shift
    covered = harvest.covered if harvest else None
    return {
        "source": errand.source.name,
        "attempt_id": outcome.attempt_id,
        "attempted_at": errand.now,
        "window_start": errand.span.after + shift,
        "window_end": errand.span.until + shift,
        "covered_start": covered and covered.after + shift,
        "covered_end": covered and covered.until + shift,
        "polled": errand.source.live,
        "ok": harvest is not None,
        "required": errand.source.required,
        "items": fresh.items if fresh else 0,
        "documents": len(fresh.documents) if fresh else 0,
        "reason": harvest.problem if harvest else outcome.error,
    }


def _poll_window(lake: Lake, source: Source, now: pd.Timestamp) -> Window:
    """Back to the last successful poll, and always by LIVE_REACH; what is held already is not stored again."""
    recent = files_since(lake, COVERAGE, now - LONGEST_OUTAGE)
    mine = (pc.field("source") == source.name) & pc.field("polled")
    last = lake.read(COVERAGE, columns=["covered_end"], where=mine, paths=recent)["covered_end"].max()
    reach = now - LIVE_REACH
    return Window(reach if pd.isna(last) else min(last, reach), now)


def _unread_past(lake: Lake, past: Source, span: Window, now: pd.Timestamp) -> list[Window]:
    """The parts of `span` (of availability) before the first poll that were not read yet."""
    columns = ["covered_start", "covered_end", "polled"]
    spans = lake.read(COVERAGE, columns=columns, where=pc.field("source") == past.name).dropna()
    first_poll = spans.loc[spans["polled"], "covered_start"].min()
    until = min(span.until, (now - LIVE_REACH if pd.isna(first_poll) else first_poll) + past.delay)
    read = spans[~spans["polled"]]
    covered = [Window(*pair) for pair in zip(read["covered_start"], read["covered_end"], strict=True)]
    return gaps(covered, Window(span.after, until)) if span.after < until else []


def _was_read(lake: Lake, source: Source, attempt_id: str) -> bool:
    same = (pc.field("source") == source.name) & (pc.field("attempt_id") == attempt_id)
    return not lake.read(COVERAGE, columns=["attempt_id"], where=same).empty
