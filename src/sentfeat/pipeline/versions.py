"""What changed between two published versions of a session, and which document did it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from sentfeat.cells import changed_cells
from sentfeat.errors import DataError
from sentfeat.features.table import Build
from sentfeat.pipeline.features import Range, open_build
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import read_links
from sentfeat.sessions import Cutoff, Window
from sentfeat.tables import DOCUMENTS, FEATURES

CONDITIONS = ("settings", "universe_hash", "model_id", "code_version")
MOST_TRIED = 200


@dataclass(frozen=True)
class SessionDiff:
    """cells: changed_cells between the versions. documents: those that came in between and without which the newer
    version has other cells, with `changes`, how many, and `columns`. conditions: what else was not the same."""

    older: pd.Timestamp
    newer: pd.Timestamp
    cells: pd.DataFrame
    documents: pd.DataFrame
    conditions: dict[str, tuple[Any, Any]]


def diff_session(project: Project, session: pd.Timestamp, cutoff: Cutoff) -> SessionDiff:
    """Compare the newest published version of a session with the one before.

    Each document of the changed securities that came in between is left out once and the rows are built again: what
    changes then is its doing. Raises DataError if there are not two versions.
    """
    versions = project.shelf(cutoff).versions(session)
    if len(versions) < 2:
        what = "was published once and never changed" if versions else "was never published"
        raise DataError(f"session {session.date()} at {cutoff} {what}; there is nothing to compare")
    (old, old_path), (new, new_path) = versions[-2:]
    before, after = (project.lake.read(FEATURES, paths=[path]) for path in (old_path, new_path))
    cells = changed_cells(before, after)
    older, newer = pd.Timestamp(old["published_at"]), pd.Timestamp(new["published_at"])
    build = open_build(project, Range(session, session, cutoff))
    arrived = _arrived(project, build, Window(older, newer), set(cells["security_id"]))
    conditions = {name: (old.get(name), new.get(name)) for name in CONDITIONS if old.get(name) != new.get(name)}
    return SessionDiff(older, newer, cells, _doers(build, arrived), conditions)


def _arrived(project: Project, build: Build, between: Window, securities: Collection[str]) -> pd.DataFrame:
    """Headlines and filings of these securities that came in between and lie in the memory of the rows."""
    seen, at = pc.field("first_seen_at"), pc.field("available_at")
    where = pc.field("kind").isin(["headline", "filing", "filing_passage"])
    where &= (seen > between.after.to_pydatetime()) & (at <= build.grid.known_at[-1].to_pydatetime())
    columns = ["document_id", "kind", "source", "title", "accession", "first_seen_at", "available_at"]
    documents = project.lake.read(DOCUMENTS, columns=columns, where=where).drop_duplicates("document_id")
    links = read_links(project.lake, Window(build.grid.known_at[0], build.grid.known_at[-1]))
    linked = links[links["security_id"].isin(securities)]["document_id"]
    return documents[documents["document_id"].isin(linked)].sort_values("first_seen_at", ignore_index=True)


def _doers(build: Build, arrived: pd.DataFrame) -> pd.DataFrame:
    rows = []
    single = arrived[arrived["kind"] != "filing_passage"]
    for document in single.head(MOST_TRIED).itertuples():
        parts = arrived[arrived["accession"] == document.accession]["document_id"]
        changes = changed_cells(_without(build, {document.document_id, *parts}, document.accession).frame, build.frame)
        if len(changes):
            columns = ", ".join(sorted(set(changes["column"])))
            rows.append({**document._asdict(), "changes": len(changes), "columns": columns})
    return pd.DataFrame(rows, columns=[*arrived.columns, "changes", "columns"])


def _without(build: Build, documents: Collection[str], accession: str | None) -> Build:
    inputs = build.inputs
    items = inputs.items[~inputs.items["document_id"].isin(documents)]
    passages = inputs.passages[~inputs.passages["document_id"].isin(documents)]
    filings = inputs.filings[inputs.filings["accession"] != accession] if accession else inputs.filings
    return replace(build, inputs=replace(inputs, items=items, filings=filings, passages=passages))
