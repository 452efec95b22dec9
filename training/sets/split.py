"""Train, validation and test: near-duplicate texts stay together, and so do all rows of a group."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from sentfeat.evaluate.protocols import grouped_split


def split_rows(rows: pd.DataFrame, shares: Mapping[str, float], seed: int) -> np.ndarray:
    """The part (a key of `shares`) of each row, (n,) object: by `group`, where it is none by near-duplicate texts."""
    parts = np.empty(len(rows), dtype=object)
    alone = rows["group"].isna().to_numpy()
    if alone.any():
        parts[alone] = grouped_split(rows.loc[alone, "text"].tolist(), shares, seed)
    if not alone.all():
        groups = rows.loc[~alone, "group"]
        parts[~alone] = groups.map(share_out(groups.value_counts(), shares, seed))
    return parts


def share_out(sizes: pd.Series, shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """The part of each group, `sizes` being its rows: in the order of a hash, each to the part that lacks most rows.

    Groups that would fill a quarter of the smallest part come first, by size, and so go to the largest part: one
    company may have a third of the rows, and chance would now and then put it into the test.
    """
    lacking = {part: share / sum(shares.values()) * sizes.sum() for part, share in shares.items()}
    weights = sizes.where(sizes > min(lacking.values()) / 4, 0)
    part_of = {}
    for group in sorted(sizes.index, key=lambda group: (-weights[group], _hash(group, seed))):
        part_of[group] = max(lacking, key=lacking.__getitem__)
        lacking[part_of[group]] -= sizes[group]
    return part_of


def _hash(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {group}".encode()).hexdigest()
