"""Commands that measure models."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sentfeat.cli.shared import Adapter, print_grid, read_frame
from sentfeat.errors import ConfigError


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
        typer.Option(help="what `score --model` takes, or NAME=MODEL; may be repeated, a NAME too (seeds)"),
    ] = None,
    adapter: Adapter = None,
    word_lists: Annotated[Path | None, typer.Option(help="folder with Loughran-McDonald lists")] = None,
    zero_shot: Annotated[bool, typer.Option(help="also ask each bundle's base without its adapter")] = True,
    generations: Annotated[
        Path | None, typer.Option(help="JSON lines of source, reference and prediction: BLEU, ROUGE-L, numbers")
    ] = None,
) -> None:
    """Accuracy, F1, calibration and cost of models beside baselines on the same labelled texts, as one report."""
    if (data is None) == (sets is None):
        raise ConfigError("give either --data FILE or --sets FOLDER")
    frame = None if data is None else read_frame(data)

    from sentfeat.evaluate import command

    held_out = command.rows_from_sets(sets, protocol) if sets else command.rows_from_frame(frame, str(data))
    request = command.Request(
        models=tuple(model or ()),
        adapter=adapter,
        protocol=protocol if sets else command.OWN,
        word_lists=word_lists,
        zero_shot=zero_shot,
        generations=generations,
        report=report,
        command=shlex.join(["sentfeat", *sys.argv[1:]]),
    )
    results = command.run(request, held_out, say=lambda line: typer.echo(line, err=True)).metrics["models"]
    columns = ("accuracy", "macro_f1", "weighted_f1", "mcc", "ece", "nll")
    print_grid(
        ["model", "n", *columns, "missing"],
        [
            [name, str(row["n"]), *(f"{row[column]:.3f}" for column in columns), str(row["missing"])]
            for name, row in results.items()
        ],
    )
