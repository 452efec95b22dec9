"""Batches of texts of similar length, in shapes that suit the device.

On a CPU shapes are fixed, and the same text gets the same float bits in whatever company it is scored. Matrix kernels
choose their blocking by shape, so a result's last bits move with the batch's shape. There a prompt's length alone
decides the shape it is computed in: the length rounded up gives the width, the width gives the number of rows, and a
batch that is not full is filled up with idle rows. A few hundred tokens keep a core busy and its cache warm, so idle
rows are cheap. A GPU needs thousands: there a batch that is not full has as many rows as the next power of two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batch:
    """Positions of the prompts in one batch of `rows` rows (at most that many are used) and `width` tokens."""

    members: np.ndarray
    rows: int
    width: int

    def halves(self) -> list["Batch"]:
        """The same prompts in two batches of half as many rows."""
        rows = -(-self.rows // 2)
        parts = (self.members[:rows], self.members[rows:])
        return [Batch(members, rows, self.width) for members in parts if len(members)]


@dataclass(frozen=True)
class Shapes:
    """What shapes batches have: at most `budget` tokens, widths in multiples of `step`, and fixed or growing rows."""

    budget: int
    step: int
    fixed: bool

    def widths(self, lengths: np.ndarray) -> np.ndarray:
        """The widths of the batches in which prompts of these lengths are computed: a small step pads less, but leaves
        more batches that are not full."""
        return -(-lengths // self.step) * self.step

    def rows(self, width: int, count: int) -> int:
        """Rows of a batch for `count` prompts (or more) of `width` tokens, at least one."""
        full = max(1, self.budget // width)
        return full if self.fixed else min(full, 1 << (count - 1).bit_length())


def plan_batches(
    widths: np.ndarray, rows_of: Callable[[int, int], int], together: np.ndarray | None = None
) -> Iterator[Batch]:
    """Batches covering all prompts with width > 0, narrowest first.

    `widths` (n,) in tokens; `rows_of` gives the rows of a batch from its width and the number of prompts left, and is
    asked anew for each. Prompts of a width with equal `together` (n,) come side by side.
    """
    for width in np.unique(widths[widths > 0]).tolist():
        members = np.flatnonzero(widths == width)
        if together is not None:
            members = members[np.argsort(together[members], kind="stable")]
        while len(members):
            rows = rows_of(width, len(members))
            yield Batch(members[:rows], rows, width)
            members = members[rows:]


def fill_batch(prompts: list[list[int]], batch: Batch, filler: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (rows, width) int64 padded on the right with `filler`, and each row's last real column (rows,)."""
    ids = np.full((batch.rows, batch.width), filler, dtype=np.int64)
    last = np.zeros(batch.rows, dtype=np.int64)
    for row, member in enumerate(batch.members):
        prompt = prompts[member]
        ids[row, : len(prompt)] = prompt
        last[row] = len(prompt) - 1
    return ids, last
