"""Documents and links to scores; nothing is scored twice.

Sentiment is asked of a text and each entity that it is linked to, risks of the text alone, where the model knows them.
Scores are kept in immutable segments of the lake, so runs beside each other cannot damage what is there: at worst both
write the same score, which is then read once.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sentfeat.ingest.documents import normalise_text, text_hash
from sentfeat.ingest.link import WITHDRAWN, newest_links
from sentfeat.pipeline.project import Project
from sentfeat.score.prompt import Task
from sentfeat.sessions import Window
from sentfeat.store import Lake
from sentfeat.tables import DOCUMENTS, LINKS, SCORES

SCORED_KINDS = ("headline", "filing_passage")
NO_ENTITY = ""  # the entity hash of a question about the text alone
SCORES_PER_SHARD = 8192
BUCKET_DIGITS = 1
KEY = ["text_hash", "entity_hash"]


@dataclass(frozen=True)
class ScoreReport:
    """Answers that were wanted, and those of them that had not been given before."""

    wanted: int
    scored: int


def score_window(
    project: Project,
    span: Window,
    progress: Callable[[int], None] | None = None,
    *,
    kinds: Sequence[str] = SCORED_KINDS,
) -> ScoreReport:
    """Answer each question about the texts of these kinds that became available in `span` and have no answer yet.

    Kept shard by shard, so that a killed run goes on where it was. The model is loaded only if there is work.
    """
    wanted, todo = _questions(project, span, kinds)
    items = _plan(todo)
    for begin in range(0, len(items), SCORES_PER_SHARD):
        _score_shard(project, span, items.iloc[begin : begin + SCORES_PER_SHARD], progress)
    return ScoreReport(wanted, sum(map(len, todo.values())))


def count_open(project: Project, span: Window, kinds: Sequence[str] = SCORED_KINDS) -> ScoreReport:
    """What `score_window` would do, without doing it; `scored` counts the answers that are still to be given."""
    wanted, todo = _questions(project, span, kinds)
    return ScoreReport(wanted, sum(map(len, todo.values())))


def read_scores(
    project: Project, columns: Sequence[str], task: Task = "sentiment", texts: Collection[str] | None = None
) -> pd.DataFrame:
    """The answers of the project's model to the questions of `task`, each key once.

    With `texts` (text hashes), those about these texts alone: no more is held in memory, and buckets without any of
    them are not read. The entity hash of a risk score is NO_ENTITY.
    """
    folder = f"{SCORES.name}/{project.model}/{task}"
    paths, where = None, None
    if texts is not None:
        buckets = {text[:BUCKET_DIGITS] for text in texts}
        paths = [path for bucket in sorted(buckets) for path in project.lake.files(f"{folder}/bucket={bucket}")]
        where = pc.field("text_hash").isin(pa.array(list(texts), pa.string()))
    needed = list(dict.fromkeys([*columns, *KEY]))
    held = project.lake.read(SCORES, columns=needed, where=where, folder=folder, paths=paths)
    return held.drop_duplicates(KEY, ignore_index=True)[list(columns)]


def read_links(lake: Lake, span: Window) -> pd.DataFrame:
    """Links of documents available in `span` as they now hold, with the hash of their entity."""
    columns = ["document_id", "security_id", "entity", "relevance", "available_at", "method", "linked_at"]
    links = newest_links(lake.read(LINKS, columns=columns, where=available_in(span)))
    links = links[links["method"] != WITHDRAWN].drop(columns=["method", "linked_at"])
    return links.assign(entity_hash=links["entity"].map({name: text_hash(name) for name in links["entity"].unique()}))


def available_in(span: Window) -> pc.Expression:
    """The filter on available_at for (span.after, span.until]."""
    at = pc.field("available_at")
    return (at > pc.scalar(span.after.to_pydatetime())) & (at <= pc.scalar(span.until.to_pydatetime()))


def _questions(project: Project, span: Window, kinds: Sequence[str]) -> tuple[int, dict[Task, pd.DataFrame]]:
    """How many answers are wanted in `span`, and by task those of them that have not been given."""
    pairs = _linked_pairs(project.lake, span, kinds)
    wanted: dict[Task, pd.DataFrame] = {"sentiment": pairs}
    if "risk" in project.bundle.tasks:
        wanted["risk"] = pairs.drop_duplicates("text_hash").assign(entity_hash=NO_ENTITY, entity=None)
    todo = {task: unanswered(project, asked, task) for task, asked in wanted.items()}
    return sum(map(len, wanted.values())), todo


def _linked_pairs(lake: Lake, span: Window, kinds: Sequence[str]) -> pd.DataFrame:
    """Distinct pairs of text and entity in `span`: text_hash, entity_hash, entity."""
    where = pc.field("kind").isin(list(kinds)) & available_in(span)
    documents = lake.read(DOCUMENTS, columns=["document_id", "text_hash"], where=where)
    pairs = documents.merge(read_links(lake, span)[["document_id", "entity", "entity_hash"]], on="document_id")
    return pairs.drop_duplicates(KEY)[[*KEY, "entity"]]


def unanswered(project: Project, asked: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The rows of `asked` (text_hash, entity_hash) that the project's model has not answered yet."""
    held = read_scores(project, KEY, task, texts=set(asked["text_hash"]))
    return asked[~pd.MultiIndex.from_frame(asked[KEY]).isin(pd.MultiIndex.from_frame(held))]


def _plan(todo: dict[Task, pd.DataFrame]) -> pd.DataFrame:
    """What to put to the engine, by text: text_hash, entity_hash, entity, and `tasks`, asked in one reading.

    The risks of a text are asked along with one of its pairs if any is open.
    """
    pairs = todo["sentiment"].sort_values(KEY, ignore_index=True)
    if "risk" not in todo:
        return pairs.assign(tasks="sentiment")
    open_risks = set(todo["risk"]["text_hash"])
    along = pairs["text_hash"].isin(open_risks) & ~pairs["text_hash"].duplicated()
    alone = todo["risk"][~todo["risk"]["text_hash"].isin(pairs["text_hash"])]
    items = [pairs.assign(tasks=np.where(along, "sentiment risk", "sentiment")), alone.assign(tasks="risk")]
    return pd.concat(items).sort_values(KEY, ignore_index=True)


def _score_shard(project: Project, span: Window, items: pd.DataFrame, progress: Callable[[int], None] | None) -> None:
    texts = _read_texts(project.lake, span, items["text_hash"])
    answers: dict[Task, list[pd.DataFrame]] = {task: [] for task in project.bundle.tasks}
    for names, asked in items.groupby("tasks"):
        tasks = names.split()
        entities = [name or None for name in asked["entity"].fillna("")]
        found = project.engine.answers(texts[asked["text_hash"]].tolist(), entities, tasks, progress)
        for task in tasks:
            key = asked[KEY] if task == "sentiment" else asked[["text_hash"]].assign(entity_hash=NO_ENTITY)
            answers[task].append(key.assign(logits=list(found[task])))
    for task, parts in answers.items():
        if parts:
            keep_answers(project, pd.concat(parts), task)


def _read_texts(lake: Lake, span: Window, hashes: pd.Series) -> pd.Series:
    """The normalised texts with these hashes, by hash."""
    these = pc.field("text_hash").isin(pa.array(hashes.unique(), pa.string()))
    where = pc.field("kind").isin(SCORED_KINDS) & available_in(span) & these
    texts = lake.read(DOCUMENTS, columns=["text_hash", "text"], where=where)
    return texts.drop_duplicates("text_hash").set_index("text_hash")["text"].map(normalise_text)


def keep_answers(project: Project, rows: pd.DataFrame, task: Task) -> None:
    """Put answers (text_hash, entity_hash, logits) into the score store."""
    empty = [np.isnan(logits).any() for logits in rows["logits"]]
    rows = rows.assign(model_id=project.engine.model_id, task=task, status=np.where(empty, "empty", "ok"))
    for bucket, part in rows.groupby(rows["text_hash"].str[:BUCKET_DIGITS]):
        project.lake.append(SCORES, part, f"{project.model}/{task}/bucket={bucket}")
