"""From a walk and its findings to the tables and the verdict that the report shows."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from sentfeat.backtest import costs, inference, metrics, secondary
from sentfeat.backtest.arms import ARM_MEANING, COMPARISONS, PRIMARY
from sentfeat.backtest.placebo import PERMUTED, SHIFTED, placebo_p
from sentfeat.backtest.power import TARGET_POWER, interpolated_effect
from sentfeat.backtest.probes import Probe
from sentfeat.backtest.verdict import Evidence, decide
from sentfeat.backtest.walk import Forecasts, Walk, clark_west
from sentfeat.config import BacktestSettings, settings_hash


@dataclass(frozen=True)
class Findings:
    """What the parts of a run found."""

    by_session: pd.DataFrame
    placebos: pd.DataFrame
    power: pd.DataFrame
    probes: list[Probe]
    variants: pd.DataFrame
    y_vol: dict[str, Any] | None
    horizons: list[dict[str, Any]]
    tree_placebo: dict[str, Any] | None
    trial: int
    notes: tuple[str, ...]


def daily_series(walk: Walk, forecasts: Forecasts) -> pd.DataFrame:
    """One row per test session with the series that everything else averages: n_rows, n_covered, per model its rank
    IC, hit rate, AUC, MCC, Brier score, squared error and the book's return before cost, per ridge comparison the
    Clark-West series; capacity in currency."""
    panel, span = walk.panel, walk.tested
    present, target, returns = panel.present[span], panel.target[span], panel.returns[span]
    share = costs.tail_share(panel.present)
    columns = {"n_rows": present.sum(axis=1), "n_covered": (panel.covered & panel.present)[span].sum(axis=1)}
    for name, whole in forecasts.items():
        grid = whole[span]
        columns[f"ic_{name}"] = inference.rank_ic(grid, target, present)
        columns[f"hit_{name}"] = metrics.hit_rate(grid, target, present)
        columns[f"auc_{name}"] = metrics.auc(grid, target, present)
        columns[f"mcc_{name}"] = metrics.mcc(grid, target, present)
        columns[f"brier_{name}"] = metrics.brier(grid, target, present)
        columns[f"loss_{name}"] = inference.session_means((target - grid) ** 2, present)
        columns[f"gross_{name}"] = costs.book_returns(grid, returns, present, share)
    for pair in walk.comparisons:
        columns[f"cw_{pair.name}"] = clark_west(walk, panel.target, walk.forecasts, pair)
    largest = walk.forecasts[PRIMARY.augmented][span]
    columns["capacity"] = costs.capacity(largest, panel.liquidity[span], present, 1.0)
    return pd.DataFrame(columns, index=panel.sessions[span].rename("session"))


def verdict_dict(walk: Walk, forecasts: Forecasts, found: Findings, settings: BacktestSettings) -> dict[str, Any]:
    """All that verdict.json holds: plain dicts, lists, strings and numbers."""
    series = found.by_session
    primary = inference.mean_test(series[f"cw_{PRIMARY.name}"].to_numpy(), walk.panel.horizon)
    placebo = _placebo(primary.t, found.placebos)
    net, gain = _net_of_cost(series, settings)
    evidence = Evidence(
        probes=found.probes,
        primary=primary,
        placebo_p=placebo["p"],
        net=inference.mean_test(net),
        net_gain=inference.mean_test(gain),
        detectable=interpolated_effect(found.power, settings.significance),
        significance=settings.significance,
        cost_bp=settings.verdict_cost_bp,
    )
    word, paragraph = decide(evidence)
    return {
        "verdict": str(word),
        "reason": paragraph,
        "primary": f"ridge, {PRIMARY.name}, y1, {settings.cutoff}",
        "comparisons": comparisons(walk, series),
        "other_learners": other_learners(walk, forecasts, series),
        "tree_placebo": found.tree_placebo,
        "models": models(forecasts, series),
        "placebo": placebo,
        "detectable_effect": _detectable(walk, evidence, settings),
        "net_of_cost": _money(walk, series, evidence, settings),
        "bootstrap": _bootstrap(series, settings),
        "superior_ability": _superior(walk, series, settings),
        "deflated_sharpe": _deflated(forecasts, series, found.trial, settings),
        "variants": found.variants.to_dict("records"),
        "y_vol": found.y_vol,
        "filing_horizons": found.horizons,
        "probes": [asdict(probe) for probe in found.probes],
        "data": _data(walk, found.notes),
        "trial": found.trial,
        "settings": msgspec.to_builtins(settings),
        "settings_hash": settings_hash(settings),
    }


def _placebo(real: float, placebos: pd.DataFrame) -> dict[str, Any]:
    """The p of each kind with its number of draws, and the larger of the two."""
    drawn = {kind: placebos.loc[placebos["kind"] == kind, "t"] for kind in (PERMUTED, SHIFTED)}
    kinds = {kind: {"p": placebo_p(real, t), "draws": len(t), "mean_t": float(t.mean())} for kind, t in drawn.items()}
    return {"p": max(entry["p"] for entry in kinds.values()), **kinds}


def _net_of_cost(series: pd.DataFrame, settings: BacktestSettings) -> tuple[np.ndarray, np.ndarray]:
    """Daily return of the augmented book at the verdict's cost, and what it earns more than the baseline's."""
    augmented, baseline = (_net(series, arm, settings) for arm in (PRIMARY.augmented, PRIMARY.baseline))
    return augmented, augmented - baseline


def _net(series: pd.DataFrame, model: str, settings: BacktestSettings) -> np.ndarray:
    """Daily return of a model's book at the verdict's cost."""
    return costs.net_returns(series[f"gross_{model}"].to_numpy(), settings.verdict_cost_bp, settings.borrow_bp_year)


def comparisons(walk: Walk, series: pd.DataFrame) -> list[dict[str, Any]]:
    """Each ridge comparison with Clark-West, R2 gain, IC gain and Diebold-Mariano; Holm over all but the primary."""
    rows = [_compared(walk, series, pair) for pair in walk.comparisons]
    secondary_p = [row["clark_west"]["p"] for row in rows[1:]]
    if secondary_p:
        for row, p in zip(rows[1:], multipletests(secondary_p, method="holm")[1], strict=True):
            row["p_holm"] = float(p)
    return rows


def _compared(walk: Walk, series: pd.DataFrame, pair: Any) -> dict[str, Any]:
    panel, span = walk.panel, walk.tested
    small, large = walk.forecasts[pair.baseline][span], walk.forecasts[pair.augmented][span]
    test = inference.mean_test(series[f"cw_{pair.name}"].to_numpy(), panel.horizon)
    return {
        "name": pair.name,
        "question": pair.question,
        "clark_west": asdict(test),
        "r2_gain_bp": inference.r2_gain_bp(panel.target[span], small, large, panel.present[span]),
        "ic_gain": asdict(_difference(series, "ic", pair.augmented, pair.baseline)),
        "diebold_mariano": _loss_test(series, pair.augmented, pair.baseline),
    }


def _difference(series: pd.DataFrame, what: str, large: str, small: str) -> inference.MeanTest:
    return inference.mean_test((series[f"{what}_{large}"] - series[f"{what}_{small}"]).to_numpy())


def _loss_test(series: pd.DataFrame, large: str, small: str) -> dict[str, Any]:
    test = secondary.diebold_mariano(series[f"loss_{small}"].to_numpy(), series[f"loss_{large}"].to_numpy())
    return asdict(test)


def other_learners(walk: Walk, forecasts: Forecasts, series: pd.DataFrame) -> list[dict[str, Any]]:
    """Each comparison by each further learner: Diebold-Mariano (not nested: no Clark-West), IC gain, Holm."""
    learners = dict.fromkeys(name.partition(" ")[2] for name in forecasts if " " in name)
    rows: list[dict[str, Any]] = []
    for learner in learners:
        for pair in walk.comparisons:
            large, small = f"{pair.augmented} {learner}", f"{pair.baseline} {learner}"
            loss, gain = _loss_test(series, large, small), asdict(_difference(series, "ic", large, small))
            rows.append({"learner": learner, "name": pair.name, "diebold_mariano": loss, "ic_gain": gain})
    if rows:
        adjusted = multipletests([row["diebold_mariano"]["p"] for row in rows], method="holm")[1]
        for row, p in zip(rows, adjusted, strict=True):
            row["p_holm"] = float(p)
    return rows


def models(forecasts: Forecasts, series: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Each model alone: rank IC with its test, and means over sessions of the other metrics."""
    result = {}
    for name in forecasts:
        means = {what: float(series[f"{what}_{name}"].mean()) for what in ("hit", "auc", "mcc", "brier")}
        result[name] = {
            "meaning": ARM_MEANING[name.partition(" ")[0]],
            "rank_ic": asdict(inference.mean_test(series[f"ic_{name}"].to_numpy())),
            "gross_bp": float(series[f"gross_{name}"].mean() / costs.BASIS_POINT),
            **means,
        }
    return result


def _money(walk: Walk, series: pd.DataFrame, evidence: Evidence, settings: BacktestSettings) -> dict[str, Any]:
    gross = series[f"gross_{PRIMARY.augmented}"].to_numpy()
    room = series["capacity"].dropna() * settings.participation
    capacity = {"median": float(room.median()), "low": float(room.quantile(0.1)), "n": len(room)} if len(room) else None
    return {
        "cost_bp": settings.verdict_cost_bp,
        "borrow_bp_year": settings.borrow_bp_year,
        "tail_share": costs.tail_share(walk.panel.present),
        "break_even_bp": costs.break_even_bp(gross, settings.borrow_bp_year),
        "sharpe": costs.sharpe(_net(series, PRIMARY.augmented, settings)),
        "book": asdict(evidence.net),
        "gain": asdict(evidence.net_gain),
        "capacity": capacity,
        "participation": settings.participation,
    }


def _bootstrap(series: pd.DataFrame, settings: BacktestSettings) -> dict[str, Any]:
    pair = PRIMARY.baseline, PRIMARY.augmented
    net = [_net(series, arm, settings) for arm in pair]
    ic = [series[f"ic_{arm}"].to_numpy() for arm in pair]
    drawn = secondary.bootstrap_gains((ic[0], ic[1]), (net[0], net[1]), settings.bootstrap_draws, settings.seed)
    return {name: asdict(entry) for name, entry in drawn.items()}


def _superior(walk: Walk, series: pd.DataFrame, settings: BacktestSettings) -> dict[str, Any]:
    others = [arm for arm in walk.arms if arm != PRIMARY.baseline]
    p = secondary.superior_ability(
        series[f"loss_{PRIMARY.baseline}"], series[[f"loss_{arm}" for arm in others]], settings.bootstrap_draws,
        settings.seed,
    )  # fmt: skip
    return {"p": p, "models": others, "draws": settings.bootstrap_draws, "n": len(series)}


def _deflated(forecasts: Forecasts, series: pd.DataFrame, trial: int, settings: BacktestSettings) -> dict[str, float]:
    """Over all books of this run, times the tests registered on this data so far."""
    net = {name: _net(series, name, settings) for name in forecasts}
    ratios = [costs.sharpe(returns) / np.sqrt(costs.SESSIONS_PER_YEAR) for returns in net.values()]
    return secondary.deflated_sharpe(net[PRIMARY.augmented], ratios, len(net) * trial)


def _detectable(walk: Walk, evidence: Evidence, settings: BacktestSettings) -> dict[str, Any]:
    covered = int((walk.panel.covered & walk.panel.present)[walk.first :].sum())
    return {
        "simulated": evidence.detectable,
        "formula": inference.detectable_effect(covered, settings.significance),
        "covered_rows": covered,
        "power": TARGET_POWER,
        "draws_per_effect": settings.power_draws,
        "column": walk.panel.columns[walk.panel.latent],
    }


def _data(walk: Walk, notes: tuple[str, ...]) -> dict[str, Any]:
    panel = walk.panel
    left_out = [pair for pair in COMPARISONS if pair not in walk.comparisons]
    missing = [f"{pair.name} is left out: the table has no columns for it." for pair in left_out]
    return {
        "sessions": len(panel.sessions),
        "first_session": str(panel.sessions[0].date()),
        "last_session": str(panel.sessions[-1].date()),
        "first_test_session": str(panel.sessions[walk.first].date()),
        "test_sessions": len(panel.sessions) - walk.first,
        "securities": len(panel.securities),
        "rows": int(panel.present.sum()),
        "test_rows": int(panel.present[walk.first :].sum()),
        "test_rows_with_tone": int((panel.covered & panel.present)[walk.first :].sum()),
        "refits": sum(fold.counts for fold in walk.folds),
        "columns": {b: panel.block_of.count(b) for b in dict.fromkeys(panel.block_of)},
        "ledger": dict(panel.ledger.itertuples(index=False, name=None)),
        "notes": [*notes, *panel.notes, *missing],
    }


def bucket_table(walk: Walk) -> pd.DataFrame:
    """Mean excess return by bucket of the forecast, for each arm; as many buckets as the book has tails."""
    panel, span = walk.panel, walk.tested
    count = round(1 / costs.tail_share(panel.present))
    frames = [
        costs.bucket_returns(grid[span], panel.returns[span], panel.present[span], count).assign(arm=arm)
        for arm, grid in walk.forecasts.items()
    ]
    return pd.concat(frames, ignore_index=True)


def coefficient_table(walk: Walk) -> pd.DataFrame:
    """Weight of each column in the last fit of the augmented arm, per standard deviation of the column."""
    panel = walk.panel
    weights = walk.weights[PRIMARY.augmented][-1]
    return pd.DataFrame({"column": panel.columns, "block": panel.block_of, "weight": weights})
