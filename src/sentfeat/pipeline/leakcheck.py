"""Proof on the user's own lake that no published row knows the future, and a search for clocks that are wrong.

Prefix invariance: the rows of a session are built again from the tables as they stood at its cut-off, everything that
became known later cut away, and must equal the published ones cell by cell. That cannot see a clock that is wrong
throughout; the detectors of features/leaks.py look for those.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from sentfeat.cells import changed_cells
from sentfeat.errors import DataError
from sentfeat.features import leaks
from sentfeat.features.leaks import Sign
from sentfeat.pipeline.chances import tone_chances
from sentfeat.pipeline.features import Range, open_build
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.score import read_links
from sentfeat.reader import latest_bars
from sentfeat.schema import conform
from sentfeat.sessions import Cutoff, Window, calendar, known_at, session_of
from sentfeat.store import pandas_frame
from sentfeat.tables import DOCUMENTS, FEATURES, PRICES

ALWAYS = Window(pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC"))


@dataclass(frozen=True)
class Invariance:
    """sessions: how many were built again, of all cut-offs; cells: how many were compared; changed: changed_cells."""

    sessions: int
    cells: int
    changed: pd.DataFrame


def pick_sessions(project: Project, cutoff: Cutoff, count: int, seed: int) -> list[pd.Timestamp]:
    """That many random published sessions, in order. Raises DataError if there are none."""
    held = project.shelf(cutoff).sessions()
    if held.empty:
        raise DataError(f"{project.config.lake} holds no published session of {project.model} at {cutoff}")
    chosen = np.random.default_rng(seed).choice(len(held), min(count, len(held)), replace=False)
    return [held[at] for at in sorted(chosen)]


def check_invariance(
    project: Project,
    sessions: Sequence[tuple[Cutoff, pd.Timestamp]],
    progress: Callable[[int], None] = lambda done: None,
) -> Invariance:
    """Build each session again from what was known at its cut-off and compare it with what is published."""
    changed, cells = [], 0
    for cutoff, session in sessions:
        published = project.lake.read(FEATURES, paths=[project.shelf(cutoff).data_path(session)])
        until = known_at(pd.DatetimeIndex([session]), cutoff, project.config.features.lag)[0]
        build = open_build(project, Range(session, session, cutoff), until)
        again = pandas_frame(conform(FEATURES, build.frame))
        changed.append(changed_cells(published, again).assign(cutoff=str(cutoff)))
        cells += again.size
        progress(1)
    return Invariance(len(changed), cells, pd.concat(changed, ignore_index=True))


def find_signs(project: Project) -> Iterator[Sign]:
    """Every sign of a wrong clock in the lake; see features/leaks.py."""
    lake = project.lake
    columns = ["document_id", "source", "kind", "published_at", "published_raw", "published_basis", "first_seen_at"]
    columns += ["available_at", "pit_grade", "accession", "form", "period", "text_hash"]
    documents = lake.read(DOCUMENTS, columns=columns, where=pc.field("kind").isin(["headline", "filing"]))
    documents = documents.drop_duplicates("document_id", ignore_index=True)
    filings = documents[documents["kind"] == "filing"]
    headlines = documents[documents["kind"] == "headline"]
    yield from leaks.clock_moves(documents)
    yield from leaks.undated(documents)
    yield from leaks.before_header(filings)
    yield from leaks.filed_at_period_end(filings)
    prices = latest_bars(lake.read(PRICES))
    if len(headlines) and len(prices):
        yield from leaks.reacts_early(_with_tone(project, headlines), prices, calendar().opens)


def _with_tone(project: Project, headlines: pd.DataFrame) -> pd.DataFrame:
    """The headlines by security, with their tone and the session they can be traded in."""
    links = read_links(project.lake, ALWAYS).drop(columns="available_at")
    items = headlines[["document_id", "source", "available_at", "text_hash"]].merge(links, on="document_id")
    chances = tone_chances(project, items)
    session = session_of(items["available_at"], Cutoff.PRE_OPEN, project.config.features.lag)
    return items.assign(session=session, tone=chances[:, 2] - chances[:, 0])
