"""What happens in the sample market's news: when, to whom and in which tone, before any words.

A frame of stories has the columns published_at (UTC), style, cast (the company numbers mentioned, in order, in columns
first, second, third; -1 for none), tone_first ... tone_third and polarity (-1, 0, 1).
"""

import numpy as np
import pandas as pd

from sentfeat.ingest.sample.companies import listed
from sentfeat.ingest.sample.tone import Tone, local_day, new_york, polarity

CAST = ["first", "second", "third"]
CAST_TONE = ["tone_first", "tone_second", "tone_third"]
STORIES_A_DAY = 0.47  # of an average company on a session without special events
SPREAD = 0.55  # sd of the log of a company's share of attention
DAY_OFF = 0.18  # weekend and holiday traffic relative to a session's
BURST_SHARE, BURST = 0.012, 4.0  # now and then a company is all over the news for a day
AROUND_RELEASE = {-1: 1.5, 0: 2.5, 1: 2.5, 2: 1.5}  # days after the release -> times the usual traffic
RELEASE_STORIES = 4.0  # about the figures themselves
PAIR_SHARE, GROUP_SHARE = 0.05, 0.03  # of the stories name two, or three, companies
OFF_TOPIC_A_DAY = 0.7
WINNER_TONE = 1.0  # where one company gains at another's expense
HOUR = 3600
CLOCK = (  # share of a day's stories, from and to (seconds after midnight, New York)
    (0.06, 0, 6 * HOUR),
    (0.22, 6 * HOUR, 9.5 * HOUR),
    (0.02, 9 * HOUR + 13 * 60, 9 * HOUR + 17 * 60),  # around the cut-off of the pre_open row
    (0.36, 9.5 * HOUR, 16 * HOUR),
    (0.28, 16 * HOUR, 20 * HOUR),
    (0.06, 20 * HOUR, 24 * HOUR),
)


def tell(
    universe: pd.DataFrame, days: pd.DatetimeIndex, releases: pd.DataFrame, tone: Tone, rng: np.random.Generator
) -> pd.DataFrame:
    """All stories of the market, by time."""
    parts = [_ordinary(universe, days, releases, rng), _about_figures(releases, rng), _off_topic(days, rng)]
    stories = pd.concat(parts, ignore_index=True).sort_values("published_at", kind="stable", ignore_index=True)
    stories = stories[stories["published_at"] < new_york(days[-1:] + pd.Timedelta(days=1), np.zeros(1))[0]]
    stories = _with_peers(stories.reset_index(drop=True), universe, rng)
    return _with_tone(stories, tone, rng)


def mentions(stories: pd.DataFrame) -> pd.DataFrame:
    """One row per story and company it names: published_at, company, tone."""
    parts = [
        stories[["published_at", who, tone]].set_axis(["published_at", "company", "tone"], axis=1)
        for who, tone in zip(CAST, CAST_TONE, strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[frame["company"] >= 0].reset_index(drop=True)


def _frame(published_at: pd.DatetimeIndex, style: str, first: np.ndarray | int) -> pd.DataFrame:
    return pd.DataFrame({"published_at": published_at, "style": style, "first": first, "second": -1, "third": -1})


def _ordinary(
    universe: pd.DataFrame, days: pd.DatetimeIndex, releases: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Stories at a Poisson rate per company and calendar day."""
    calendar = pd.date_range(days[0], days[-1], freq="D")
    attention = np.exp(SPREAD * rng.standard_normal(len(universe)))
    rate = np.where(calendar.isin(days), 1.0, DAY_OFF)[:, None] * STORIES_A_DAY * attention / attention.mean()
    rate = rate * np.where(rng.random(rate.shape) < BURST_SHARE, BURST, 1.0)
    released = calendar.get_indexer(local_day(releases["released_at"]))
    for after, times in AROUND_RELEASE.items():
        at = released + after
        inside = (at >= 0) & (at < len(calendar))
        rate[at[inside], releases["company"].to_numpy()[inside]] *= times
    count = rng.poisson(rate * listed(universe, calendar))
    day, company = (np.repeat(index, count.ravel()) for index in np.indices(count.shape).reshape(2, -1))
    return _frame(new_york(calendar[day], _clock(len(day), rng)), "general", company)


def _about_figures(releases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A few stories in the minutes and hours after each earnings release."""
    count = rng.poisson(RELEASE_STORIES, len(releases))
    wait = pd.to_timedelta((60 + rng.exponential(2400, count.sum())).astype(int), unit="s")
    released_at = pd.DatetimeIndex(releases["released_at"]).repeat(count)
    return _frame(released_at + wait, "earnings", releases["company"].to_numpy().repeat(count))


def _off_topic(days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """General news that names no company."""
    calendar = pd.date_range(days[0], days[-1], freq="D")
    day = np.repeat(np.arange(len(calendar)), rng.poisson(OFF_TOPIC_A_DAY, len(calendar)))
    return _frame(new_york(calendar[day], _clock(len(day), rng)), "off_topic", -1)


def _clock(count: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds after midnight; the very first is left out, it would belong to the day before."""
    shares, starts, ends = (np.array(column, dtype=float) for column in zip(*CLOCK, strict=True))
    part = rng.choice(len(CLOCK), count, p=shares / shares.sum())
    return 1 + (starts[part] + (ends[part] - starts[part] - 1) * rng.random(count)).astype(int)


def _with_peers(stories: pd.DataFrame, universe: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Turn some general stories into ones about two or three listed companies of a sector."""
    first = stories["first"].to_numpy()
    day = local_day(stories["published_at"])
    sector = universe["sector"].to_numpy()
    peer = listed(universe, day) & (sector == sector[first][:, None])
    peer[np.arange(len(first)), first] = False
    lot = np.where(peer, rng.random(peer.shape), -1.0)
    ranked = np.argsort(-lot, axis=1, kind="stable")
    draw = np.where(stories["style"] == "general", rng.random(len(stories)), 1.0)
    pair = (draw < PAIR_SHARE) & (peer.sum(axis=1) >= 1)
    group = (draw >= PAIR_SHARE) & (draw < PAIR_SHARE + GROUP_SHARE) & (peer.sum(axis=1) >= 2)
    return stories.assign(
        style=np.select([pair, group], ["pair", "group"], stories["style"]),
        second=np.where(pair | group, ranked[:, 0], -1),
        third=np.where(group, ranked[:, 1], -1),
    )


def _with_tone(stories: pd.DataFrame, tone: Tone, rng: np.random.Generator) -> pd.DataFrame:
    """Give each company of a story its tone; of a pair, the one with the better tone is put first and wins."""
    cast = stories[CAST].to_numpy()
    own = np.where(cast >= 0, tone.of(pd.DatetimeIndex(stories["published_at"]), cast, rng), np.nan)
    pair = (stories["style"] == "pair").to_numpy()
    swapped = pair & (own[:, 0] < own[:, 1])
    cast[swapped] = cast[swapped][:, [1, 0, 2]]
    own[pair, :2] = WINNER_TONE, -WINNER_TONE
    mentioned = np.maximum((cast >= 0).sum(axis=1), 1)
    heard = np.where(pair, 0.0, np.nansum(own, axis=1) / np.sqrt(mentioned))
    return stories.assign(
        **dict(zip(CAST, cast.T, strict=True)),
        **dict(zip(CAST_TONE, own.T, strict=True)),
        polarity=polarity(heard, rng),
    )
