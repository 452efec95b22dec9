"""Why a text got its label: in the model's own words where its passport says that it can, else by occlusion.

Occlusion leaves out each word in turn; a word's weight is the change of tone that it stands for, tone(text) - tone(text
without it), so positive words have positive weights. It is grounded by construction. A generated reason is a sentence
of at most NEW_TOKENS tokens, and numbers in it that the text does not have are listed beside it.
"""

import json
import sys
from collections.abc import Sequence

import numpy as np

from sentfeat.errors import ConfigError
from sentfeat.score.classifier import Classifier
from sentfeat.score.engine import Engine
from sentfeat.score.numbers import unsupported_numbers
from sentfeat.score.probability import tone
from sentfeat.score.prompt import LABELS, Template, clean

NEW_TOKENS = 48
MAX_UNITS = 64  # in a longer text several words are left out together
SHOWN = 8  # words, the weightiest first
TOGETHER = 256  # texts explained in one go

Explanation = dict[str, object]


def explain(
    engine: Engine | Classifier, texts: Sequence[str], entities: Sequence[str | None] | None = None
) -> list[Explanation | None]:
    """An explanation of each text's label, as JSON can hold it; None for a text with nothing to read.

    method occlusion: `words`, a list of word and weight, the weightiest first. method generated: `reason`, and
    `unsupported_numbers`, those in it that are not in the text. Both say label and tone.
    """
    entities = entities or [None] * len(texts)
    found: list[Explanation | None] = []
    for start in range(0, len(texts), TOGETHER):
        part = slice(start, start + TOGETHER)
        found += _explain_some(engine, [clean(text) for text in texts[part]], entities[part])
    return found


def _explain_some(
    engine: Engine | Classifier, texts: list[str], entities: Sequence[str | None]
) -> list[Explanation | None]:
    chances = engine.probabilities(texts, entities)
    read = [at for at in range(len(texts)) if np.isfinite(chances[at]).all()]
    labels = [LABELS[at] for at in np.nan_to_num(chances).argmax(axis=1)]
    if isinstance(engine, Engine) and engine.bundle.passport.can_explain:
        template = engine.bundle.template
        tails = [question(template, labels[at], entities[at]) for at in read]
        reasons = engine.generate([texts[at] for at in read], tails, NEW_TOKENS)
        details = [_reason(texts[at], reason) for at, reason in zip(read, reasons, strict=True)]
    else:
        details = [{"method": "occlusion", "words": words} for words in _occlude(engine, texts, entities, read)]
    found: list[Explanation | None] = [None] * len(texts)
    for at, detail in zip(read, details, strict=True):
        found[at] = {"label": labels[at], "tone": round(float(tone(chances[at])), 4), **detail}
    return found


def question(template: Template, label: str, entity: str | None) -> str:
    """What is asked after the text, in the place of the question about the label; it ends as that one does."""
    _, mark, end = template.question.rpartition("?")
    towards = f" towards {clean(entity)}" if entity else ""
    return f"\nIn one sentence, why is the sentiment{towards} {label}?{end if mark else ''}"


def _reason(text: str, reason: str) -> Explanation:
    return {"method": "generated", "reason": reason, "unsupported_numbers": unsupported_numbers(text, reason)}


def _occlude(
    engine: Engine | Classifier, texts: list[str], entities: Sequence[str | None], read: list[int]
) -> list[list[dict[str, object]]]:
    """The weightiest words of the texts at positions `read`; all variants of all texts are scored in one call."""
    units = [_units(texts[at]) for at in read]
    whole = tone(engine.probabilities([texts[at] for at in read], [entities[at] for at in read]))
    variants = [" ".join(words[:out] + words[out + 1 :]) for words in units for out in range(len(words))]
    about = [entities[at] for at, words in zip(read, units, strict=True) for _ in words]
    without = iter(np.nan_to_num(tone(engine.probabilities(variants, about))).tolist())  # nothing left: no tone
    weights = [[tone_of - next(without) for _ in words] for words, tone_of in zip(units, whole, strict=True)]
    return [_weightiest(words, weight) for words, weight in zip(units, weights, strict=True)]


def _units(text: str) -> list[str]:
    words = text.split()
    size = -(-len(words) // MAX_UNITS)
    return [" ".join(words[start : start + size]) for start in range(0, len(words), size)]


def _weightiest(words: list[str], weights: list[float]) -> list[dict[str, object]]:
    order = sorted(range(len(words)), key=lambda at: (-abs(weights[at]), at))[:SHOWN]
    return [{"word": words[at], "weight": round(float(weights[at]), 4)} for at in order]


class Rows:
    """Which rows of a file are to be explained: "all", or numbers and ranges from 1 such as "1-100,205"."""

    def __init__(self, spelled: str = "all") -> None:
        self.spelled = spelled
        self._ranges = [_range(part) for part in spelled.split(",")]

    def __contains__(self, row: int) -> bool:
        return any(row in numbers for numbers in self._ranges)


def to_json(explanation: Explanation | None) -> str | None:
    """The envelope as a file holds it."""
    return None if explanation is None else json.dumps(explanation, ensure_ascii=False)


def _range(part: str) -> range:
    first, dash, last = part.strip().partition("-")
    if part.strip() == "all":
        return range(1, sys.maxsize)
    if not first.isdigit() or (dash and not last.isdigit()):
        raise ConfigError(f"cannot tell which rows {part!r} are; write all, or numbers from 1: 1-100,205")
    return range(int(first), int(last if dash else first) + 1)
