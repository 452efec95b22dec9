"""Notice the night that never ran: fail, and so tell, if a session is overdue or a required source is down.

    python -m flows.watch --config data/live.toml

It only reads. `sentfeat status` does the same without Prefect, for cron on another machine: when the server itself is
down, nothing that it schedules can say so.
"""

from typing import Annotated

import pandas as pd
import typer
from prefect import flow

from flows.alerts import WATCHED
from flows.runs import show_health
from flows.steps import ConfigFile, Overrides, Target, one_line_errors, run_command
from sentfeat.errors import OverdueError
from sentfeat.health import check_lake
from sentfeat.sessions import utc_now


@flow(name="watch", flow_run_name="watch {config}", **WATCHED)
def watch(config: str, grace_minutes: int = 60, overrides: list[str] | None = None) -> str:
    """One line on the lake's state; OverdueError with all that is wrong."""
    project = Target.of(config, overrides).project
    grace = pd.Timedelta(minutes=grace_minutes)
    health = check_lake(project.lake, utc_now(), grace=grace, cutoffs=project.config.features.cutoffs)
    show_health(health)
    if health.code:
        raise OverdueError("; ".join(health.complaints))
    return "all is well: " + ", ".join(f"{shelf.cutoff} {shelf.newest.date()}" for shelf in health.shelves)


def main(
    config: ConfigFile,
    grace_minutes: Annotated[int, typer.Option(help="minutes after a cut-off before a session is overdue")] = 60,
    set_: Overrides = None,
) -> None:
    """Fail if the newest session is overdue or a required source is down."""
    with one_line_errors():
        typer.echo(watch(config, grace_minutes, set_))


if __name__ == "__main__":
    run_command(main)
