"""What the student learns from: texts, what several teachers answer for each, and those answers mixed with the labels.

A lesson is a prompt with probabilities to answer with: three for sentiment, twelve for risks.
"""

from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS, PromptEncoder, Task
from sentfeat.whole import replacing
from training import parallel
from training.label_rows import targets_of
from training.pool import PoolConfig, build_pool
from training.teacher import TeacherConfig, of_sets, tune

COLUMNS = ["text", "entity", "task", "source", "kind", "truth"]


class Lessons(msgspec.Struct):
    """Prompts (token ids), target probabilities (n, 3 + 12, the other task's columns unused), and teacher's vectors.

    `is_risk` (n,) says which task a prompt is of; `vectors` (n, width) are zero where no teacher has one.
    """

    prompts: list[list[int]]
    targets: np.ndarray
    is_risk: np.ndarray
    vectors: np.ndarray


def gather_texts(config: PoolConfig, rows: pd.DataFrame, data: Path, out: Path) -> pd.DataFrame:
    """The training rows and the pool, kept in out/texts.parquet. `truth` is a row's label as probabilities, else none.

    A rule's label is none: such rows are unlabelled text here.
    """
    target = out / "texts.parquet"
    if not target.exists():
        train = rows[rows["split"] == "train"]
        pool = build_pool(config, train, data, out)
        truth = [
            None if row.silver else targets_of(row.task, row.label) for row in train.itertuples(index=False, name="Row")
        ]
        labelled = train.assign(kind="labelled", truth=pd.Series(truth, index=train.index, dtype=object))
        with replacing(target) as staged:
            pd.concat([labelled, pool])[COLUMNS].to_parquet(staged, index=False)
    asked = pd.read_parquet(target).astype(object)
    return asked.where(asked.notna(), None)


def teach(
    teachers: list[TeacherConfig],
    weights: dict[str, float],
    rows: pd.DataFrame,
    asked: pd.DataFrame,
    out: Path,
    before: Path | None = None,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The teachers' weighted mean answer for each text, and the sentence vectors of the first one (zero elsewhere).

    Each teacher's answers are kept in out/answers-NAME.npz. One without a weight counts once; one without an encoder is
    the bundle `before`. Raises DataError if nobody would answer for some of the texts.
    """
    places = [places_of(teacher, asked) for teacher in teachers]
    require_answers(asked, places)
    answers = [np.zeros(len(LABELS) if task == "sentiment" else len(RISKS)) for task in asked["task"]]
    heard = np.zeros(len(asked))
    vectors = np.zeros((len(asked), 0), dtype=np.float16)
    for teacher, at in zip(teachers, places, strict=True):
        chances, found = answers_of(teacher, rows, asked.iloc[at], out, before)
        weight = weights.get(teacher.name, 1.0)
        for place, row in zip(at, chances, strict=True):
            answers[place] = answers[place] + weight * row
        heard[at] += weight
        if teacher is teachers[0]:
            vectors = np.zeros((len(asked), found.shape[1]), dtype=np.float16)
            vectors[at] = found
    return [answer / weight for answer, weight in zip(answers, heard, strict=True)], vectors


def places_of(teacher: TeacherConfig, asked: pd.DataFrame) -> np.ndarray:
    """Positions of the texts that the teacher answers for."""
    return np.flatnonzero((asked["task"] == teacher.task) & asked.index.isin(of_sets(teacher, asked).index))


def require_answers(asked: pd.DataFrame, places: list[np.ndarray]) -> None:
    """Raises DataError if a text stands at none of the teachers' `places`."""
    alone = np.ones(len(asked), dtype=bool)
    for at in places:
        alone[at] = False
    if alone.any():
        first = asked[alone].iloc[0]
        raise DataError(
            f"no teacher answers for {alone.sum()} texts, such as one of task {first['task']}, set {first['source']}, "
            f"kind {first['kind']}: name it in a teacher's sets, unseen_sets or kinds"
        )


def answers_of(
    teacher: TeacherConfig, rows: pd.DataFrame, asked: pd.DataFrame, out: Path, before: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and sentence vectors of one teacher, tuned first if it is not there yet."""
    target = out / f"answers-{teacher.name}.npz"
    if not parallel.agreed(target.exists()):
        if teacher.encoder is None:
            read = partial(read_by_bundle, Engine.load(before), teacher.task)
        else:
            tuned = tune(teacher, rows, out)
            tuned.encoder.bfloat16()  # a quarter faster, the same labels
            read = tuned.read
        chances, vectors = parallel.gathered(read, asked["text"].tolist(), asked["entity"].tolist())
        if parallel.is_first():
            keep_answers(target, chances, vectors)
        parallel.wait()
    with np.load(target) as kept:
        return kept["chances"], kept["vectors"]


def keep_answers(target: Path, chances: np.ndarray, vectors: np.ndarray) -> None:
    with replacing(target) as staged, open(staged, "wb") as file:  # by a name without .npz, NumPy would add one
        np.savez(file, chances=chances, vectors=vectors)


def read_by_bundle(
    engine: Engine, task: Task, texts: list[str], entities: list[str | None]
) -> tuple[np.ndarray, np.ndarray]:
    """The bundle's calibrated probabilities, and vectors of no width."""
    chances = engine.risks(texts) if task == "risk" else engine.probabilities(texts, entities)
    return chances, np.zeros((len(texts), 0), dtype=np.float16)


def mixed_targets(asked: pd.DataFrame, answers: list[np.ndarray], hard_shares: pd.Series) -> list[np.ndarray]:
    """The teachers' probabilities; for texts with a `truth`, their hard share of the way to it."""
    return [
        answer if truth is None else (1 - share) * answer + share * np.asarray(truth)
        for truth, answer, share in zip(asked["truth"], answers, hard_shares, strict=True)
    ]


def lessons_of(encoder: PromptEncoder, asked: pd.DataFrame, vectors: np.ndarray, repeats: dict[str, int]) -> Lessons:
    """Lessons of the texts with their `targets`; those with a truth come as often in an epoch as `repeats` says."""
    prompts: list[list[int]] = [[]] * len(asked)
    for task in ("sentiment", "risk"):
        at = np.flatnonzero(asked["task"] == task)
        part = asked.iloc[at]
        found, _ = encoder.encode(part["text"].tolist(), part["entity"].tolist(), task)
        for place, prompt in zip(at, found, strict=True):
            prompts[place] = prompt
    is_risk = (asked["task"] == "risk").to_numpy()
    targets = np.zeros((len(asked), len(LABELS) + len(RISKS)), dtype=np.float32)
    for task, columns in (("sentiment", slice(0, len(LABELS))), ("risk", slice(len(LABELS), None))):
        of_task = asked.loc[asked["task"] == task, "targets"]
        if len(of_task):
            targets[is_risk == (task == "risk"), columns] = np.stack(of_task.to_list())
    times = [repeats[row.task] if row.truth is not None else 1 for row in asked.itertuples()]
    order = np.repeat(np.arange(len(asked)), times)
    return Lessons([prompts[at] for at in order], targets[order], is_risk[order], vectors[order])
