"""Ridge for all folds and arms at once, from the sums of design.py.

For every fold this equals, on its training rows: standardise each column by its non-null mean and standard deviation,
put 0 for null, demean within the session, and solve ridge without intercept with one penalty per block (Hoerl and
Kennard 1970).

Each block's penalty is tuned on the first arm that has the block and shared by all larger arms. Were the price penalty
tuned per arm, a harder-shrunk baseline would let price signal pass for text.

Letters in shapes as in design.py, and A penalties.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sentfeat.backtest.design import Cross, Design, Gram
from sentfeat.backtest.walkforward import Fold

Penalties = Mapping[str, np.ndarray]  # block -> (F,)


def fit_arms(
    gram: Gram,
    cross: Cross,
    arms: dict[str, tuple[str, ...]],
    block_of: tuple[str, ...],
    alphas: tuple[float, ...],
    known: Penalties | None = None,
) -> tuple[dict[str, np.ndarray], Penalties]:
    """Weights (F, P) of each arm on standardised columns, 0 for columns it lacks, and the penalties chosen.

    Arms are taken in order; a block not in `known` and not met before is tuned where it first appears.
    """
    penalties = dict(known or {})
    weights = {}
    for arm, blocks in arms.items():
        columns = np.flatnonzero(np.isin(block_of, blocks))
        part = _Part.of(gram, cross, columns)
        names = np.array(block_of)[columns]
        for block in blocks:
            if block not in penalties:
                penalties[block] = _tune(part, names, block, penalties, alphas)
        full = np.zeros(cross.train.shape)
        full[:, columns] = part.solve(_per_column(names, penalties, len(full)))
        weights[arm] = full
    return weights, penalties


def predict(design: Design, gram: Gram, weights: np.ndarray, folds: list[Fold]) -> np.ndarray:
    """(T, N) forecasts of the folds that count, demeaned by session; NaN before them and where there is no row."""
    forecast = np.full(design.present.shape, np.nan)
    for number, fold in enumerate(folds):
        if fold.counts:
            span = slice(fold.test_start, fold.test_stop)
            forecast[span] = design.centred[span] @ (gram.transform[number] @ weights[number])
    return np.where(design.present, forecast, np.nan)


@dataclass(frozen=True)
class _Part:
    """The products of one arm's columns."""

    gram: Gram
    cross: Cross

    @classmethod
    def of(cls, gram: Gram, cross: Cross, columns: np.ndarray) -> "_Part":
        square = np.ix_(np.arange(len(gram.train)), columns, columns)
        return cls(
            Gram(gram.transform, gram.train[square], gram.check[square], gram.delay),
            Cross(cross.train[:, columns], cross.check[:, columns], cross.check_square),
        )

    def solve(self, penalties: np.ndarray) -> np.ndarray:
        """Ridge weights for (..., F, P) penalties."""
        ridge = self.gram.train + penalties[..., None] * np.eye(penalties.shape[-1])
        return np.linalg.solve(ridge, np.broadcast_to(self.cross.train, penalties.shape)[..., None])[..., 0]

    def loss(self, weights: np.ndarray) -> np.ndarray:
        """Sum of squared forecast errors of (..., F, P) weights over the checking sessions: (..., F)."""
        turned = (self.gram.check @ weights[..., None])[..., 0]
        return self.cross.check_square + ((turned - 2 * self.cross.check) * weights).sum(axis=-1)


def _tune(part: _Part, names: np.ndarray, block: str, known: Penalties, alphas: tuple[float, ...]) -> np.ndarray:
    """(F,): the penalty with the least loss over the folds that can be checked; the largest where none can."""
    ordered = np.sort(np.asarray(alphas, dtype=float))[::-1]
    folds = len(part.cross.check_square)
    trials = np.stack([_per_column(names, {**known, block: np.full(folds, alpha)}, folds) for alpha in ordered])
    losses = part.loss(part.solve(trials))  # (A, F)
    delay = min(part.gram.delay, folds)
    before = np.concatenate([np.zeros((len(ordered), delay)), np.cumsum(losses, axis=1)[:, : folds - delay]], axis=1)
    return ordered[before.argmin(axis=0)]


def _per_column(names: np.ndarray, penalties: Penalties, folds: int) -> np.ndarray:
    """(F, P) penalties. A block not tuned yet is held at (practically) zero weight."""
    held = np.full(folds, 1e12)
    return np.stack([penalties.get(name, held) for name in names], axis=1)
