"""Scoring a file of any length in flat memory: a killed job goes on where it was, and its output is whole or not there.

The file is cut into slices on a fixed plan. The answers of each are kept beside the output, in OUTPUT.parts, under the
hash of what was asked of which model; at the end they are joined to the columns of the input, and OUTPUT.parts goes.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import filelock
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentfeat.errors import DataError
from sentfeat.score.files import Contents, check_format, read_slices, scan, write_slices
from sentfeat.score.probability import probabilities, tone
from sentfeat.score.prompt import LABELS
from sentfeat.whole import replacing

ROWS = 16384
"""Rows of a slice. A part of the plan: other slices would be other parts."""

_ANSWERS = pa.schema(
    [*((f"p_{label}", pa.float64()) for label in LABELS), ("label", pa.string()), ("tone", pa.float64())]
)

Progress = Callable[[int], None]


class Slice(NamedTuple):
    """Rows of the file: the name of their part, the row that they start with, and what is asked."""

    name: str
    first: int
    texts: list[str]
    entities: list[str | None]


class Answered(NamedTuple):
    """A slice with its label logits (rows, 3) and, for rows that were to be explained, a JSON text."""

    slice: Slice
    logits: np.ndarray
    explanations: list[str | None] | None = None


class SliceScorer(Protocol):
    """Something that answers slices, in whatever order; `identity` names all that decides what is written of one,
    `model_id` what decides its logits."""

    model_id: str
    identity: str
    temperature: float

    def run(self, slices: Iterable[Slice], progress: Progress) -> Iterator[Answered]: ...


ENTITY_COLUMN = "entity"  # by default, and then it may be absent


@dataclass(frozen=True)
class FileJob:
    """What to score and where to write it; entities are asked about if the column is there, or if one is named."""

    source: Path
    output: Path
    text_column: str = "text"
    entity_column: str = ENTITY_COLUMN

    @property
    def parts(self) -> Path:
        return self.output.with_name(self.output.name + ".parts")


@dataclass
class FileReport:
    """Rows written, those found done by an earlier run, and those without a score by reason."""

    rows: int = 0
    resumed: int = 0
    unscored: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        """What was written and what could not be scored, for people."""
        why = ", ".join(f"{count:,} {reason}" for reason, count in self.unscored.items() if count)
        parts = [
            f"{self.rows:,} rows",
            f"{self.unscored.total():,} of them without a score" + (f" ({why})" if why else ""),
        ]
        return "; ".join([*parts, f"{self.resumed:,} had been scored before"] if self.resumed else parts)


def examine(job: FileJob) -> Contents:
    """What is in the source, before a model is loaded for it.

    Raises ConfigError for an unknown format, DataError for a file that cannot be read or lacks a column that is named.
    """
    check_format(job.output)
    contents = scan(job.source)
    names = contents.schema.names
    entities = [(job.entity_column, "--entity-column")] if job.entity_column != ENTITY_COLUMN else []
    for column, option in [(job.text_column, "--text-column"), *entities]:
        if column not in names:
            raise DataError(f"{job.source} has no column {column!r}; it has {', '.join(names)} (see {option})")
    return contents


def score_file(job: FileJob, contents: Contents, scorer: SliceScorer, progress: Progress) -> FileReport:
    """Score `job.source` into `job.output`; `progress` is called with the rows finished since the last call.

    Raises DataError if another run is scoring into the same output, or the source changes meanwhile.
    """
    job.parts.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(job.parts / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise DataError(f"{job.output} is being written by another run; let it end, or choose another name") from None
    with lock:
        report = FileReport()
        for answered in scorer.run(_open_slices(job, scorer, progress, report), progress):
            _keep(job, answered, scorer.temperature)
        _join(job, scorer, contents.schema, report)
    shutil.rmtree(job.parts)
    return report


def _open_slices(job: FileJob, scorer: SliceScorer, advance: Progress, report: FileReport) -> Iterator[Slice]:
    """The slices that have no part yet."""
    for part in _slices(job, scorer):
        if not (job.parts / part.name).exists():
            yield part
            continue
        report.resumed += len(part.texts)
        advance(len(part.texts))


def _slices(job: FileJob, scorer: SliceScorer) -> Iterator[Slice]:
    schema = pa.schema([(job.text_column, pa.string()), (job.entity_column, pa.string())])
    first = 0
    for table in read_slices(job.source, ROWS, schema):
        texts = pc.fill_null(table[job.text_column], "").to_pylist()
        entities = [name if name and name.strip() else None for name in table[job.entity_column].to_pylist()]
        yield Slice(_part_name(scorer.identity, first, texts, entities), first, texts, entities)
        first += len(texts)


def _part_name(identity: str, first: int, texts: list[str], entities: list[str | None]) -> str:
    digest = hashlib.sha256(f"{identity} {first}".encode())
    for text, entity in zip(texts, entities, strict=True):
        for cell in (text, entity or ""):
            data = cell.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little") + data)
    return f"{digest.hexdigest()[:32]}.parquet"


def _keep(job: FileJob, answered: Answered, temperature: float) -> None:
    chances = probabilities(answered.logits, temperature)
    scored = ~np.isnan(chances).any(axis=1)
    words = np.array(LABELS, dtype=object)[np.where(scored, np.nan_to_num(chances).argmax(axis=1), 0)]
    columns = [pa.array(values, mask=~scored) for values in (*chances.T, words, tone(chances))]
    table = pa.table(columns, schema=_ANSWERS)
    if answered.explanations is not None:
        table = table.append_column("explanation", pa.array(answered.explanations, pa.string()))
    with replacing(job.parts / answered.slice.name) as staged:
        pq.write_table(table, staged)


def _join(job: FileJob, scorer: SliceScorer, schema: pa.Schema, report: FileReport) -> None:
    """Write the output: the columns of the input, and those of the parts in the place of any of the same name."""
    names = [part.name for part in _slices(job, scorer)]
    if not all((job.parts / name).exists() for name in names):
        raise DataError(f"{job.source} changed while it was being scored; run the same again")
    added = pq.read_schema(job.parts / names[0]) if names else _ANSWERS
    kept = pa.schema([f for f in schema if f.name not in added.names])

    def joined() -> Iterator[pa.Table]:
        for name, table in zip(names, read_slices(job.source, ROWS, kept), strict=True):
            answers = pq.read_table(job.parts / name)
            report.rows += len(table)
            report.unscored["empty text"] += answers["label"].null_count
            yield pa.table([*table.columns, *answers.columns], names=[*kept.names, *added.names])

    with replacing(job.output) as staged:
        write_slices(job.output, staged, pa.schema([*kept, *added]), joined())
