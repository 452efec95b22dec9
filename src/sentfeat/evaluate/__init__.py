"""Judging a scorer: protocols (what is held out), metrics, baselines, and one function that puts them together."""

from collections.abc import Callable, Sequence

import numpy as np

from sentfeat.evaluate.metrics import classification_metrics
from sentfeat.score.prompt import LABELS

Scorer = Callable[[Sequence[str], Sequence[str | None]], np.ndarray]
"""Texts and entities to probabilities (n, 3) in the order of LABELS."""


def evaluate(
    texts: Sequence[str], entities: Sequence[str | None], labels: Sequence[str], scorer: Scorer
) -> dict[str, float]:
    """Metrics (see `classification_metrics`) of `scorer` on texts with known `labels`, each one of LABELS."""
    targets = np.array([LABELS.index(label) for label in labels])
    return classification_metrics(targets, scorer(texts, entities))
