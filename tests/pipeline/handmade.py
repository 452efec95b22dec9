"""A small lake whose scores are made by hand: what is tested is everything but the model."""

from pathlib import Path

import numpy as np
import pandas as pd

from sentfeat.ingest.documents import text_hash
from sentfeat.pipeline import Project, build_features, ingest_window, open_project, plan_range
from sentfeat.pipeline.score import NO_ENTITY
from sentfeat.tables import DOCUMENTS, LINKS, SCORES
from tests.conftest import ROOT

START, END = "2012-06-01", "2012-08-31"
NOW = pd.Timestamp("2012-09-03 12:00", tz="UTC")
SUBJECTS = ("Apple", "Microsoft", "Apple and Microsoft", "Intel", "Boeing")
EVENTS = ("beats estimates", "misses estimates", "recalls a product line", "wins a large order in Europe")


def write_news(path: Path, seed: int, count: int, first: str = "2012-03-01") -> None:
    """Headlines of four companies, some about two of them, one in three a repeat of an earlier one."""
    rng = np.random.default_rng(seed)
    times = pd.Timestamp(first) + pd.to_timedelta(np.sort(rng.integers(0, 180 * 86400, count)), unit="s")
    titles = [f"{rng.choice(SUBJECTS)} {rng.choice(EVENTS)} number {rng.integers(40)}" for _ in range(count)]
    for at in range(3, count):
        if rng.random() < 0.3:
            titles[at] = titles[at - rng.integers(1, 4)]
    pd.DataFrame({"when": times.strftime("%Y-%m-%dT%H:%M:%SZ"), "headline": titles}).to_csv(path, index=False)


def configure(folder: Path, more: str = "") -> Path:
    """A configuration of one archive of headlines that covers all of 2011 and 2012."""
    path = folder / "handmade.toml"
    path.write_text(
        f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n{more}\n'
        '[[sources]]\nkind = "files"\nname = "mine"\npath = "news*.csv"\n'
        "covers_from = 2010-01-01\ncovers_to = 2012-12-31\n"
        'columns = { published_at = "when", title = "headline" }\n'
    )
    return path


def ingest(project: Project, now: pd.Timestamp = NOW) -> None:
    for chunk in plan_range(project, START, END, now).chunks:
        ingest_window(project, chunk.span, now, poll=chunk.poll)


def score_by_hand(project: Project) -> None:
    """Logits drawn from each question's own hash, for every question of a document in the lake."""
    documents = project.lake.read(DOCUMENTS, columns=["document_id", "text_hash", "kind"])
    pairs = documents[documents["kind"].isin(["headline", "filing_passage"])].merge(
        project.lake.read(LINKS, columns=["document_id", "entity"]), on="document_id"
    )
    pairs = pairs.assign(entity_hash=pairs["entity"].map(text_hash)).drop_duplicates(["text_hash", "entity_hash"])
    _append(project, pairs, "sentiment", 3)
    _append(project, pairs.drop_duplicates("text_hash").assign(entity_hash=NO_ENTITY), "risk", 12)


def _append(project: Project, pairs: pd.DataFrame, task: str, width: int) -> None:
    rows = pairs[["text_hash", "entity_hash"]].assign(model_id="hand", task=task, status="ok")
    seeds = [
        int(text[:8], 16) ^ int(entity[:8] or "0", 16) for text, entity in rows[["text_hash", "entity_hash"]].values
    ]
    rows["logits"] = [np.random.default_rng(seed).normal(0, 2, width).astype("float32") for seed in seeds]
    for bucket, part in rows.groupby(rows["text_hash"].str[:1]):
        project.lake.append(SCORES, part, f"{project.model}/{task}/bucket={bucket}")


def build(project: Project, now: pd.Timestamp = NOW, end: str = END) -> list:
    plan = plan_range(project, START, end, now)
    return build_features(project, plan.first, plan.last, plan.cutoffs, now)


def made(folder: Path, more: str = "", count: int = 900) -> Project:
    """A project whose lake is ingested, scored and built."""
    write_news(folder / "news1.csv", seed=1, count=count)
    project = open_project(configure(folder, more))
    ingest(project)
    score_by_hand(project)
    build(project)
    return project
