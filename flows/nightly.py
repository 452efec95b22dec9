"""Build the feature rows of the newest session: what came in, scored and summed up by its cut-offs.

python -m flows.nightly --config my.toml                         the newest session whose cut-off has passed
python -m flows.nightly --config my.toml --session 2026-11-19

Without --session it also makes up for sessions that no night has built, and ends early on a day without trading.
The same flow runs before the open as `pre_open`; each builds the cut-offs that have passed.
"""

from typing import Annotated

import typer
from prefect import flow

from flows.alerts import WATCHED
from flows.runs import carry_out, nothing_to_do, only_writer
from flows.steps import ConfigFile, Day, Overrides, Target, one_line_errors, require_written, run_command
from sentfeat.pipeline import idle_reason, plan_night
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import utc_now


@flow(name="nightly", flow_run_name="nightly {session}", **WATCHED)
def nightly(config: str, session: Day | None = None, overrides: list[str] | None = None) -> RunSummary:
    """Ingest, score and build one session, or the newest one and those that were missed."""
    target = Target.of(config, overrides)
    with only_writer(target, f"nightly {session or ''}".strip()):
        now = utc_now()
        plans = plan_night(target.project, session, now)
        reason = None if session else idle_reason(target.project, plans, now)
        return carry_out(target, plans) if reason is None else nothing_to_do(target, reason)


pre_open = nightly.with_options(name="pre_open", flow_run_name="pre_open {session}")


def main(
    config: ConfigFile,
    session: Annotated[str | None, typer.Option(help="the session to build, YYYY-MM-DD")] = None,
    set_: Overrides = None,
) -> None:
    """Build the feature rows of one session."""
    with one_line_errors():
        require_written(session)
        plan_night(Target.of(config, set_).project, session, utc_now())  # before a server starts
        typer.echo(nightly(config, session, set_).line())


if __name__ == "__main__":
    run_command(main)
