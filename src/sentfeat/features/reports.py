"""What the risk factors (Item 1A) of a filing say, and how they differ from those of the filing before.

Computed once for each pair of texts. Words are runs of letters, case-folded: numbers, which change every year, do not
count as change of language. Cosine and Jaccard after Cohen, Malloy and Nguyen (2020), "Lazy Prices", on plain counts
without any weighting that would have to be fitted; word lists after Loughran and McDonald (2011).
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sentfeat.errors import ConfigError
from sentfeat.hashing import digest

VERSION = "1"  # of the measures below; part of the key of what is kept
LISTS = {"lm_neg": "negative", "lm_unc": "uncertainty", "lm_lit": "litigious"}
WordLists = Mapping[str, frozenset[str]]
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])[\"”’)]*\s+|\n+")


def read_word_lists(folder: str | Path) -> dict[str, frozenset[str]]:
    """The Loughran-McDonald lists in `folder`, one word a line: *negative*.csv, *uncertainty*.csv, *litigious*.csv.

    What follows a comma is left out, as the year in "ABANDON,2009". They are licensed for research only and are not
    shipped. Raises ConfigError if one is missing.
    """
    lists = {}
    for name, kind in LISTS.items():
        found = sorted(Path(folder).glob(f"*{kind}*.csv"))
        if not found:
            raise ConfigError(f"word_lists: no *{kind}*.csv in {folder}; one list a file, one word a line is expected")
        lines = found[0].read_text(encoding="utf-8-sig").splitlines()
        words = (line.partition(",")[0].strip().strip('"').casefold() for line in lines)
        lists[name] = frozenset(words) - {"", "word", "words"}
    return lists


def method(lists: WordLists) -> str:
    """A hash that changes when the measures or the lists do."""
    return digest(VERSION, *(f"{name} {' '.join(sorted(words))}" for name, words in sorted(lists.items())))


def measure(text: str, prior: str | None, lists: WordLists) -> dict[str, float | None]:
    """words, change_cos, change_jac, added_share, removed_share, prior_words and lm_*; None where not defined.

    `prior` is the text of the filing before, None without one; a text without a word counts as none.
    """
    words = Counter(_WORD.findall(text.casefold()))
    before = Counter(_WORD.findall(prior.casefold())) if prior else Counter()
    shares = {name: _share(words, lists[name]) if name in lists else None for name in LISTS}
    changes: dict[str, float | None] = dict.fromkeys(("change_cos", "change_jac", "added_share", "removed_share"))
    if prior and words and before:
        sentences, earlier = _sentences(text), _sentences(prior)
        changes = {
            "change_cos": _clip(1 - _cosine(words, before)),
            "change_jac": 1 - len(words.keys() & before.keys()) / len(words.keys() | before.keys()),
            "added_share": _missing_share(sentences, earlier),
            "removed_share": _missing_share(earlier, sentences),
        }
    counts = {"words": words.total() or None, "prior_words": before.total() or None}
    return {**counts, **changes, **shares}


def _share(words: Counter[str], chosen: frozenset[str]) -> float | None:
    total = words.total()
    return sum(n for word, n in words.items() if word in chosen) / total if total else None


def _cosine(words: Counter[str], before: Counter[str]) -> float:
    common = sum(n * before[word] for word, n in words.items())
    lengths = [math.sqrt(sum(n * n for n in counts.values())) for counts in (words, before)]
    return common / (lengths[0] * lengths[1])


def _sentences(text: str) -> list[str]:
    parts = (" ".join(part.split()).casefold() for part in _SENTENCE_ENDS.split(text))
    return [part for part in parts if part]


def _missing_share(sentences: list[str], elsewhere: list[str]) -> float:
    """The share of `sentences` that do not stand in `elsewhere`."""
    held = set(elsewhere)
    return sum(sentence not in held for sentence in sentences) / len(sentences)


def _clip(value: float) -> float:
    return min(max(value, 0.0), 1.0)
