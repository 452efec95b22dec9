"""Build the feature table of a range of sessions from the archives, a task per month.

    python -m flows.backfill --config data/sample.toml --start 2022-01-03 --end 2024-12-30

Killed on the way, the same command goes on where it was; run again, it finds nothing to do.
"""

from typing import Annotated

import typer
from prefect import flow

from flows.alerts import WATCHED
from flows.runs import carry_out, only_writer
from flows.steps import ConfigFile, Day, Overrides, Target, one_line_errors, require_written, run_command
from sentfeat.pipeline import plan_range
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import utc_now


@flow(name="backfill", flow_run_name="backfill {start} to {end}", **WATCHED)
def backfill(config: str, start: Day, end: Day, overrides: list[str] | None = None) -> RunSummary:
    """Ingest, score and build every session from `start` to `end`, with the history that their rows remember."""
    target = Target.of(config, overrides)
    with only_writer(target, f"backfill {start} to {end}"):
        return carry_out(target, [plan_range(target.project, start, end, utc_now())])


def main(
    config: ConfigFile,
    start: Annotated[str, typer.Option(help="first session, YYYY-MM-DD")],
    end: Annotated[str, typer.Option(help="last session, YYYY-MM-DD")],
    set_: Overrides = None,
) -> None:
    """Build the feature table of a range of sessions."""
    with one_line_errors():
        require_written(start, end)
        plan_range(Target.of(config, set_).project, start, end, utc_now())  # before a server starts
        typer.echo(backfill(config, start, end, set_).line())


if __name__ == "__main__":
    run_command(main)
