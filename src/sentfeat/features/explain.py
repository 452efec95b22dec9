"""Where a row's tone comes from: its documents, their weights, and what each contributes; the parts sum to the cell."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentfeat.errors import DataError
from sentfeat.features.filings import CHANCES, TONE_HALF_LIFE, labelled, latest_reports
from sentfeat.features.history import TONE_MEMORY
from sentfeat.features.items import confidence
from sentfeat.features.table import Build

NEWS = ("document_id", "available_at", "publisher", "title", *CHANCES, "tone", "relevance", "confidence", "novelty")


@dataclass(frozen=True)
class Explanation:
    """The parts of one row.

    row: the row, by column. news: an item each, in time order, with `weight` and `contribution` (to sent_mean; null
    without a score). passages: those of filings, with `age` in sessions, `weight` and `contribution` (to
    filing_sent_mean). report: the accession whose Item 1A the rf_ columns are about, None without.
    """

    row: pd.Series
    news: pd.DataFrame
    passages: pd.DataFrame
    report: str | None

    @property
    def sums(self) -> dict[str, float]:
        """The contributions added up, by the column that they make; NaN where none has a weight."""
        parts = {"sent_mean": self.news["contribution"], "filing_sent_mean": self.passages["contribution"]}
        return {name: float(part.sum(min_count=1)) for name, part in parts.items()}


def explain_row(build: Build, security_id: str) -> Explanation:
    """The row of a security in the last session of `build`. Raises DataError if it is not listed there."""
    at = len(build.grid.sessions) - 1
    rows = build.frame[(build.frame["session"] == build.last) & (build.frame["security_id"] == security_id)]
    if rows.empty:
        raise DataError(f"{security_id} is not listed in session {build.last.date()}")
    items = build.scored_items
    news = items[(items["number"] == at) & (items["security_id"] == security_id)]
    news = news[[*NEWS, "weight"]].assign(contribution=_contributions(news["weight"], news["tone"]))
    passages = build.passages[build.passages["security_id"] == security_id]
    passages = passages[at - passages["number"] < TONE_MEMORY]
    return Explanation(rows.iloc[0], news, _told(passages, at), _report(build, security_id))


def _told(passages: pd.DataFrame, at: int) -> pd.DataFrame:
    p = passages[list(CHANCES)].to_numpy(dtype=float)
    age = at - passages["number"]
    passages = passages[["document_id", "available_at", *CHANCES]].assign(
        tone=p[:, 2] - p[:, 0], confidence=confidence(p), age=age
    )
    weight = passages["confidence"] * 0.5 ** (age / TONE_HALF_LIFE)
    return passages.assign(weight=weight, contribution=_contributions(weight, passages["tone"]))


def _contributions(weight: pd.Series, tone: pd.Series) -> pd.Series:
    """w s / sum(w) over what has a score; null everywhere if sum(w) is 0."""
    total = weight.sum()
    return weight * tone / total if total > 0 else pd.Series(np.nan, index=weight.index)


def _report(build: Build, security_id: str) -> str | None:
    filings = labelled(build.filings)
    found = latest_reports(filings, build.grid)[-1, build.grid.securities.get_loc(security_id)]
    return None if found < 0 else filings.loc[found, "accession"]
