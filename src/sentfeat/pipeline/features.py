"""Documents, links, scores and coverage to published feature sessions."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow.compute as pc

from sentfeat import __version__
from sentfeat.features.history import COUNT_MEMORY
from sentfeat.features.items import INPUT_COLUMNS
from sentfeat.features.table import Build
from sentfeat.pipeline.coverage import reading
from sentfeat.pipeline.plan import require_known
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import available_in, read_links, read_scores
from sentfeat.publish import announce
from sentfeat.score.probability import probabilities
from sentfeat.sessions import Cutoff, Window, shift, window
from sentfeat.tables import COVERAGE, DOCUMENTS


@dataclass(frozen=True)
class BuildReport:
    """Sessions of one cut-off by what publishing them did, and their rows."""

    cutoff: str
    sessions: int = 0
    rows: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)


def build_range(
    project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff, now: pd.Timestamp
) -> BuildReport:
    """Build and publish the feature rows of every session from `first` to `last`.

    A session that stands as made from the same inputs is left alone. Raises SessionError if the cut-off of `last` has
    not passed yet.
    """
    require_known(last, cutoff, project.config.features.lag, now)
    build = _open_build(project, first, last, cutoff)
    shelf, hashes = project.shelf(cutoff), build.input_hashes()
    todo = {session for session, input_hash in hashes.items() if not shelf.is_done(session, input_hash)}
    outcomes, rows = Counter({"reused": len(hashes) - len(todo)}), 0
    for session, frame in build.rows() if todo else ():
        if session in todo:
            provenance = _provenance(project, hashes[session], cutoff, now)
            outcomes[shelf.publish(session, frame, provenance)] += 1
            rows += len(frame)
    announce(project.lake, project.model, cutoff, last)
    return BuildReport(str(cutoff), len(hashes), rows, {str(key): n for key, n in outcomes.items() if n})


def _open_build(project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff) -> Build:
    settings = project.config.features
    span = window(shift(first, -COUNT_MEMORY), last, cutoff, settings.lag)
    return Build(
        items=_load_items(project, span),
        spans=project.lake.read(COVERAGE, columns=["source", "covered_start", "covered_end"], where=pc.field("ok")),
        readings={source.name: reading(source) for source in project.sources},
        universe=project.universe,
        first=first,
        last=last,
        cutoff=cutoff,
        settings=settings,
    )


def _load_items(project: Project, span: Window) -> pd.DataFrame:
    """Documents with their links and, where scored, label probabilities: the INPUT_COLUMNS of the features."""
    lake = project.lake
    columns = ["document_id", "publisher", "title", "text_hash", "pit_grade"]
    where = (pc.field("kind") == "headline") & available_in(span)
    documents = lake.read(DOCUMENTS, columns=columns, where=where).drop_duplicates("document_id")
    items = documents.merge(read_links(lake, span), on="document_id")
    scores = read_scores(project, ["text_hash", "entity_hash", "logits"], texts=set(items["text_hash"]))
    items = items.merge(scores, on=["text_hash", "entity_hash"], how="left")
    scored = items["logits"].notna()
    chances = np.full((len(items), 3), np.nan)
    if scored.any():
        chances[scored] = probabilities(np.stack(items.loc[scored, "logits"]), project.bundle.passport.temperature)
    items[["p_negative", "p_neutral", "p_positive"]] = chances
    return items[list(INPUT_COLUMNS)]


def _provenance(project: Project, input_hash: str, cutoff: Cutoff, now: pd.Timestamp) -> dict[str, Any]:
    return {
        "input_hash": input_hash,
        "published_at": now.isoformat(),
        "cutoff": str(cutoff),
        "model": project.model,
        "model_id": project.bundle.model_id(project.precision),
        "universe_hash": project.universe.hash,
        "settings": msgspec.to_builtins(project.config.features),
        "code_version": __version__,
    }
