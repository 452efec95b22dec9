"""Probes of what a table holds, whatever it says of itself: outcomes among the features, scaling over the whole sample.

A leak leaves a mark. A column that holds its session's outcome, or text that was moved back to before it could be known
where prices react to it, agrees with the outcome far better than anything honest. Scaling over the whole sample leaves
a mean of 0, a deviation of 1, or ends at 0 and 1, exact to rounding over rows of many sessions.
"""

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import PRICE, text_columns
from sentfeat.backtest.inference import rank_ic
from sentfeat.backtest.panel import Panel
from sentfeat.backtest.probes import FAILED, PASSED, Probe
from sentfeat.backtest.walk import Forecasts

ENOUGH_SESSIONS = 30
ENOUGH_VALUES = 200
ROUNDING = 1e-9
SIZE_FACTOR = 1.5  # how much more the size of an outcome may be honestly known than its sign


def plausible(panel: Panel, forecasts: Forecasts, limit: float) -> Probe:
    """No column and no forecast has a mean rank IC of `limit` or more with the outcome, or 1.5 x that with its size.

    The outcomes of the row's session and of the one after are looked at. A mean rank IC of 0.1 would be extraordinary
    for an open-to-close return; the size of a move is foreseeable, but not nearly as well as a leak knows it.
    """
    name = "Nothing knows the outcome too well"
    worst, where, checked = 0.0, "", 0
    grids = {f"column {c}": panel.values[..., at] for at, c in enumerate(panel.columns) if panel.block_of[at] != PRICE}
    grids |= {f"forecast of {model}": grid for model, grid in forecasts.items()}
    later = np.vstack([panel.target[1:], np.zeros((1, panel.target.shape[1]))])
    for what, grid in grids.items():
        rows = panel.present & np.isfinite(grid)
        checked += 1
        for outcome, allowed in ((panel.target, 1.0), (np.abs(panel.target), SIZE_FACTOR), (later, 1.0)):
            found = _mean_ic(grid, outcome, rows) / allowed
            if found > worst:
                worst, where = found, what
    detail = f"largest: {where}, |mean rank IC| {worst:.3f} (allowed below {limit:g})" if where else "none to look at"
    return Probe(name, FAILED if worst >= limit else PASSED, checked, "columns and forecasts", detail)


def _mean_ic(grid: np.ndarray, outcome: np.ndarray, rows: np.ndarray) -> float:
    ic = rank_ic(grid, outcome, rows)
    ic = ic[np.isfinite(ic)]
    return float(abs(ic.mean())) if len(ic) >= ENOUGH_SESSIONS else 0.0


def own_scale(features: pd.DataFrame) -> Probe:
    """No column is standardised, or stretched to 0 and 1, over the whole table or over each security's whole history.

    Scaling within the session is honest and recognised; so are shares, ranks and flags, which touch their bounds often.
    """
    name = "No column is scaled by the whole sample"
    columns = [c for c in text_columns(features.columns) if features[c].notna().sum() >= ENOUGH_VALUES]
    marks = {column: mark for column in columns if (mark := scaling_mark(features, column))}
    detail = "; ".join(f"{column}: {mark}" for column, mark in list(marks.items())[:4]) or "no such mark found"
    if len(marks) > 4:
        detail += f"; and {len(marks) - 4} more"
    return Probe(name, FAILED if marks else PASSED, len(columns), "columns", detail)


def scaling_mark(features: pd.DataFrame, column: str) -> str | None:
    """What shows that a column was scaled over the whole sample, None if nothing does."""
    values = pd.to_numeric(features[column], errors="coerce").astype("float64")
    known = values.notna()
    values, session, security = values[known], features.loc[known, "session"], features.loc[known, "security_id"]
    if values.nunique() < ENOUGH_VALUES // 4 or _standardised(values.groupby(session)):
        return None
    if _is_unit(values.mean(), values.std(ddof=0), values.std(ddof=1)):
        return "mean 0 and deviation 1 over all rows"
    if _standardised(values.groupby(security)):
        return "mean 0 and deviation 1 over each security's history"
    if values.min() == 0 and values.max() == 1 and (values == 0).sum() == 1 and (values == 1).sum() == 1:
        return "stretched to just one 0 and one 1 over all rows"
    steps = np.diff(np.sort(values.to_numpy()))
    if np.ptp(steps) < ROUNDING and steps[0] > 0:
        return "a rank over all rows"
    return None


def _standardised(groups) -> bool:
    """Whether all groups of at least five values have mean 0 and deviation 1."""
    table = groups.agg(["count", "mean", "std"])
    table = table[(table["count"] >= 5) & (table["std"] > 0)]
    other = table["std"] * np.sqrt((table["count"] - 1) / table["count"])
    centred = (table["mean"].abs() < ROUNDING).all()
    return len(table) > 1 and bool(centred and (_near(table["std"], 1).all() or _near(other, 1).all()))


def _is_unit(mean: float, population: float, sample: float) -> bool:
    return abs(mean) < ROUNDING and bool(_near(population, 1) or _near(sample, 1))


def _near(value, goal: float):
    return abs(value - goal) < ROUNDING
