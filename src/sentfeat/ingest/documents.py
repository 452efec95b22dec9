"""Items to documents: identity, the three times, and what is turned away.

The grade follows the way an item came in, not its lag:

    A  polled live                 available_at = max(published_at, first_seen_at)
    B  backfilled or replayed      available_at = published_at + the source's delay
    C  a date without a clock      available_at = 23:59:59 New York of that date, polled live not before first_seen_at
"""

import json
import unicodedata
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pandas as pd

from sentfeat.hashing import digest
from sentfeat.ingest.plain import without_active_characters
from sentfeat.ingest.source import Harvest, Source, rejected_frame
from sentfeat.sessions import NEW_YORK
from sentfeat.tables import DOCUMENTS, QUARANTINE

TRACKING = ("utm_", "fbclid", "gclid", "mc_cid", "mc_eid", "guccounter", "guce_")
TAG_SEPARATOR = "|"
MAX_CHARACTERS = 2_000_000
CLOCK_TOLERANCE = pd.Timedelta(minutes=5)


def split_usable(harvest: Harvest, seen_at: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The items that can become documents, and all rejected rows (the source's own and those found here)."""
    items = harvest.items.assign(**{name: _readable(harvest.items[name]) for name in ("title", "text", "publisher")})
    reasons = pd.Series(None, index=items.index, dtype=object)
    text = items["text"].fillna("").astype(str)
    reasons[text.str.len() > MAX_CHARACTERS] = "oversize_text"
    unread = items["section_verdict"].notna() & (items["section_verdict"] != "ok")  # a row that says what is missing
    reasons[(text.str.strip() == "") & ~unread] = "empty_text"
    reasons[items["published_at"] > seen_at + CLOCK_TOLERANCE] = "published_in_future"
    reasons[items["published_at"].isna()] = "undated"
    bad = reasons.notna()
    found = [
        {"reason": reasons[at], "detail": f"title {str(row['title'])[:80]!r}", "payload": payload(row)}
        for at, row in zip(items.index[bad], items[bad].to_dict("records"), strict=True)
    ]
    rejected = pd.concat([harvest.rejected, rejected_frame(found)], ignore_index=True) if found else harvest.rejected
    return items[~bad], rejected


def to_documents(items: pd.DataFrame, source: Source, seen_at: pd.Timestamp) -> pd.DataFrame:
    """Usable items as rows of tables.DOCUMENTS, each document once (the earliest), in the items' index."""
    frame = items.drop(columns=["item_id", "date_only", "tickers"])
    frame["source"] = source.name
    frame["url"] = [canonical_url(url) for url in items["url"]]
    frame["text_hash"] = [text_hash(text) for text in items["text"]]
    frame["document_id"] = [
        _document_id(source.name, url, row) for url, row in zip(frame["url"], _identity(items), strict=True)
    ]
    frame["tags"] = [None if tags is None else TAG_SEPARATOR.join(tags) for tags in items["tickers"]]
    frame["first_seen_at"] = seen_at
    frame["available_at"], frame["pit_grade"] = availability(items, source, seen_at)
    frame = frame.sort_values(["available_at", "document_id"], kind="stable").drop_duplicates("document_id")
    return frame[DOCUMENTS.names]


def _readable(texts: pd.Series) -> pd.Series:
    """Texts of any source without the characters that only act; null stays."""
    return texts.map(lambda text: without_active_characters(str(text)), na_action="ignore").astype(object)


def availability(items: pd.DataFrame, source: Source, seen_at: pd.Timestamp) -> tuple[pd.Series, pd.Series]:
    """When each item may be known, and its grade."""
    published = items["published_at"]
    available = published.clip(lower=seen_at) if source.live else published + source.delay
    grade = pd.Series("A" if source.live else "B", index=items.index)
    dated = items["date_only"]
    day_end = published.dt.tz_convert(NEW_YORK).dt.normalize() + pd.DateOffset(days=1) - pd.Timedelta(seconds=1)
    day_end = day_end.dt.tz_convert("UTC")
    return available.mask(dated, day_end.clip(lower=seen_at) if source.live else day_end), grade.mask(dated, "C")


def to_quarantine(rejected: pd.DataFrame, source: str, seen_at: pd.Timestamp) -> pd.DataFrame:
    """Rejected rows as rows of tables.QUARANTINE, each once."""
    frame = rejected.assign(source=source, seen_at=seen_at)
    parts = zip(frame["reason"], frame["payload"], strict=True)
    frame["row_hash"] = [digest(source, reason, text) for reason, text in parts]
    return frame.drop_duplicates("row_hash")[QUARANTINE.names]


def normalise_text(text: str) -> str:
    """The form in which two texts are the same text: NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_hash(text: str) -> str:
    """Hash of the normalised text, the key of its scores."""
    return digest(normalise_text(text))


def payload(row: Any) -> str:
    """A raw row as JSON, whatever it holds."""
    return json.dumps(row, default=str, sort_keys=True, ensure_ascii=False)


def canonical_url(url: str | None) -> str | None:
    """The address without fragment, tracking parameters and upper-case host; None for what is no address."""
    try:
        parts = urlsplit(url.strip()) if url else None
    except ValueError:  # such as http://[broken
        return None
    if parts is None:
        return None
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not k.lower().startswith(TRACKING)]
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path, urlencode(query), ""))


def _identity(items: pd.DataFrame) -> list[dict[str, Any]]:
    return items[["item_id", "kind", "accession", "section", "published_at", "title", "text"]].to_dict("records")


def _document_id(source: str, url: str | None, row: dict[str, Any]) -> str:
    """A filing is its accession, by whichever address it came, and an 8-K's item may be one passage: the kind counts.

    An item without any id of its own is told apart by its time: recurring titles are separate items.
    """
    filed = row["accession"] and f"{row['accession']} {row['kind']}"
    own = filed or url or row["item_id"] or row["published_at"].isoformat()
    return digest(source, own, row["section"] or "", row["title"] or "", row["text"])
