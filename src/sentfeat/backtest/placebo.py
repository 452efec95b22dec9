"""The primary test repeated on text that cannot know: refitted, penalties tuned anew.

    permuted   the text columns change hands among securities of the same session and turnover tercile: news among those
               with tone, filings among those with filings, other columns among those with any
    shifted    all text moves along the calendar by one common number of sessions, at least 60, end joined to start

The first keeps which securities had news and when; the second keeps each security's history and the market's.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sentfeat.backtest.arms import FILINGS, OTHER, PRICE, TONE, VOLUME
from sentfeat.backtest.design import centre
from sentfeat.backtest.groups import TURNOVER
from sentfeat.backtest.panel import Panel
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.refit import Text
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError

PERMUTED, SHIFTED = "permuted", "shifted"
MIN_SHIFT = 60
MAX_THREADS = 4  # each holds a copy of the text columns
ENOUGH = 15  # covered rows a session from which terciles still have somebody to change with
DEALT_TOGETHER = {(VOLUME, TONE): (TONE, VOLUME), (FILINGS,): (FILINGS,), (OTHER,): (OTHER,)}

Statistic = Callable[[Text], float]


@dataclass(frozen=True)
class Deal:
    """Which text columns change hands together, and the cells between which they do, sorted by who may change."""

    columns: np.ndarray
    session: np.ndarray
    security: np.ndarray
    stratum: np.ndarray

    def shuffled(self, random: np.random.Generator) -> np.ndarray:
        """For each cell the security that its text comes from."""
        return self.security[np.lexsort((random.random(len(self.session)), self.stratum, self.session))]


def run_placebos(
    panel: Panel,
    text: Text,
    statistic: Statistic,
    settings: BacktestSettings,
    pieces: Pieces,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """`statistic` on settings.placebos placebos of each kind: kind, draw, t.

    `progress` hears (done, total) after each. There are fewer shifts where the panel has fewer distinct ones; raises
    DataError if these are too few to conclude anything.
    """
    shifts = _shifts(len(panel.sessions), settings)
    deals = make_deals(panel, text)
    makers = [
        *((PERMUTED, draw, lambda d=draw: dealt(text, deals, settings.seed, d)) for draw in range(settings.placebos)),
        *((SHIFTED, draw, lambda s=int(by): moved(text, s)) for draw, by in enumerate(shifts)),
    ]

    def one(entry: tuple[str, int, Callable[[], Text]]) -> float:
        kind, draw, make = entry
        return float(pieces.get(f"placebo-{kind}-{draw}", lambda: np.array(statistic(make()))))

    rows = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as pool:  # numpy leaves the interpreter free
        for (kind, draw, _), t in zip(makers, pool.map(one, makers), strict=True):
            rows.append((kind, draw, t))
            progress(len(rows), len(makers))
    return pd.DataFrame(rows, columns=["kind", "draw", "t"])


def placebo_p(real: float, placebos: pd.Series) -> float:
    """(1 + number of placebos at least as large) / (number + 1)."""
    return float((1 + (placebos >= real).sum()) / (len(placebos) + 1))


def make_deals(panel: Panel, text: Text) -> list[Deal]:
    """Who may change hands with whom."""
    return list(_deals(panel, text))


def _deals(panel: Panel, text: Text) -> Iterator[Deal]:
    for blocks, by in DEALT_TOGETHER.items():
        columns = np.flatnonzero(np.isin(text.block_of, blocks))
        marking = next((block for block in by if block in panel.block_of), None)
        if marking is not None:
            known = np.isfinite(panel.values[..., panel.columns_in((marking,))]).any(axis=2)
            yield _deal(panel, columns, panel.covered if marking == TONE else known)


def _deal(panel: Panel, columns: np.ndarray, covered: np.ndarray) -> Deal:
    session, security = np.nonzero(covered)
    stratum = np.zeros(len(session), dtype=np.int16)
    if np.median(covered.sum(axis=1)) >= ENOUGH:
        stratum = panel.groups[TURNOVER].codes[session, security]
    order = np.lexsort((stratum, session))
    return Deal(columns, session[order], security[order], stratum[order])


def dealt(text: Text, deals: list[Deal], seed: int, draw: int) -> Text:
    """Each deal's cells get each other's text. Session sums stay, so the old means still centre."""
    random = np.random.default_rng([seed, 0, draw])
    raw, centred = text.raw.copy(), text.centred.copy()
    for deal in deals:
        at = deal.session[:, None], deal.security[:, None], deal.columns[None, :]
        got = text.raw[deal.session[:, None], deal.shuffled(random)[:, None], deal.columns[None, :]]
        centred[at] += got - raw[at]
        raw[at] = got
    return replace(text, raw=raw, centred=centred)


def dealt_panel(panel: Panel, deals: list[Deal], seed: int, draw: int) -> Panel:
    """The panel with the same change of hands, for learners that look at the rows themselves."""
    random = np.random.default_rng([seed, 0, draw])
    count = panel.block_of.count(PRICE)
    values = panel.values.copy()
    for deal in deals:
        columns = count + deal.columns[deal.columns < len(panel.columns) - count]  # masks follow their columns
        source = deal.shuffled(random)
        values[deal.session[:, None], deal.security[:, None], columns] = panel.values[
            deal.session[:, None], source[:, None], columns
        ]
    return replace(panel, values=values)


def _shifts(sessions: int, settings: BacktestSettings) -> np.ndarray:
    possible = np.arange(MIN_SHIFT, sessions - MIN_SHIFT + 1)
    needed = int(1 / settings.significance) - 1  # fewer could never give a p at or below the significance
    if len(possible) < needed:
        raise DataError(
            f"too little data for shifted placebos: {sessions} sessions with usable rows, "
            f"{2 * MIN_SHIFT - 1 + needed} are needed; build features over a longer span"
        )
    return np.random.default_rng([settings.seed, 1]).permutation(possible)[: settings.placebos]


def moved(text: Text, by: int) -> Text:
    """A row whose source session has no row of the security gets zeros, as for a session without news."""
    raw = np.where(text.present[..., None], np.roll(text.raw, by, axis=0), 0.0)
    return replace(text, raw=raw, centred=centre(raw, text.present))
