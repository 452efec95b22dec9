"""What is compared with what: the columns of each block, the blocks of each arm, the comparisons and their claims.

An arm is a list of blocks in the order in which they were added; each block is penalised on its own (see ridge.py). A
new arm, as one with filings, is a new entry here.
"""

from typing import NamedTuple

PRICE, VOLUME, TONE = "price", "volume", "tone"

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
TONE_PREFIX = "sent_"
LATENT_TONE = "sent_mean"  # the column that stands for tone where one is needed: coverage, power

ARMS: dict[str, tuple[str, ...]] = {"B0": (PRICE,), "B1": (PRICE, VOLUME), "B2": (PRICE, VOLUME, TONE)}
ARM_MEANING = {"B0": "price only", "B1": "price + news volume", "B2": "price + news volume + tone"}


class Comparison(NamedTuple):
    """Does `augmented` forecast better than `baseline`, which it contains?"""

    augmented: str
    baseline: str
    question: str

    @property
    def name(self) -> str:
        return f"{self.augmented} vs {self.baseline}"


PRIMARY = Comparison("B2", "B0", "Does the text help a price model?")
COMPARISONS = (
    PRIMARY,
    Comparison("B2", "B1", "Does tone help beyond knowing that there was news?"),
    Comparison("B1", "B0", "Does the volume of news alone help?"),
)


def text_columns(names: list[str]) -> dict[str, str]:
    """The text columns among `names`, in their order, with the block each belongs to."""
    blocks = {name: VOLUME for name in names if name in VOLUME_COLUMNS}
    blocks |= {name: TONE for name in names if name.startswith(TONE_PREFIX)}
    return {name: blocks[name] for name in names if name in blocks}
