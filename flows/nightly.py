"""Build the feature rows of one session: what came in, scored and summed up by its cut-offs.

python -m flows.nightly --config my.toml                         the newest session whose cut-off has passed
python -m flows.nightly --config my.toml --session 2026-11-19
"""

from typing import Annotated

import typer
from prefect import flow

from flows.steps import Day, Target, carry_out, one_line_errors, run_command
from sentfeat.pipeline import plan_session
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import utc_now


@flow(name="nightly", flow_run_name="nightly {session}")
def nightly(config: str, session: Day | None = None, overrides: list[str] | None = None) -> RunSummary:
    """Ingest, score and build one session (default: the newest one), at every cut-off that has passed."""
    target = Target.of(config, overrides)
    return carry_out(target, plan_session(target.project, session, utc_now()))


def main(
    config: Annotated[str, typer.Option(help="configuration file")],
    session: Annotated[str | None, typer.Option(help="the session to build, YYYY-MM-DD")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="override, KEY=VALUE; may be repeated")] = None,
) -> None:
    """Build the feature rows of one session."""
    with one_line_errors():
        plan = plan_session(Target.of(config, set_).project, session, utc_now())  # before a server starts
        typer.echo(nightly(config, str(plan.last.date()), set_).line())


if __name__ == "__main__":
    run_command(main)
