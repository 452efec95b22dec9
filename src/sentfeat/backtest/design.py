"""The rows as sums of products, per fold: all that a ridge needs, whatever its penalties.

Standardising with nulls (non-null mean and standard deviation of the training rows, 0 for null) is linear in the
columns "value, 0 if null" and "1, 0 if null", so sums over those give the sums of any fold's standardised columns. One
pass over the rows serves all folds and penalties; a placebo or a simulated target costs new sums, not new fits.

Letters in shapes: T sessions, N securities, P columns, Q columns with their null masks, F folds.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sentfeat.backtest.walkforward import Fold


@dataclass(frozen=True)
class Design:
    """Columns ready for sums: `raw` (T, N, Q) with 0 for null and for no row; `centred` is raw demeaned by session.

    `mask_of` (P,) is the position in Q of each column's mask, -1 for a column without nulls. `block_of` (Q,).
    """

    present: np.ndarray
    raw: np.ndarray
    centred: np.ndarray
    mask_of: np.ndarray
    block_of: np.ndarray

    def standardisers(self, folds: list[Fold]) -> np.ndarray:
        """(F, Q, P): by mean and standard deviation of the training rows' non-null values; constants become 0."""
        columns = len(self.mask_of)
        values, masks = self.raw[..., :columns], self.raw[..., columns:]
        rows = self.present.sum(axis=1)[:, None]
        counts = np.concatenate([masks.sum(axis=1), rows], axis=1)  # the last column serves mask_of == -1
        mask_at = np.where(self.mask_of < 0, counts.shape[1] - 1, self.mask_of - columns)
        stops = [fold.train_stop - 1 for fold in folds]
        n = np.maximum(np.cumsum(counts, axis=0)[stops][:, mask_at], 1)
        mean = np.cumsum(values.sum(axis=1), axis=0)[stops] / n
        variance = np.cumsum(np.einsum("tnp,tnp->tp", values, values), axis=0)[stops] / n - mean**2
        noise = 1e-12 * mean**2 + 1e-200  # below this a difference of sums is rounding, in any unit
        scale = np.where(variance > noise, 1 / np.sqrt(np.maximum(variance, noise)), 0.0)
        transform = np.zeros((len(folds), self.raw.shape[2], columns))
        transform[:, np.arange(columns), np.arange(columns)] = scale
        masked = np.flatnonzero(self.mask_of >= 0)
        transform[:, self.mask_of[masked], masked] = -(mean * scale)[:, masked]
        return transform


@dataclass(frozen=True)
class Gram:
    """Per fold, in that fold's standardised columns: sums of products over training and checking sessions.

    `transform` (F, Q, P) standardises; `train` and `check` are (F, P, P). A fold's check may be used from the fold
    `delay` later on.
    """

    transform: np.ndarray
    train: np.ndarray
    check: np.ndarray
    delay: int


@dataclass(frozen=True)
class Cross:
    """Per fold: products with the target over training and checking sessions (F, P), and target squared (F,)."""

    train: np.ndarray
    check: np.ndarray
    check_square: np.ndarray


def make_design(values: np.ndarray, present: np.ndarray, block_of: tuple[str, ...]) -> Design:
    """From (T, N, P) columns with NaN for null. Columns of a block with equal nulls share a mask."""
    known = np.isfinite(values) & present[..., None]
    masks: dict[tuple[str, bytes], int] = {}
    mask_of = np.full(len(block_of), -1)
    for column, block in enumerate(block_of):
        if not np.array_equal(known[..., column], present):
            key = block, np.packbits(known[..., column]).tobytes()
            mask_of[column] = masks.setdefault(key, len(block_of) + len(masks))
    first_user = [int(np.flatnonzero(mask_of == position)[0]) for position in masks.values()]
    raw = np.concatenate([np.where(known, values, 0.0), known[..., first_user].astype(float)], axis=2)
    blocks = np.array([*block_of, *(block for block, _ in masks)])
    return Design(present, raw, centre(raw, present), mask_of, blocks)


def centre(raw: np.ndarray, present: np.ndarray) -> np.ndarray:
    """(T, N, Q) less the session's mean over rows; 0 where there is no row."""
    means = raw.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None]
    return np.where(present[..., None], raw - means[:, None, :], 0.0)


def make_gram(design: Design, folds: list[Fold], delay: int = 1) -> Gram:
    """The products of columns for every fold."""
    transform = design.standardisers(folds)
    edges = np.unique([0, *(edge for f in folds for edge in (f.train_stop, f.test_start, f.check_stop))])
    width = design.raw.shape[2]
    upto = np.zeros((len(edges), width, width))
    for at, (start, stop) in enumerate(pairwise(edges)):
        flat = design.centred[start:stop].reshape(-1, width)
        upto[at + 1] = upto[at] + flat.T @ flat
    train, check = sums_upto(upto, edges, folds)
    turned = transform.transpose(0, 2, 1)
    return Gram(transform, turned @ train @ transform, turned @ check @ transform, delay)


def make_cross(design: Design, gram: Gram, target: np.ndarray, folds: list[Fold]) -> Cross:
    """The products of columns with a (T, N) target, 0 where there is no row, for every fold."""
    products = np.matmul(target[:, None, :], design.centred)[:, 0, :]
    upto = np.concatenate([np.zeros((1, products.shape[1])), np.cumsum(products, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((target**2).sum(axis=1))])
    edges = np.arange(len(upto))
    train, check = sums_upto(upto, edges, folds)
    turned = gram.transform.transpose(0, 2, 1)
    _, check_square = sums_upto(squares, edges, folds)
    return Cross((turned @ train[..., None])[..., 0], (turned @ check[..., None])[..., 0], check_square)


def sums_upto(upto: np.ndarray, edges: np.ndarray, folds: list[Fold]) -> tuple[np.ndarray, np.ndarray]:
    """Sums over each fold's training sessions and over its checking sessions, from sums up to each edge."""
    train, start, stop = (
        np.searchsorted(edges, [getattr(fold, name) for fold in folds])
        for name in ("train_stop", "test_start", "check_stop")
    )
    return upto[train], upto[stop] - upto[start]
