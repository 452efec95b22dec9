"""Passages to learn from, labelled by reading each once (labels/read_labels.csv); who read them: the README.

    python -m training.risks.reading --data DIR                      # draws read_passages.csv anew: its labels are void
    python -m training.risks.reading --data DIR --out FILE           # what was read: id and text as JSON lines
    python -m training.risks.reading --further --data DIR [--out F]  # the same for further_passages.csv

Drawn like the passages set aside for judging (training.risks.sample), from other companies and other years' headlines,
and then some more by topic, for the rare categories. None begins like one of those set aside. The further ones came
later and are for learning alone: what is left of those filings, earnings calls of other companies, and headlines.
"""

import argparse
from pathlib import Path

import pandas as pd

from training.risks.agreement import FOLDER, gold_labels
from training.risks.cut import FILINGS, ITEMS, filing_passages, headline_passages, near_key, text_hash
from training.risks.passages import (
    SILVER_YEARS,
    call_passages,
    hand_passages,
    located_passages,
    write_texts,
)
from training.risks.sample import (
    READ,
    THREAT,
    by_form,
    by_topic,
    draw,
    in_blind_order,
    is_set_aside,
    of_topic,
    row_of,
)

LABELS = FOLDER / "read_labels.csv"
FURTHER = FOLDER / "further_passages.csv"
FURTHER_LABELS = FOLDER / "further_labels.csv"
SAMPLE = {"filing": 500, "8k": 160, "headline": 230}  # drawn blindly, and as many again by topic
FROM_ONE_COMPANY = {"filing": 45, "8k": 60, "headline": 10_000}
MORE = (  # by topic alone, one after the other: how many, and the most of one company
    {"filing": (300, 25), "headline": (240, 10_000)},
    {"filing": (1900, 90), "8k": (250, 60), "headline": (350, 10_000)},
)
HEADLINE_STEP = 25
FURTHER_BY_TOPIC = {  # how many, and the most of one company
    "filing": (1200, 400),
    "8k": (60, 60),
    "business": (900, 400),
    "call": (2000, 25),
    "headline": (3600, 10_000),
}
FURTHER_BLIND = {"filing": 700, "business": 300}
FURTHER_STEP, FURTHER_START = 16, 12  # of the headlines
FURTHER_RARE = {  # headlines with these topics' stems, of more of them
    "accounting_controls": 450,
    "cyber_technology": 300,
    "climate_esg": 150,
    "supply_chain_inputs": 150,
}
RARE_STEP = 4


def draw_reading(data: Path) -> pd.DataFrame:
    """The rows of read_passages.csv. Deterministic."""
    judged = set(hand_passages(data)["text"].map(near_key))
    filings = by_form(p for p in filing_passages(data) if not is_set_aside(p.company))
    titles = [p for year in SILVER_YEARS for p in headline_passages(data, year)[::HEADLINE_STEP]]
    pools = {**filings, "headline": titles}
    fresh = {kind: [p for p in pool if near_key(p.text) not in judged] for kind, pool in pools.items()}
    drawn = draw(fresh, SAMPLE, FROM_ONE_COMPANY)
    shuffled = {kind: in_blind_order(passages) for kind, passages in fresh.items()}
    for sizes in MORE:
        taken = set(drawn["sha256"])
        rest = {kind: [p for p in shuffled[kind] if text_hash(p.text) not in taken] for kind in sizes}
        more = [row_of(p, f"{kind}_more") for kind, size in sizes.items() for p in by_topic(rest[kind], *size)]
        drawn = pd.concat([drawn, pd.DataFrame(more)])
    return drawn.sort_values("id", ignore_index=True)


def draw_further(data: Path) -> pd.DataFrame:
    """The rows of further_passages.csv: none begins like one that is judged or was read before. Deterministic."""
    begun = set(pd.concat([hand_passages(data), located_passages(READ, data)])["text"].map(near_key))
    usable = [p for p in filing_passages(data) if not is_set_aside(p.company)]
    titles = [headline_passages(data, year) for year in SILVER_YEARS]
    pools = {
        **by_form(usable),
        "business": [p for p in usable if "8-K" not in p.member and p.item in ("item_1", "item_2")],
        "call": call_passages(data),
        "headline": [p for of_year in titles for p in of_year[FURTHER_START::FURTHER_STEP]],
    }
    rows = []
    for kind, pool in pools.items():
        fresh = in_blind_order(p for p in pool if near_key(p.text) not in begun)
        topical = dict.fromkeys(by_topic(fresh, *FURTHER_BY_TOPIC[kind]))
        blind = [p for p in fresh if p not in topical][: FURTHER_BLIND.get(kind, 0)]
        rows += [row_of(p, f"{kind}_topic") for p in topical] + [row_of(p, f"{kind}_blind") for p in blind]
    threats = [p for of_year in titles for p in of_year[::RARE_STEP] if THREAT.search(p.text)]
    fresh = [p for p in threats if near_key(p.text) not in begun]
    for risk, size in FURTHER_RARE.items():
        rows += [row_of(p, "headline_rare") for p in in_blind_order(of_topic(fresh, risk))[:size]]
    return pd.DataFrame(rows).drop_duplicates("id").sort_values("id", ignore_index=True)


def read_passages(data: Path, places: Path = READ, labels: Path = LABELS) -> pd.DataFrame:
    """id, text, labels (tuple of RISKS) and group (the company; a call or headline by itself). Raises as located."""
    rows = located_passages(places, data).merge(gold_labels(labels), on="id")
    return rows.assign(group=rows["company"].where(rows["archive"].isin([ITEMS, FILINGS]), rows["filing"]))[
        ["id", "text", "labels", "group"]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--further", action="store_true")
    arguments = parser.parse_args()
    places, drawing = (FURTHER, draw_further) if arguments.further else (READ, draw_reading)
    if arguments.out:
        write_texts(located_passages(places, arguments.data), arguments.out)
    else:
        drawing(arguments.data).to_csv(places, index=False)


if __name__ == "__main__":
    main()
