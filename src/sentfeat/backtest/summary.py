"""From a walk to the tables and the verdict that the report shows."""

from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from sentfeat.backtest import costs, inference
from sentfeat.backtest.arms import ARM_MEANING, ARMS, COMPARISONS, PRIMARY
from sentfeat.backtest.placebo import PERMUTED, SHIFTED, placebo_p
from sentfeat.backtest.power import TARGET_POWER, interpolated_effect
from sentfeat.backtest.probes import Probe
from sentfeat.backtest.verdict import Evidence, decide
from sentfeat.backtest.walk import Walk, clark_west
from sentfeat.config import BacktestSettings, settings_hash


def daily_series(walk: Walk) -> pd.DataFrame:
    """One row per test session with the series that everything else averages: n_rows, n_covered, per arm its rank IC,
    share of right signs and the book's return before cost, per comparison the Clark-West series."""
    panel, span = walk.panel, walk.tested
    present, target, returns = panel.present[span], panel.target[span], panel.returns[span]
    share = costs.tail_share(panel.present)
    columns = {"n_rows": present.sum(axis=1), "n_covered": panel.covered[span].sum(axis=1)}
    for arm, grid in walk.forecasts.items():
        columns[f"ic_{arm}"] = inference.rank_ic(grid[span], target, present)
        columns[f"hit_{arm}"] = inference.session_means((grid[span] > 0) == (target > 0), present)
        columns[f"gross_{arm}"] = costs.book_returns(grid[span], returns, present, share)
    for pair in COMPARISONS:
        columns[f"cw_{pair.name}"] = clark_west(walk, panel.target, walk.forecasts, pair)
    return pd.DataFrame(columns, index=panel.sessions[span].rename("session"))


def verdict_dict(
    walk: Walk,
    by_session: pd.DataFrame,
    *,
    placebos: pd.DataFrame,
    power: pd.DataFrame,
    probes: list[Probe],
    settings: BacktestSettings,
) -> dict[str, Any]:
    """All that verdict.json holds: plain dicts, lists, strings and numbers."""
    primary = inference.mean_test(by_session[f"cw_{PRIMARY.name}"].to_numpy())
    placebo = _placebo(primary.t, placebos)
    net, gain = _net_of_cost(by_session, settings)
    evidence = Evidence(
        probes=probes,
        primary=primary,
        placebo_p=placebo["p"],
        net=inference.mean_test(net),
        net_gain=inference.mean_test(gain),
        detectable=interpolated_effect(power, settings.significance),
        significance=settings.significance,
        cost_bp=settings.verdict_cost_bp,
    )
    word, paragraph = decide(evidence)
    return {
        "verdict": str(word),
        "reason": paragraph,
        "primary": f"ridge, {PRIMARY.name}, y1, {settings.cutoff}",
        "comparisons": _comparisons(walk, by_session),
        "arms": _arms(by_session),
        "placebo": placebo,
        "detectable_effect": _detectable(walk, evidence, settings),
        "net_of_cost": {
            "cost_bp": settings.verdict_cost_bp,
            "tail_share": costs.tail_share(walk.panel.present),
            "break_even_bp": costs.break_even_bp(by_session[f"gross_{PRIMARY.augmented}"].to_numpy()),
            "sharpe": costs.sharpe(net),
            "book": asdict(evidence.net),
            "gain": asdict(evidence.net_gain),
        },
        "probes": [asdict(probe) for probe in probes],
        "data": _data(walk),
        "settings": msgspec.to_builtins(settings),
        "settings_hash": settings_hash(settings),
    }


def _placebo(real: float, placebos: pd.DataFrame) -> dict[str, Any]:
    """The p of each kind with its number of draws, and the larger of the two."""
    drawn = {kind: placebos.loc[placebos["kind"] == kind, "t"] for kind in (PERMUTED, SHIFTED)}
    kinds = {kind: {"p": placebo_p(real, t), "draws": len(t)} for kind, t in drawn.items()}
    return {"p": max(entry["p"] for entry in kinds.values()), **kinds}


def _net_of_cost(by_session: pd.DataFrame, settings: BacktestSettings) -> tuple[np.ndarray, np.ndarray]:
    """Daily return of the augmented book at the verdict's cost, and what it earns more than the baseline's."""
    augmented, baseline = (
        costs.net_returns(by_session[f"gross_{arm}"].to_numpy(), settings.verdict_cost_bp)
        for arm in (PRIMARY.augmented, PRIMARY.baseline)
    )
    return augmented, augmented - baseline


def _comparisons(walk: Walk, by_session: pd.DataFrame) -> list[dict[str, Any]]:
    """Each comparison with its Clark-West test, R2 gain and IC gain; Holm over all but the primary."""
    panel, span = walk.panel, walk.tested
    rows: list[dict[str, Any]] = []
    for pair in COMPARISONS:
        small, large = walk.forecasts[pair.baseline][span], walk.forecasts[pair.augmented][span]
        gain = by_session[f"ic_{pair.augmented}"] - by_session[f"ic_{pair.baseline}"]
        rows.append(
            {
                "name": pair.name,
                "question": pair.question,
                "clark_west": asdict(inference.mean_test(by_session[f"cw_{pair.name}"].to_numpy())),
                "r2_gain_bp": inference.r2_gain_bp(panel.target[span], small, large, panel.present[span]),
                "ic_gain": asdict(inference.mean_test(gain.to_numpy())),
            }
        )
    secondary = [row["clark_west"]["p"] for row in rows[1:]]
    for row, p in zip(rows[1:], multipletests(secondary, method="holm")[1], strict=True):
        row["p_holm"] = float(p)
    return rows


def _arms(by_session: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        arm: {
            "meaning": ARM_MEANING[arm],
            "rank_ic": asdict(inference.mean_test(by_session[f"ic_{arm}"].to_numpy())),
            "hit_rate": float(by_session[f"hit_{arm}"].mean()),
            "gross_bp": float(by_session[f"gross_{arm}"].mean() / costs.BASIS_POINT),
        }
        for arm in ARMS
    }


def _detectable(walk: Walk, evidence: Evidence, settings: BacktestSettings) -> dict[str, Any]:
    covered = int(walk.panel.covered[walk.first :].sum())
    return {
        "simulated": evidence.detectable,
        "formula": inference.detectable_effect(covered, settings.significance),
        "covered_rows": covered,
        "power": TARGET_POWER,
        "draws_per_effect": settings.power_draws,
    }


def _data(walk: Walk) -> dict[str, Any]:
    panel = walk.panel
    return {
        "sessions": len(panel.sessions),
        "first_session": str(panel.sessions[0].date()),
        "last_session": str(panel.sessions[-1].date()),
        "first_test_session": str(panel.sessions[walk.first].date()),
        "test_sessions": len(panel.sessions) - walk.first,
        "securities": len(panel.securities),
        "rows": int(panel.present.sum()),
        "test_rows": int(panel.present[walk.first :].sum()),
        "test_rows_with_tone": int(panel.covered[walk.first :].sum()),
        "refits": sum(fold.counts for fold in walk.folds),
        "columns": {b: sum(block == b for block in panel.block_of) for b in dict.fromkeys(panel.block_of)},
        "ledger": dict(panel.ledger.itertuples(index=False, name=None)),
        "notes": list(panel.notes),
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


def year_table(by_session: pd.DataFrame) -> pd.DataFrame:
    """Mean rank IC of each arm and the primary t, by calendar year."""
    rows = []
    for year, part in by_session.groupby(by_session.index.year):
        tests = {f"ic_{arm}": inference.mean_test(part[f"ic_{arm}"].to_numpy()).mean for arm in ARMS}
        primary = inference.mean_test(part[f"cw_{PRIMARY.name}"].to_numpy())
        rows.append({"year": int(year), "n_sessions": len(part), **tests, "primary_t": primary.t})
    return pd.DataFrame(rows)


def coefficient_table(walk: Walk) -> pd.DataFrame:
    """Weight of each column in the last fit of the augmented arm, per standard deviation of the column."""
    panel = walk.panel
    weights = walk.weights[PRIMARY.augmented][-1]
    return pd.DataFrame({"column": panel.columns, "block": panel.block_of, "weight": weights})
