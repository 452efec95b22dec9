"""From stored logits to probabilities: applied on read, so that recalibrating rescores nothing."""

from collections.abc import Sequence

import numpy as np

from sentfeat.score.prompt import LABELS

NEGATIVE, POSITIVE = LABELS.index("negative"), LABELS.index("positive")


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of (n, 3) logits at `temperature` (> 0): (n, 3) float64, rows sum to one; NaN rows stay NaN."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def risk_probabilities(logits: np.ndarray, scale: Sequence[float], offset: Sequence[float]) -> np.ndarray:
    """sigmoid(scale x logit + offset), each category by itself (Platt scaling); NaN rows stay NaN.

    `logits` (n, 12), `scale` and `offset` (12,), all in the order of RISKS: (n, 12) float64 in [0, 1].
    """
    scaled = np.asarray(logits, dtype=np.float64) * np.asarray(scale) + np.asarray(offset)
    return 0.5 * (1 + np.tanh(scaled / 2))  # the sigmoid, without an exponential that could overflow


def tone(chances: np.ndarray) -> np.ndarray:
    """p(positive) - p(negative), in [-1, 1], of (n, 3) probabilities: (n,)."""
    return chances[..., POSITIVE] - chances[..., NEGATIVE]


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature that minimises the mean negative log-likelihood.

    `logits` (n, 3), `targets` (n,) label positions. A ternary search over log T in [-3, 3], where the loss has one
    valley (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    """
    low, high = -3.0, 3.0
    for _ in range(60):
        third = (high - low) / 3
        if _nll(logits, targets, np.exp(low + third)) < _nll(logits, targets, np.exp(high - third)):
            high -= third
        else:
            low += third
    return float(np.exp((low + high) / 2))


def _nll(logits: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    chances = probabilities(logits, temperature)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(chances, 1e-12)).mean())
