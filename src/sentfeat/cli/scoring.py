"""Commands that put texts to a model."""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from sentfeat.cli.shared import Adapter, Model, Template, console, progress_bar, read_frame, write_frame
from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS


def predict(
    texts: Annotated[list[str], typer.Argument(help="one or more texts")],
    entity: Annotated[str | None, typer.Option(help="the company asked about")] = None,
    model: Model = None,
    adapter: Adapter = None,
    template: Template = None,
) -> None:
    """The sentiment of texts given on the command line, as one JSON object a line."""
    from sentfeat.score.predictor import SentimentPredictor

    answers = SentimentPredictor(model, adapter, template=template).predict(texts, entity=entity)
    for text, answer in zip(texts, answers, strict=True):
        typer.echo(json.dumps({"text": text, **answer}, ensure_ascii=False))


def score(
    input: Annotated[
        Path, typer.Option(help="CSV, Parquet or JSON lines with a `text` and perhaps an `entity` column")
    ],
    output: Annotated[Path, typer.Option(help=".parquet, .csv or .jsonl")],
    model: Model = None,
    text_column: Annotated[str, typer.Option(help="the column that holds the texts")] = "text",
    entity_column: Annotated[str, typer.Option(help="the column that holds the company asked about")] = "entity",
) -> None:
    """Score a file of texts: its columns, and p_negative, p_neutral, p_positive, label and tone."""
    from sentfeat.score.bundle import embedded_path
    from sentfeat.score.engine import Engine
    from sentfeat.score.probability import tone

    frame = read_frame(input)
    if text_column not in frame:
        raise DataError(f"{input} has no column {text_column!r}; it has {list(frame.columns)} (see --text-column)")
    texts = frame[text_column].fillna("").astype(str).tolist()
    entities = entities_of(frame, entity_column)
    engine = Engine.load(model or embedded_path())
    with progress_bar(len(texts), "scoring") as advance:
        chances = engine.probabilities(texts, entities, progress=advance)
    frame[[f"p_{label}" for label in LABELS]] = chances
    scored = pd.Series(chances[:, 0], index=frame.index).notna()
    frame["label"] = pd.Series([LABELS[at] for at in chances.argmax(axis=1)], index=frame.index).where(scored)
    frame["tone"] = tone(chances)
    write_frame(frame, output)
    console.print(f"wrote {len(frame):,} rows to {output}; {int((~scored).sum())} without a score (empty text)")


def entities_of(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame:
        return [None] * len(frame)
    return [name if isinstance(name, str) and name.strip() else None for name in frame[column]]
