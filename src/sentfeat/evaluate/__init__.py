"""Judging scorers: what is held out, metrics with intervals, baselines on the same rows, an audit, and one report.

sentfeat evaluate --data my.csv --report out/                       # text, label and perhaps entity, score, split
sentfeat evaluate --sets DIR --protocol grouped --report out/       # the public sets, by name, from a folder
"""

from collections.abc import Callable, Sequence

import numpy as np

from sentfeat.evaluate.metrics import classification_metrics
from sentfeat.score.prompt import LABELS

Scorer = Callable[[Sequence[str], Sequence[str | None]], np.ndarray]
"""Texts and entities to probabilities (n, 3) in the order of LABELS; a NaN row is no answer."""


def evaluate(
    texts: Sequence[str], entities: Sequence[str | None], labels: Sequence[str], scorer: Scorer
) -> dict[str, float]:
    """Metrics (see `classification_metrics`) of `scorer` on texts with known `labels`, each one of LABELS."""
    targets = np.array([LABELS.index(label) for label in labels])
    return classification_metrics(targets, scorer(texts, entities))
