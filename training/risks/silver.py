"""Silver labels: what the precise cues of training.risks.cues say about one passage, or that they cannot tell."""

import re
from typing import NamedTuple

from sentfeat.categories import RISKS
from training.risks.cues import (
    BOILERPLATE,
    EIGHT_K_EVENTS,
    HARMLESS_8K,
    MOST_LABELS,
    TROUBLE,
    filing_cues,
    heading_cues,
    headline_cues,
    mentions_trouble,
)
from training.risks.cut import Passage


class Silver(NamedTuple):
    """A passage with the labels that a rule gave it; `origin` says which rule, `seed` by which words, split by |."""

    text: str
    labels: tuple[str, ...]
    origin: str
    filing: str
    seed: str


def label_filing(passage: Passage) -> Silver | None:
    """The labels of a passage from a filing or a call.

    None where it names too many, speaks of harm without a cue, or is the usual word on forward-looking statements.
    """
    if BOILERPLATE.search(passage.text):
        return None
    cues, origin = filing_cues(passage.text), "keyword"
    if passage.item == "item_1A" and passage.heading and passage.text.startswith(passage.heading):
        headed = heading_cues(passage.heading)
        cues, origin = headed | cues, "heading" if headed else origin
    elif "8-K" in passage.member:
        event = _event(passage)
        cues, origin = event | cues, "8k" if event else origin
    if not cues:
        return _silver(passage, {}, "none") if _only_describes(passage) else None
    return _silver(passage, cues, origin) if len(cues) <= MOST_LABELS else None


def label_headline(passage: Passage) -> Silver | None:
    """The labels of a headline; None where it may be about trouble that no cue knows."""
    cues = headline_cues(passage.text)
    if cues:
        return _silver(passage, cues, "keyword")
    return None if TROUBLE.search(passage.text) else _silver(passage, {}, "none")


def _event(passage: Passage) -> dict[str, str]:
    risk, words = EIGHT_K_EVENTS.get(passage.item, ("", "$^"))
    found = re.search(words, passage.text, re.IGNORECASE)
    return {risk: found[0]} if found else {}


def _only_describes(passage: Passage) -> bool:
    """Risk factors and legal proceedings never count as mere description."""
    if "8-K" in passage.member and passage.item in HARMLESS_8K:
        return True
    return passage.item not in ("item_1A", "item_3") and not mentions_trouble(passage.text)


def _silver(passage: Passage, cues: dict[str, str], origin: str) -> Silver:
    labels = tuple(risk for risk in RISKS if risk in cues)
    return Silver(passage.text, labels, origin, passage.filing, "|".join(cues.values()))
