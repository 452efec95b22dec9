"""How small an effect this panel could have shown: the answer that makes "not distinguishable" informative.

Effect: the correlation of tone with standardised y1 on rows with tone. A simulated target is the real one shuffled
among the securities of each session (so nothing is left to find) plus tone at the given correlation; the whole
walk-forward, tuning included, runs on it.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from scipy.stats import norm

from sentfeat.backtest.panel import Panel
from sentfeat.backtest.pieces import Pieces
from sentfeat.config import BacktestSettings

TARGET_POWER = 0.8
LARGEST = 0.9  # a correlation
MULTIPLES = (1.0, 1.5, 2.0, 3.0, 4.5)  # of what a test that need not learn the weight would show


def simulate_power(
    panel: Panel,
    statistic: Callable[[np.ndarray], float],
    start: float,
    settings: BacktestSettings,
    pieces: Pieces,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """Power of the primary test at effects from `start` up: effect, power, draws.

    `statistic` gives the primary t of a (T, N) target. Every effect sees the same shuffles. Stops when an effect is
    always found.
    """
    critical, draws = norm.isf(settings.significance), settings.power_draws
    rows = []
    for at, effect in enumerate(np.minimum(start * np.array(MULTIPLES), LARGEST)):
        found = power_at(panel, statistic, float(effect), draws, settings.seed, pieces)
        rows.append((float(effect), float((found > critical).mean()), draws))
        progress(at + 1, len(MULTIPLES))
        if (found > critical).all():
            break
    progress(len(MULTIPLES), len(MULTIPLES))
    return pd.DataFrame(rows, columns=["effect", "power", "draws"])


def power_at(
    panel: Panel, statistic: Callable[[np.ndarray], float], effect: float, draws: int, seed: int, pieces: Pieces
) -> np.ndarray:
    """(draws,) primary t of simulated markets with this effect."""
    latent = _standardised(panel.values[..., panel.latent])

    def one(draw: int) -> float:
        def simulated() -> np.ndarray:
            noise = _shuffled(panel, np.random.default_rng([seed, draw]))
            return np.array(statistic(_planted(noise, latent, effect)))

        return float(pieces.get(f"power-{effect:.6f}-{draw}", simulated))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return np.array(list(pool.map(one, range(draws))))


def interpolated_effect(curve: pd.DataFrame, significance: float) -> float | None:
    """The effect with 80 % power, linear between those simulated; None if even the largest has less."""
    powers = np.maximum.accumulate(np.concatenate([[significance], curve["power"]]))
    if powers[-1] < TARGET_POWER:
        return None
    effects = np.concatenate([[0.0], curve["effect"]])
    first = int(np.argmax(powers >= TARGET_POWER))
    share = (TARGET_POWER - powers[first - 1]) / (powers[first] - powers[first - 1])
    return float(effects[first - 1] + share * (effects[first] - effects[first - 1]))


def _standardised(tone: np.ndarray) -> np.ndarray:
    return (tone - np.nanmean(tone)) / np.nanstd(tone)


def _shuffled(panel: Panel, random: np.random.Generator) -> np.ndarray:
    session, security = np.nonzero(panel.present)
    order = np.lexsort((random.random(len(session)), session))
    shuffled = panel.target.copy()
    shuffled[session, security] = panel.target[session, security[order]]
    return shuffled


def _planted(noise: np.ndarray, latent: np.ndarray, effect: float) -> np.ndarray:
    return np.where(np.isfinite(latent), effect * latent + np.sqrt(1 - effect**2) * noise, noise)
