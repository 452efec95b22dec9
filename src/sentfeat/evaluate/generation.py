"""Metrics of generated text: BLEU, ROUGE-L, and numbers that the source does not have.

Input is JSON lines of `source`, `reference` and `prediction`, one generated answer a line.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from sentfeat.errors import DataError

SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6}
SCALES |= {"b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9, "t": 1e12, "tn": 1e12, "trn": 1e12, "trillion": 1e12}
_PERCENT = r"%|percent\b|per cent\b|pct\b"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?:[a-z]{{0,3}}[$€£])?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    rf"(?:[\s-]?(?:(?P<percent>{_PERCENT})|(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})\b))?",
    re.IGNORECASE,
)


class Generation(msgspec.Struct, frozen=True):
    """One generated answer, what it should say, and the text that it is about."""

    source: str
    reference: str
    prediction: str


class Number(NamedTuple):
    """A number in a text: its size in units, half of its last shown digit, and whether it is a percentage."""

    value: float
    half: float
    percent: bool
    shown: str


def read_generations(path: Path) -> list[Generation]:
    """The lines of a JSON lines file. Raises DataError naming the line that is wrong."""
    if not path.is_file():
        raise DataError(f"no file at {path}")
    rows = []
    for place, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(msgspec.json.decode(line, type=Generation))
        except (msgspec.DecodeError, json.JSONDecodeError) as error:
            raise DataError(f"{path}, line {place}: {error}; a line needs source, reference and prediction") from error
    return rows


def generation_metrics(rows: Sequence[Generation]) -> dict:
    """n, bleu (0-100) with bleu_signature, rouge_l (mean F, 0-1, stemmed), numbers, unsupported_numbers, rows_with_
    unsupported (count) and examples of them. Raises DataError without rows.
    """
    if not rows:
        raise DataError("nothing to evaluate: no generations")
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu import BLEU

    bleu = BLEU()
    score = bleu.corpus_score([row.prediction for row in rows], [[row.reference for row in rows]])
    rouge = RougeScorer(["rougeL"], use_stemmer=True)
    overlap = [rouge.score(row.reference, row.prediction)["rougeL"].fmeasure for row in rows]
    unsupported = [unsupported_numbers(row.source, row.prediction) for row in rows]
    return {
        "n": len(rows),
        "bleu": score.score,
        "bleu_signature": str(bleu.get_signature()),
        "rouge_l": sum(overlap) / len(rows),
        "numbers": sum(len(list(numbers(row.prediction))) for row in rows),
        "unsupported_numbers": sum(map(len, unsupported)),
        "rows_with_unsupported": sum(map(bool, unsupported)),
        "examples": [
            {"prediction": row.prediction, "unsupported": found}
            for row, found in zip(rows, unsupported, strict=True)
            if found
        ][:5],
    }


def unsupported_numbers(source: str, prediction: str) -> list[str]:
    """Numbers of `prediction`, as shown, that `source` does not have.

    A number may be rounded (1.2bn for 1,234 million), lose its sign or its currency. A percentage needs a percentage in
    the source; a bare number may stand for one. Numbers in words are not looked at.
    """
    known = list(numbers(source))
    return [number.shown for number in numbers(prediction) if not any(_supports(other, number) for other in known)]


def numbers(text: str) -> Iterator[Number]:
    """The numbers written in digits in `text`."""
    for match in _NUMBER.finditer(text):
        digits = match["digits"].replace(",", "")
        scale = SCALES[match["scale"].lower()] if match["scale"] else 1.0
        decimals = len(digits.partition(".")[2])
        yield Number(float(digits) * scale, 0.5 * scale / 10**decimals, bool(match["percent"]), match[0].strip())


def _supports(known: Number, claimed: Number) -> bool:
    if claimed.percent and not known.percent:
        return False
    return abs(known.value - claimed.value) <= claimed.half * (1 + 1e-9)
