"""RSS and Atom feeds, polled live. feedparser reads the bytes that we fetched: it has no timeout of its own."""

from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import feedparser
import pandas as pd

from sentfeat.config import Feed, RssSource
from sentfeat.errors import ConfigError, SourceError
from sentfeat.ingest.documents import canonical_url, payload, text_hash
from sentfeat.ingest.feed_dates import TRUSTED, DateQuality, read_date
from sentfeat.ingest.feed_guard import MAX_BYTES, unfit
from sentfeat.ingest.http import Fetcher, Limits
from sentfeat.ingest.language import other_language
from sentfeat.ingest.plain import plain_line, text_of_html
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame, rejected_frame
from sentfeat.sessions import Window

HTML_TYPES = {"text/html", "application/xhtml+xml"}
# feedparser trips over about one in 300 feeds of which a few bytes were changed at random
PARSER_FAULTS = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
SUMMARY = 500  # characters of a summary that help to tell the language
PINNED_GAP = 20  # times the usual distance between two items of a feed, and at least PINNED_AGE
PINNED_AGE = pd.Timedelta(days=7)


class RssFeeds:
    """A list of feeds as one source; see config.RssSource.

    A feed that cannot be read leaves the source uncovered, the others still deliver. Feeds roll: a poll vouches for the
    time since the last one only if every feed reaches back to it.
    """

    live = True
    past = None

    def __init__(self, settings: RssSource, fetcher: Fetcher | None = None) -> None:
        self.name, self.required = settings.name, settings.required
        self._feeds = {publisher: _feed(settings, publisher, feed) for publisher, feed in settings.feeds.items()}
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._fetcher = fetcher or Fetcher(settings.name, limits=Limits(max_bytes=MAX_BYTES))

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if no feed could be read."""
        items, rejected, problems, reach = [], [], [], []
        for publisher, feed in self._feeds.items():
            try:
                entries = parse_feed(self._read(feed.url, visit), self.name, feed.url)
            except SourceError as error:
                problems.append(str(error))
                continue
            read = [(entry, *read_entry(entry, publisher, feed)) for entry in entries]
            good = [item for _, item, _ in read if item]
            rejected += [_rejected(entry, reason) for entry, item, reason in read if not item]
            items += [row for row in good if window.after < row["published_at"] <= window.until]
            told = (row["published_at"] for row in good)
            reach.append(reaches_back(at for at in told if at <= window.until) or window.until)  # some are post-dated
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
    try:
        parsed = feedparser.parse(body, sanitize_html=True, resolve_relative_uris=False)
    except PARSER_FAULTS as error:
        raise SourceError(
            f"source {name}: {url} is too damaged to be read ({type(error).__name__}: {error})"
        ) from error
    if not parsed.version and not parsed.entries:
        raise SourceError(f"source {name}: {url} is no RSS or Atom feed (it begins {body[:40]!r})")
    return parsed.entries


def read_entry(entry: Any, publisher: str, feed: Feed) -> tuple[dict[str, Any] | None, str]:
    """An entry as an item, or None and the reason why it is none."""
    raw, published, quality = _stamp(entry, feed)
    title = plain_title(entry)
    if published is None or not title:
        return None, quality if published is None else "untitled"
    summary = text_of_html(entry.get("summary") or "")[:SUMMARY]
    if language := other_language(f"{title} {summary}", feed.language or "en"):
        return None, f"language_{language}"
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
    """The title without tags, its entities decoded once more only if the feed means it as HTML, or it is."""
    return plain_line(entry.get("title") or "", is_html=entry.get("title_detail", {}).get("type") in HTML_TYPES)


def reaches_back(times: Any) -> pd.Timestamp | None:
    """The oldest time that a feed shows without a break, None if it shows nothing.

    A pinned item from long ago proves nothing about yesterday: what stands far beyond the feed's usual distance
    between two items is left out.
    """
    newest_first = sorted(times, reverse=True)
    steps = [later - earlier for later, earlier in pairwise(newest_first)]
    unusual = max(PINNED_AGE, PINNED_GAP * sorted(steps)[(len(steps) - 1) // 2]) if steps else PINNED_AGE
    for at, step in enumerate(steps):
        if step > unusual:
            return newest_first[at]
    return newest_first[-1] if newest_first else None


def distinct(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each story once, as first published: the same text under one address or id, or on one day (UTC).

    A changed title under an old address is another item, and so is a recurring title on another day. Titles that only
    resemble each other all stay: the features cluster them and weigh what is new.
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


def _feed(settings: RssSource, publisher: str, feed: str | Feed) -> Feed:
    """The feed with all it inherits from its source. Raises ConfigError for a zone that does not exist."""
    given = Feed(url=feed) if isinstance(feed, str) else feed
    if given.ignore_stated_zone and given.timezone is None:
        raise ConfigError(
            f"source {settings.name}, feed {publisher}: ignore_stated_zone needs a timezone to read instead"
        )
    try:
        ZoneInfo(given.timezone or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(
            f"source {settings.name}, feed {publisher}: timezone {given.timezone!r} is no IANA zone such as Asia/Tokyo"
        ) from error
    return Feed(
        url=given.url,
        timezone=given.timezone,
        ignore_stated_zone=given.ignore_stated_zone,
        language=given.language or settings.language,
    )


def _stamp(entry: Any, feed: Feed) -> tuple[str | None, pd.Timestamp | None, DateQuality]:
    """The raw date, the moment and its quality: of the publication, else of the last change, which is no earlier."""
    raws = [raw for raw in (entry.get("published"), entry.get("updated")) if raw] or [None]
    readings = [(raw, *read_date(raw, feed.timezone, override=feed.ignore_stated_zone)) for raw in raws]
    return next((reading for reading in readings if reading[2] in TRUSTED), readings[0])


def _rejected(entry: Any, reason: str) -> dict[str, str]:
    raw = entry.get("published") or entry.get("updated")
    detail = f"{entry.get('title') or entry.get('link')!s:.80} (date {raw!r})"
    return {"reason": str(reason), "detail": detail, "payload": payload(dict(entry))}
