"""The sample market: fictional companies, their headlines, filings and daily bars, all from a seed.

    market = SampleMarket(SampleSource(name="sample"))
    market.fetch(window)      headlines and filings, as any source
    market.bars(...)          daily bars, as any price source
    market.universe()         who is listed when

It stands in for real sources where there are none: in `make run` and in tests. The tone of the news has a known
correlation with the next open-to-close return (`effect` in the settings), so that a backtest can be checked against
the truth, also against the truth that there is nothing to find. No name, number or event in it is real.
"""

import pandas as pd

from sentfeat.config import SampleSource, settings_hash
from sentfeat.ingest.sample.market import Market, build
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit
from sentfeat.sessions import Window

__all__ = ["SampleMarket"]

BAR_COLUMNS = [
    "ticker", "session", "open", "high", "low", "close", "volume", "price_basis", "adjusted_asof_date",
]  # fmt: skip


class SampleMarket:
    """An archive source and a price source over one generated market; the same settings give the same bytes.

    Raises ConfigError, on first use, for settings that describe no market.
    """

    live = False
    past = None

    def __init__(self, settings: SampleSource) -> None:
        self.name = settings.name
        self.required = settings.required
        self.delay = pd.Timedelta(minutes=settings.delay_minutes)
        self._settings = settings

    @property
    def _market(self) -> Market:
        return build(self._settings)

    def universe(self) -> pd.DataFrame:
        """The companies, with the columns of tables.UNIVERSE."""
        return self._market.universe.copy()

    def fingerprint(self) -> str:
        """The settings are the whole archive."""
        return settings_hash(self._settings)

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        """Headlines and filings published in (window.after, window.until], by time."""
        items = self._market.items
        first, last = items["published_at"].searchsorted([window.after, window.until], side="right")
        return Harvest(items.iloc[first : max(first, last)].reset_index(drop=True), self._overlap(window))

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        """Raw bars of the universe's tickers in the sessions from `first` to `last`, by session."""
        bars = self._market.bars
        wanted = bars["session"].between(first, last) & bars["ticker"].isin(set(universe["ticker"]))
        days = pd.DatetimeIndex([first, last + pd.Timedelta(days=1)])
        asked = Window(*days.tz_localize("America/New_York").tz_convert("UTC"))
        return Harvest(bars.loc[wanted, BAR_COLUMNS].reset_index(drop=True), self._overlap(asked))

    def latent_tone(self) -> pd.DataFrame:
        """The truth behind the pre_open rows that have news: session, security_id, tone. For tests only."""
        return self._market.latent.copy()

    def _overlap(self, window: Window) -> Window | None:
        span = self._market.span
        after, until = max(window.after, span.after), min(window.until, span.until)
        return Window(after, until) if after < until else None
