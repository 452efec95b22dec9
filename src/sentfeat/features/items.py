"""What one document says about one security: tone, confidence, novelty, weight.

tone        s = p_positive - p_negative
confidence  1 - H(p) / ln 3, the entropy of the label probabilities against that of knowing nothing
novelty     1 - the largest Jaccard similarity of word 3-shingles to an earlier item of the same security, earlier by
            (available_at, document_id), within the last `novelty_sessions` sessions, this one included
weight      w = relevance x confidence x novelty
"""

import re
from collections import Counter, deque
from collections.abc import Iterable

import numpy as np
import pandas as pd

SHINGLE = 3
_WORD = re.compile(r"\w+")

# The frame that features are built from: one row per document and security; probabilities NaN where not scored.
INPUT_COLUMNS = (
    "document_id", "security_id", "available_at", "publisher", "title", "pit_grade", "relevance",
    "p_negative", "p_neutral", "p_positive",
)  # fmt: skip


def with_quantities(items: pd.DataFrame, sessions_known: pd.Series, novelty_sessions: int, near: float) -> pd.DataFrame:
    """`items` (INPUT_COLUMNS) in time order with session, tone, confidence, novelty, is_first and weight.

    `sessions_known` is the position of each item's session in the calendar. `is_first` marks an item that is no near
    duplicate (similarity >= near) of an earlier one. Items without a score have NaN tone, confidence and weight.
    """
    frame = items.assign(session_number=sessions_known).sort_values(["available_at", "document_id"], kind="stable")
    p = frame[["p_negative", "p_neutral", "p_positive"]].to_numpy(dtype=float)
    frame["tone"] = p[:, 2] - p[:, 0]
    frame["confidence"] = confidence(p)
    frame["novelty"] = novelty(frame, novelty_sessions)
    frame["is_first"] = frame["novelty"] > 1 - near
    frame["weight"] = frame["relevance"] * frame["confidence"] * frame["novelty"]
    return frame


def confidence(p: np.ndarray) -> np.ndarray:
    """1 - H(p) / ln(labels) for probabilities (n, labels): 0 for a uniform row, 1 for a certain one, NaN stays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0 * p).sum(axis=1)
    return np.clip(1 - entropy / np.log(p.shape[1]), 0.0, 1.0)


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The word 3-shingles of a text; a shorter text is one shingle."""
    words = _WORD.findall(text.casefold())
    return frozenset(zip(*(words[at:] for at in range(SHINGLE)), strict=False)) or frozenset([tuple(words)])


def novelty(frame: pd.DataFrame, sessions: int) -> pd.Series:
    """Novelty of each row of a time-ordered frame with security_id, session_number and title."""
    result = pd.Series(1.0, index=frame.index)
    for _, group in frame.groupby("security_id", sort=False):
        result[group.index] = _novelty_of_one(group["title"], group["session_number"], sessions)
    return result


def _novelty_of_one(titles: Iterable[str], numbers: Iterable[int], sessions: int) -> list[float]:
    memory = _Memory()
    found = []
    for title, number in zip(titles, numbers, strict=True):
        memory.forget_before(number - sessions + 1)
        marks = shingles(title)
        found.append(1.0 - memory.nearest(marks))
        memory.add(number, marks)
    return found


class _Memory:
    """Recent items of one security, found by the shingles they share: exact, and most pairs share none."""

    def __init__(self) -> None:
        self._items: deque[tuple[int, int, frozenset]] = deque()
        self._by_shingle: dict[tuple[str, ...], set[int]] = {}
        self._sizes: dict[int, int] = {}
        self._count = 0

    def add(self, number: int, marks: frozenset) -> None:
        self._items.append((number, self._count, marks))
        self._sizes[self._count] = len(marks)
        for mark in marks:
            self._by_shingle.setdefault(mark, set()).add(self._count)
        self._count += 1

    def forget_before(self, number: int) -> None:
        while self._items and self._items[0][0] < number:
            _, item, marks = self._items.popleft()
            del self._sizes[item]
            for mark in marks:
                self._by_shingle[mark].discard(item)
                if not self._by_shingle[mark]:
                    del self._by_shingle[mark]

    def nearest(self, marks: frozenset) -> float:
        """The largest Jaccard similarity of `marks` to an item that is remembered; 0 if none shares a shingle."""
        common = Counter(item for mark in marks for item in self._by_shingle.get(mark, ()))
        return max((n / (len(marks) + self._sizes[item] - n) for item, n in common.items()), default=0.0)


def count_clusters(titles: Iterable[str], near: float) -> int:
    """Leader clusters of one window: an item joins the first leader it is near to, else it leads a new one."""
    leaders: list[frozenset] = []
    for title in titles:
        marks = shingles(title)
        if not any(len(marks & leader) / len(marks | leader) >= near for leader in leaders):
            leaders.append(marks)
    return len(leaders)
