"""Run the backtest: panel, forecasts of all arms, probes, placebos, power, secondary tests, verdict.

    result = sentfeat.backtest.run(features, prices)
    sentfeat.backtest.write_report(result, "report", command="...", provenance={})

Pure but for the pieces that a caller may let it keep: the same tables and settings give the same result.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from sentfeat.backtest import costs, leaks, metrics, probes, stability, summary
from sentfeat.backtest.arms import PRIMARY
from sentfeat.backtest.design import make_cross
from sentfeat.backtest.horizons import filing_horizons
from sentfeat.backtest.inference import detectable_effect, session_means
from sentfeat.backtest.intake import accept
from sentfeat.backtest.learners import LEARNERS, TREES, Learner, demeaned, forecast_all
from sentfeat.backtest.lineage import published_check
from sentfeat.backtest.panel import eligible
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.placebo import dealt_panel, make_deals, placebo_p, run_placebos
from sentfeat.backtest.power import simulate_power
from sentfeat.backtest.refit import Refitter, one_session_late, refitted_t
from sentfeat.backtest.ridge import fit_arms, predict
from sentfeat.backtest.secondary import diebold_mariano
from sentfeat.backtest.variants import variant_table
from sentfeat.backtest.volatility import volatility_gain
from sentfeat.backtest.walk import Forecasts, Walk, predictions_frame, primary_t, walk_forward
from sentfeat.backtest.walkforward import fold_table
from sentfeat.config import BacktestSettings

Progress = Callable[[str, int, int], None]  # step, done, total
Check = Callable[[pd.DataFrame], probes.Probe]
TRUNCATIONS = 2


def silent(step: str, done: int, total: int) -> None:
    """For callers that do not want to hear."""


@dataclass(frozen=True)
class Context:
    """What a caller knows beyond the two tables, all of it optional.

    checks      further structural probes of the feature table, as that it is what a lake published
    learners    further models by name, fitted beside ridge and trees and probed like them
    variants    the same features made otherwise (text later, names masked), compared with the given ones
    seen_until  the last day of text that the scoring model's base was trained on
    trial       how many different tests were registered on this data, this one included
    pieces      where long parts are kept, so that a killed run goes on where it was
    """

    checks: Sequence[Check] = ()
    learners: Mapping[str, Learner] = field(default_factory=dict)
    variants: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    seen_until: dt.date | None = None
    trial: int = 1
    pieces: Pieces = field(default_factory=Pieces)
    progress: Progress = silent


@dataclass(frozen=True)
class BacktestResult:
    """Everything the report is made of.

    verdict       what verdict.json holds: the word, the reason, every test with its n
    predictions   session, security_id, ticker, fold, y1 (standardised), ret_open_close (simple), forecast_<model>
    by_session    one row per test session: n_rows, n_covered, and per model and comparison its daily series
    tables        by name: ledger, placebos, power, costs, buckets, calibration, groups, families, lags, coefficients,
                  folds
    """

    verdict: dict[str, Any]
    predictions: pd.DataFrame
    by_session: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def run(
    features: pd.DataFrame,
    prices: pd.DataFrame,
    settings: BacktestSettings | None = None,
    context: Context | None = None,
) -> BacktestResult:
    """Does the text help a price model? See BacktestResult for the answer's parts.

    features: tables.FEATURES, or any table with `session`, `security_id` or `ticker`, and numeric columns; without
    `known_at` (UTC) the verdict is UNVERIFIED TIMING. prices: tables.PRICES, or `session`, the same key, open, high,
    low, close and volume. Rows from read_features are compared with what their lake published. Raises DataError where
    columns are missing, keys repeat, no column has a value, or too few sessions are left.
    """
    settings, context = settings or BacktestSettings(), context or Context()
    published = published_check(features)
    rows, bars, notes = accept(features, prices)
    if published is not None:
        context = replace(context, checks=(published, *context.checks))
    with threadpool_limits(1, user_api="blas"):  # the matrices are small: threads would wait for each other
        return _Run(rows, bars, settings, context, notes).result()


@dataclass(frozen=True)
class _Run:
    features: pd.DataFrame
    prices: pd.DataFrame
    settings: BacktestSettings
    context: Context
    notes: tuple[str, ...]

    def result(self) -> BacktestResult:
        settings, say = self.settings, self.context.progress
        walk = walk_forward(self.features, self.prices, settings)
        say("ridge", 1, 1)
        forecasts = walk.forecasts | self._learned(walk)
        predictions = predictions_frame(walk, forecasts)
        checked = self._probes(walk, forecasts, predictions)
        say("probes", 1, 1)
        refitter = Refitter.of(walk)
        placebos = self._placebos(walk, refitter)
        power = self._power(walk)
        by_session = summary.daily_series(walk, forecasts)
        late = refitted_t(walk, refitter, one_session_late(refitter.text), settings)
        variants = variant_table(walk, self.context.variants, self.prices, settings, late)
        findings = summary.Findings(
            by_session=by_session,
            placebos=placebos,
            power=power,
            probes=checked,
            variants=variants,
            y_vol=volatility_gain(walk.panel, self.prices, walk.folds, settings),
            horizons=filing_horizons(self.features, self.prices, settings),
            trial=self.context.trial,
            tree_placebo=self._tree_placebo(walk, refitter, forecasts),
            notes=self.notes,
        )
        say("secondary tests", 1, 1)
        tables = self._tables(walk, forecasts, by_session)
        verdict = summary.verdict_dict(walk, forecasts, findings, settings)
        return BacktestResult(verdict, predictions, by_session, tables | {"placebos": placebos, "power": power})

    @property
    def _learners(self) -> dict[str, Learner]:
        own = LEARNERS if self.settings.trees else {}
        return {**own, **self.context.learners}

    def _learned(self, walk: Walk) -> Forecasts:
        """Forecasts of every further learner, by "<arm> <learner>"."""
        result: Forecasts = {}
        for name, learner in self._learners.items():
            say, pieces = partial(self.context.progress, name), self.context.pieces
            grids = forecast_all(walk.panel, walk.folds, walk.arms, (name, learner), pieces, say)
            result |= {f"{arm} {name}": grid for arm, grid in grids.items()}
        return result

    def _tables(self, walk: Walk, forecasts: Forecasts, by_session: pd.DataFrame) -> dict[str, pd.DataFrame]:
        panel, span, settings = walk.panel, walk.tested, self.settings
        gross = {name: by_session[f"gross_{name}"].to_numpy() for name in forecasts}
        largest = walk.forecasts[PRIMARY.augmented][span]
        return {
            "ledger": panel.ledger,
            "costs": costs.cost_table(gross, settings.costs_bp, settings.borrow_bp_year),
            "buckets": summary.bucket_table(walk),
            "calibration": metrics.calibration_table(largest, panel.target[span], panel.present[span]),
            "groups": stability.group_table(walk, self.context.seen_until),
            "families": stability.family_table(walk),
            "lags": stability.lag_table(walk),
            "coefficients": summary.coefficient_table(walk),
            "folds": fold_table(walk.folds, panel.sessions),
        }

    def _placebos(self, walk: Walk, refitter: Refitter) -> pd.DataFrame:
        return run_placebos(
            walk.panel,
            refitter.text,
            lambda text: refitted_t(walk, refitter, text, self.settings),
            self.settings,
            self.context.pieces,
            partial(self.context.progress, "placebos"),
        )

    def _tree_placebo(self, walk: Walk, refitter: Refitter, forecasts: Forecasts) -> dict[str, Any] | None:
        """Trees refitted on permuted text: p of the Diebold-Mariano t of the primary comparison."""
        draws, panel, span = self.settings.tree_placebos, walk.panel, walk.tested
        if not draws or not self.settings.trees:
            return None
        deals = make_deals(panel, refitter.text)
        arms = {PRIMARY.augmented: walk.arms[PRIMARY.augmented]}

        def t(grid: np.ndarray) -> float:
            small = forecasts[f"{PRIMARY.baseline} {TREES}"]
            less, more = (session_means((panel.target - f)[span] ** 2, panel.present[span]) for f in (small, grid))
            return diebold_mariano(less, more).t

        drawn = []
        for draw in range(draws):
            other = dealt_panel(panel, deals, self.settings.seed, draw)
            fits = (f"{TREES}-placebo-{draw}", LEARNERS[TREES])
            grids = forecast_all(other, walk.folds, arms, fits, self.context.pieces, lambda done, total: None)
            drawn.append(t(grids[PRIMARY.augmented]))
            self.context.progress("placebos of trees", draw + 1, draws)
        return {"p": placebo_p(t(forecasts[f"{PRIMARY.augmented} {TREES}"]), pd.Series(drawn)), "draws": draws}

    def _power(self, walk: Walk) -> pd.DataFrame:
        panel, folds, gram, settings = walk.panel, walk.folds, walk.gram, self.settings

        def statistic(target: np.ndarray) -> float:
            cross = make_cross(walk.design, gram, target, folds)
            weights, _ = fit_arms(gram, cross, walk.arms, panel.block_of, settings.alphas)
            both = (PRIMARY.baseline, PRIMARY.augmented)
            return primary_t(walk, target, {arm: predict(walk.design, gram, weights[arm], folds) for arm in both})

        start = detectable_effect(int(panel.covered[walk.tested].sum()), settings.significance)
        say = partial(self.context.progress, "power")
        return simulate_power(panel, statistic, start, settings, self.context.pieces, say)

    def _probes(self, walk: Walk, forecasts: Forecasts, predictions: pd.DataFrame) -> list[probes.Probe]:
        settings = self.settings
        tested = eligible(self.features, settings)
        tested = tested[tested["session"].isin(walk.panel.sessions)]
        possible = walk.panel.sessions[walk.first + settings.min_test_sessions - 1 :]
        random = np.random.default_rng(settings.seed)
        picked = random.choice(len(possible), min(TRUNCATIONS, len(possible)), replace=False)
        cuts = possible[np.sort(picked)]
        return [
            probes.timing(tested),
            probes.label_overlap(walk.panel.sessions, walk.folds),
            probes.equal_rows(walk.panel, forecasts, walk.first),
            probes.prefix_invariance(self._again, self.features, self.prices, predictions, cuts),
            leaks.plausible(walk.panel, forecasts, settings.implausible_ic),
            leaks.own_scale(self.features),
            *(check(self.features) for check in self.context.checks),
        ]

    def _again(self, features: pd.DataFrame, prices: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
        """Ridge forecasts from the tables given; of other learners those of the last fold up to the cut."""
        walk = walk_forward(features, prices, self.settings)
        last = next(f for f in walk.folds if f.test_start <= walk.panel.sessions.get_loc(cut) < f.test_stop)
        span, forecasts = slice(last.test_start, last.test_stop), {}
        for name, learner in self._learners.items():
            for arm in (PRIMARY.baseline, PRIMARY.augmented):
                grid = np.full(walk.panel.present.shape, np.nan)
                grid[span] = learner(walk.panel, last, walk.panel.columns_in(walk.arms[arm]))
                forecasts[f"{arm} {name}"] = demeaned(grid, walk.panel.present & np.isfinite(grid))
        return predictions_frame(walk, forecasts)
