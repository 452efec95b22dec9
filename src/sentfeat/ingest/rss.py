"""RSS and Atom feeds, polled live. feedparser reads the bytes that we fetched: it has no timeout of its own."""

from typing import Any

import feedparser
import lxml.html
import pandas as pd

from sentfeat.config import RssSource
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import canonical_url, payload, text_hash
from sentfeat.ingest.feed_dates import DateQuality, read_date
from sentfeat.ingest.feed_guard import MAX_BYTES, unfit
from sentfeat.ingest.http import Fetcher, Limits
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame, rejected_frame
from sentfeat.sessions import Window

HTML_TYPES = {"text/html", "application/xhtml+xml"}


class RssFeeds:
    """A list of feeds as one source; see config.RssSource.

    A feed that cannot be read leaves the source uncovered, the others still deliver. Feeds roll: a poll vouches for the
    time since the last one only if every feed reaches back to it.
    """

    live = True
    past = None

    def __init__(self, settings: RssSource, fetcher: Fetcher | None = None) -> None:
        self.name, self.required, self._feeds = settings.name, settings.required, settings.feeds
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._fetcher = fetcher or Fetcher(settings.name, limits=Limits(max_bytes=MAX_BYTES))

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if no feed could be read."""
        items, rejected, problems, reach = [], [], [], []
        for publisher, url in self._feeds.items():
            try:
                entries = parse_feed(self._read(url, visit), self.name, url)
            except SourceError as error:
                problems.append(str(error))
                continue
            read = [(entry, *read_entry(entry, publisher)) for entry in entries]
            good = [item for _, item, _ in read if item]
            rejected += [_rejected(entry, reason) for entry, item, reason in read if not item]
            items += [row for row in good if window.after < row["published_at"] <= window.until]
            reach.append(min((row["published_at"] for row in good), default=window.until))
        if not reach:
            raise SourceError("; ".join(problems) or f"source {self.name}: no feeds are configured")
        covered = Window(max(window.after, *reach), window.until) if not problems else None
        if covered is not None and covered.after >= covered.until:
            covered = None
        return Harvest(item_frame(distinct(items)), covered, rejected_frame(rejected), "; ".join(problems) or None)

    def _read(self, url: str, visit: Visit) -> bytes:
        return visit.tape.play(url, lambda: self._fetcher.get(url))


def parse_feed(body: bytes, name: str, url: str) -> list[Any]:
    """The entries of a feed. Raises SourceError for what is no feed, or would take too long to read."""
    if reason := unfit(body):
        raise SourceError(f"source {name}: {url} {reason}")
    parsed = feedparser.parse(body, sanitize_html=True, resolve_relative_uris=False)
    if not parsed.version and not parsed.entries:
        raise SourceError(f"source {name}: {url} is no RSS or Atom feed (it begins {body[:40]!r})")
    return parsed.entries


def read_entry(entry: Any, publisher: str) -> tuple[dict[str, Any] | None, str]:
    """An entry as an item, or None and the reason why it is none."""
    raw, parsed = _stamp(entry)
    published, quality = read_date(raw, parsed)
    title = plain_title(entry)
    if published is None or not title:
        return None, quality if published is None else "untitled"
    item = {
        "item_id": entry.get("id"),
        "publisher": publisher,
        "url": entry.get("link"),
        "title": title,
        "text": title,
        "published_at": published,
        "published_raw": raw,
        "date_only": quality is DateQuality.DATE_ONLY,
    }
    return item, quality


def plain_title(entry: Any) -> str:
    """The title without tags, its entities decoded once more only if the feed means it as HTML."""
    title = entry.get("title") or ""
    if entry.get("title_detail", {}).get("type") in HTML_TYPES and title.strip():
        title = lxml.html.fromstring(f"<div>{title}</div>").text_content()
    return " ".join(title.split())


def distinct(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each story once, as first published: the same text under one address or id, or on one day (UTC).

    A changed title under an old address is another item, and so is a recurring title on another day.
    """
    kept: list[dict[str, Any]] = []
    seen: set[tuple[Any, ...]] = set()
    for item in sorted(items, key=lambda item: item["published_at"]):
        text = text_hash(item["text"])
        own = (canonical_url(item["url"]), item["item_id"], item["published_at"].date())
        keys = {(text, kind, key) for kind, key in enumerate(own) if key}
        if not keys & seen:
            kept.append(item)
        seen |= keys
    return kept


def _stamp(entry: Any) -> tuple[str | None, Any]:
    kind = "published" if entry.get("published") else "updated"
    return entry.get(kind), entry.get(f"{kind}_parsed")


def _rejected(entry: Any, reason: str) -> dict[str, str]:
    detail = f"{entry.get('title') or entry.get('link')!s:.80} (date {_stamp(entry)[0]!r})"
    return {"reason": str(reason), "detail": detail, "payload": payload(dict(entry))}
