"""A published row and the documents that made it."""

from dataclasses import dataclass

import pandas as pd

from sentfeat.errors import DataError
from sentfeat.features.explain import explain_row
from sentfeat.pipeline.features import Range, open_build
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.reports import is_one_of
from sentfeat.sessions import Cutoff
from sentfeat.tables import DOCUMENTS, FEATURES

SHOWN = 100  # characters of a passage


@dataclass(frozen=True)
class RowExplanation:
    """published: the row as it stands in the lake. news, passages, report, sums: features.explain.Explanation's, the
    passages with their title and the begin of their text."""

    published: pd.Series
    news: pd.DataFrame
    passages: pd.DataFrame
    report: str | None
    sums: dict[str, float]


def explain_published(project: Project, ticker: str, session: pd.Timestamp, cutoff: Cutoff) -> RowExplanation:
    """The parts of the row of a ticker. Raises DataError if it was not published."""
    project.universe.require_tickers([ticker])
    published = project.lake.read(FEATURES, paths=_paths(project, session, cutoff))
    row = published[published["ticker"] == ticker]
    if row.empty:
        raise DataError(f"{ticker} has no row in session {session.date()} at {cutoff}: it was not listed then")
    told = explain_row(open_build(project, Range(session, session, cutoff)), row.iloc[0]["security_id"])
    where = is_one_of("document_id", told.passages["document_id"])
    texts = project.lake.read(DOCUMENTS, columns=["document_id", "title", "text"], where=where)
    texts = texts.drop_duplicates("document_id").assign(text=texts["text"].str[:SHOWN])
    passages = told.passages.merge(texts, on="document_id", how="left")
    return RowExplanation(row.iloc[0], told.news, passages, told.report, told.sums)


def _paths(project: Project, session: pd.Timestamp, cutoff: Cutoff) -> list[str]:
    shelf = project.shelf(cutoff)
    if shelf.manifest(session) is None:
        raise DataError(
            f"session {session.date()} at {cutoff} is not published by {project.model} in {project.lake.root}"
        )
    return [shelf.data_path(session)]
