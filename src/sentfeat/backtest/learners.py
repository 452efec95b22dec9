"""Learners beside the ridge: anything that fits on the past of a panel and forecasts its next sessions.

A learner sees the whole panel; whether it looks where it must not is found by taking the future away (probes.py).
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from sentfeat.backtest.panel import Panel
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.walkforward import Fold

TREES = "trees"
# (panel, fold, columns) -> (test sessions, N) forecasts
Learner = Callable[[Panel, Fold, np.ndarray], np.ndarray]


def trees(panel: Panel, fold: Fold, columns: np.ndarray) -> np.ndarray:
    """Gradient-boosted trees: few, small and slow to learn, as fits returns. An empty cell is a branch of its own."""
    seen, asked = panel.present[: fold.train_stop], panel.present[fold.test_start : fold.test_stop]
    past = panel.values[: fold.train_stop][seen][:, columns]
    filled = np.isfinite(past).any(axis=0)  # a column that is empty so far has no bins
    model = HistGradientBoostingRegressor(
        learning_rate=0.05,
        max_iter=60,
        max_leaf_nodes=8,
        min_samples_leaf=200,
        l2_regularization=10.0,
        max_bins=63,
        early_stopping=False,
        random_state=0,
    )
    model.fit(past[:, filled], panel.target[: fold.train_stop][seen])
    forecast = np.full(asked.shape, np.nan)
    if asked.any():
        forecast[asked] = model.predict(panel.values[fold.test_start : fold.test_stop][asked][:, columns[filled]])
    return forecast


LEARNERS: Mapping[str, Learner] = {TREES: trees}


def forecast_all(
    panel: Panel,
    folds: list[Fold],
    arms: dict[str, tuple[str, ...]],
    learner: tuple[str, Learner],
    pieces: Pieces,
    progress: Callable[[int, int], None],
) -> dict[str, np.ndarray]:
    """(T, N) forecasts of every arm over the folds that count, demeaned by session; fits run side by side."""
    name, fit = learner
    counted = [(number, fold) for number, fold in enumerate(folds) if fold.counts]
    jobs = [(arm, number, fold) for arm in arms for number, fold in reversed(counted)]  # the longest first

    def one(job: tuple[str, int, Fold]) -> np.ndarray:
        arm, number, fold = job
        return pieces.get(f"{name}-{arm}-{number}", lambda: fit(panel, fold, panel.columns_in(arms[arm])))

    grids = {arm: np.full(panel.present.shape, np.nan) for arm in arms}
    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for done, ((arm, _, fold), part) in enumerate(zip(jobs, pool.map(one, jobs), strict=True), start=1):
            grids[arm][fold.test_start : fold.test_stop] = part
            progress(done, len(jobs))
    return {arm: demeaned(grid, panel.present) for arm, grid in grids.items()}


def demeaned(grid: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Less the session's mean over rows; NaN where there is no row or no forecast."""
    count = np.maximum(present.sum(axis=1), 1)[:, None]
    means = np.where(present, grid, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(present, grid - means, np.nan)
