"""Metrics of generated text: BLEU, ROUGE-L, and numbers that the source does not have.

Input is JSON lines of `source`, `reference` and `prediction`, one generated answer a line.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentfeat.errors import DataError
from sentfeat.frames import read_json_lines
from sentfeat.score.numbers import numbers, unsupported_numbers


class Generation(msgspec.Struct, frozen=True):
    """One generated answer, what it should say, and the text that it is about."""

    source: str
    reference: str
    prediction: str


def read_generations(path: Path) -> list[Generation]:
    """The rows of a JSON lines file. Raises DataError naming the line that is wrong."""
    return read_json_lines(path, Generation)


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
