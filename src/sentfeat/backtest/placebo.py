"""The primary test repeated on text that cannot know: refitted from the sums up, penalties tuned anew.

    permuted   the text columns change hands among the securities with tone of the same session
    shifted    all text moves along the calendar by one common number of sessions, at least 60, end joined to start

The first keeps which securities had news and when; the second keeps each security's history and the market's.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import PRICE
from sentfeat.backtest.design import Design, centre
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError

PERMUTED, SHIFTED = "permuted", "shifted"
MIN_SHIFT = 60
MAX_THREADS = 4  # each holds two copies of the panel

Statistic = Callable[[Design], float]


def run_placebos(
    design: Design,
    covered: np.ndarray,
    statistic: Statistic,
    settings: BacktestSettings,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """`statistic` on settings.placebos placebos of each kind: kind, draw, t.

    `covered` (T, N) marks rows with tone; `progress` hears (done, total) after each. There are fewer shifts where the
    panel has fewer distinct ones; raises DataError if these are too few to conclude anything.
    """
    random = np.random.default_rng(settings.seed)
    shifts = _shifts(len(design.present), settings, random)
    made = [*_permuted(design, covered, settings.placebos, random), *_shifted(design, shifts)]
    rows = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as pool:  # numpy leaves the interpreter free
        drawn = pool.map(lambda entry: (entry[0], statistic(entry[1]())), made)
        for done, row in enumerate(drawn, start=1):  # in the order of `made`, whichever ends first
            rows.append(row)
            progress(done, len(made))
    frame = pd.DataFrame(rows, columns=["kind", "t"])
    frame.insert(1, "draw", frame.groupby("kind").cumcount())
    return frame


def placebo_p(real: float, placebos: pd.Series) -> float:
    """(1 + number of placebos at least as large) / (number + 1)."""
    return float((1 + (placebos >= real).sum()) / (len(placebos) + 1))


def _permuted(
    design: Design, covered: np.ndarray, draws: int, random: np.random.Generator
) -> Iterator[tuple[str, Callable[[], Design]]]:
    session, security = np.nonzero(covered)
    for _ in range(draws):
        order = np.lexsort((random.random(len(session)), session))
        yield PERMUTED, partial(_reassigned, design, session, security, security[order])


def _reassigned(design: Design, session: np.ndarray, security: np.ndarray, source: np.ndarray) -> Design:
    """Each (session, security) gets the text of (session, source). Session sums stay, so the old means still centre."""
    text = np.flatnonzero(design.block_of != PRICE)
    at = session[:, None], security[:, None], text[None, :]
    dealt = design.raw[session, source][:, text]
    raw, centred = design.raw.copy(), design.centred.copy()
    centred[at] += dealt - raw[at]
    raw[at] = dealt
    return replace(design, raw=raw, centred=centred)


def _shifts(sessions: int, settings: BacktestSettings, random: np.random.Generator) -> np.ndarray:
    possible = np.arange(MIN_SHIFT, sessions - MIN_SHIFT + 1)
    needed = int(1 / settings.significance) - 1  # fewer could never give a p at or below the significance
    if len(possible) < needed:
        raise DataError(
            f"too little data for shifted placebos: {sessions} sessions with usable rows, "
            f"{2 * MIN_SHIFT - 1 + needed} are needed; build features over a longer span"
        )
    return random.permutation(possible)[: settings.placebos]


def _shifted(design: Design, shifts: np.ndarray) -> Iterator[tuple[str, Callable[[], Design]]]:
    for shift in shifts:
        yield SHIFTED, partial(_moved, design, int(shift))


def _moved(design: Design, by: int) -> Design:
    """A row whose source session has no row of the security gets zeros, as for a session without news."""
    text = (design.block_of != PRICE) & design.present[..., None]
    raw = np.where(text, np.roll(design.raw, by, axis=0), design.raw)
    return replace(design, raw=raw, centred=centre(raw, design.present))
