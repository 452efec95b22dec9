"""The sample market's news wire: stories in words, carried by several publishers, some of them twice."""

import numpy as np
import pandas as pd

from sentfeat.ingest.sample.headlines import titles
from sentfeat.ingest.sample.stories import CAST

PUBLISHERS = {  # name -> share of the stories, whether it tags tickers
    "Meridian Newswire": (0.24, True),
    "Harbor Business Wire": (0.18, False),
    "The Ledger Tape": (0.14, True),
    "Northline Markets": (0.12, False),
    "Capital Dispatch": (0.10, True),
    "Bellweather Report": (0.09, False),
    "Tradepost Daily": (0.07, True),
    "Copperfield Gazette": (0.06, False),
}
DUPLICATES, NEAR_DUPLICATES = 0.10, 0.07  # of the stories come again: word for word elsewhere, or as an update
UPDATES = ("UPDATE 1-{}", "UPDATE 2-{}", "RPT-{}", "{} -filing", "{}, sources say", "CORRECTED-{}")


def headline_items(
    stories: pd.DataFrame, universe: pd.DataFrame, end: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """Every headline published until `end`, as items of a source, by time.

    Besides the source's columns it has the stories' cast (first, second, third), to tell which rows it reaches.
    """
    shares = [share for share, _ in PUBLISHERS.values()]
    items = stories[["published_at", *CAST]].assign(
        title=titles(stories, universe, rng), publisher=rng.choice(len(PUBLISHERS), len(stories), p=shares)
    )
    items = pd.concat([items, *_copies(items, rng)], ignore_index=True)
    items = items[items["published_at"] <= end].sort_values("published_at", kind="stable", ignore_index=True)
    return _labelled(items, universe)


def _copies(items: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Some items again: by another publisher within 20 minutes, and reworded by the same one within 90."""
    lot = rng.random(len(items))
    same = items[lot < DUPLICATES].copy()
    same["published_at"] += pd.to_timedelta(rng.integers(60, 20 * 60, len(same)), unit="s")
    same["publisher"] = (same["publisher"] + rng.integers(1, len(PUBLISHERS), len(same))) % len(PUBLISHERS)
    near = items[lot > 1 - NEAR_DUPLICATES].copy()
    near["published_at"] += pd.to_timedelta(rng.integers(5 * 60, 90 * 60, len(near)), unit="s")
    form = rng.integers(0, len(UPDATES), len(near)).tolist()
    near["title"] = [UPDATES[number].format(title) for number, title in zip(form, near["title"], strict=True)]
    return same, near


def _labelled(items: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    """Fill in ids, addresses, raw times and tags."""
    names, tagging = list(PUBLISHERS), [tags for _, tags in PUBLISHERS.values()]
    symbols = universe["ticker"].tolist()
    cast = items[CAST].to_numpy().tolist()
    who = items["publisher"].tolist()
    ids = [f"{names[number].split()[-1].lower()}-{at:06d}" for at, number in enumerate(who)]
    return items.assign(
        item_id=ids,
        kind="headline",
        publisher=[names[number] for number in who],
        url=[f"https://wire.example/news/{item_id}" for item_id in ids],
        text=items["title"],
        published_raw=raw_times(items["published_at"]),
        tickers=[
            tuple(symbols[number] for number in mentioned if number >= 0) if tagging[publisher] else None
            for mentioned, publisher in zip(cast, who, strict=True)
        ],
    )


def raw_times(published_at: pd.Series) -> list[str]:
    """The times as a feed writes them, ISO 8601 with a Z."""
    return [f"{text}Z" for text in np.datetime_as_string(published_at.dt.tz_localize(None).to_numpy("datetime64[s]"))]
