"""Poll the live sources now, so that what comes in is graded by when it was really seen.

python -m flows.ingest --config data/live.toml
"""

import pandas as pd
import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from flows import steps
from flows.alerts import WATCHED
from flows.runs import nothing_to_do, only_writer
from flows.steps import MINUTE, ConfigFile, Overrides, Target, one_line_errors, run_command
from sentfeat.pipeline import plan_poll
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import utc_now

WAIT_MINUTES = 5  # a night that holds the lake polls itself, and the next poll comes soon
LATE = pd.Timedelta(minutes=15)  # the next poll is due by then, and reads what this one would


@flow(name="ingest", flow_run_name="ingest {config}", timeout_seconds=60 * MINUTE, **WATCHED)
def ingest(config: str, overrides: list[str] | None = None) -> RunSummary:
    """Read all sources for the newest sessions; archives that were read before cost nothing."""
    target, context = Target.of(config, overrides), FlowRunContext.get()
    if context and context.flow_run and (reason := late_reason(context.flow_run, utc_now())):
        return nothing_to_do(target, reason)
    with only_writer(target, "ingest", wait_minutes=WAIT_MINUTES):
        reports = steps.ingest(target, plan_poll(target.project, utc_now()))
    summary = RunSummary(target.project.config.lake, ingested=reports)
    create_markdown_artifact(key="ingest-summary", markdown=summary.markdown(), description=summary.line())
    return summary


def late_reason(run: FlowRun, now: pd.Timestamp) -> str | None:
    """Why a run of the schedule comes too late to poll, behind a long night say; None for one that does not."""
    due = run.expected_start_time
    if not run.auto_scheduled or due is None or now - due <= LATE:
        return None
    return (
        f"this poll was due at {due:%Y-%m-%d %H:%M} UTC, more than {LATE.seconds // 60} minutes ago: a later one polls"
    )


def main(
    config: ConfigFile,
    set_: Overrides = None,
) -> None:
    """Poll the live sources now."""
    with one_line_errors():
        typer.echo(ingest(config, set_).line())


if __name__ == "__main__":
    run_command(main)
