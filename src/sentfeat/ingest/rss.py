"""RSS and Atom feeds, polled live. feedparser reads the bytes that we fetched: it has no timeout of its own."""

import calendar
from typing import Any

import feedparser
import pandas as pd

from sentfeat.config import RssSource
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import payload
from sentfeat.ingest.http import Fetcher
from sentfeat.ingest.source import Harvest, item_frame, rejected_frame
from sentfeat.sessions import Window


class RssFeeds:
    """A list of feeds as one source; see config.RssSource.

    A feed that cannot be read leaves the source uncovered, the others still deliver. Feeds roll: a poll vouches for the
    time since the last one only if every feed reaches back to it.
    """

    live = True

    def __init__(self, settings: RssSource, fetcher: Fetcher | None = None) -> None:
        self.name, self.required, self._feeds = settings.name, settings.required, settings.feeds
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._fetcher = fetcher or Fetcher(settings.name)

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window) -> Harvest:
        """See Source. Raises SourceError if no feed could be read."""
        items, rejected, problems, reach = [], [], [], []
        for publisher, url in self._feeds.items():
            try:
                entries = parse_feed(self._fetcher.get(url), self.name, url)
            except SourceError as error:
                problems.append(str(error))
                continue
            good = [row for entry in entries if (row := _item(entry, publisher))]
            rejected += [_undated(entry) for entry in entries if not _item(entry, publisher)]
            items += [row for row in good if window.after < row["published_at"] <= window.until]
            reach.append(min((row["published_at"] for row in good), default=window.until))
        if not reach:
            raise SourceError("; ".join(problems) or f"source {self.name}: no feeds are configured")
        covered = Window(max(window.after, *reach), window.until) if not problems else None
        if covered is not None and covered.after >= covered.until:
            covered = None
        return Harvest(item_frame(items), covered, rejected_frame(rejected), "; ".join(problems) or None)


def parse_feed(body: bytes, name: str, url: str) -> list[Any]:
    """The entries of a feed. Raises SourceError for what is no feed: feedparser swallows an HTML page."""
    parsed = feedparser.parse(body, sanitize_html=True, resolve_relative_uris=False)
    if not parsed.version:
        raise SourceError(f"source {name}: {url} is no RSS or Atom feed (it begins {body[:40]!r})")
    return parsed.entries


def _item(entry: Any, publisher: str) -> dict[str, Any] | None:
    """An entry as an item, None if it has no usable date or title."""
    stamp = entry.get("published_parsed") or entry.get("updated_parsed")
    title = (entry.get("title") or "").strip()
    if not stamp or not title:
        return None
    return {
        "item_id": entry.get("id"),
        "publisher": publisher,
        "url": entry.get("link"),
        "title": title,
        "text": title,
        "published_at": pd.Timestamp(calendar.timegm(stamp), unit="s", tz="UTC"),
        "published_raw": entry.get("published") or entry.get("updated"),
    }


def _undated(entry: Any) -> dict[str, str]:
    what = "undated" if entry.get("title") else "untitled"
    detail = str(entry.get("title") or entry.get("link"))[:80]
    return {"reason": what, "detail": detail, "payload": payload(dict(entry))}
