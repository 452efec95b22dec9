"""Commands that put texts to a model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentfeat.cli.shared import Adapter, Model, Template, console, progress_bar

if TYPE_CHECKING:
    from sentfeat.score.local import LocalScorer

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
) -> None:
    """Score a file of texts, of any length: its columns, and p_negative, p_neutral, p_positive, label and tone.

    Killed on the way, the same command goes on where it was.
    """
    from sentfeat.score.explain import Rows
    from sentfeat.score.file_job import FileJob, examine, score_file
    from sentfeat.score.find import find_model, load_model
    from sentfeat.score.local import LocalScorer

    job = FileJob(input, output, text_column, entity_column)
    contents = examine(job)
    scorer = LocalScorer(load_model(find_model(model, adapter, template)), Rows(rows) if explain else None)
    with progress_bar(contents.rows, "scoring") as advance:
        report = score_file(job, contents, scorer, advance)
    console.print(f"wrote {output}: {report.line()}{explained(scorer)}", soft_wrap=True)


def explained(scorer: "LocalScorer") -> str:
    if not scorer.reasons:
        return ""
    return f"; {scorer.reasons:,} explained, {scorer.unsupported:,} with numbers that are not in the text"
