"""The same backtest on features made otherwise: text that came later, or text without names and dates."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from sentfeat.backtest.arms import PRIMARY
from sentfeat.backtest.inference import mean_test, rank_ic
from sentfeat.backtest.intake import accept
from sentfeat.backtest.walk import Walk, primary_t, walk_forward
from sentfeat.config import BacktestSettings

LATE = "text one session later"


def variant_table(
    walk: Walk, variants: Mapping[str, pd.DataFrame], prices: pd.DataFrame, settings: BacktestSettings, late: float
) -> pd.DataFrame:
    """variant, t and p of the primary test, ic_gap (given less variant, with interval), n_sessions.

    `late`: the t with all text one session later. A gap well above zero is skill that the variant takes away.
    """
    rows = [("as given", primary_t(walk, walk.panel.target, walk.forecasts), *[np.nan] * 3, 0)]
    rows.append((LATE, late, *[np.nan] * 3, 0))
    rows += [(name, *_compared(walk, frame, prices, settings)) for name, frame in variants.items()]
    frame = pd.DataFrame(rows, columns=["variant", "t", "ic_gap", "low", "high", "n_sessions"])
    return frame.assign(p=norm.sf(frame["t"]))


def _compared(
    walk: Walk, features: pd.DataFrame, prices: pd.DataFrame, settings: BacktestSettings
) -> tuple[float, float, float, float, int]:
    other = walk_forward(accept(features, prices)[0], prices, settings)
    ours, theirs = (_ic(w) for w in (walk, other))
    gap = mean_test((ours - theirs).dropna().to_numpy())
    return primary_t(other, other.panel.target, other.forecasts), gap.mean, *gap.interval, gap.n


def _ic(walk: Walk) -> pd.Series:
    """Rank IC of the augmented arm, by test session."""
    panel, span = walk.panel, walk.tested
    ic = rank_ic(walk.forecasts[PRIMARY.augmented][span], panel.target[span], panel.present[span])
    return pd.Series(ic, index=panel.sessions[span])
