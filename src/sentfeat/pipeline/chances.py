"""Scores as probabilities: logits with the calibration of the bundle's passport, applied whenever they are read."""

import numpy as np
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import read_scores
from sentfeat.score.probability import probabilities, risk_probabilities


def tone_chances(project: Project, items: pd.DataFrame) -> np.ndarray:
    """(n, 3) label probabilities of the items' text_hash and entity_hash; NaN where there is no score."""
    scores = read_scores(project, ["text_hash", "entity_hash", "logits"], texts=set(items["text_hash"]))
    logits = items[["text_hash", "entity_hash"]].merge(scores, on=["text_hash", "entity_hash"], how="left")["logits"]
    return probabilities(_stacked(logits, 3), project.bundle.passport.temperature)


def risk_chances(project: Project, text_hashes: pd.Series) -> np.ndarray:
    """(n, 12) risk probabilities of texts; NaN where there is no score, or the model knows no risks."""
    head = project.bundle.passport.risk
    if head is None:
        return np.full((len(text_hashes), len(RISKS)), np.nan)
    scores = read_scores(project, ["text_hash", "logits"], task="risk", texts=set(text_hashes))
    logits = text_hashes.map(scores.set_index("text_hash")["logits"])
    return risk_probabilities(_stacked(logits, len(RISKS)), head.scale, head.offset)


def _stacked(logits: pd.Series, width: int) -> np.ndarray:
    """Rows of `width` logits, NaN where there are none."""
    held = logits.notna().to_numpy()
    stacked = np.full((len(logits), width), np.nan)
    if held.any():
        stacked[held] = np.stack(logits[held].to_numpy())
    return stacked
