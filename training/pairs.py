"""Preference pairs for DPO: ambiguous rows, the label they carry preferred to the one it is likely taken for.

A row is ambiguous if its annotators disagreed (`disputed` in the recipe), or if the SFT model gets it wrong or nearly
so. The label to reject is the one that the model finds likeliest apart from the true one.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.prompt import LABELS
from training.build_dataset import DataConfig
from training.recipe import Disputed

logger = logging.getLogger(__name__)


def preference_pairs(near_miss: float, rows: pd.DataFrame, chances: np.ndarray, disputed: np.ndarray) -> pd.DataFrame:
    """The ambiguous ones of sentiment `rows`, with columns chosen and rejected (labels) and lead.

    `chances` (n, 3) are the SFT model's probabilities of them, in the order of LABELS; `disputed` (n,) bool. `lead` is
    by how much the true label leads the likeliest other one, below 0 where the model is wrong. Raises DataError if
    no row of a split is ambiguous.
    """
    true = np.array([LABELS.index(label) for label in rows["label"]], dtype=np.int64)
    at = np.arange(len(rows))
    others = chances.copy()
    others[at, true] = -np.inf
    other = others.argmax(axis=1)
    lead = chances[at, true] - others[at, other]
    near = lead < near_miss
    pairs = rows.assign(chosen=rows["label"], rejected=np.array(LABELS)[other], lead=lead)[near | disputed]
    logger.info("%d pairs of %d rows: %d near misses, %d disputed", len(pairs), len(rows), near.sum(), disputed.sum())
    without = sorted(set(rows["split"]) - set(pairs["split"]))
    if without:
        raise DataError(
            f"no {' and no '.join(without)} row is disputed or led by less than {near_miss}; raise near_miss"
        )
    return pairs


def find_disputed(rows: pd.DataFrame, chosen: list[Disputed], sets: DataConfig, data: Path) -> np.ndarray:
    """Whether the annotators of each row disagreed, (n,) bool. Raises ConfigError if a set or column is not there."""
    found = np.zeros(len(rows), dtype=bool)
    files = {part.name: part.file for part in sets.sets}
    for part in chosen:
        if part.set not in files:
            raise ConfigError(f"disputed set {part.set!r} is none of the SFT recipe's: {', '.join(files)}")
        frame = pd.read_csv(data / files[part.set], dtype=str)
        if part.column not in frame:
            raise ConfigError(f"{files[part.set]}: no column {part.column!r}; it has {', '.join(frame.columns)}")
        texts = frame.loc[frame[part.column].isin(part.values), "text"]
        found |= ((rows["source"] == part.set) & rows["text"].isin(texts)).to_numpy()
    return found
