"""Train an adapter by a recipe, in a process of its own.

    python -m flows.train --recipe training/configs/smoke.toml --out runs/smoke

It runs `python -m training.sft`, whose lines become the run's log; killed and started again it goes on from its last
checkpoint. Needs the `train` extra; on a GPU machine deploy it to the GPU work pool.
"""

import logging
import subprocess
import sys
from typing import Annotated

import typer
from prefect import flow

from flows.alerts import WATCHED
from flows.steps import one_line_errors, run_command
from sentfeat.errors import SentfeatError

logger = logging.getLogger("sentfeat.flows")


@flow(name="train", flow_run_name="train {recipe}", **WATCHED)
def train(recipe: str, out: str, base: str | None = None, data: str | None = None) -> str:
    """Train by `recipe` into folder `out`; returns where the bundle lies. Raises SentfeatError if training fails."""
    command = [sys.executable, "-m", "training.sft", recipe, "--out", out]
    for option, value in (("--base", base), ("--data", data)):
        command += [option, value] if value else []
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            last = line.strip() or last
            logger.info("%s", line.rstrip())
    if process.returncode:
        raise SentfeatError(f"training by {recipe} ended with code {process.returncode}: {last}")
    return f"{out}/bundle"


def main(
    recipe: Annotated[str, typer.Option(help="a file in training/configs")],
    out: Annotated[str, typer.Option(help="folder for base, checkpoints and bundle")],
    base: Annotated[str | None, typer.Option(help="full-precision base, folder or hub id")] = None,
    data: Annotated[str | None, typer.Option(help="folder with the labelled sets")] = None,
) -> None:
    """Train an adapter."""
    with one_line_errors():
        typer.echo(train(recipe, out, base, data))


if __name__ == "__main__":
    run_command(main)
