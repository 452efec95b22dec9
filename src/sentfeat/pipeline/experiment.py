"""The backtest together with what only a lake can prove: that its rows are the published ones and can be made again."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sentfeat import __version__
from sentfeat.backtest import BacktestResult, Context, run, write_report
from sentfeat.backtest.experiment import silent
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.probes import FAILED, PASSED, Probe
from sentfeat.cells import changed_cells
from sentfeat.pipeline.features import Range, open_build
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.variants import delayed_features, masked_features
from sentfeat.schema import conform
from sentfeat.sessions import known_at
from sentfeat.store import pandas_frame
from sentfeat.tables import FEATURES

if TYPE_CHECKING:
    from sentfeat.pipeline.backtest import Options, Progress

__all__ = ["Run", "run_on_lake", "write_report"]

REBUILT = 3  # sessions made again from the documents
DELAYS = {"text 15 minutes later": 15.0, "text an hour later": 60.0}
MASKED = "names and dates masked"


@dataclass(frozen=True)
class Run:
    """The number of the test on this lake, where its long parts are kept, and who hears of its progress."""

    trial: int
    pieces: Path
    progress: "Progress | None"


def run_on_lake(
    project: Project,
    tables: tuple[pd.DataFrame, pd.DataFrame],
    span: tuple[pd.Timestamp, pd.Timestamp],
    options: "Options",
    run_as: Run,
) -> BacktestResult:
    """Backtest `tables` (features, prices) of the sessions in `span` (first, last)."""
    own = options.table is None
    context = Context(
        checks=(lambda rows: rebuilt(rows, project),) if own else (),
        variants=dict(_variants(project, span, options)) if own else {},
        seen_until=_seen_until(project) if own else None,
        trial=run_as.trial,
        pieces=Pieces(run_as.pieces),
        progress=run_as.progress or silent,
    )
    return run(*tables, project.config.backtest, context)


def rebuilt(features: pd.DataFrame, project: Project) -> Probe:
    """Some sessions made again from what was known at their cut-off equal the rows given.

    A session that another version of this program made, or from inputs that have changed since, proves nothing and is
    not counted.
    """
    name = "The features can be made again from what was known at the time"
    cutoff = project.config.backtest.cutoff
    shelf = project.shelf(cutoff)
    held = pd.DatetimeIndex(sorted(features["session"].unique())).intersection(shelf.sessions())
    picked = np.random.default_rng(0).permutation(len(held))[: 2 * REBUILT]
    compared, wrong = 0, []
    for session in held[picked]:
        part, manifest = Range(session, session, cutoff), shelf.manifest(session)
        if compared == REBUILT or manifest is None or manifest.get("code_version") != __version__:
            continue
        if open_build(project, part).input_hashes()[session] != manifest["input_hash"]:
            continue
        until = known_at(pd.DatetimeIndex([session]), cutoff, project.config.features.lag)[0]
        again = pandas_frame(conform(FEATURES, open_build(project, part, until).frame))
        given = features.loc[features["session"] == session, FEATURES.names]
        cells = changed_cells(given, again[again["security_id"].isin(given["security_id"])])
        wrong += [f"{session.date()} {column}" for column in cells["column"].unique()]
        compared += 1
    detail = f"differing: {', '.join(wrong[:3])}" if wrong else "no cell differs"
    return Probe(name, FAILED if wrong else PASSED, compared, "sessions", detail if compared else "none comparable")


def _variants(
    project: Project, span: tuple[pd.Timestamp, pd.Timestamp], options: "Options"
) -> Iterator[tuple[str, pd.DataFrame]]:
    if options.latency:
        for name, minutes in DELAYS.items():
            yield name, delayed_features(project, *span, minutes)
    if options.masked:
        yield MASKED, masked_features(project, *span)


def _seen_until(project: Project) -> dt.date | None:
    """The last day of text that the base was trained on, where its passport names one."""
    try:
        return dt.date.fromisoformat(project.bundle.passport.base.text_seen_until)
    except ValueError:
        return None
