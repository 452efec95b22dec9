"""What several commands share: common options, files of texts, tables on the terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Grid

from sentfeat.errors import ConfigError, DataError
from sentfeat.frames import is_csv, read_csv
from sentfeat.schema import Table, conform
from sentfeat.spreadsheet import frame_without_formulas
from sentfeat.store import parquet_bytes
from sentfeat.whole import replacing

console = Console(markup=False, emoji=False)  # titles, names and reasons are others' text: "[/b]" is no markup

Model = Annotated[
    str | None,
    typer.Option(
        "--model", help="a bundle, Transformers model, classifier or adapter: folder or hub id; default: embedded"
    ),
]
Adapter = Annotated[str | None, typer.Option("--adapter", help="a LoRA adapter to put on the model: folder or hub id")]
Template = Annotated[
    str | None, typer.Option("--template", help="plain, mistral_instruct or llama3; default: by the tokenizer")
]
Config = Annotated[Path, typer.Option("--config", help="configuration file")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="override, KEY=VALUE; may be repeated")]
Lake = Annotated[str | None, typer.Option("--lake", help="path or URI; default: the variable SENTFEAT_LAKE")]


@contextmanager
def progress_bar(total: int, what: str) -> Iterator:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        job = bar.add_task(what, total=total)
        yield lambda done: bar.advance(job, done)


def read_frame(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"no file at {path}")
    readers = {".parquet": pd.read_parquet, ".csv": read_csv, ".jsonl": lambda p: pd.read_json(p, lines=True)}
    try:
        return read_csv(path) if is_csv(path) else _by_suffix(path, readers)(path)
    except (ValueError, OSError) as error:
        raise DataError(f"cannot read {path}: {error}") from error


def write_frame(frame: pd.DataFrame, path: Path, table: Table | None = None) -> None:
    """Through a temporary name: a killed run leaves no half file. As Parquet with the types and meanings of `table`."""
    writers = {
        ".parquet": lambda p: (
            frame.to_parquet(p, index=False) if table is None else p.write_bytes(parquet_bytes(conform(table, frame)))
        ),
        ".csv": lambda p: frame_without_formulas(frame).to_csv(p, index=False),
        ".jsonl": lambda p: frame.to_json(p, orient="records", lines=True, force_ascii=False),
    }
    write = _by_suffix(path, writers)
    with replacing(path) as staged:
        write(staged)


def _by_suffix(path: Path, choices: dict):
    if path.suffix not in choices:
        raise ConfigError(f"{path}: cannot tell the format; the name must end in {', '.join(choices)}")
    return choices[path.suffix]


def print_grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    grid = Grid(*head)
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def cell(value: object) -> str:
    if value is None or value is pd.NA or pd.isna(value):
        return "-"
    if isinstance(value, pd.Timestamp):
        return str(value.date()) if value == value.normalize() and value.tzinfo is None else f"{value:%Y-%m-%d %H:%M}"
    return f"{value:+.3f}" if isinstance(value, float) else str(value)
