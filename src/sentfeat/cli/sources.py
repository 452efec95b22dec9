"""Commands that read sources into the lake."""

from pathlib import Path
from typing import Annotated

import typer

from sentfeat.cli.shared import Config, Overrides, console, print_grid, progress_bar
from sentfeat.errors import ConfigError
from sentfeat.sessions import Cutoff, as_day, utc_now

PATIENCE = 600.0  # seconds to wait for another writer of the lake


def ingest(
    config: Config,
    start: Annotated[str | None, typer.Option(help="first session of a backfill, YYYY-MM-DD")] = None,
    end: Annotated[str | None, typer.Option(help="its last session; the prices are then read too")] = None,
    report: Annotated[bool, typer.Option("--report", help="what is missing for which session, and why")] = False,
    cutoff: Annotated[Cutoff, typer.Option(help="whose sessions the report shows")] = Cutoff.PRE_OPEN,
    replay: Annotated[bool, typer.Option("--replay", help="build the tables again from the raw archive")] = False,
    into: Annotated[str | None, typer.Option(help="the lake that --replay fills; default: the archive's own")] = None,
    set_: Overrides = None,
) -> None:
    """Poll the live sources and read the archives now, or for a range of sessions. A source that is down is noted."""
    if replay:
        replay_archive(config, list(set_ or ()), into)
        return
    if (start is None) != (end is None):
        raise ConfigError("a backfill needs both --start and --end")

    from sentfeat.lock import only_writer
    from sentfeat.pipeline import (
        PriceReport,
        ingest_window,
        open_project,
        plan_poll,
        plan_range,
        report_coverage,
        update_prices,
    )
    from sentfeat.pipeline.summary import RunSummary

    project, now = open_project(config, set_ or ()), utc_now()
    with only_writer(project.lake, "sentfeat ingest", wait=PATIENCE, say=to_stderr):
        if start and end:
            plan = plan_range(project, start, end, now)
            chunks, prices = plan.chunks, update_prices(project, plan.first, plan.last, now)
        else:
            chunks, prices = (plan_poll(project, now),), PriceReport()
        reports = [found for chunk in chunks for found in ingest_window(project, chunk.span, now, poll=chunk.poll)]
    typer.echo(RunSummary(project.config.lake, ingested=reports, prices=prices).line())
    if report:
        first, last = (as_day(start), as_day(end)) if start and end else (None, None)
        show_coverage(report_coverage(project, now, cutoff=cutoff, first=first, last=last))


def replay_archive(config: Path, overrides: list[str], into: str | None) -> None:
    """Documents, links, coverage and quarantine from what the web said then; asks nobody."""
    from sentfeat.lock import only_writer
    from sentfeat.pipeline import open_project, replay
    from sentfeat.pipeline.summary import RunSummary

    archive = open_project(config, overrides).archive
    project = open_project(config, [*overrides, f"lake={into}"] if into else overrides)
    with (
        only_writer(project.lake, "sentfeat ingest --replay", wait=PATIENCE, say=to_stderr),
        progress_bar(archive.count(source.name for source in project.sources), "replaying") as advance,
    ):
        reports = replay(project, archive, advance)
    typer.echo(RunSummary(project.config.lake, ingested=reports).line())


def relink(config: Config, set_: Overrides = None) -> None:
    """Link all documents again after a change of the universe or its aliases, and say what that changes."""
    from sentfeat.lock import only_writer
    from sentfeat.pipeline import open_project, relink

    project = open_project(config, set_ or ())
    with only_writer(project.lake, "sentfeat relink", wait=PATIENCE, say=to_stderr):
        report = relink(project, utc_now())
    for line in report.lines():
        typer.echo(line)


def to_stderr(line: str) -> None:
    """What is not the answer."""
    typer.echo(line, err=True)


def show_coverage(report) -> None:
    """Print a pipeline.CoverageReport."""
    print_grid(
        ["session", "source", "required", "state", "documents", "late", "what is missing and why"],
        [
            [
                str(c.session.date()),
                c.source,
                ("no", "yes")[c.required],
                c.state,
                str(c.documents),
                str(c.late),
                c.why,
            ]
            for c in report.cells
        ],
    )
    console.print(f"\n{report.cutoff} sessions", *map(str, report.sessions), sep="\n")
    if not report.quarantine.empty:
        print_grid(list(report.quarantine), report.quarantine.astype(str).values.tolist())
