"""Are probabilities to be believed? Reliability bins, and the calibration error that a perfect model would show too.

The plain expected calibration error (ECE) cannot be zero on a finite sample: a perfectly calibrated model shows about
0.04 at n = 780 with 15 bins. So it is reported with that floor taken off and with the band that chance alone gives.
"""

import numpy as np

from sentfeat.evaluate.metrics import ECE_BINS, expected_calibration_error

DRAWS = 500


def calibration(targets: np.ndarray, chances: np.ndarray, draws: int = DRAWS, seed: int = 0) -> dict[str, float]:
    """n, ece, ece_debiased, and band_low, band_mean, band_high: ECE (95 %) of a perfect model of these confidences.

    `targets` (n,) label positions, `chances` (n, 3). NaN rows are left out; all but n are NaN without rows. Debiased is
    ece - band_mean, floored at zero. The band redraws whether each guess is right with its own confidence as chance.
    """
    answered = np.isfinite(chances).all(axis=1)
    targets, chances = targets[answered], chances[answered]
    if len(targets) == 0:
        return {"n": 0} | dict.fromkeys(("ece", "ece_debiased", "band_low", "band_mean", "band_high"), float("nan"))
    ece = expected_calibration_error(targets, chances)
    perfect = _perfect(chances.max(axis=1), draws, seed)
    low, high = np.quantile(perfect, [0.025, 0.975])
    return {
        "n": len(targets),
        "ece": ece,
        "ece_debiased": max(0.0, ece - float(perfect.mean())),
        "band_low": float(low),
        "band_mean": float(perfect.mean()),
        "band_high": float(high),
    }


def reliability(targets: np.ndarray, chances: np.ndarray, bins: int = ECE_BINS) -> list[dict[str, float]]:
    """Bins of equal mass, least sure first: n, confidence (mean), accuracy. NaN rows are left out."""
    answered = np.isfinite(chances).all(axis=1)
    confidence = chances[answered].max(axis=1)
    correct = chances[answered].argmax(axis=1) == targets[answered]
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, max(1, len(confidence))))
    return [
        {"n": len(part), "confidence": float(confidence[part].mean()), "accuracy": float(correct[part].mean())}
        for part in parts
        if len(part)
    ]


def _perfect(confidence: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """ECE of `draws` samples in which each guess is right with probability `confidence`: (draws,)."""
    ordered = np.sort(confidence, kind="stable")
    right = np.random.default_rng(seed).random((draws, len(ordered))) < ordered
    parts = np.array_split(np.arange(len(ordered)), min(ECE_BINS, len(ordered)))
    gaps = [np.abs(right[:, part].sum(axis=1) - ordered[part].sum()) for part in parts]
    return np.sum(gaps, axis=0) / len(ordered)
