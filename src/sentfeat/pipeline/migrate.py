"""A lake whose features were published by a sentfeat with other columns.

A root (`features/v1`) keeps its columns for good. What the newest root before holds is built for this one from the same
documents, scores and prices: nothing is read from a source or scored again, and the older root stays as it is. Until
all of it stands nothing is announced, and no other build touches the new root.
"""

from dataclasses import dataclass, replace

import pandas as pd

from sentfeat.cells import changed_cells
from sentfeat.errors import DataError
from sentfeat.pipeline.features import publish_ranges, year_ranges
from sentfeat.pipeline.plan import stretches
from sentfeat.pipeline.project import Project
from sentfeat.publish import Shelf, announce
from sentfeat.roots import VERSION, begin_root, columns_of, older_roots
from sentfeat.schema import Table
from sentfeat.sessions import Cutoff
from sentfeat.tables import FEATURES


@dataclass(frozen=True)
class Migration:
    """One cut-off: `sessions` built; `rows` of those that both roots have, `cells` of columns that both have, and how
    many of these changed."""

    cutoff: Cutoff
    older: str
    sessions: int
    rows: int
    cells: int
    changed: int
    added: tuple[str, ...]
    gone: tuple[str, ...]

    def line(self) -> str:
        """For people."""
        found = (
            f"{self.cutoff}: {self.sessions:,} sessions built for {VERSION}; in {self.rows:,} rows {self.changed:,} of "
            f"{self.cells:,} cells are not as in {self.older}, which stays"
        )
        return found + "".join(
            f"; {what} columns: {', '.join(names)}"
            for what, names in (("new", self.added), ("former", self.gone))
            if names
        )


def migrate(project: Project, now: pd.Timestamp) -> list[Migration]:
    """Build the sessions that the newest older root holds of the project's model; killed, it goes on. Raises DataError
    if there is no older root with it, or if a session is refused (quality.on_breach)."""
    older = older_roots(project.lake)
    shelves = [Shelf(project.lake, project.model, cutoff, older[0]) for cutoff in Cutoff] if older else []
    held = {shelf: sessions for shelf in shelves if len(sessions := shelf.sessions())}
    if not held:
        raise DataError(
            f"{project.lake.location('features')} holds nothing of {project.model} from before {VERSION}: there is "
            "nothing to migrate"
        )
    found = [_build(project, shelf, sessions, now) for shelf, sessions in held.items()]
    begin_root(project.lake)
    for shelf, sessions in held.items():
        announce(project.lake, project.model, shelf.cutoff, sessions[-1])
    return found


def _build(project: Project, older: Shelf, sessions: pd.DatetimeIndex, now: pd.Timestamp) -> Migration:
    ranges = [part for held in stretches(sessions) for part in year_ranges(held[0], held[-1], older.cutoff)]
    reports = publish_ranges(project, ranges, now)
    if refused := [refusal for report in reports for refusal in report.refused]:
        raise DataError("; ".join(refused))
    before = columns_of(project.lake, older.root) or {}
    shared = replace(FEATURES, columns=tuple(c for c in FEATURES.columns if before.get(c.name) == str(c.type)))
    changed, rows = 0, 0
    for part in ranges:
        both = [session for session in sessions if part.first <= session <= part.last]
        first, second = (_rows(shelf, both, shared) for shelf in (older, project.shelf(older.cutoff)))
        changed, rows = changed + len(changed_cells(first, second, shared.names)), rows + len(second)
    return Migration(
        cutoff=older.cutoff,
        older=older.root,
        sessions=sum(report.sessions for report in reports),
        rows=rows,
        cells=rows * len(shared.names),
        changed=changed,
        added=tuple(name for name in FEATURES.names if name not in before),
        gone=tuple(sorted(set(before) - set(FEATURES.names))),
    )


def _rows(shelf: Shelf, sessions: list[pd.Timestamp], table: Table) -> pd.DataFrame:
    return shelf.lake.read(table, paths=[shelf.data_path(session) for session in sessions])
