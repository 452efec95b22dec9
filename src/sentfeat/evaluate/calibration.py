"""Are probabilities to be believed? Reliability bins, and the calibration error that a perfect model would show too.

The plain expected calibration error (ECE) cannot be zero on a finite sample: a perfectly calibrated model shows about
0.04 at n = 780 with 15 bins. So it is reported with that floor taken off and with the band that chance alone gives.
"""

import numpy as np

from sentfeat.evaluate.metrics import ECE_BINS, equal_mass_bins, expected_calibration_error

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
    """Bins of equal mass (see equal_mass_bins): n, confidence (mean), accuracy. NaN rows are left out."""
    answered = np.isfinite(chances).all(axis=1)
    confidence = chances[answered].max(axis=1)
    correct = chances[answered].argmax(axis=1) == targets[answered]
    return [
        {"n": len(part), "confidence": float(confidence[part].mean()), "accuracy": float(correct[part].mean())}
        for part in equal_mass_bins(confidence, bins)
    ]


def _perfect(confidence: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """ECE of `draws` samples in which each guess is right with probability `confidence`: (draws,)."""
    ordered, rng = np.sort(confidence, kind="stable"), np.random.default_rng(seed)
    parts = equal_mass_bins(ordered)
    starts, sure = [part[0] for part in parts], np.array([ordered[part].sum() for part in parts])
    # one sample at a time: all at once would not fit
    right = [np.add.reduceat(rng.random(len(ordered)) < ordered, starts, dtype=int) for _ in range(draws)]
    return np.abs(np.array(right) - sure).sum(axis=1) / len(ordered)
