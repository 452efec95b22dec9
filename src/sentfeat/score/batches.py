"""Fixed-shape batches: the same text gets the same float bits in whatever company it is scored.

Matrix kernels choose their blocking by shape, so a result's last bits move with the batch's shape. Here a prompt's
length alone decides the shape it is computed in: the length rounded up gives the width, the width gives the number of
rows, and a batch that is not full is filled up with idle rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

WIDTH_STEP = 4
"""Widths are multiples of this: a smaller step pads less but leaves more part-filled batches."""


@dataclass(frozen=True)
class Batch:
    """Positions of the prompts in one batch of `rows` rows (at most that many are used) and `width` tokens."""

    members: np.ndarray
    rows: int
    width: int


def plan_batches(lengths: np.ndarray, token_budget: int) -> Iterator[Batch]:
    """Batches of similar length covering all prompts with length > 0, shortest first.

    `lengths` (n,) in tokens; a batch has at most `token_budget` tokens, padding included (but at least one row).
    """
    widths = -(-lengths // WIDTH_STEP) * WIDTH_STEP
    for width in np.unique(widths[lengths > 0]).tolist():
        rows = max(1, token_budget // width)
        members = np.flatnonzero(widths == width)
        for start in range(0, len(members), rows):
            yield Batch(members[start : start + rows], rows, width)


def fill_batch(prompts: list[list[int]], batch: Batch, filler: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (rows, width) int64 padded on the right with `filler`, and each row's last real column (rows,)."""
    ids = np.full((batch.rows, batch.width), filler, dtype=np.int64)
    last = np.zeros(batch.rows, dtype=np.int64)
    for row, member in enumerate(batch.members):
        prompt = prompts[member]
        ids[row, : len(prompt)] = prompt
        last[row] = len(prompt) - 1
    return ids, last
