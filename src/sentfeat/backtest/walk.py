"""The walk: a panel, its folds, and the ridge forecasts of all arms over them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat.backtest import inference
from sentfeat.backtest.arms import PRICE, PRIMARY, Comparison, arms_with, comparisons_among
from sentfeat.backtest.design import Cross, Design, Gram, make_cross, make_design, make_gram
from sentfeat.backtest.panel import Panel, build_panel
from sentfeat.backtest.ridge import Penalties, fit_arms, predict
from sentfeat.backtest.walkforward import Fold, delay_of, make_folds
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError

Forecasts = dict[str, np.ndarray]  # model -> (T, N), NaN before the first test session and where there is no row


@dataclass(frozen=True)
class Walk:
    """A panel with the ridge forecasts of all arms over it."""

    panel: Panel
    folds: list[Fold]
    arms: dict[str, tuple[str, ...]]
    design: Design
    gram: Gram
    cross: Cross
    weights: dict[str, np.ndarray]
    penalties: Penalties
    forecasts: Forecasts

    @property
    def first(self) -> int:
        """Position of the first test session."""
        return next(fold.test_start for fold in self.folds if fold.counts)

    @property
    def tested(self) -> slice:
        """The test sessions, for the first axis of any grid."""
        return slice(self.first, None)

    @property
    def comparisons(self) -> list[Comparison]:
        return comparisons_among(self.arms)


def walk_forward(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings, horizon: int = 1) -> Walk:
    """The panel and the forecasts of every arm over it. Raises DataError for too few sessions, and without any text."""
    panel = build_panel(features, prices, settings, horizon)
    try:
        folds = make_folds(len(panel.sessions), settings, horizon)
    except DataError as error:
        raise DataError(f"{error} (rows: {panel.account})") from error
    if set(panel.block_of) <= {PRICE}:
        raise DataError("no text column with a value in the rows kept: there is nothing to compare prices with")
    return fitted(panel, folds, settings)


def fitted(panel: Panel, folds: list[Fold], settings: BacktestSettings) -> Walk:
    """The ridge forecasts of every arm over a panel."""
    arms = arms_with(panel.block_of)
    design = make_design(panel.values, panel.present, panel.block_of)
    gram = make_gram(design, folds, delay_of(panel.horizon, settings))
    cross = make_cross(design, gram, panel.target, folds)
    weights, penalties = fit_arms(gram, cross, arms, panel.block_of, settings.alphas)
    forecasts = {arm: predict(design, gram, weights[arm], folds) for arm in arms}
    return Walk(panel, folds, arms, design, gram, cross, weights, penalties, forecasts)


def predictions_frame(walk: Walk, forecasts: Forecasts | None = None) -> pd.DataFrame:
    """One row per test row: session, security_id, ticker, fold, y1, ret_open_close and the forecast of each model."""
    panel, first = walk.panel, walk.first
    at = np.nonzero(panel.present[first:])
    session, security = at[0] + first, at[1]
    starts = [fold.test_start for fold in walk.folds if fold.counts]
    ids = panel.securities[security]
    grids = walk.forecasts | (forecasts or {})
    return pd.DataFrame(
        {
            "session": panel.sessions[session],
            "security_id": ids,
            "ticker": panel.tickers.loc[ids].to_numpy(),
            "fold": np.searchsorted(starts, session, side="right") - 1,
            "y1": panel.target[session, security],
            "ret_open_close": panel.returns[session, security],
            **{f"forecast_{name}": grid[session, security] for name, grid in grids.items()},
        }
    )


def clark_west(walk: Walk, target: np.ndarray, forecasts: Forecasts, pair: Comparison) -> np.ndarray:
    """The daily Clark-West series of a pair over the test sessions, for any target and forecasts on the walk's grid."""
    span = walk.tested
    small, large = forecasts[pair.baseline][span], forecasts[pair.augmented][span]
    return inference.clark_west_series(target[span], small, large, walk.panel.present[span])


def primary_t(walk: Walk, target: np.ndarray, forecasts: Forecasts) -> float:
    """The statistic of the primary test."""
    return inference.mean_test(clark_west(walk, target, forecasts, PRIMARY), walk.panel.horizon).t
