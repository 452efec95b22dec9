"""Commands that put texts to a model."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentfeat.cli.shared import Adapter, Model, Template, console, progress_bar
from sentfeat.errors import ConfigError
from sentfeat.score.find import Asked, find_model, load_model

if TYPE_CHECKING:
    from sentfeat.score.file_job import SliceScorer
    from sentfeat.score.local import LocalScorer


class Where(StrEnum):
    """Who computes."""

    LOCAL = "local"
    RAY = "ray"
    VLLM = "vllm"


Explain = Annotated[bool, typer.Option(help="say why: in words where the bundle can, else by leaving words out")]


def predict(
    texts: Annotated[list[str], typer.Argument(help="one or more texts")],
    entity: Annotated[str | None, typer.Option(help="the company asked about")] = None,
    model: Model = None,
    adapter: Adapter = None,
    template: Template = None,
    explain: Explain = False,
) -> None:
    """The sentiment of texts given on the command line, as one JSON object a line."""
    from sentfeat.score.predictor import SentimentPredictor

    predictor = SentimentPredictor(model, adapter, template=template)
    for text, answer in zip(texts, predictor.predict(texts, entity=entity, explain=explain), strict=True):
        typer.echo(json.dumps({"text": text, **answer}, ensure_ascii=False))


def score(
    input: Annotated[
        Path,
        typer.Option(help="a `text` and perhaps an `entity` column in .csv, .jsonl (.gz, .zst) or .parquet"),
    ],
    output: Annotated[Path, typer.Option(help="the same formats")],
    model: Model = None,
    adapter: Adapter = None,
    template: Template = None,
    text_column: Annotated[str, typer.Option(help="the column that holds the texts")] = "text",
    entity_column: Annotated[str, typer.Option(help="the column that holds the company asked about")] = "entity",
    explain: Explain = False,
    rows: Annotated[str, typer.Option(help="of --explain: all, or numbers from 1 such as 1-100,205")] = "all",
    engine: Annotated[Where, typer.Option(help="this process, a Ray cluster, or a vLLM server")] = Where.LOCAL,
    address: Annotated[str | None, typer.Option(help="of the cluster (default: one is started here) or server")] = None,
    workers: Annotated[int | None, typer.Option(help="of Ray; default: one for each GPU, else for each core")] = None,
    store: Annotated[Path | None, typer.Option(help="folder of answers given before; default: your cache")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="neither use nor keep such answers")] = False,
) -> None:
    """Score a file of texts, of any length: its columns, and p_negative, p_neutral, p_positive, label and tone.

    Killed on the way, the same command goes on where it was. What the same model was asked before, for this file or
    another, is not asked again.
    """
    from sentfeat.score.file_job import FileJob, examine, score_file

    job = FileJob(input, output, text_column, entity_column)
    contents = examine(job)
    if explain and engine != Where.LOCAL:
        raise ConfigError("--explain works with --engine local; explain the rows that matter in a second, small file")
    asked = Asked(model, adapter, template)
    if engine == Where.LOCAL:
        scorer: SliceScorer = _local(asked, rows if explain else None)
    else:
        scorer = _on_ray(asked, address, workers) if engine == Where.RAY else _on_vllm(asked, address)
    if not explain and not no_store:
        scorer = _stored(scorer, store)
    with progress_bar(contents.rows, "scoring") as advance:
        report = score_file(job, contents, scorer, advance)
    report.resumed += getattr(scorer, "known", 0)
    console.print(f"wrote {output}: {report.line()}{_explained(scorer)}", soft_wrap=True)


def export(
    output: Annotated[Path, typer.Option(help="a new folder")],
    model: Model = None,
    adapter: Adapter = None,
    template: Template = None,
    dtype: Annotated[str, typer.Option(help="bfloat16, float16 or float32")] = "bfloat16",
) -> None:
    """The model as one plain checkpoint for vLLM and others: adapter merged, safetensors, tokenizer."""
    from sentfeat.score import export as exporting

    exporting.export(find_model(model, adapter, template), output, dtype)
    console.print(f"wrote {output}: {dtype} weights, tokenizer", soft_wrap=True)


def _local(asked: Asked, explained: str | None) -> "LocalScorer":
    from sentfeat.score.explain import Rows
    from sentfeat.score.local import LocalScorer

    return LocalScorer(load_model(find_model(*asked)), Rows(explained) if explained else None)


def _on_ray(asked: Asked, address: str | None, workers: int | None) -> "SliceScorer":
    from sentfeat.score.on_ray import RayScorer

    return RayScorer(asked, address, workers)


def _on_vllm(asked: Asked, address: str | None) -> "SliceScorer":
    from sentfeat.score.on_vllm import VllmScorer

    return VllmScorer(find_model(*asked), address or "http://localhost:8000")


def _stored(scorer: "SliceScorer", folder: Path | None) -> "SliceScorer":
    """The scorer with the answers in `folder`; without any, if those of the user's cache cannot be reached."""
    from sentfeat.score.answer_store import AnswerStore, StoredScorer, default_folder

    try:
        return StoredScorer(scorer, AnswerStore(folder or default_folder(), scorer.model_id))
    except ConfigError as error:
        if folder:
            raise
        console.print(f"going on without: {error}", soft_wrap=True)
        return scorer


def _explained(scorer: "SliceScorer") -> str:
    reasons, unsupported = getattr(scorer, "reasons", 0), getattr(scorer, "unsupported", 0)
    return f"; {reasons:,} explained, {unsupported:,} with numbers that are not in the text" if reasons else ""
