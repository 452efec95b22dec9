"""Poll the live sources now, so that what comes in is graded by when it was really seen.

python -m flows.ingest --config data/live.toml
"""

import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows import steps
from flows.alerts import WATCHED
from flows.runs import only_writer
from flows.steps import MINUTE, ConfigFile, Overrides, Target, one_line_errors, run_command
from sentfeat.pipeline import plan_poll
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import utc_now

WAIT_MINUTES = 5  # a night that holds the lake polls itself, and the next poll comes soon


@flow(name="ingest", flow_run_name="ingest {config}", timeout_seconds=60 * MINUTE, **WATCHED)
def ingest(config: str, overrides: list[str] | None = None) -> RunSummary:
    """Read all sources for the newest sessions; archives that were read before cost nothing."""
    target = Target.of(config, overrides)
    with only_writer(target, "ingest", wait_minutes=WAIT_MINUTES):
        reports = steps.ingest(target, plan_poll(target.project, utc_now()))
    summary = RunSummary(target.project.config.lake, ingested=reports)
    create_markdown_artifact(key="ingest-summary", markdown=summary.markdown(), description=summary.line())
    return summary


def main(
    config: ConfigFile,
    set_: Overrides = None,
) -> None:
    """Poll the live sources now."""
    with one_line_errors():
        typer.echo(ingest(config, set_).line())


if __name__ == "__main__":
    run_command(main)
