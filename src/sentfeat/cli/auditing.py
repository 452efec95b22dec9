"""Commands that show where a number comes from, what changed it, and that it knows nothing of the future."""

import json
from collections.abc import Sequence
from typing import Annotated

import pandas as pd
import typer

from sentfeat.cli.shared import Config, Overrides, cell, console, print_grid, progress_bar
from sentfeat.errors import DataError
from sentfeat.sessions import Cutoff, require_session

At = Annotated[Cutoff, typer.Option("--cutoff", help="pre_open or evening")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of tables")]

SUMMED = 1e-12
NEWS_SHOWN = ("available_at", "title", "p -/0/+", "relevance", "confidence", "novelty", "weight", "contribution")
PASSAGES_SHOWN = ("available_at", "title", "p -/0/+", "age", "weight", "contribution")


def explain(
    ticker: Annotated[str, typer.Argument(help="symbol as of the session")],
    session: Annotated[str, typer.Argument(help="YYYY-MM-DD")],
    config: Config,
    set_: Overrides = None,
    cutoff: At = Cutoff.PRE_OPEN,
    as_json: AsJson = False,
) -> None:
    """Which documents made a row: probabilities, weights, contributions; they sum to the published cells."""
    from sentfeat.pipeline import open_project
    from sentfeat.pipeline.explain import explain_published

    told = explain_published(open_project(config, set_ or ()), ticker, require_session(session), cutoff)
    checks = {name: (told.published.get(name), told.sums[name]) for name in told.sums}
    if as_json:
        frames = {"news": _records(told.news), "passages": _records(told.passages)}
        sums = {name: {"cell": _plain(found), "sum": _plain(total)} for name, (found, total) in checks.items()}
        typer.echo(json.dumps({**frames, "report": told.report, "sums": sums}, indent=1))
    else:
        _show("News", _readable(told.news), NEWS_SHOWN)
        _show("Passages of filings", _readable(told.passages), PASSAGES_SHOWN)
        console.print(f"risk factors (rf_*, lm_*): {told.report or 'no 10-K or 10-Q'}")
        for name, (found, total) in checks.items():
            console.print(f"{name}: published {cell(found)}, contributions sum to {cell(total)}")
    apart = [name for name, (found, total) in checks.items() if not _equal(found, total)]
    if apart:
        raise DataError(
            f"{', '.join(apart)} of {session} is not what the lake gives now: something came in after it was published "
            "(sentfeat diff shows what, once it is built again)"
        )


def diff(
    session: Annotated[str, typer.Argument(help="YYYY-MM-DD")],
    config: Config,
    set_: Overrides = None,
    cutoff: At = Cutoff.PRE_OPEN,
    as_json: AsJson = False,
) -> None:
    """Which cells of a session changed between its last two published versions, and which document did it."""
    from sentfeat.pipeline import open_project
    from sentfeat.pipeline.versions import diff_session

    found = diff_session(open_project(config, set_ or ()), require_session(session), cutoff)
    if as_json:
        frames = {"cells": _records(found.cells), "documents": _records(found.documents)}
        typer.echo(json.dumps({**frames, "older": str(found.older), "newer": str(found.newer),
                               "conditions": found.conditions}, indent=1, default=str))  # fmt: skip
        return
    console.print(
        f"{session} at {cutoff}: published {found.older:%Y-%m-%d %H:%M}, then {found.newer:%Y-%m-%d %H:%M} UTC"
    )
    _show("Cells that changed", found.cells[["ticker", "column", "before", "after"]])
    _show("Documents that did it", found.documents[["title", "source", "first_seen_at", "changes", "columns"]])
    for name, (old, new) in found.conditions.items():
        console.print(f"{name} was not the same: {old} before, {new} now")


def leakcheck(
    config: Config,
    session: Annotated[list[str] | None, typer.Option(help="YYYY-MM-DD, may be repeated; default: random ones")] = None,
    sessions: Annotated[int, typer.Option(help="how many random ones")] = 50,
    seed: Annotated[int, typer.Option(help="of the choice")] = 0,
    cutoff: Annotated[list[Cutoff] | None, typer.Option(help="default: all that are configured")] = None,
    clocks: Annotated[bool, typer.Option(help="also look for clocks that are wrong throughout")] = True,
    set_: Overrides = None,
) -> None:
    """Build sessions again from what was known at their cut-off and compare every cell; look for wrong clocks."""
    from sentfeat.pipeline import open_project
    from sentfeat.pipeline.leakcheck import check_invariance, find_signs, pick_sessions

    project = open_project(config, set_ or ())
    chosen = [
        (each, day)
        for each in cutoff or project.config.features.cutoffs
        for day in map(require_session, session or pick_sessions(project, each, sessions, seed))
    ]
    with progress_bar(len(chosen), "building again") as advance:
        found = check_invariance(project, chosen, advance)
    _show("Cells that knew more", found.changed[["session", "cutoff", "ticker", "column", "before", "after"]].head(50))
    console.print(
        f"prefix invariance: {len(found.changed)} of {found.cells:,} cells differ in {found.sessions} sessions rebuilt "
        "from what was known at their cut-off"
    )
    signs = list(find_signs(project)) if clocks else []
    _show("Signs of a wrong clock", pd.DataFrame(signs, columns=["detector", "subject", "detail"]).head(50))
    if clocks:
        console.print(f"clocks: {len(signs)} signs")
    raise typer.Exit(1 if len(found.changed) or signs else 0)


def _show(title: str, frame: pd.DataFrame, columns: Sequence[str] | None = None) -> None:
    if len(frame):
        shown = frame if columns is None else frame[list(columns)]
        console.print(title)
        print_grid(list(shown.columns), [[cell(value) for value in row] for row in shown.itertuples(index=False)])


def _readable(parts: pd.DataFrame) -> pd.DataFrame:
    """The three probabilities in one column, negative / neutral / positive."""
    p = parts[["p_negative", "p_neutral", "p_positive"]].to_numpy(dtype=float)
    return parts.assign(**{"p -/0/+": [" ".join(f"{value:.2f}" for value in row) for row in p]})


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as JSON can hold them: times as ISO 8601, missing values as null."""
    return json.loads(frame.to_json(orient="records", date_format="iso"))


def _equal(found: float, total: float) -> bool:
    return (pd.isna(found) and pd.isna(total)) or abs(float(found) - float(total)) <= SUMMED


def _plain(value: float) -> float | None:
    """NaN is no JSON."""
    return None if pd.isna(value) else float(value)
