"""Documents and links to scores; nothing is scored twice."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from sentfeat.ingest.documents import normalise_text, text_hash
from sentfeat.pipeline.project import Project
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import DOCUMENTS, LINKS, SCORES

TASK = "sentiment"
SCORED_KINDS = ("headline",)
SCORES_PER_SHARD = 8192
BUCKET_DIGITS = 1


@dataclass(frozen=True)
class ScoreReport:
    """What was asked and what had been scored before."""

    wanted: int
    scored: int


def score_window(project: Project, span: Window, progress: Callable[[int], None] | None = None) -> ScoreReport:
    """Score each text and entity that became available in `span` and has no score by this model yet.

    Kept shard by shard, so that a killed run goes on where it was. The model is loaded only if there is work.
    """
    wanted = _questions(project.lake, span)
    held = read_scores(project, ["text_hash", "entity_hash"])
    done = pd.MultiIndex.from_frame(held[["text_hash", "entity_hash"]])
    todo = wanted[~pd.MultiIndex.from_frame(wanted[["text_hash", "entity_hash"]]).isin(done)]
    todo = todo.sort_values(["text_hash", "entity_hash"], ignore_index=True)
    for begin in range(0, len(todo), SCORES_PER_SHARD):
        _score_shard(project, todo.iloc[begin : begin + SCORES_PER_SHARD], progress)
    return ScoreReport(len(wanted), len(todo))


def _questions(lake: Lake, span: Window) -> pd.DataFrame:
    """Distinct (text, entity) pairs of scored kinds in `span`: text_hash, entity_hash, text, entity."""
    kinds = pc.field("kind").isin(SCORED_KINDS)
    documents = lake.read(DOCUMENTS, columns=["document_id", "text", "text_hash"], where=kinds & available_in(span))
    links = read_links(lake, span)[["document_id", "entity", "entity_hash"]]
    pairs = documents.merge(links, on="document_id")
    pairs = pairs.drop_duplicates(["text_hash", "entity_hash"])
    return pairs.assign(text=pairs["text"].map(normalise_text))[["text_hash", "entity_hash", "text", "entity"]]


def _score_shard(project: Project, todo: pd.DataFrame, progress: Callable[[int], None] | None) -> None:
    engine = project.engine
    logits = engine.score(todo["text"].tolist(), todo["entity"].tolist(), progress=progress)
    rows = todo[["text_hash", "entity_hash"]].assign(model_id=engine.model_id, task=TASK, logits=list(logits))
    rows["status"] = np.where(np.isnan(logits).any(axis=1), "empty", "ok")
    for bucket, part in rows.groupby(rows["text_hash"].str[:BUCKET_DIGITS]):
        project.lake.append(SCORES, part, f"{project.model}/{TASK}/bucket={bucket}")


def read_scores(project: Project, columns: list[str]) -> pd.DataFrame:
    """The scores of the project's model, each key once."""
    folder = f"{SCORES.name}/{project.model}/{TASK}"
    held = project.lake.read(SCORES, columns=columns, folder=folder)
    return held.drop_duplicates(["text_hash", "entity_hash"])


def read_links(lake: Lake, span: Window) -> pd.DataFrame:
    """Links of documents available in `span`, each once, with the hash of their entity."""
    columns = ["document_id", "security_id", "entity", "relevance", "available_at"]
    links = lake.read(LINKS, columns=columns, where=available_in(span))
    links = links.drop_duplicates(["document_id", "security_id"], keep="last")
    return links.assign(entity_hash=links["entity"].map({name: text_hash(name) for name in links["entity"].unique()}))


def available_in(span: Window) -> pc.Expression:
    """The filter on available_at for (span.after, span.until]."""
    at = pc.field("available_at")
    return (at > pc.scalar(span.after.to_pydatetime())) & (at <= pc.scalar(span.until.to_pydatetime()))
