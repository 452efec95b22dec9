"""Yahoo's news of each ticker. It comes in two shapes, a flat one (`providerPublishTime`) and a nested one
(`content.pubDate`); both are read. Yahoo's own tags are often unrelated to the text and are not used."""

import json
from functools import partial
from typing import Any

import pandas as pd

from sentfeat.config import YahooSource
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import payload
from sentfeat.ingest.feed_dates import TRUSTED, read_date
from sentfeat.ingest.plain import plain_line
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame, rejected_frame
from sentfeat.ingest.yahoo.asking import TooFast, ask
from sentfeat.sessions import Window
from sentfeat.universe import Universe

MOST = 200  # stories that Yahoo hands out at once
SHORT = 0.5  # of what was asked for: less short than this, an answer may lack only what yfinance drops, advertisements
MILLISECONDS = 1e11  # a clock in seconds shows this in the year 5138


class YahooNews:
    """The news of each ticker listed now; it has no history and never vouches for more than it shows."""

    live = True
    past = None

    def __init__(self, settings: YahooSource, universe: Universe) -> None:
        self.name, self.required, self._count = settings.name, settings.required, settings.count
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._universe = universe

    def fingerprint(self) -> str:
        """A live source is always read."""
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """See Source. Raises SourceError if no ticker's news could be read."""
        items: dict[Any, dict[str, Any]] = {}
        rejected, problems, reach = [], [], window.after
        tickers = self._universe.listed(window.until.tz_localize(None).normalize())["ticker"].tolist()
        for number, ticker in enumerate(tickers):
            try:
                stories, since = self._stories(ticker, window, visit)
            except TooFast as error:
                problems += [str(error)] * (len(tickers) - number)
                break
            except SourceError as error:
                problems.append(str(error))
                continue
            reach = max(reach, since)
            for story in stories:
                item, reason = read_story(story)
                if item is None:
                    rejected.append({"reason": reason, "detail": ticker, "payload": payload(story)})
                elif window.after < item["published_at"] <= window.until:
                    items.setdefault((item["item_id"], item["title"]), item)  # told of several tickers, it is one
        if tickers and len(problems) == len(tickers):
            raise SourceError(f"source {self.name}: no ticker could be read; the first: {problems[0]}")
        problem = f"{len(problems)} of {len(tickers)} tickers could not be read: {problems[0]}" if problems else None
        covered = Window(reach, window.until) if not problems and reach < window.until else None
        return Harvest(item_frame(items.values()), covered, rejected_frame(rejected), problem)

    def _stories(self, ticker: str, window: Window, visit: Visit) -> tuple[list[Any], pd.Timestamp]:
        """A ticker's newest stories, and from when on they are all there.

        More are asked for until they reach the window's begin, or Yahoo has no more.
        """
        count = self._count
        while True:
            stories = json.loads(visit.tape.play(f"yahoo:news/{ticker}?count={count}", partial(_ask, ticker, count)))
            if not isinstance(stories, list):
                raise SourceError(f"news of {ticker}: a list was expected, got {type(stories).__name__}")
            times = [item["published_at"] for item, _ in map(read_story, stories) if item]
            oldest = min(times, default=window.until)
            if len(stories) < SHORT * count:
                return stories, window.after
            if oldest <= window.after or count >= MOST:
                return stories, oldest
            count = min(MOST, 2 * count)


def _ask(ticker: str, count: int) -> bytes:
    """Stories as JSON: yfinance keeps the answer itself to itself."""
    return ask("news", lambda yahoo: json.dumps(yahoo.get_news(count=count)).encode(), ticker)


def read_story(story: Any) -> tuple[dict[str, Any] | None, str]:
    """A story of either shape as an untagged item, or None and the reason why it is none."""
    flat: dict[str, Any] = story if isinstance(story, dict) else {}
    content = flat.get("content")
    nested: dict[str, Any] = content if isinstance(content, dict) else {}
    raw = nested.get("pubDate") if nested else flat.get("providerPublishTime")
    at, reason = _published(raw)
    title = plain_line(str((nested or flat).get("title") or ""))
    if at is None or not title:
        return None, reason if at is None else "untitled"
    item = {
        "item_id": flat.get("id") or flat.get("uuid") or nested.get("id"),
        "publisher": _inner(nested, "provider", "displayName") if nested else flat.get("publisher"),
        "url": _address(nested) if nested else flat.get("link"),
        "title": title,
        "text": title,
        "published_at": at,
        "published_raw": str(raw),
    }
    return item, reason


def _published(raw: Any) -> tuple[pd.Timestamp | None, str]:
    """Seconds or milliseconds since 1970, or ISO 8601 with a zone."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        try:
            return pd.Timestamp(raw, unit="ms" if raw > MILLISECONDS else "s", tz="UTC"), "epoch"
        except (ValueError, OverflowError):
            return None, "unreadable_date"
    at, quality = read_date(raw if isinstance(raw, str) else None)
    clocked = at if quality in TRUSTED and quality != "date_only" else None
    return clocked, str(quality)


def _address(content: dict[str, Any]) -> str | None:
    return _inner(content, "canonicalUrl", "url") or _inner(content, "clickThroughUrl", "url")


def _inner(content: dict[str, Any], outer: str, name: str) -> str | None:
    found = content.get(outer)
    return found.get(name) if isinstance(found, dict) else None
