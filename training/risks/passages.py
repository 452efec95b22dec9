"""Real passages for the risk task: those labelled one by one on reading, and those that precise rules label ("silver").

    python -m training.risks.passages --data DIR               # counts of the silver passages
    python -m training.risks.passages --data DIR --hand FILE   # what the labellers read: id and text as JSON lines

A company belongs either to the hand-labelled passages or to the silver ones, with all its filings: its risk factors
hardly change from year to year. Headlines are split by year.
"""

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import chain, islice
from pathlib import Path

import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from training.risks.cut import Passage, cut, distinct, filing_passages, headline_passages, near_key, text_hash
from training.risks.sample import HAND, READ, is_set_aside
from training.risks.silver import Silver, label_filing, label_headline

CALLS = "calls/ectsum_train.jsonl.gz"
SILVER_YEARS = (2007, 2008, 2009, 2010)
HEADLINES_A_RISK, CALLS_A_RISK = 400, 100
HEADLINE_STEP, CALL_STEP = 4, 6  # a part of them is plenty
NONE_SHARE = 0.6  # passages without a risk for each one with


def hand_passages(data: Path) -> pd.DataFrame:
    """id, text and stratum of the passages labelled by hand, cut anew from the archives under `data`.

    Raises DataError if a text is not the one that was labelled.
    """
    return located_passages(HAND, data)[["id", "text", "stratum"]]


def located_passages(places: Path, data: Path) -> pd.DataFrame:
    """The rows of the file `places` with text, company (none for a headline) and filing of each; raises DataError."""
    kept = pd.read_csv(places, dtype=str, keep_default_na=False)
    years = {int(archive[-12:-8]) for archive in kept["archive"] if archive.startswith("headlines/")}
    calls = call_passages(data) if CALLS in set(kept["archive"]) else []
    everything = chain(filing_passages(data), calls, *(headline_passages(data, year) for year in sorted(years)))
    wanted = set(zip(kept["archive"], kept["member"], kept["locator"], strict=True))
    found = {place: p for p in everything if (place := (p.archive, p.member, p.locator)) in wanted}
    passages = [found.get(place) for place in zip(kept["archive"], kept["member"], kept["locator"], strict=True)]
    texts = [passage.text if passage else "" for passage in passages]
    for row, text in zip(kept.itertuples(), texts, strict=True):
        if text_hash(text) != row.sha256:
            raise DataError(
                f"passage {row.id} ({row.archive} {row.member} {row.locator}) is not the text that was "
                f"labelled; got {text[:60]!r}: use the archives and the cutting rules it was drawn with"
            )
    return kept.assign(text=texts, company=[p.company for p in passages], filing=[p.filing for p in passages])


def silver_passages(edgar: Path) -> pd.DataFrame:
    """text, labels (tuple of RISKS), origin (heading, 8k, keyword, none), filing and seed of each passage.

    From the filings in `edgar` and the calls and headlines beside it, none of them set aside for hand labels. `seed`
    has the words that gave the labels away, split by |. Deterministic; no two texts share their first words, with each
    other or with a hand-labelled one.
    """
    data = edgar.parent
    usable = (p for p in filing_passages(data) if not is_set_aside(p.company))
    titles = (p for year in SILVER_YEARS for p in headline_passages(data, year)[::HEADLINE_STEP])
    rows = [
        *_with_some_empty(_labelled(usable, label_filing)),
        *_with_some_empty(_capped(_labelled(call_passages(data), label_filing), CALLS_A_RISK)),
        *_with_some_empty(_capped(_labelled(titles, label_headline), HEADLINES_A_RISK)),
    ]
    table = pd.DataFrame(rows, columns=Silver._fields)
    keys = table["text"].map(near_key)
    labelled = pd.concat([located_passages(places, data) for places in (HAND, READ)])
    labelled_by_hand = keys.isin(set(labelled["text"].map(near_key)))
    return table[~labelled_by_hand & ~keys.duplicated()].reset_index(drop=True)


def call_passages(data: Path) -> list[Passage]:
    """Passages of every sixth earnings call of the ECTSum train part, companies set aside left out."""
    found = []
    with gzip.open(data / CALLS, "rt", encoding="utf-8") as lines:
        for line in islice(lines, 0, None, CALL_STEP):
            call = json.loads(line)
            company = call["id"].split("_")[0]
            spoken = [] if is_set_aside(company) else cut(call["transcript"].split("\n"), heading_words=0)
            found += [
                Passage(CALLS, call["id"], f"call#{n}", company, "call", "", s) for n, (_, s) in enumerate(spoken)
            ]
    return found


def count_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Passages by category (or none) and origin; one with two categories counts in both."""
    named = rows.assign(risk=rows["labels"].map(lambda labels: labels or ("none",))).explode("risk")
    return pd.crosstab(named["risk"], named["origin"]).reindex([*RISKS, "none"])


def _labelled(passages: Iterable[Passage], label: Callable[[Passage], Silver | None]) -> list[Silver]:
    """What `label` is sure about, in the blind order of the texts' hashes, near duplicates dropped."""
    shuffled = sorted(distinct(passages), key=lambda passage: text_hash(passage.text))
    return [row for row in map(label, shuffled) if row is not None]


def _capped(rows: list[Silver], most: int) -> list[Silver]:
    """The rows that bring a category that does not have `most` yet, and all those without any."""
    counts: Counter[str] = Counter()
    kept = []
    for row in rows:
        if not row.labels or any(counts[risk] < most for risk in row.labels):
            counts.update(row.labels)
            kept.append(row)
    return kept


def _with_some_empty(rows: list[Silver]) -> list[Silver]:
    labelled = [row for row in rows if row.labels]
    empty = (row for row in rows if not row.labels)
    return [*labelled, *islice(empty, int(NONE_SHARE * len(labelled)))]


def write_texts(passages: pd.DataFrame, file: Path) -> None:
    """What a labeller reads, and no more: id and text as JSON lines."""
    passages[["id", "text"]].to_json(file, orient="records", lines=True, force_ascii=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--hand", type=Path)
    arguments = parser.parse_args()
    if arguments.hand:
        write_texts(hand_passages(arguments.data).sample(frac=1, random_state=0), arguments.hand)
    else:
        rows = silver_passages(arguments.data / "edgar")
        print(f"{count_rows(rows).to_string()}\n{len(rows)} passages")


if __name__ == "__main__":
    main()
