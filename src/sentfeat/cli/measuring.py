"""Commands that measure models."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from sentfeat.cli.shared import Adapter, print_grid
from sentfeat.errors import ConfigError


def evaluate(
    report: Annotated[Path, typer.Option(help="folder for report.html, report.md and metrics.json")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="CSV, Parquet or JSON lines (CSV and JSON lines also .gz, .zst) with `text`, `label` and perhaps "
            "`entity`, `source`, `split` (train, validation, test) and `score` (a number that tone is compared with)"
        ),
    ] = None,
    sets: Annotated[Path | None, typer.Option(help="a folder with the public sets, instead of --data")] = None,
    protocol: Annotated[str | None, typer.Option(help="of --sets: grouped, fingpt or flare; default: grouped")] = None,
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
    from sentfeat.evaluate import command

    if data and not sets:
        if protocol:
            raise ConfigError("--protocol splits the sets of --sets; a file of your own says it in its column `split`")
        protocol, held_out = command.OWN, command.rows_from_file(data)
    elif sets and not data:
        protocol = protocol or "grouped"
        held_out = command.rows_from_sets(sets, protocol)
    else:
        raise ConfigError("give either --data FILE or --sets FOLDER")
    request = command.Request(
        models=tuple(model or ()),
        adapter=adapter,
        protocol=protocol,
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
