"""Fixed-shape batches: the same text gets the same float bits in whatever company it is scored.

Matrix kernels choose their blocking by shape, so a result's last bits move with the batch's shape. Here a prompt's
length alone decides the shape it is computed in: the length rounded up gives the width, the width gives the number of
rows, and a batch that is not full is filled up with idle rows.
"""

from collections.abc import Callable, Iterator
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


def plan_batches(
    lengths: np.ndarray, rows_of: Callable[[int], int], together: np.ndarray | None = None
) -> Iterator[Batch]:
    """Batches of similar length covering all prompts with length > 0, shortest first.

    `lengths` (n,) in tokens; `rows_of` gives the rows of a batch for its width (at least one row is taken). Prompts of
    a width with equal `together` (n,) come side by side.
    """
    widths = width_of(lengths)
    for width in np.unique(widths[lengths > 0]).tolist():
        rows = max(1, rows_of(width))
        members = np.flatnonzero(widths == width)
        if together is not None:
            members = members[np.argsort(together[members], kind="stable")]
        for start in range(0, len(members), rows):
            yield Batch(members[start : start + rows], rows, width)


def width_of(lengths: np.ndarray) -> np.ndarray:
    """The widths of the batches in which prompts of these lengths are computed."""
    return -(-lengths // WIDTH_STEP) * WIDTH_STEP


def fill_batch(prompts: list[list[int]], batch: Batch, filler: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (rows, width) int64 padded on the right with `filler`, and each row's last real column (rows,)."""
    ids = np.full((batch.rows, batch.width), filler, dtype=np.int64)
    last = np.zeros(batch.rows, dtype=np.int64)
    for row, member in enumerate(batch.members):
        prompt = prompts[member]
        ids[row, : len(prompt)] = prompt
        last[row] = len(prompt) - 1
    return ids, last
