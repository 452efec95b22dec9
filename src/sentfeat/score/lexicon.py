"""The word-list baseline: positive against negative words, with a nearby negation turning a word around.

The words are this project's own modest choice. Loughran-McDonald lists can be used instead, from a folder of one's own
(`Lexicon.from_folder`); they are not shipped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS

POSITIVE = """
    accelerate accelerates acclaim achieve achieved advance advanced advances approval approve approved approves
    award awarded awards beat beats best better boost boosted boosts boom breakthrough bullish buy climb climbed
    climbs climbing confident exceed exceeded exceeds excellent expand expanded expands expansion favorable
    favourable gain gained gains gaining good great grew grow growing grown growth high higher highest improve
    improved improvement improves improving increase increased increases increasing jump jumped jumps launch
    leading optimistic outpace outperform outperformed outperforms outperforming positive profitable
    profitability progress promising raise raised raises rallied rallies rally rebound rebounded rebounds record
    recover recovered recovers recovery rise rises rising rose soar soared soars solid strength strengthen
    strengthened strengthens strong stronger strongest succeed success successful surge surged surges surging
    top topped tops triumph up upbeat upgrade upgraded upgrades uptick upside upturn win wins winning won
"""
NEGATIVE = """
    abandon abandoned adverse alarm allegation alleged bad bankrupt bankruptcy bearish breach breached cancel
    canceled cancelled cancels closure collapse collapsed complaint concern concerns crash crashed crashes
    crisis cut cuts cutting damage damages decline declined declines declining decrease decreased decreases
    default defaults deficit delay delayed delays deteriorate deteriorated dip dipped dips disappoint
    disappointed disappointing dismal down downgrade downgraded downgrades downturn drag dragged drags drop
    dropped drops dropping fail failed fails failure fall fallen falling falls fear fears fell fine fined fraud
    halt halted halts hit hurt hurts impairment investigation lawsuit layoff layoffs lose loses losing loss
    losses lost low lower lowered lowers lowest miss missed misses missing negative penalty plunge plunged
    plunges poor pressure pressured probe problem problems recall recalled recalls recession reject rejected
    sank scandal sell shortfall shrink shrinks shrank sink sinks skid slash slashed slashes slide slides slid
    slip slipped slips slow slowdown slowed slows slump slumped slumps sluggish sued suffer suffered suffers
    suspend suspended suspends terminate tumble tumbled tumbles underperform underperformed unfavorable
    violation warn warned warning warns weak weaken weakened weaker weakest weakness worse worsen worst worries
    worry writedown
"""
NEGATION = frozenset(
    {"no", "not", "never", "without", "neither", "nor", "cannot", "isn't", "wasn't", "doesn't", "didn't", "won't"}
)
REACH = 3
"""A negation turns the sentiment words among this many words after it."""

_WORD = re.compile(r"[a-z][a-z'-]*")


@dataclass(frozen=True)
class Lexicon:
    """Two sets of lower-case words."""

    positive: frozenset[str]
    negative: frozenset[str]

    @classmethod
    def default(cls) -> "Lexicon":
        """The words above."""
        return cls(frozenset(POSITIVE.split()), frozenset(NEGATIVE.split()))

    @classmethod
    def from_folder(cls, folder: str | Path) -> "Lexicon":
        """Loughran-McDonald lists: one *_positive.csv and one *_negative.csv, a word a line.

        Raises DataError if one of them is not there.
        """
        return cls(*(_read_words(Path(folder), kind) for kind in ("positive", "negative")))

    def count(self, text: str) -> tuple[int, int]:
        """Positive and negative words in `text`, negated ones on the other side."""
        words = _WORD.findall(text.lower())
        counts = [0, 0]
        for place, word in enumerate(words):
            side = 0 if word in self.positive else 1 if word in self.negative else None
            if side is not None:
                turned = not NEGATION.isdisjoint(words[max(0, place - REACH) : place])
                counts[side ^ turned] += 1
        return counts[0], counts[1]

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Smoothed word shares (n, 3) in the order of LABELS; a tie or no word at all comes out neutral."""
        counts = np.array([self.count(text) for text in texts], dtype=float).reshape(-1, 2)
        balance = counts[:, 0] - counts[:, 1]
        weights = {"negative": np.maximum(-balance, 0), "neutral": 0.5, "positive": np.maximum(balance, 0)}
        stacked = np.stack([np.broadcast_to(weights[label], len(counts)) for label in LABELS], axis=1) + 0.1
        return stacked / stacked.sum(axis=1, keepdims=True)


def _read_words(folder: Path, kind: str) -> frozenset[str]:
    found = sorted(folder.glob(f"*_{kind}.csv"))
    if not found:
        raise DataError(f"{folder}: no *_{kind}.csv here; a Loughran-McDonald folder has one list per file")
    lines = (line.strip().strip('"').lower() for line in found[0].read_text().splitlines())
    return frozenset(lines) - {"", "word", "words"}  # the last two are headers
