"""The command that tests a feature table without a lake."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from sentfeat import __version__
from sentfeat.cli.shared import read_frame
from sentfeat.config import BacktestSettings, settings_hash
from sentfeat.hashing import digest
from sentfeat.store import sha256


def backtest(
    features: Annotated[Path, typer.Option(help="session, ticker or security_id, known_at (UTC), columns of numbers")],
    prices: Annotated[Path, typer.Option(help="session, the same key, open, high, low, close, volume")],
    report: Annotated[Path, typer.Option(help="folder for report.html, verdict.json and predictions.parquet")],
    trees: Annotated[bool, typer.Option(help="also fit gradient-boosted trees")] = True,
    placebos: Annotated[int, typer.Option(help="of each kind")] = 200,
) -> None:
    """Does a feature table, made anywhere, help a price model? Files are Parquet, CSV or JSON lines."""
    settings = msgspec.structs.replace(BacktestSettings(), trees=trees, placebos=placebos)
    tables = read_frame(features), read_frame(prices)
    provenance = {
        "features": f"{features.name}, sha256 {sha256(features.read_bytes())[:16]}",
        "prices": f"{prices.name}, sha256 {sha256(prices.read_bytes())[:16]}",
        "settings": settings_hash(settings),
        "version": __version__,
    }

    from sentfeat.backtest import Context, run, write_report
    from sentfeat.backtest.pieces import Pieces

    pieces = Pieces(report / ".pieces" / digest(*provenance.values())[:16])
    with Progress(console=Console(stderr=True), transient=True) as bars:
        jobs: dict[str, TaskID] = {}

        def say(step: str, done: int, total: int) -> None:
            if step not in jobs:
                jobs[step] = bars.add_task(step, total=total)
            bars.update(jobs[step], completed=done, total=total)

        result = run(*tables, settings, Context(pieces=pieces, progress=say))
    command = shlex.join(["sentfeat", *sys.argv[1:]])
    paths = write_report(result, report, command=command, provenance=provenance)
    shutil.rmtree(report / ".pieces")
    data = result.verdict["data"]
    typer.echo(f"{result.verdict['verdict']}: {result.verdict['reason']}")
    typer.echo(f"{data['rows']:,} of {data['ledger']['rows given']:,} rows used; report: {paths.html}")
