"""What rows say about the sessions before them: decayed tone, surprise, abnormal volume, time since the last news.

Works on matrices (sessions, securities) that reach at least 252 sessions back from the first row wanted, and answers
for the rows from `first` on. A session that is not covered is not a quiet one: it neither decays a mean nor counts as
zero news. Nor is one whose items have no tone: the mean before it is carried over. Every sum runs over ages, newest
first, so that it does not depend on which other rows are asked for.
"""

from dataclasses import dataclass

import numpy as np

TONE_MEMORY = 63
COUNT_MEMORY = 252
BUZZ_MEMORY, BUZZ_NEEDED = 60, 40
HALF_LIVES = (1, 3, 10)


@dataclass(frozen=True)
class Panel:
    """Matrices (sessions, securities) in time order.

    tone: sent_mean, NaN without. n: items, 0 without. listed: whether the security traded. covered: (sessions,).
    """

    tone: np.ndarray
    n: np.ndarray
    listed: np.ndarray
    covered: np.ndarray

    @property
    def observed(self) -> np.ndarray:
        """Where a row has a mean tone: listed, and either covered or with tone."""
        return self.listed & (self.covered[:, None] | self.spoken)

    @property
    def spoken(self) -> np.ndarray:
        return self.listed & ~np.isnan(self.tone)

    @property
    def quiet(self) -> np.ndarray:
        """Where it is known that there was no news."""
        return self.listed & self.covered[:, None] & (self.n == 0)


def history_columns(panel: Panel, first: int) -> dict[str, np.ndarray]:
    """All history columns of the rows from position `first` (>= 1) on, each (rows, securities)."""
    means = {f"sent_ewma_{half}": ewma(panel, first, half) for half in HALF_LIVES}
    before = ewma(panel, first - 1, HALF_LIVES[-1])[:-1]
    return {
        **means,
        "sent_surprise": panel.tone[first:] - before,
        "sent_mom": means["sent_ewma_3"] - means["sent_ewma_10"],
        "buzz_abn": abnormal_buzz(panel, first),
        "sessions_since_news": sessions_since_news(panel, first),
    }


def ewma(panel: Panel, first: int, half_life: float) -> np.ndarray:
    """Decayed mean tone over the last 63 sessions; see FEATURES for its nulls."""
    spoken = panel.spoken
    total, weight = decayed_sums(np.where(spoken, panel.tone, 0.0), spoken | panel.quiet, first, half_life)
    known = panel.observed[first:] & (decayed_sums(spoken, spoken, first, np.inf)[1] > 0)
    return np.divide(total, weight, out=np.full(total.shape, np.nan), where=known)


def decayed_sums(
    values: np.ndarray, weights: np.ndarray, first: int, half_life: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of `values` and `weights` (sessions, securities) over the last 63 sessions, halving every `half_life`."""
    rows = len(values) - first
    totals = [np.zeros((rows, values.shape[1])) for _ in range(2)]
    for age in range(min(TONE_MEMORY, first + rows)):
        begin = max(0, first - age)
        into = slice(begin + age - first, None)  # rows whose memory reaches before the matrix have nothing there
        for total, matrix in zip(totals, (values, weights), strict=True):
            total[into] += 0.5 ** (age / half_life) * matrix[begin : len(values) - age]
    return totals[0], totals[1]


def abnormal_buzz(panel: Panel, first: int) -> np.ndarray:
    """(n - mean) / max(sd, 1) against the covered, listed sessions among the 60 before each row."""
    usable = panel.listed & panel.covered[:, None]
    n = np.where(usable, panel.n, 0).astype(np.int64)  # whole numbers: the sums are exact
    count, total, squares = (sum_before(matrix, first, BUZZ_MEMORY) for matrix in (usable.astype(np.int64), n, n * n))
    enough = (count >= BUZZ_NEEDED) & panel.covered[first:, None]
    mean = total / np.maximum(count, 1)
    variance = (count * squares - total * total) / np.maximum(count * (count - 1), 1)
    return np.where(enough, (panel.n[first:] - mean) / np.maximum(np.sqrt(variance), 1.0), np.nan)


def sum_before(matrix: np.ndarray, first: int, memory: int) -> np.ndarray:
    """For each row from `first` on the sum of the `memory` rows before it, of whole numbers (rows, securities)."""
    running = np.concatenate([np.zeros((1, matrix.shape[1]), dtype=np.int64), np.cumsum(matrix, axis=0)])
    at = np.arange(first, len(matrix))
    return running[at] - running[np.maximum(at - memory, 0)]


def sessions_since_news(panel: Panel, first: int) -> np.ndarray:
    """Sessions since the last item, NaN if none in the last 252 or if a session since then was not covered."""
    at = np.arange(len(panel.n))[:, None]
    since = at - _last(panel.n > 0, at)
    blind = at - _last(~panel.covered[:, None], at)
    known = (since <= COUNT_MEMORY) & (since <= blind)
    return np.where(known, since, np.nan)[first:]


def _last(marked: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The position of the last marked row up to each row, far in the past if there is none."""
    return np.maximum.accumulate(np.where(marked, at, -10 * COUNT_MEMORY), axis=0)
