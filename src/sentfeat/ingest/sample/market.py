"""The whole sample market, built once per settings from one seed."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.config import SampleSource
from sentfeat.errors import ConfigError
from sentfeat.ingest.sample import bars, companies, filings, reporting, stories, tone, wire
from sentfeat.ingest.source import item_frame
from sentfeat.sessions import Window, sessions_between


class Seeds(NamedTuple):
    """A random generator per purpose, so that a change to one leaves the others' numbers alone."""

    reporting: np.random.Generator
    tone: np.random.Generator
    stories: np.random.Generator
    wire: np.random.Generator
    filings: np.random.Generator
    bars: np.random.Generator


@dataclass(frozen=True)
class Market:
    """universe: columns of tables.UNIVERSE. items: ITEM_COLUMNS, by time. bars: columns of PriceSource.bars and the
    security_id. latent: session, security_id, tone of the rows with news. span: what the market's sources vouch for."""

    universe: pd.DataFrame
    items: pd.DataFrame
    bars: pd.DataFrame
    latent: pd.DataFrame
    span: Window


@lru_cache(maxsize=4)
def build(settings: SampleSource) -> Market:
    """Generate the market. Raises ConfigError for settings that describe none."""
    days = sessions_between(settings.start, settings.end)
    if days.empty:
        raise ConfigError(f"no session between start = {settings.start} and end = {settings.end}")
    if not -1 < settings.effect < 1:
        raise ConfigError(f"effect is a correlation, between -1 and 1, got {settings.effect}")
    seeds = Seeds(*map(np.random.default_rng, np.random.SeedSequence(settings.seed).spawn(len(Seeds._fields))))
    span = _span(settings, days)
    universe = companies.universe(settings.companies, days)
    latent = tone.draw(days, len(universe), pd.Timedelta(minutes=settings.delay_minutes), seeds.tone)
    reports = reporting.reporting_calendar(universe, days, seeds.reporting)
    told = stories.tell(universe, days, reports, latent, seeds.stories)
    headlines = wire.headline_items(told, universe, span.until, seeds.wire)
    filed = filings.filing_items(universe, days, reports, latent, seeds.filings)
    covered = _covered(headlines, filed, latent)
    news = bars.News(stories.mentions(told), latent.values[:-1], covered)
    prices = bars.daily_bars(universe, days, news, effect=settings.effect, rng=seeds.bars)
    items = pd.concat([headlines, filed], ignore_index=True)
    items = item_frame(items.sort_values("published_at", kind="stable", ignore_index=True))
    return Market(universe, items, prices, _latent_frame(universe, latent, covered), span)


def _span(settings: SampleSource, days: pd.DatetimeIndex) -> Window:
    """From the start's first instant to the end of the last session's day, New York."""
    edges = pd.DatetimeIndex([pd.Timestamp(settings.start), days[-1] + pd.Timedelta(days=1)])
    return Window(*tone.new_york(edges, np.zeros(2)))


def _covered(headlines: pd.DataFrame, filed: pd.DataFrame, latent: tone.Tone) -> np.ndarray:
    """Whether a row has any document: bool, days x companies."""
    covered = np.zeros(latent.values.shape, dtype=bool)
    for frame, columns in ((headlines, stories.CAST), (filed, ["company"])):
        rows = latent.rows(pd.DatetimeIndex(frame["published_at"]))
        for column in columns:
            company = frame[column].to_numpy()
            covered[rows[company >= 0], company[company >= 0]] = True
    return covered[:-1]


def _latent_frame(universe: pd.DataFrame, latent: tone.Tone, covered: np.ndarray) -> pd.DataFrame:
    use = covered & companies.listed(universe, latent.days)
    day, company = np.nonzero(use)
    return pd.DataFrame(
        {
            "session": latent.days[day],
            "security_id": universe["security_id"].to_numpy()[company],
            "tone": latent.values[:-1][use],
        }
    )
