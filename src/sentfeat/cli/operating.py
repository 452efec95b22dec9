"""Commands for whoever keeps a deployed project running."""

import json
from dataclasses import asdict
from typing import Annotated

import pandas as pd
import typer

from sentfeat.cli.shared import Config, Lake, Overrides, cell, console, print_grid
from sentfeat.health import Health, check_lake
from sentfeat.reader import as_cutoff, open_lake
from sentfeat.sessions import NEW_YORK, as_utc, utc_now


def status(
    lake: Lake = None,
    grace: Annotated[int, typer.Option(help="minutes after a cut-off before its session counts as missing")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of tables")] = False,
) -> None:
    """Newest complete session, its age, and the sources. Exit code 0: well; 2: behind; 3: a required source is down."""
    health = check_lake(open_lake(lake), utc_now(), grace=pd.Timedelta(minutes=grace))
    if as_json:
        typer.echo(json.dumps({**asdict(health), "code": health.code, "complaints": health.complaints}, default=_plain))
    else:
        _show(health)
    raise typer.Exit(health.code)


def _show(health: Health) -> None:
    console.print(f"model {health.model}, at {_local(health.at)} New York")
    print_grid(
        ["cut-off", "newest session", "published", "age", "state"],
        [
            [
                shelf.cutoff,
                str(shelf.newest.date()),
                _local(shelf.published_at),
                _age(health.at - shelf.published_at),
                "damaged" if not shelf.intact else f"{shelf.behind} behind" if shelf.behind else "up to date",
            ]
            for shelf in health.shelves
        ],
    )
    print_grid(
        ["source", "last read", "state"],
        [
            [
                source.source,
                "-" if pd.isna(source.last_ok) else f"{_age(health.at - source.last_ok)} ago",
                f"FAILED {source.failures} time(s): {source.reason}" if source.failures else "ok",
            ]
            for source in health.sources
        ],
    )
    for complaint in health.complaints:
        typer.echo(complaint, err=True)


def monitor(
    lake: Lake = None,
    cutoff: Annotated[str, typer.Option(help="pre_open or evening")] = "pre_open",
    window: Annotated[int, typer.Option(help="sessions that drift and correlation look back on", min=1)] = 63,
    last: Annotated[int, typer.Option(help="how many sessions to show", min=1)] = 10,
) -> None:
    """Coverage, drift of live rows against backfilled ones (above 0.25: a lot), and correlation with the return."""
    from sentfeat.monitor import monitor as watch

    table = watch(open_lake(lake), as_cutoff(cutoff), window=window).tail(last)
    print_grid(list(table.columns), [[cell(value) for value in row] for row in table.itertuples(index=False)])


def prune(
    superseded_before: Annotated[
        str, typer.Option(help="remove versions that only an as_of before this date (UTC) could reach, YYYY-MM-DD")
    ],
    lake: Lake = None,
    apply: Annotated[bool, typer.Option("--apply", help="remove them; without it nothing is touched")] = False,
) -> None:
    """List, or with --apply remove, superseded versions of published sessions. An as_of before the date is refused
    from then on."""
    from sentfeat.lock import only_writer
    from sentfeat.retention import plan_prune
    from sentfeat.retention import prune as remove

    before = as_utc(superseded_before)
    place = open_lake(lake)
    plan = plan_prune(place, before)
    for file in plan.files:
        typer.echo(place.location(file.path))
    if apply:
        with only_writer(place, "sentfeat prune", wait=0):
            remove(place, plan)
    said = "removed" if apply else "would be removed (--apply does it)"
    console.print(
        f"{len(plan.files)} files, {plan.size / 1e6:.1f} MB {said}; as_of before {before.date()} is then refused"
    )


def migrate(config: Config, set_: Overrides = None) -> None:
    """Build the sessions that an older sentfeat published with today's columns, beside the old ones."""
    from sentfeat.lock import only_writer
    from sentfeat.pipeline import migrate as build
    from sentfeat.pipeline import open_project

    project = open_project(config, set_ or ())
    with only_writer(project.lake, "sentfeat migrate", wait=0):
        found = build(project, utc_now())
    for each in found:
        typer.echo(each.line())


def _local(at: pd.Timestamp) -> str:
    return "-" if pd.isna(at) else f"{at.tz_convert(NEW_YORK):%Y-%m-%d %H:%M}"


def _age(span: pd.Timedelta) -> str:
    if pd.isna(span):
        return "-"
    hours, rest = divmod(int(span.total_seconds()), 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 48 else f"{hours} h {rest // 60} min"


def _plain(value: object) -> str | None:
    return None if value is pd.NaT else str(value)
