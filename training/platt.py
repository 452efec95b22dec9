"""Risk logits and keywords to probabilities and to yes or no, fitted on validation rows: Platt scaling, thresholds.

Platt 1999, "Probabilistic Outputs for Support Vector Machines". What a category has too few examples for, it borrows
from all.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve

from sentfeat.errors import DataError

FEW = 10
"""A category with fewer positive or negative rows gets no threshold of its own."""
PRIOR = 20
"""How many positive rows of its own weigh as much as what is best for all categories together."""


def fit_platt(logits: np.ndarray, cues: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """scale (k,), offset (k,) and cue of p = sigmoid(scale x (logit + cue) + offset), where a keyword gives the cue.

    From (n, k) logits, bool cues and bool targets, in one regression over all (row, category) pairs: scale and cue are
    shared, an offset is the category's own and drawn to 0, so that one without any positive row is still finite.
    Raises DataError if all targets are alike.
    """
    if targets.all() or not targets.any():
        raise DataError(f"{len(targets)} validation rows for risks, all alike: hold out some with a risk")
    rows, categories = logits.shape
    features = np.column_stack([logits.ravel(), cues.ravel(), np.tile(np.eye(categories), (rows, 1))])
    fitted = LogisticRegression(max_iter=2000, fit_intercept=False).fit(features, targets.ravel())
    slope, weight, *offsets = fitted.coef_[0]
    return np.full(categories, slope), np.array(offsets), float(weight / slope)


def choose_thresholds(chances: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The probability (k,) from which on a category's answer is yes: best F1 on these rows.

    That of a category with n positive rows is drawn towards the best one for all (row, category) pairs, as if those
    were PRIOR rows; where there are few, the latter is taken. Without any positive row it is 0.5.
    """
    if not targets.any():
        return np.full(targets.shape[1], 0.5)
    thresholds = np.full(targets.shape[1], _best_cut(chances.ravel(), targets.ravel()))
    for category in np.flatnonzero(_has_enough(targets)):
        count = targets[:, category].sum()
        own = _best_cut(chances[:, category], targets[:, category])
        thresholds[category] = (count * own + PRIOR * thresholds[category]) / (count + PRIOR)
    return thresholds


def _best_cut(chances: np.ndarray, targets: np.ndarray) -> float:
    """The probability, of those that occur, from which on "yes" gives the best F1."""
    precision, recall, cuts = precision_recall_curve(targets, chances)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(cuts[f1[:-1].argmax()])


def _has_enough(targets: np.ndarray) -> np.ndarray:
    positives = targets.sum(axis=0)
    return (positives >= FEW) & (len(targets) - positives >= FEW)
