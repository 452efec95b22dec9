"""The `sentfeat` command: score and predict, read features, look things up. Flows run as `python -m flows.<name>`."""

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Grid

from sentfeat import tables
from sentfeat.errors import ConfigError, DataError, SentfeatError
from sentfeat.reader import read_features
from sentfeat.score.prompt import LABELS

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console()

Model = Annotated[Path | None, typer.Option("--model", help="a bundle's folder; default: the embedded one")]
Lake = Annotated[str | None, typer.Option("--lake", help="path or URI; default: the variable SENTFEAT_LAKE")]


def main() -> None:
    """Run the command; sentfeat's own errors become one line on stderr and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except SentfeatError as error:
        sys.exit(f"error: {error}")
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error.name} is not installed; the base package only reads: pip install 'sentfeat[score]'")


@app.command()
def predict(
    texts: Annotated[list[str], typer.Argument(help="one or more texts")],
    entity: Annotated[str | None, typer.Option(help="the company asked about")] = None,
    model: Model = None,
) -> None:
    """The sentiment of texts given on the command line, as one JSON object a line."""
    from sentfeat.score.predictor import SentimentPredictor

    for text, answer in zip(texts, SentimentPredictor(model).predict(texts, entity=entity), strict=True):
        typer.echo(json.dumps({"text": text, **answer}, ensure_ascii=False))


@app.command()
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

    frame = _read_frame(input)
    if text_column not in frame:
        raise DataError(f"{input} has no column {text_column!r}; it has {list(frame.columns)} (see --text-column)")
    texts = frame[text_column].fillna("").astype(str).tolist()
    entities = _entities(frame, entity_column)
    engine = Engine.load(model or embedded_path())
    with _progress(len(texts), "scoring") as advance:
        chances = engine.probabilities(texts, entities, progress=advance)
    frame[[f"p_{label}" for label in LABELS]] = chances
    scored = pd.Series(chances[:, 0], index=frame.index).notna()
    frame["label"] = pd.Series([LABELS[at] for at in chances.argmax(axis=1)], index=frame.index).where(scored)
    frame["tone"] = tone(chances)
    _write_frame(frame, output)
    console.print(f"wrote {len(frame):,} rows to {output}; {int((~scored).sum())} without a score (empty text)")


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="CSV, Parquet or JSON lines with `text`, `label` and perhaps `entity`")],
    report: Annotated[Path, typer.Option(help="folder for metrics.json")],
    model: Model = None,
) -> None:
    """Accuracy, F1, MCC and calibration of a bundle on labelled texts, beside the word list on the same rows."""
    from sentfeat.evaluate import evaluate as measure
    from sentfeat.evaluate.baselines import word_list
    from sentfeat.score.bundle import embedded_path
    from sentfeat.score.engine import Engine

    frame = _read_frame(data)
    _require_labels(frame, data)
    engine = Engine.load(model or embedded_path())
    rows = frame["text"].tolist(), _entities(frame, "entity"), frame["label"].tolist()
    results = {
        engine.bundle.passport.name: measure(*rows, engine.probabilities),
        "word list": measure(*rows, word_list()),
    }
    report.mkdir(parents=True, exist_ok=True)
    (report / "metrics.json").write_text(json.dumps({"data": data.name, "models": results}, indent=1))
    _print_grid(
        ["model", *results["word list"]],
        [[name, *(_cell(value) for value in metrics.values())] for name, metrics in results.items()],
    )


def _require_labels(frame: pd.DataFrame, path: Path) -> None:
    absent = [name for name in ("text", "label") if name not in frame]
    if absent:
        raise DataError(f"{path} has no column {', '.join(absent)}; it has {list(frame.columns)}")
    strange = sorted(set(frame["label"].astype(str)) - set(LABELS))
    if strange or frame.empty:
        raise DataError(f"{path}: labels must be {', '.join(LABELS)}, got {strange[:5] or 'no rows'}")


@app.command()
def features(
    ticker: Annotated[list[str] | None, typer.Option(help="may be repeated; default: all")] = None,
    last: Annotated[int, typer.Option(help="how many rows, counted from the end")] = 20,
    columns: Annotated[
        str, typer.Option(help="comma-separated")
    ] = "session,ticker,n_news,sent_mean,sent_ewma_3,buzz_abn",
    cutoff: Annotated[str, typer.Option(help="pre_open or evening")] = "pre_open",
    lake: Lake = None,
) -> None:
    """The newest feature rows."""
    wanted = [name.strip() for name in columns.split(",")]
    unknown = [name for name in wanted if name not in tables.FEATURES.names]
    if unknown:
        raise ConfigError(f"no feature column {', '.join(unknown)}; `sentfeat dictionary` lists them")
    rows = read_features(tickers=ticker, cutoff=cutoff, lake=lake).tail(last)[wanted]
    _print_grid(wanted, [[_cell(value) for value in row] for row in rows.itertuples(index=False)])


@app.command()
def dictionary(
    table: Annotated[str, typer.Argument(help=", ".join(tables.TABLES))] = "features",
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table")] = False,
) -> None:
    """What the columns of a table mean, their units, and when they are null."""
    if table not in tables.TABLES:
        raise ConfigError(f"no table {table!r}; there are {', '.join(tables.TABLES)}")
    rows = tables.dictionary(tables.TABLES[table])
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _print_grid(list(rows[0]), [list(row.values()) for row in rows])


@contextmanager
def _progress(total: int, what: str) -> Iterator:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task(what, total=total)
        yield lambda done: bar.advance(job, done)


def _entities(frame: pd.DataFrame, column: str) -> list[str | None]:
    if column not in frame:
        return [None] * len(frame)
    return [name if isinstance(name, str) and name.strip() else None for name in frame[column]]


def _read_frame(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"no file at {path}")
    readers = {".parquet": pd.read_parquet, ".csv": pd.read_csv, ".jsonl": lambda p: pd.read_json(p, lines=True)}
    try:
        return _by_suffix(path, readers)(path)
    except (ValueError, OSError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Through a temporary name: a killed run leaves no half file."""
    writers = {
        ".parquet": lambda p: frame.to_parquet(p, index=False),
        ".csv": lambda p: frame.to_csv(p, index=False),
        ".jsonl": lambda p: frame.to_json(p, orient="records", lines=True, force_ascii=False),
    }
    write = _by_suffix(path, writers)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(path.name + ".tmp")
    write(staged)
    staged.replace(path)


def _by_suffix(path: Path, choices: dict):
    if path.suffix not in choices:
        raise ConfigError(f"{path}: cannot tell the format; the name must end in {', '.join(choices)}")
    return choices[path.suffix]


def _print_grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    grid = Grid(*head)
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def _cell(value: object) -> str:
    if value is None or value is pd.NA or pd.isna(value):
        return "-"
    if isinstance(value, pd.Timestamp):
        return str(value.date()) if value == value.normalize() and value.tzinfo is None else f"{value:%Y-%m-%d %H:%M}"
    return f"{value:+.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
