"""From what a source brought to rows of the lake: what is new, what it is about, what was turned away."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd
import pyarrow.compute as pc

from sentfeat.ingest.documents import CLOCK_TOLERANCE, split_usable, to_documents, to_quarantine
from sentfeat.ingest.link import link
from sentfeat.ingest.source import Harvest, Source
from sentfeat.pipeline.project import Project
from sentfeat.publish import day_of
from sentfeat.schema import Table
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import DOCUMENTS, LINKS, QUARANTINE

WHOLE_FILING = ("filing_section", "filing_item")
HELD_COLUMNS = ["document_id", "kind", "text_hash", "published_at", "accession"]


@dataclass
class Held:
    """What the lake has of a source. texts: (hash, UTC day) of headlines; filings: accessions that were read whole."""

    ids: set[str] = field(default_factory=set)
    texts: set[tuple[str, dt.date]] = field(default_factory=set)
    filings: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, lake: Lake, source: Source, asked: Window | None = None) -> "Held":
        """All of it, or, of a polled source, what `asked` may bring again: what it shows was seen after it was
        published."""
        since = asked.after - CLOCK_TOLERANCE if asked and source.live else None
        paths = None if since is None else files_since(lake, DOCUMENTS, since)
        held = cls()
        held.add(lake.read(DOCUMENTS, columns=HELD_COLUMNS, where=pc.field("source") == source.name, paths=paths))
        return held

    def add(self, documents: pd.DataFrame) -> None:
        """Remember documents."""
        self.ids.update(documents["document_id"])
        self.texts.update(_texts(documents[documents["kind"] == "headline"]))
        self.filings.update(documents.loc[documents["kind"].isin(WHOLE_FILING), "accession"])


@dataclass(frozen=True)
class Fresh:
    """What one reading brought that the lake has not: documents, and rejected rows.

    now: when. items: all that came. repeats: headlines whose text another document of that day has already.
    """

    documents: pd.DataFrame
    rejected: pd.DataFrame
    now: pd.Timestamp
    items: int
    repeats: int


def only_fresh(harvest: Harvest, source: Source, now: pd.Timestamp, held: Held) -> Fresh:
    """A harvest without what is held; `held` then has the rest too."""
    usable, rejected = split_usable(harvest, now)
    documents = to_documents(usable, source, now)
    known = [name in held.ids for name in documents["document_id"]]  # isin() would copy all ids for each reading
    documents = documents[~pd.Series(known, index=documents.index, dtype=bool)]
    repeated = _is_repeat(documents, held) if source.live else pd.Series(False, index=documents.index)
    documents = documents[~repeated]
    held.add(documents)
    return Fresh(documents, rejected, now, len(harvest.items), int(repeated.sum()))


def store(project: Project, source: str, found: Sequence[Fresh], now: pd.Timestamp) -> tuple[int, dict[str, int]]:
    """Write what was found on the UTC day of `now`: links first, documents last, so that a document that is there has
    its links, also after a crash in between. Returns the number of links, and rejected rows by reason."""
    lake, partition = project.lake, f"ingest_date={now.date()}"
    documents = pd.concat([one.documents for one in found], ignore_index=True)
    linked = link(documents, project.universe)
    turned_away = [(one.rejected, one.now) for one in found] + [(linked.rejected, now)]
    _quarantine_all(lake, turned_away, source)
    lake.append(LINKS, linked.links, partition)
    lake.append(DOCUMENTS, documents, partition)
    reasons = Counter(reason for rejected, _ in turned_away for reason in rejected["reason"])
    return len(linked.links), dict(reasons)


def quarantine(lake: Lake, rejected: pd.DataFrame, source: str, now: pd.Timestamp) -> None:
    """Keep rejected rows, each once."""
    _quarantine_all(lake, [(rejected, now)], source)


def _quarantine_all(lake: Lake, turned_away: Sequence[tuple[pd.DataFrame, pd.Timestamp]], source: str) -> None:
    """Keep the rows rejected at each time of one UTC day, each once and as first seen."""
    rows = [to_quarantine(rejected, source, at) for rejected, at in turned_away if not rejected.empty]
    if not rows:
        return
    found = pd.concat(rows, ignore_index=True).drop_duplicates("row_hash")
    held = lake.read(QUARANTINE, columns=["row_hash"], where=pc.field("source") == source)["row_hash"]
    lake.append(QUARANTINE, found[~found["row_hash"].isin(held)], f"date={turned_away[0][1].date()}")


def files_since(lake: Lake, table: Table, since: pd.Timestamp) -> list[str]:
    """The files of a table that is partitioned by UTC day, from a day on: a poll does not read years."""
    return [path for path in lake.files(table.name) if day_of(path) >= str(since.date())]


def _is_repeat(documents: pd.DataFrame, held: Held) -> pd.Series:
    """Headlines that the source brought before, published on the same day (UTC): another of its feeds has them too."""
    rows = zip(documents["kind"], _texts(documents), strict=True)
    repeats = [kind == "headline" and text in held.texts for kind, text in rows]
    return pd.Series(repeats, index=documents.index, dtype=bool)


def _texts(documents: pd.DataFrame) -> Iterable[tuple[str, dt.date]]:
    return zip(documents["text_hash"], documents["published_at"].dt.date, strict=True)
