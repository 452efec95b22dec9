"""What a source is: something that, asked for a span of publication time, hands over items.

A source neither stores, dates by its own clock, links nor drops: it returns what it found, what it could not use and
why, and which span it can vouch for. Everything after that is the same for all sources (documents.py, link.py).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from sentfeat.ingest.archive import Straight, Tape
from sentfeat.sessions import Window, utc_now

# One item a row. `tickers` is a tuple of the source's own tags, or None where it tags nothing; `published_at` is UTC
# and never null (an undated item is rejected); `date_only` marks a date without a clock.
ITEM_COLUMNS = (
    "item_id", "kind", "publisher", "url", "title", "text", "published_at", "published_raw", "published_basis",
    "date_only", "tickers", "cik", "form", "accession", "period", "amends", "prior_accession", "section",
    "section_verdict",
)  # fmt: skip
REJECTED_COLUMNS = ("reason", "detail", "payload")


@dataclass(frozen=True)
class Harvest:
    """What one fetch brought.

    items: ITEM_COLUMNS, published within the window asked for. rejected: REJECTED_COLUMNS, for the quarantine.
    covered: the part of the window that the source vouches for; None if it cannot vouch for any.
    problem: what went wrong although something came, else None.
    """

    items: pd.DataFrame
    covered: Window | None
    rejected: pd.DataFrame = field(default_factory=lambda: rejected_frame([]))
    problem: str | None = None


@dataclass(frozen=True)
class Visit:
    """What a source is told besides the span. tape: every answer from outside passes through it, so that it can be
    kept and played again. held: the accessions that are in the lake already and need not be read again. now: UTC."""

    tape: Tape = field(default_factory=Straight)
    held: Callable[[], frozenset[str]] = frozenset
    now: pd.Timestamp = field(default_factory=utc_now)


FIRST_VISIT = Visit()  # nothing is kept, nothing is held


class Source(Protocol):
    """A source of text. `live` sources are polled and graded A, the others are archives, graded B or C."""

    name: str
    required: bool
    live: bool
    delay: pd.Timedelta  # live: how often it is polled; an archive: from publication to when it counts as available

    @property
    def past(self) -> "Source | None":
        """Of a live source that can also be read afterwards: the archive that it then is, under the same name."""
        ...

    def fingerprint(self) -> str:
        """Something that changes when an archive does; what was read under the same one is not read again."""
        ...

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """Items published in (window.after, window.until]. Raises SourceError if nothing could be read."""
        ...


class PriceSource(Protocol):
    """A source of daily bars. A `live` one is asked for what is new only, an archive is compared whole each time."""

    name: str
    live: bool

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        """Bars of the universe's securities from session `first` to `last`, in Harvest.items with columns ticker,
        session (date), open, high, low, close, volume, price_basis, adjusted_asof_date, and fault where the source
        knows more than prices: why a bar is not to be trusted, else None. Raises SourceError."""
        ...


def item_frame(rows: Iterable[Mapping[str, Any]] | pd.DataFrame) -> pd.DataFrame:
    """Items with all ITEM_COLUMNS, absent ones filled with None (False for date_only, "headline" for kind)."""
    frame = pd.DataFrame(rows).reindex(columns=list(ITEM_COLUMNS)).astype(object)
    frame = frame.where(frame.notna(), None)
    frame["kind"] = frame["kind"].fillna("headline")
    frame["date_only"] = frame["date_only"].fillna(False).astype(bool)
    frame["published_at"] = pd.to_datetime(frame["published_at"], utc=True).astype("datetime64[us, UTC]")
    return frame


def rejected_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rejected rows with all REJECTED_COLUMNS."""
    return pd.DataFrame(rows, columns=list(REJECTED_COLUMNS)).astype(object)
