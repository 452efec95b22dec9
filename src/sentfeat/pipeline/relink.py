"""The links of a lake after its universe or its aliases changed.

A universe is versioned by its hash, which every link carries. Linking again adds rows where the new universe says
something else, a month of documents at a time: pairs that it no longer makes are marked as withdrawn. No row is
rewritten, and no published session changes by it: the next build of one sees other inputs and keeps what was published
under superseded/.
"""

from collections import Counter
from dataclasses import dataclass, field

import pandas as pd
import pyarrow.compute as pc

from sentfeat.ingest.link import WITHDRAWN, link, newest_links
from sentfeat.pipeline.harvests import quarantine
from sentfeat.pipeline.project import Project
from sentfeat.sessions import session_of
from sentfeat.tables import DOCUMENTS, LINKS

SAYS = ["ticker", "entity", "relevance", "method"]
PAIR = ["document_id", "security_id"]
NEEDED = ["document_id", "source", "title", "tags", "cik", "available_at", "first_seen_at"]


@dataclass(frozen=True)
class RelinkReport:
    """What linking again changed: pairs of document and security by symbol, and the published sessions they touch."""

    universe: str
    documents: int = 0
    added: Counter[str] = field(default_factory=Counter)
    withdrawn: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    published: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people: what changed, and what to do about the sessions that stand."""
        found = [f"{self.documents:,} documents were linked with universe {self.universe}"]
        for what in ("added", "withdrawn", "changed"):
            counts: Counter[str] = getattr(self, what)
            most = ", ".join(f"{ticker} {count}" for ticker, count in counts.most_common(8))
            found.append(f"{what}: {counts.total():,} links" + (f" ({most})" if most else ""))
        if self.published:
            found.append(
                f"{len(self.published)} published sessions listen to these documents, from {self.published[0]} to "
                f"{self.published[-1]}; they stand as they are until they are built again, and are then kept"
            )
        return found


def relink(project: Project, now: pd.Timestamp) -> RelinkReport:
    """Link every document of the lake with the present universe and store what differs."""
    lake, partition = project.lake, f"ingest_date={now.date()}"
    times = lake.read(DOCUMENTS, columns=["available_at"])["available_at"]
    added, withdrawn, changed = Counter[str](), Counter[str](), Counter[str]()
    touched: set[pd.Timestamp] = set()
    months = times.dt.tz_localize(None).dt.to_period("M").drop_duplicates().sort_values()
    for month in months:
        inside = _inside(month)
        documents = lake.read(DOCUMENTS, columns=NEEDED, where=inside).drop_duplicates("document_id")
        linked = link(documents, project.universe, now)
        held = newest_links(lake.read(LINKS, where=inside))
        both = held[held["method"] != WITHDRAWN].merge(linked.links, on=PAIR, how="outer", suffixes=("_held", ""))
        new, gone = both["method_held"].isna(), both["method"].isna()
        other = ~new & ~gone & (both[SAYS].to_numpy() != both[[f"{name}_held" for name in SAYS]].to_numpy()).any(axis=1)
        added.update(both.loc[new, "ticker"])
        withdrawn.update(both.loc[gone, "ticker_held"])
        changed.update(both.loc[other, "ticker"])
        rows = pd.concat([both.loc[new | other, LINKS.names], _withdraw(both[gone], project.universe.hash, now)])
        lake.append(LINKS, rows, partition)
        quarantine(lake, linked.rejected, "relink", now)
        touched.update(rows["available_at"])
    return RelinkReport(
        project.universe.hash, len(times), added, withdrawn, changed, _published(project, pd.Series(sorted(touched)))
    )


def _inside(month: pd.Period) -> pc.Expression:
    start, end = (pd.Timestamp(edge, tz="UTC") for edge in (month.start_time, (month + 1).start_time))
    return (pc.field("available_at") >= start) & (pc.field("available_at") < end)


def _withdraw(gone: pd.DataFrame, universe_hash: str, now: pd.Timestamp) -> pd.DataFrame:
    rows = gone[PAIR].copy()
    for name in ("ticker", "entity", "available_at"):
        rows[name] = gone[f"{name}_held"]
    return rows.assign(relevance=0.0, method=WITHDRAWN, universe_hash=universe_hash, linked_at=now)[LINKS.names]


def _published(project: Project, times: pd.Series) -> tuple[str, ...]:
    """The published sessions whose windows hold one of these times, at any cut-off."""
    settings, found = project.config.features, set()
    for cutoff in settings.cutoffs if len(times) else ():
        standing = set(project.shelf(cutoff).sessions())
        found |= {str(day.date()) for day in session_of(times, cutoff, settings.lag) if day in standing}
    return tuple(sorted(found))
