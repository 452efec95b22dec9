"""Metrics of three-way probabilities. Accuracy, F1 and MCC are scikit-learn's; calibration is defined here."""

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from sentfeat.errors import DataError

ECE_BINS = 15


def classification_metrics(targets: np.ndarray, chances: np.ndarray) -> dict[str, float]:
    """n, accuracy, macro_f1, weighted_f1, mcc, ece, nll, missing.

    `targets` (n,) label positions, `chances` (n, 3) probabilities. A NaN row is a missing answer: it counts as wrong
    in the first four and is left out of ece and nll. Raises DataError without rows.
    """
    if len(targets) == 0:
        raise DataError("nothing to evaluate: no labelled rows")
    answered = np.isfinite(chances).all(axis=1)
    nobody = chances.shape[1]
    guesses = np.where(answered, np.nan_to_num(chances).argmax(axis=1), nobody)
    classes = np.unique(targets)
    return {
        "n": len(targets),
        "accuracy": float(accuracy_score(targets, guesses)),
        "macro_f1": float(f1_score(targets, guesses, labels=classes, average="macro", zero_division=0)),
        "weighted_f1": float(f1_score(targets, guesses, labels=classes, average="weighted", zero_division=0)),
        "mcc": float(matthews_corrcoef(targets, guesses)) if len(np.union1d(targets, guesses)) > 1 else 0.0,
        "ece": expected_calibration_error(targets[answered], chances[answered]),
        "nll": negative_log_likelihood(targets[answered], chances[answered]),
        "missing": int((~answered).sum()),
    }


def equal_mass_bins(confidence: np.ndarray, bins: int = ECE_BINS) -> list[np.ndarray]:
    """Positions in `confidence` (n,) by bin, least sure first: at most `bins` bins of nearly the same number of rows.

    Rows of equal confidence are never parted, or the order of the file would decide between them: a bin that would end
    among them ends before or after them, whichever is nearer. No bin is empty; without rows there is none.
    """
    order = np.argsort(confidence, kind="stable")
    ordered = confidence[order]
    ends = np.cumsum([len(part) for part in np.array_split(order, bins)])
    ends = ends[ends < len(order)]
    before, after = (np.searchsorted(ordered, ordered[ends], side) for side in ("left", "right"))
    ends = np.unique(np.where(ends - before <= after - ends, before, after))
    return [part for part in np.split(order, ends) if len(part)]


def expected_calibration_error(targets: np.ndarray, chances: np.ndarray, bins: int = ECE_BINS) -> float:
    """Mean gap between confidence and accuracy over `bins` bins of equal mass (see equal_mass_bins); NaN without rows.

    Not debiased: a perfectly calibrated model shows about 0.04 at n = 780.
    """
    if len(targets) == 0:
        return float("nan")
    confidence = chances.max(axis=1)
    correct = chances.argmax(axis=1) == targets
    gaps = [
        abs(confidence[part].mean() - correct[part].mean()) * len(part) for part in equal_mass_bins(confidence, bins)
    ]
    return float(sum(gaps) / len(targets))


def negative_log_likelihood(targets: np.ndarray, chances: np.ndarray) -> float:
    """Mean -log p(target) in nats, p floored at 1e-12; NaN without rows."""
    if len(targets) == 0:
        return float("nan")
    return float(-np.log(np.maximum(chances[np.arange(len(targets)), targets], 1e-12)).mean())
