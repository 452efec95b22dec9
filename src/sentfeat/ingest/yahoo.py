"""Yahoo through yfinance: news (shallow, live only) and daily bars.

News comes in two shapes, a flat one (`providerPublishTime`) and a nested one (`content.pubDate`); both are read.
"""

import json
from functools import partial
from typing import Any

import pandas as pd
import yfinance
from yfinance.exceptions import YFException

from sentfeat.config import YahooPrices, YahooSource
from sentfeat.errors import SourceError
from sentfeat.ingest.documents import payload
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame, rejected_frame
from sentfeat.sessions import Window
from sentfeat.universe import Universe

BAR_COLUMNS = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}


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
        items, rejected, problems, reached = [], [], [], True
        tickers = self._universe.listed(window.until.tz_localize(None).normalize())["ticker"].tolist()
        for ticker in tickers:
            try:
                stories = json.loads(visit.tape.play(f"yahoo:news/{ticker}", partial(self._ask, ticker)))
            except SourceError as error:
                problems.append(str(error))
                continue
            read = [(story, read_story(story)) for story in stories]
            good = [item for _, item in read if item]
            rejected += [{"reason": "undated", "detail": ticker, "payload": payload(s)} for s, item in read if not item]
            items += [item for item in good if window.after < item["published_at"] <= window.until]
            reached &= len(stories) < self._count or min(item["published_at"] for item in good) <= window.after
        if tickers and len(problems) == len(tickers):
            raise SourceError(f"source {self.name}: no ticker could be read; the first: {problems[0]}")
        problem = f"{len(problems)} tickers could not be read, the first: {problems[0]}" if problems else None
        covered = window if reached and not problems else None
        return Harvest(item_frame(items), covered, rejected_frame(rejected), problem)

    def _ask(self, ticker: str) -> bytes:
        """Stories as JSON: yfinance keeps the answer itself to itself."""
        try:
            return json.dumps(yfinance.Ticker(ticker.replace(".", "-")).get_news(count=self._count)).encode()
        except (YFException, OSError) as error:
            raise SourceError(f"{ticker}: {error}") from error


def read_story(story: dict[str, Any]) -> dict[str, Any] | None:
    """A story of either shape as an item, None without date or title; untagged, as Yahoo's tags are often unrelated."""
    content = story.get("content") or {}
    if content:
        raw = content.get("pubDate")
        at = pd.to_datetime(raw, utc=True, errors="coerce")
        url = (content.get("canonicalUrl") or {}).get("url")
        publisher = (content.get("provider") or {}).get("displayName")
    else:
        raw = story.get("providerPublishTime")
        at = pd.to_datetime(raw, unit="s", utc=True, errors="coerce")
        url, publisher = story.get("link"), story.get("publisher")
    title = (content.get("title") or story.get("title") or "").strip()
    if pd.isna(at) or not title:
        return None
    own = story.get("id") or story.get("uuid")
    return {"item_id": own, "publisher": publisher, "url": url, "title": title, "text": title,
            "published_at": at, "published_raw": str(raw)}  # fmt: skip


class YahooBars:
    """Daily raw bars; a ticker without an answer is a rejected row, not a silent gap."""

    live = True

    def __init__(self, settings: YahooPrices) -> None:
        self.name = settings.name

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        """See PriceSource. Raises SourceError if nothing came."""
        tickers = sorted(universe.loc[universe["valid_to"] >= last, "ticker"].unique())
        frames = [frame for ticker in tickers if not (frame := self._history(ticker, first, last)).empty]
        if not frames:
            raise SourceError(f"source {self.name}: no bars for any of {len(tickers)} tickers from {first.date()} on")
        answered = {frame["ticker"].iloc[0] for frame in frames}
        missing = [
            {"reason": "no_bars", "detail": ticker, "payload": payload({"ticker": ticker, "from": first, "to": last})}
            for ticker in tickers
            if ticker not in answered
        ]
        return Harvest(pd.concat(frames, ignore_index=True), None, rejected_frame(missing))

    def _history(self, ticker: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
        """Bars of one ticker, empty if there are none: yfinance answers errors with an empty frame."""
        end = last + pd.Timedelta(days=1)
        try:
            raw = yfinance.Ticker(ticker.replace(".", "-")).history(
                start=first, end=end, auto_adjust=False, actions=False
            )
        except (YFException, OSError):
            return pd.DataFrame()
        if raw.empty:
            return raw
        frame = raw.rename(columns=BAR_COLUMNS)[list(BAR_COLUMNS.values())].reset_index(names="session")
        frame["session"] = pd.to_datetime(frame["session"]).dt.tz_localize(None).dt.normalize()
        return frame.assign(ticker=ticker, price_basis="raw", adjusted_asof_date=None)
