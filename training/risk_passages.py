"""Real passages for the risk task: those that people label, and those that precise rules label ("silver").

    python -m training.risk_passages --data DIR               # counts of the silver passages
    python -m training.risk_passages --data DIR --hand FILE   # what the labellers read: id and text as JSON lines

A company belongs either to the hand-labelled passages or to the silver ones, with all its filings: its risk factors
hardly change from year to year. Headlines are split by year.
"""

import argparse
import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from sentfeat.errors import DataError
from sentfeat.score.risks import RISKS
from training.risk_cues import (
    EIGHT_K_RULES,
    MOST_LABELS,
    TROUBLE,
    filing_cues,
    headline_cues,
    mentions_harm,
)
from training.risk_cut import Passage, cut, distinct, filing_passages, headline_passages, near_key, text_hash
from training.risk_sample import HAND, hand_headlines, is_set_aside

CALLS = "calls/ectsum_train.jsonl.gz"
SILVER_YEARS = (2007, 2008, 2009, 2010)
HEADLINES_A_RISK = 400
CALL_PASSAGES_A_RISK = 100
NONE_SHARE = 0.6  # passages without a risk, for each one with
COLUMNS = ["text", "labels", "origin", "filing", "seed"]


def hand_passages(data: Path) -> pd.DataFrame:
    """id, text and stratum of the passages labelled by hand, cut anew from the archives under `data`.

    Raises DataError if a text is not the one that was labelled.
    """
    kept = pd.read_csv(HAND, dtype=str, keep_default_na=False)
    found = {(p.archive, p.member, p.locator): p.text for p in chain(filing_passages(data), hand_headlines(data))}
    places = zip(kept["archive"], kept["member"], kept["locator"], strict=True)
    texts = [found.get(place, "") for place in places]
    for wanted, text in zip(kept.itertuples(), texts, strict=True):
        if text_hash(text) != wanted.sha256:
            raise DataError(
                f"passage {wanted.id} ({wanted.archive} {wanted.member} {wanted.locator}) is not the text that was "
                f"labelled; got {text[:60]!r}: use the archives and the cutting rules it was drawn with"
            )
    return kept.assign(text=texts)[["id", "text", "stratum"]]


def silver_passages(edgar: Path) -> pd.DataFrame:
    """text, labels (tuple of RISKS), origin (heading, 8k, keyword, none), filing and seed of each passage.

    From the filings in `edgar` and the calls and headlines beside it, none of them set aside for hand labels.
    `seed` is the cue that gave the first label away. Deterministic; no two texts share their first words, with each
    other or with a hand-labelled one.
    """
    data = edgar.parent
    usable = distinct(p for p in filing_passages(data) if not is_set_aside(p.company))
    rows = _balanced(label_filing_passage(p) for p in usable)
    rows += _balanced(_fewest_first(map(_label_text, call_passages(data)), CALL_PASSAGES_A_RISK))
    titles = distinct(p for year in SILVER_YEARS for p in headline_passages(data, year))
    rows += _balanced(_fewest_first(map(label_headline, titles), HEADLINES_A_RISK))
    taken = set(map(near_key, hand_passages(data)["text"]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    keys = table["text"].map(near_key)
    return table[~keys.isin(taken) & ~keys.duplicated()].reset_index(drop=True)
