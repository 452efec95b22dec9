"""Run the backtest: panel, forecasts of all arms, placebos, power, probes, verdict.

Pure: the same tables and settings give the same result; nothing is read, written or timed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from sentfeat.backtest import costs, probes, summary
from sentfeat.backtest.arms import ARMS, PRICE, PRIMARY
from sentfeat.backtest.design import Design, make_cross, make_gram
from sentfeat.backtest.inference import detectable_effect
from sentfeat.backtest.panel import eligible
from sentfeat.backtest.placebo import run_placebos
from sentfeat.backtest.power import simulate_power
from sentfeat.backtest.ridge import fit_arms, predict
from sentfeat.backtest.walk import Walk, predictions_frame, primary_t, walk_forward
from sentfeat.backtest.walkforward import fold_table
from sentfeat.config import BacktestSettings

Progress = Callable[[str, int, int], None]  # step, done, total
TRUNCATIONS = 2


@dataclass(frozen=True)
class BacktestResult:
    """Everything the report is made of.

    verdict       what verdict.json holds: the word, the reason, every test with its n
    predictions   session, security_id, ticker, fold, y1 (standardised), ret_open_close (simple), forecast_<arm>
    by_session    one row per test session: n_rows, n_covered, and per arm and comparison its daily series
    ledger        step, rows: the rows given, each reason for leaving some out, the rows kept
    placebos      kind, draw, t          power      effect, power, draws
    cost_table    arm, cost_bp, net ...  buckets    arm, bucket, mean_bp, interval
    by_year       year, n_sessions, IC of each arm, primary t
    coefficients  column, block, weight of the largest arm in the last fold, per standard deviation
    folds         dates of training and forecast parts
    """

    verdict: dict[str, Any]
    predictions: pd.DataFrame
    by_session: pd.DataFrame
    ledger: pd.DataFrame
    placebos: pd.DataFrame
    power: pd.DataFrame
    cost_table: pd.DataFrame
    buckets: pd.DataFrame
    by_year: pd.DataFrame
    coefficients: pd.DataFrame
    folds: pd.DataFrame


def run_backtest(
    features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings, progress: Progress | None = None
) -> BacktestResult:
    """Does the text help a price model? See BacktestResult for the answer's parts.

    `features` follows tables.FEATURES, `prices` tables.PRICES with one bar per security and session. `progress` hears
    (step, done, total). Raises DataError where columns are missing, keys repeat, no tone is there, or too few sessions
    are left.
    """
    with threadpool_limits(1, user_api="blas"):  # the matrices are small: threads would wait for each other
        return _run(features, prices, settings, progress or (lambda step, done, total: None))


def _run(features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings, report: Progress) -> BacktestResult:
    walk = walk_forward(features, prices, settings)
    report("forecasts", 1, 1)
    predictions, by_session = predictions_frame(walk), summary.daily_series(walk)
    checked = _probes(walk, features, prices, predictions, settings)
    report("probes", 1, 1)
    placebos = _placebos(walk, settings, report)
    power = _power(walk, settings)
    report("power", 1, 1)
    return BacktestResult(
        verdict=summary.verdict_dict(
            walk, by_session, placebos=placebos, power=power, probes=checked, settings=settings
        ),
        predictions=predictions,
        by_session=by_session,
        ledger=walk.panel.ledger,
        placebos=placebos,
        power=power,
        cost_table=costs.cost_table({arm: by_session[f"gross_{arm}"].to_numpy() for arm in ARMS}, settings.costs_bp),
        buckets=summary.bucket_table(walk),
        by_year=summary.year_table(by_session),
        coefficients=summary.coefficient_table(walk),
        folds=fold_table(walk.folds, walk.panel.sessions),
    )


def _placebos(walk: Walk, settings: BacktestSettings, report: Progress) -> pd.DataFrame:
    """The price model stays as it is; everything that saw text is fitted and tuned anew."""
    panel, folds = walk.panel, walk.folds
    larger = {arm: blocks for arm, blocks in ARMS.items() if arm != PRIMARY.baseline}
    known = {PRICE: walk.penalties[PRICE]}

    def statistic(design: Design) -> float:
        gram = make_gram(design, folds)
        cross = make_cross(design, gram, panel.target, folds)
        weights, _ = fit_arms(gram, cross, larger, panel.block_of, settings.alphas, known)
        augmented = predict(design, gram, weights[PRIMARY.augmented], folds)
        return primary_t(walk, panel.target, walk.forecasts | {PRIMARY.augmented: augmented})

    return run_placebos(
        walk.design, panel.covered, statistic, settings, lambda done, total: report("placebos", done, total)
    )


def _power(walk: Walk, settings: BacktestSettings) -> pd.DataFrame:
    panel, folds, gram = walk.panel, walk.folds, walk.gram

    def statistic(target: np.ndarray) -> float:
        cross = make_cross(walk.design, gram, target, folds)
        weights, _ = fit_arms(gram, cross, ARMS, panel.block_of, settings.alphas)
        arms = (PRIMARY.baseline, PRIMARY.augmented)
        return primary_t(walk, target, {arm: predict(walk.design, gram, weights[arm], folds) for arm in arms})

    start = detectable_effect(int(panel.covered[walk.tested].sum()), settings.significance)
    return simulate_power(panel, statistic, start, settings)


def _probes(
    walk: Walk, features: pd.DataFrame, prices: pd.DataFrame, predictions: pd.DataFrame, settings: BacktestSettings
) -> list[probes.Probe]:
    tested = eligible(features, settings)
    tested = tested[tested["session"].isin(walk.panel.sessions)]
    possible = walk.panel.sessions[walk.first + settings.min_test_sessions - 1 :]
    picked = np.random.default_rng(settings.seed).choice(len(possible), min(TRUNCATIONS, len(possible)), replace=False)
    return [
        probes.timing(tested),
        probes.label_overlap(tested, walk.panel.sessions, walk.folds),
        probes.equal_rows(walk.panel, walk.forecasts, walk.first),
        probes.prefix_invariance(
            lambda rows, bars: predictions_frame(walk_forward(rows, bars, settings)),
            features,
            prices,
            predictions,
            possible[np.sort(picked)],
        ),
    ]
