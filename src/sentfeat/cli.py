"""The `sentfeat` command: score and predict, read features, look things up. Flows run as `python -m flows.<name>`."""

import json
import logging
import shlex
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
        hint = "pip install 'sentfeat[score]' to score texts, 'sentfeat[evaluate]' to measure models"
        sys.exit(f"error: {error.name} is not installed; the base package only reads: {hint}")


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
    report: Annotated[Path, typer.Option(help="folder for report.html, report.md and metrics.json")],
    data: Annotated[
        Path | None,
        typer.Option(help="CSV, Parquet or JSON lines with `text`, `label` and perhaps `entity`, `source`, `split`"),
    ] = None,
    sets: Annotated[Path | None, typer.Option(help="a folder with the public sets, instead of --data")] = None,
    protocol: Annotated[str, typer.Option(help="of --sets: grouped, fingpt or flare")] = "grouped",
    model: Annotated[
        list[str] | None,
        typer.Option(help="folder of a bundle or encoder, or NAME=FOLDER; may be repeated, a NAME too (seeds)"),
    ] = None,
    word_lists: Annotated[Path | None, typer.Option(help="folder with Loughran-McDonald lists")] = None,
    zero_shot: Annotated[bool, typer.Option(help="also ask each bundle's base without its adapter")] = True,
    generations: Annotated[
        Path | None, typer.Option(help="JSON lines of source, reference and prediction: BLEU, ROUGE-L, numbers")
    ] = None,
) -> None:
    """Accuracy, F1, calibration and cost of models beside baselines on the same labelled texts, as one report."""
    if (data is None) == (sets is None):
        raise ConfigError("give either --data FILE or --sets FOLDER")
    frame = None if data is None else _read_frame(data)

    from sentfeat.evaluate import command

    held_out = command.rows_from_sets(sets, protocol) if sets else command.rows_from_frame(frame, str(data))
    request = command.Request(
        models=tuple(model or ()),
        protocol=protocol if sets else command.OWN,
        word_lists=word_lists,
        zero_shot=zero_shot,
        generations=generations,
        report=report,
        command=shlex.join(["sentfeat", *sys.argv[1:]]),
    )
    results = command.run(request, held_out, say=lambda line: typer.echo(line, err=True)).metrics["models"]
    columns = ("accuracy", "macro_f1", "weighted_f1", "mcc", "ece", "nll")
    _print_grid(
        ["model", "n", *columns, "missing"],
        [
            [name, str(row["n"]), *(f"{row[column]:.3f}" for column in columns), str(row["missing"])]
            for name, row in results.items()
        ],
    )


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
