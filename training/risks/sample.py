"""The sample of passages to be read and labelled: which companies and years are set aside, and how it is drawn.

    python -m training.risks.sample --data DIR   # draws labels/passages.csv anew; its labels then are of no use

Half of the sample is blind: passages in the order of their hashes. The other half is spread over the categories by
loose stems. The texts are not part of the project: passages.csv says where each stands in the archives, and its hash.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, zip_longest
from pathlib import Path

import pandas as pd

from sentfeat.categories import RISKS
from training.risks.cut import Passage, distinct, filing_passages, headline_passages, text_hash

HAND = Path(__file__).parent / "labels" / "passages.csv"
READ = Path(__file__).parent / "labels" / "read_passages.csv"
HAND_YEARS = (2011, 2012, 2013)
NARRATIVE_ITEMS = ("item_1A", "item_3", "item_7", "item_7A")
SAMPLE = {"filing": 75, "8k": 30, "headline": 27}  # drawn blindly, and as many again by topic
FROM_ONE_COMPANY = {"filing": 9, "8k": 20, "headline": 10_000}
EXHIBITS_ETC = ("item_7", "item_9.01", "item_5.07")  # of an 8-K: lists of exhibits, counts of votes
TOPICS = {
    "litigation_regulatory": r"court|legal|law|regulat|settle|patent|su(?:es?|ed|its?)\b",
    "credit_liquidity": r"debt|loan|liquidity|borrow|default|bankrupt|credit",
    "macro_rates_fx": r"econom|recession|inflation|interest rate|currenc|exchange rate",
    "demand_competition": r"demand|compet|market share|sales",
    "supply_chain_inputs": r"suppl|raw material|commodit|shortage|component|fuel",
    "operations_product_safety": r"recall|safety|defect|outage|accident|fire|production|plant",
    "cyber_technology": r"cyber|hack|data|information (?:system|technology)|breach|network",
    "accounting_controls": r"accounting|audit|restat|internal control|weakness|fraud",
    "management_labor": r"chief|ceo|cfo|director|employees|strike|union|personnel|resign",
    "geopolitical_trade": r"china|tariff|sanction|war|political|export|unrest",
    "climate_esg": r"climate|environment|weather|carbon|emission|hurricane|storm|spill",
    "guidance_impairment_dilution": r"impair|guidance|outlook|dilut|write-?down|restructur|goodwill|warns",
}
"""Loose stems that only spread the sample over the categories; a label they do not promise."""
THREAT = re.compile(
    r"\b(?:risk|advers|harm|fail|loss|unable|inabil|disrupt|declin|delay|could|threat|cut|fall|fell|hit|drop|slump|"
    r"warn|probe|weak|resign|terminat|stop|halt|suspend|down|lower|plunge|concern|fear)",
    re.IGNORECASE,
)


def is_set_aside(company: str) -> bool:
    """Whether the filings of `company` (CIK or ticker) are for hand labels: a third by hash, never used for silver."""
    return int(text_hash(company)[:8], 16) % 3 == 1


def hand_headlines(data: Path) -> list[Passage]:
    """Every headline of the years set aside."""
    return [passage for year in HAND_YEARS for passage in headline_passages(data, year)]


def draw_sample(data: Path) -> pd.DataFrame:
    """The rows of passages.csv: in each kind one half drawn blindly, the other spread over TOPICS. Deterministic."""
    pool = [p for p in filing_passages(data) if is_set_aside(p.company)]
    pools = {**by_form(pool), "headline": hand_headlines(data)}
    return draw(pools, SAMPLE, FROM_ONE_COMPANY)


def by_form(passages: Iterable[Passage]) -> dict[str, list[Passage]]:
    """Those of annual and quarterly reports' narrative items, and those of 8-K, lists left out."""
    kept = list(passages)
    return {
        "filing": [p for p in kept if "8-K" not in p.member and p.item in NARRATIVE_ITEMS],
        "8k": [p for p in kept if "8-K" in p.member and p.item not in EXHIBITS_ETC],
    }


def draw(pools: Mapping[str, Iterable[Passage]], wanted: Mapping[str, int], most: Mapping[str, int]) -> pd.DataFrame:
    """Where the drawn passages stand, in the order of their hashes, by kind: `wanted` blindly and as many by topic.

    At most `most` of one company each way. Columns id, archive, member, locator, sha256 and stratum.
    """
    rows = []
    for kind, passages in pools.items():
        shuffled = in_blind_order(passages)
        blind = list(islice(_capped(shuffled, most[kind]), wanted[kind]))
        rest = [p for p in shuffled if p not in set(blind)]
        topical = by_topic(rest, wanted[kind], most[kind])
        rows += [row_of(p, f"{kind}_blind") for p in blind] + [row_of(p, f"{kind}_topic") for p in topical]
    return pd.DataFrame(rows).sort_values("id", ignore_index=True)


def in_blind_order(passages: Iterable[Passage]) -> list[Passage]:
    """In the order of their texts' hashes, near duplicates dropped."""
    return distinct(sorted(passages, key=lambda p: text_hash(p.text)))


def _capped(passages: Iterable[Passage], most: int) -> Iterator[Passage]:
    taken: Counter[str] = Counter()
    for passage in passages:
        taken[passage.company] += 1
        if taken[passage.company] <= most:
            yield passage


def by_topic(passages: list[Passage], wanted: int, most: int) -> list[Passage]:
    """Passages by turns from each topic, so that rare topics are not drowned."""
    threats = [p for p in passages if THREAT.search(p.text)]
    queues = [of_topic(threats, risk) for risk in RISKS]
    turns = (p for turn in zip_longest(*queues) for p in turn if p is not None)
    return list(islice(_capped(dict.fromkeys(turns), most), wanted))


def of_topic(passages: Iterable[Passage], risk: str) -> list[Passage]:
    """Those with one of the topic's stems."""
    stem = re.compile(rf"\b(?:{TOPICS[risk]})", re.IGNORECASE)
    return [p for p in passages if stem.search(p.text)]


def row_of(passage: Passage, stratum: str) -> dict[str, str]:
    """Where a drawn passage stands, as passages.csv says it."""
    digest = text_hash(passage.text)
    return {
        "id": digest[:10],
        "archive": passage.archive,
        "member": passage.member,
        "locator": passage.locator,
        "sha256": digest,
        "stratum": stratum,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    draw_sample(parser.parse_args().data).to_csv(HAND, index=False)


if __name__ == "__main__":
    main()
