"""Metrics of the risk task: twelve answers that hold or not, each by itself. F1 is scikit-learn's."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support

from sentfeat.categories import RISKS
from sentfeat.errors import DataError


def risk_targets(labels: Sequence[Sequence[str]]) -> np.ndarray:
    """Which of RISKS each text has, (n, 12) bool; `labels` names them. Raises DataError for an unknown name."""
    unknown = sorted({name for named in labels for name in named} - set(RISKS))
    if unknown:
        raise DataError(f"unknown risks {unknown[:5]}; known are {', '.join(RISKS)}")
    return np.array([[risk in named for risk in RISKS] for named in labels], dtype=bool).reshape(-1, len(RISKS))


EVEN = (0.5,) * len(RISKS)
"""Yes from one half on: for answers without thresholds of their own, as a keyword baseline's zeros and ones."""


def risk_metrics(targets: np.ndarray, chances: np.ndarray, thresholds: Sequence[float] = EVEN) -> dict[str, float]:
    """n, categories, macro_f1, micro_f1, brier, missing; positives_<risk>, and f1_<risk> for risks that occur.

    `targets` (n, 12) bool, `chances` (n, 12) probabilities, yes where they reach `thresholds` (12,). macro_f1 is over
    the `categories` that occur in `targets`. A NaN row names no risk, counts as missing and is left out of brier.
    Raises DataError without rows.
    """
    if len(targets) == 0:
        raise DataError("nothing to evaluate: no rows with risk labels")
    answered = np.isfinite(chances).all(axis=1)
    named = chances >= np.asarray(thresholds)  # False for NaN
    positives = targets.sum(axis=0)
    by_risk = f1_score(targets, named, average=None, zero_division=0)
    occur = positives > 0
    return {
        "n": len(targets),
        "categories": int(occur.sum()),
        "macro_f1": float(by_risk[occur].mean()) if occur.any() else 0.0,
        "micro_f1": float(f1_score(targets, named, average="micro", zero_division=0)),
        "brier": float(np.square(chances - targets)[answered].mean()) if answered.any() else 1.0,
        "missing": int((~answered).sum()),
        **{f"positives_{risk}": int(count) for risk, count in zip(RISKS, positives, strict=True)},
        **{f"f1_{risk}": float(f1) for risk, f1, found in zip(RISKS, by_risk, occur, strict=True) if found},
    }


def risk_table(
    targets: np.ndarray, chances: np.ndarray, thresholds: Sequence[float] = EVEN
) -> dict[str, dict[str, float]]:
    """n (texts that have it), named, precision, recall and f1 of each risk; arguments as in `risk_metrics`.

    Precision, recall and F1 of a risk that never occurs, or is never named, are 0 where they have no meaning.
    """
    named = chances >= np.asarray(thresholds)  # False for NaN
    precision, recall, f1, n = precision_recall_fscore_support(targets, named, average=None, zero_division=0)
    return {
        risk: {
            "n": int(n[at]),
            "named": int(named[:, at].sum()),
            "precision": float(precision[at]),
            "recall": float(recall[at]),
            "f1": float(f1[at]),
        }
        for at, risk in enumerate(RISKS)
    }
