"""What a row says about the sessions before it: decayed tone, surprise, abnormal volume, time since the last news.

Works on matrices (sessions, securities) over the row's session and at most 252 sessions before. A session that is not
covered is not a quiet one: it neither decays a mean nor counts as zero news.
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
        """Where silence or tone is known: listed, and either covered or scored."""
        return self.listed & (self.covered[:, None] | ~np.isnan(self.tone))


def ewma(panel: Panel, at: int, half_life: float) -> np.ndarray:
    """Decayed mean tone (securities,) at row `at` over the last 63 sessions; see FEATURES for its nulls."""
    first = max(0, at - TONE_MEMORY + 1)
    tone, seen = panel.tone[first : at + 1], panel.observed[first : at + 1]
    age = np.arange(at - first, -1, -1.0)[:, None]
    weight = np.where(seen, 0.5 ** (age / half_life), 0.0)
    known = seen[-1] & (seen & ~np.isnan(tone)).any(axis=0)
    total = (weight * np.nan_to_num(tone)).sum(axis=0)
    return np.divide(total, weight.sum(axis=0), out=np.full(known.shape, np.nan), where=known)


def abnormal_buzz(panel: Panel, at: int) -> np.ndarray:
    """(n - mean) / max(sd, 1) against the covered, listed sessions among the 60 before row `at`."""
    first = max(0, at - BUZZ_MEMORY)
    usable = panel.listed[first:at] & panel.covered[first:at, None]
    n = np.where(usable, panel.n[first:at], 0.0)
    count = usable.sum(axis=0)
    enough = (count >= BUZZ_NEEDED) & panel.covered[at]
    mean = n.sum(axis=0) / np.maximum(count, 1)
    squares = (np.where(usable, n - mean, 0.0) ** 2).sum(axis=0)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return np.where(enough, (panel.n[at] - mean) / np.maximum(deviation, 1.0), np.nan)


def sessions_since_news(panel: Panel, at: int) -> np.ndarray:
    """Sessions since the last item, NaN if none in the last 252 or if a session since then was not covered."""
    first = max(0, at - COUNT_MEMORY)
    had = (panel.n[first : at + 1] > 0)[::-1]
    since = np.where(had.any(axis=0), had.argmax(axis=0), -1)
    covered = panel.covered[first : at + 1][::-1]
    blind = len(covered) if covered.all() else int(covered.argmin())
    return np.where((since >= 0) & (since <= blind), since, np.nan)


def history_columns(panel: Panel, at: int) -> dict[str, np.ndarray]:
    """All history columns of the row at position `at`, each (securities,)."""
    means = {f"sent_ewma_{half}": ewma(panel, at, half) for half in HALF_LIVES}
    prior = ewma(panel, at - 1, 10) if at > 0 else np.full(panel.tone.shape[1], np.nan)
    return {
        **means,
        "sent_surprise": panel.tone[at] - prior,
        "sent_mom": means["sent_ewma_3"] - means["sent_ewma_10"],
        "buzz_abn": abnormal_buzz(panel, at),
        "sessions_since_news": sessions_since_news(panel, at),
    }
