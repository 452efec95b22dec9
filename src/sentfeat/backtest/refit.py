"""Ridge refitted on other text: the price part of all sums stays, the text part is computed anew.

A refit from the rows would standardise and decompose every fold again; here a placebo costs one pass over its text
columns. The result is that of a refit from scratch, to rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sentfeat.backtest.arms import PRICE, PRIMARY
from sentfeat.backtest.design import Cross, Design, Gram, centre, make_cross, make_design, make_gram, sums_upto
from sentfeat.backtest.ridge import fit_arms
from sentfeat.backtest.walk import Walk, primary_t
from sentfeat.backtest.walkforward import Fold
from sentfeat.config import BacktestSettings

Text = Design  # a design of text columns only


@dataclass(frozen=True)
class Sums:
    """All that a fit needs: products for every fold, and the forecasts (T, N) that (F, P) weights give."""

    gram: Gram
    cross: Cross
    forecast: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Refitter:
    """The part of a panel that no placebo touches. Columns P are the panel's: price first, then text."""

    folds: list[Fold]
    price: Design
    text: Text
    price_gram: Gram
    price_cross: Cross
    target: np.ndarray

    @classmethod
    def of(cls, walk: Walk) -> "Refitter":
        panel, folds, delay = walk.panel, walk.folds, walk.gram.delay
        count = panel.block_of.count(PRICE)
        price = make_design(panel.values[..., :count], panel.present, panel.block_of[:count])
        text = make_design(panel.values[..., count:], panel.present, panel.block_of[count:])
        gram = make_gram(price, folds, delay)
        return cls(folds, price, text, gram, make_cross(price, gram, panel.target, folds), panel.target)

    def sums(self, text: Text) -> Sums:
        """The sums with `text` in the place of the real one."""
        transform = text.standardisers(self.folds)
        own, mixed, target = self._products(text, transform)
        gram = Gram(
            np.zeros((len(self.folds), 0, 0)),  # forecasts are made from both parts below
            _joined(self.price_gram.train, mixed[0], own[0]),
            _joined(self.price_gram.check, mixed[1], own[1]),
            self.price_gram.delay,
        )
        cross = Cross(
            np.concatenate([self.price_cross.train, target[0]], axis=1),
            np.concatenate([self.price_cross.check, target[1]], axis=1),
            self.price_cross.check_square,
        )
        return Sums(gram, cross, lambda weights: self._forecast(text, transform, weights))

    def _products(self, text: Text, transform: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Text with text, with price and with the target, each over training and over checking sessions."""
        edges = np.unique([0, *(edge for f in self.folds for edge in (f.train_stop, f.test_start, f.check_stop))])
        width, other = text.raw.shape[2], self.price.raw.shape[2]
        upto = np.zeros((len(edges), width, width + other + 1))
        for at, (start, stop) in enumerate(pairwise(edges)):
            own = text.centred[start:stop].reshape(-1, width)
            price = self.price.centred[start:stop].reshape(-1, other)
            upto[at + 1, :, :width] = own.T @ own
            upto[at + 1, :, width:-1] = own.T @ price
            upto[at + 1, :, -1] = own.T @ self.target[start:stop].reshape(-1)
        spans = [transform.transpose(0, 2, 1) @ part for part in sums_upto(upto.cumsum(axis=0), edges, self.folds)]
        right = self.price_gram.transform
        train, check = spans
        return [
            (train[..., :width] @ transform, check[..., :width] @ transform),
            (train[..., width:-1] @ right, check[..., width:-1] @ right),
            (train[..., -1], check[..., -1]),
        ]

    def _forecast(self, text: Text, transform: np.ndarray, weights: np.ndarray) -> np.ndarray:
        count = self.price_gram.train.shape[1]
        forecast = np.full(self.target.shape, np.nan)
        for number, fold in enumerate(self.folds):
            if fold.counts:
                span = slice(fold.test_start, fold.test_stop)
                by_price = self.price.centred[span] @ (self.price_gram.transform[number] @ weights[number, :count])
                forecast[span] = by_price + text.centred[span] @ (transform[number] @ weights[number, count:])
        return np.where(self.price.present, forecast, np.nan)


def refitted_t(walk: Walk, refitter: Refitter, text: Text, settings: BacktestSettings) -> float:
    """The primary t with other text: the price model stays as it is, whatever saw text is fitted and tuned anew."""
    sums = refitter.sums(text)
    larger = {arm: blocks for arm, blocks in walk.arms.items() if arm != PRIMARY.baseline}
    known = {PRICE: walk.penalties[PRICE]}
    weights, _ = fit_arms(sums.gram, sums.cross, larger, walk.panel.block_of, settings.alphas, known)
    augmented = sums.forecast(weights[PRIMARY.augmented])
    return primary_t(walk, walk.panel.target, walk.forecasts | {PRIMARY.augmented: augmented})


def one_session_late(text: Text) -> Text:
    """The text that each row would have had if all of it had come one session later."""
    raw = np.zeros_like(text.raw)
    raw[1:] = np.where(text.present[1:, :, None], text.raw[:-1], 0.0)
    return replace(text, raw=raw, centred=centre(raw, text.present))


def _joined(price: np.ndarray, mixed: np.ndarray, text: np.ndarray) -> np.ndarray:
    """(F, P, P) from its blocks; `mixed` is text by price."""
    upper = np.concatenate([price, mixed.transpose(0, 2, 1)], axis=2)
    return np.concatenate([upper, np.concatenate([mixed, text], axis=2)], axis=1)
