"""What is compared with what: the block of each column, the blocks of each arm, the comparisons and their claims.

An arm is a list of blocks in the order in which they were added; each block is penalised on its own (see ridge.py).
Columns are known by name or prefix; numbers under any other name, as in a vendor's table, form the block `other`. An
arm whose own block has no column is left out.
"""

from collections.abc import Iterable
from typing import NamedTuple

PRICE, VOLUME, TONE, FILINGS, OTHER = "price", "volume", "tone", "filings", "other"
TEXT_BLOCKS = (VOLUME, TONE, FILINGS, OTHER)

VOLUME_COLUMNS = (
    "has_news",
    "n_news",
    "n_clusters",
    "n_sources",
    "buzz",
    "buzz_abn",
    "sessions_since_news",
    "rel_mean",
    "novelty_mean",
)
PREFIXES = {
    "sent_": TONE,
    "news_risk_": TONE,
    "filing_": FILINGS,
    "rf_": FILINGS,
    "lm_": FILINGS,
    "days_since_": FILINGS,
    "f8k_": FILINGS,
}
# What describes a row and is no feature.
DESCRIPTION = (
    "session",
    "security_id",
    "ticker",
    "sector",
    "cutoff",
    "known_at",
    "tradable_at",
    "coverage_ok",
    "sources_ok_share",
    "pit_grade_worst",
)
LATENT_TONE = "sent_mean"  # the column that stands for tone where one is needed: coverage, power

ARMS: dict[str, tuple[str, ...]] = {
    "B0": (PRICE,),
    "B1": (PRICE, VOLUME),
    "B2": (PRICE, VOLUME, TONE),
    "B3": (PRICE, FILINGS),
    "B4": (PRICE, VOLUME, TONE, FILINGS, OTHER),
}
ARM_MEANING = {
    "B0": "price only",
    "B1": "price + news volume",
    "B2": "price + news volume + tone",
    "B3": "price + filings",
    "B4": "price + all text",
}
OWN_BLOCK = {"B1": VOLUME, "B2": TONE, "B3": FILINGS}  # without it the arm says nothing of its own


class Comparison(NamedTuple):
    """Does `augmented` forecast better than `baseline`, which it contains?"""

    augmented: str
    baseline: str
    question: str

    @property
    def name(self) -> str:
        return f"{self.augmented} vs {self.baseline}"


PRIMARY = Comparison("B4", "B0", "Does the text help a price model?")
COMPARISONS = (
    PRIMARY,
    Comparison("B2", "B1", "Does tone help beyond knowing that there was news?"),
    Comparison("B1", "B0", "Does the volume of news alone help?"),
    Comparison("B3", "B0", "Do filings alone help?"),
)


def text_columns(names: Iterable[str]) -> dict[str, str]:
    """The text columns among `names`, in their order, with the block each belongs to."""
    return {name: block_of(name) for name in names if name not in DESCRIPTION}


def block_of(column: str) -> str:
    """The block of a text column, by its name."""
    if column in VOLUME_COLUMNS:
        return VOLUME
    return next((block for prefix, block in PREFIXES.items() if column.startswith(prefix)), OTHER)


def arms_with(blocks: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The arms that these blocks allow, each with the blocks it really has."""
    there = set(blocks)
    kept = {arm: parts for arm, parts in ARMS.items() if OWN_BLOCK.get(arm, PRICE) in there}
    return {arm: tuple(block for block in parts if block in there) for arm, parts in kept.items()}


def comparisons_among(arms: Iterable[str]) -> list[Comparison]:
    """The comparisons whose arms are both there; the primary first."""
    there = set(arms)
    return [pair for pair in COMPARISONS if {pair.augmented, pair.baseline} <= there]
