"""Whether values lie where they used to: the population stability index (Siddiqi, Credit Risk Scorecards, 2006)."""

import numpy as np


def stability_index(seen: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """sum((p - q) ln(p / q)) over the last axis of counts (..., bins), p and q being their shares in the bins.

    Half a value is added to each bin so that an empty one has a logarithm. The usual reading: below 0.1 nothing has
    moved, above 0.25 a lot has.
    """
    p, q = ((counts + 0.5) / (counts + 0.5).sum(axis=-1, keepdims=True) for counts in (seen, expected))
    return ((p - q) * np.log(p / q)).sum(axis=-1)
