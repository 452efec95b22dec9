"""What one document says about one security: tone, confidence, novelty, weight.

tone        s = p_positive - p_negative
confidence  1 - H(p) / ln 3, the entropy of the label probabilities against that of knowing nothing
novelty     1 - the largest Jaccard similarity of word 3-shingles to an earlier item of the same security, earlier by
            (available_at, document_id), within the last `novelty_sessions` sessions, this one included
weight      w = relevance x confidence x novelty
"""

import numpy as np
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.features.repeats import find_repeats

CHANCES = ("p_negative", "p_neutral", "p_positive")
RISK_CHANCES = tuple(f"risk_{risk}" for risk in RISKS)

# The frame that news features are built from: a row per document and security; probabilities NaN where not scored.
INPUT_COLUMNS = (
    "document_id", "security_id", "available_at", "publisher", "title", "pit_grade", "relevance", *CHANCES,
    *RISK_CHANCES,
)  # fmt: skip


def with_quantities(items: pd.DataFrame, novelty_sessions: int, near: float) -> pd.DataFrame:
    """`items` with tone, confidence, novelty, weight, is_first and leads.

    items: INPUT_COLUMNS in order of (available_at, document_id) and `number`, the position of each item's session.
    is_first marks an item that is no near duplicate (similarity >= near) of an earlier one, leads one that begins a
    cluster of its window. Without a score tone, confidence and weight are NaN.
    """
    p = items[list(CHANCES)].to_numpy(dtype=float)
    securities, _ = pd.factorize(items["security_id"])
    repeats = find_repeats(
        items["title"].tolist(), securities, items["number"].to_numpy(), reach=novelty_sessions, near=near
    )
    sure = confidence(p)
    return items.assign(
        tone=p[:, 2] - p[:, 0],
        confidence=sure,
        novelty=repeats.novelty,
        is_first=repeats.novelty > 1 - near,
        leads=repeats.leads,
        weight=items["relevance"] * sure * repeats.novelty,
    )


def confidence(p: np.ndarray) -> np.ndarray:
    """1 - H(p) / ln(labels) for probabilities (n, labels): 0 for a uniform row, 1 for a certain one, NaN stays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0 * p).sum(axis=1)
    return np.clip(1 - entropy / np.log(p.shape[1]), 0.0, 1.0)
