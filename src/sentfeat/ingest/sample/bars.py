"""Daily bars of the sample market: market, sector and own returns, a reaction to the day's news, and a planted effect.

A return has an overnight part (close to open) and an intraday part (open to close). News moves the price of the
session it comes out in: before the open, the open; after it, the close. That news is too late for the pre_open row
of the same session. What such a row knows says something about the session's open-to-close return only through the
effect planted here.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat import sessions
from sentfeat.ingest.sample.companies import listed

MARKET_SD, SECTOR_SD = 0.009, 0.005  # daily
OWN_SD = (0.010, 0.020)  # of the companies, from the calmest to the wildest
INTRADAY_SHARE = 0.65  # of the daily variance
REACTION = 0.8  # own standard deviations per unit of the news' tone
FIRST_PRICE = (30.0, 180.0)
FIRST_VOLUME = (4e5, 8e6)


class News(NamedTuple):
    """What the bars have to answer to.

    mentions: published_at, company, tone, one row per story and company. tone, covered: days x companies, the latent
    tone of each row and whether the row has any document.
    """

    mentions: pd.DataFrame
    tone: np.ndarray
    covered: np.ndarray


class Board(NamedTuple):
    """Who is traded when. traded: bool, days x companies. own_sd: daily, of each company's own returns."""

    universe: pd.DataFrame
    days: pd.DatetimeIndex
    traded: np.ndarray
    own_sd: np.ndarray


class Returns(NamedTuple):
    """Log returns by part of the day, days x companies."""

    overnight: np.ndarray
    intraday: np.ndarray


def daily_bars(
    universe: pd.DataFrame, days: pd.DatetimeIndex, news: News, *, effect: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Bars of every company in every session in which it is listed. effect: what corr(tone, y1) is on covered rows."""
    own_sd = rng.permutation(np.linspace(*OWN_SD, len(universe)))
    board = Board(universe, days, listed(universe, days), own_sd)
    noise, moved = _noise(board, rng), _news_returns(news.mentions, board)
    intraday = _planted(noise.intraday + moved.intraday, news.tone, news.covered & board.traded, board.traded, effect)
    counts = np.zeros(board.traded.shape)
    np.add.at(counts, _place(news.mentions, days)[:2], 1)
    return _frame(board, Returns(noise.overnight + moved.overnight, intraday), counts, rng)


def _noise(board: Board, rng: np.random.Generator) -> Returns:
    """Returns without any news: beta times a market whose volatility wanders, the sector's, and the company's own."""
    days, companies = board.traded.shape
    sectors, at = np.unique(board.universe["sector"], return_inverse=True)
    unrest = np.exp(0.35 * _autoregression(days, 0.97, rng))[:, None]
    beta = rng.uniform(0.6, 1.5, companies)
    parts = []
    for share in (1 - INTRADAY_SHARE, INTRADAY_SHARE):
        market = MARKET_SD * unrest * rng.standard_normal((days, 1))
        sector = SECTOR_SD * rng.standard_normal((days, len(sectors)))[:, at]
        own = board.own_sd * rng.standard_normal((days, companies))
        parts.append(np.sqrt(share) * (beta * market + sector + own))
    return Returns(*parts)


def _autoregression(count: int, persistence: float, rng: np.random.Generator) -> np.ndarray:
    """A standard normal series in which each number remembers the one before."""
    steps = rng.standard_normal(count)
    for at in range(1, count):
        steps[at] = persistence * steps[at - 1] + np.sqrt(1 - persistence**2) * steps[at]
    return steps


def _place(mentions: pd.DataFrame, days: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The session (number) whose price a mention moves, the company, and whether that is after the open.

    News after the last close moves nothing; it is counted on the last session.
    """
    published_at = pd.DatetimeIndex(mentions["published_at"])
    session = np.minimum(sessions.closes(days).searchsorted(published_at), len(days) - 1)
    return session, mentions["company"].to_numpy(), published_at > sessions.tradable_at(days)[session]


def _news_returns(mentions: pd.DataFrame, board: Board) -> Returns:
    """The same-session reaction: REACTION x tone for one story, for n stories sum / sqrt(n)."""
    session, company, late = _place(mentions, board.days)
    on_time = pd.DatetimeIndex(mentions["published_at"]) <= sessions.closes(board.days)[-1]
    moved = []
    for part, share in ((~late, 1 - INTRADAY_SHARE), (late, INTRADAY_SHARE)):
        total, count = np.zeros((2, *board.traded.shape))
        used = part & on_time
        np.add.at(total, (session[used], company[used]), mentions["tone"].to_numpy()[used])
        np.add.at(count, (session[used], company[used]), 1)
        moved.append(REACTION * np.sqrt(share) * board.own_sd * total / np.sqrt(np.maximum(count, 1)))
    return Returns(*moved)


def _planted(
    intraday: np.ndarray, tone: np.ndarray, covered: np.ndarray, traded: np.ndarray, effect: float
) -> np.ndarray:
    """Intraday returns in which `tone` has the correlation `effect` with y1 where `covered` (and traded).

    y1 is the return demeaned within the date and divided by the date's sd. With x the y1 before planting and v its
    variance on covered rows, sqrt(1 - effect^2) x + gain tone has that correlation if gain = effect sqrt(v). Making it
    y1 again costs two shares of 1/n, for n companies, which the gain makes up for: demeaning takes one of the tone,
    and the date's sd, which grows where x and tone agree, takes the other.
    """
    held = np.where(traded, intraday, np.nan)
    mean, sd = np.nanmean(held, axis=1, keepdims=True), np.nanstd(held, axis=1, keepdims=True)
    x = (intraday - mean) / sd
    breadth = traded.sum(axis=1, keepdims=True)
    gain = effect * np.sqrt(np.mean(x[covered] ** 2)) / (1 - 1 / breadth) ** 2
    return mean + sd * np.where(covered, np.sqrt(1 - effect**2) * x + gain * tone, x)


def _frame(board: Board, returns: Returns, news: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Prices in cents, which also hides the last bits in which processors may differ."""
    universe, days, traded, own_sd = board
    first = _log_uniform(FIRST_PRICE, len(universe), rng)
    close = first * np.exp(np.cumsum(returns.overnight + returns.intraday, axis=0))
    opening = np.round(close * np.exp(-returns.intraday), 2)
    close = np.round(close, 2)
    reach = 0.5 * own_sd * np.abs(rng.standard_normal((2, *close.shape)))
    high = np.round(np.maximum(opening, close) * np.exp(reach[0]), 2)
    low = np.round(np.minimum(opening, close) * np.exp(-reach[1]), 2)
    usual = _log_uniform(FIRST_VOLUME, len(universe), rng)
    size = np.abs(returns.overnight + returns.intraday) / own_sd
    busy = 0.15 * np.sqrt(news) + 0.2 * size + 0.3 * rng.standard_normal(close.shape)
    day, company = np.nonzero(traded)
    return pd.DataFrame(
        {
            "security_id": universe["security_id"].to_numpy()[company],
            "ticker": universe["ticker"].to_numpy()[company],
            "session": days[day],
            "open": opening[traded],
            "high": high[traded],
            "low": low[traded],
            "close": close[traded],
            "volume": np.round(usual * np.exp(busy), -2)[traded],
            "price_basis": "raw",
            "adjusted_asof_date": pd.NaT,
        }
    )


def _log_uniform(span: tuple[float, float], count: int, rng: np.random.Generator) -> np.ndarray:
    low, high = span
    return low * (high / low) ** rng.random(count)
