"""Roots of the feature table: `features/v1` and what comes after.

A root keeps its columns for good, since readers without our code would lose one that came later without a word.
Other columns are another VERSION; sentfeat.pipeline.migrate builds for it what the root before holds.
"""

from sentfeat.errors import LakeError
from sentfeat.schema import Table
from sentfeat.store import Lake
from sentfeat.tables import FEATURES

VERSION = "v1"
COLUMNS = "COLUMNS.json"
"""By root the type of each column, by name."""


def older_roots(lake: Lake) -> list[str]:
    """The roots before VERSION in which something was published, newest first."""
    roots = {path.split("/")[1] for path in lake.files("features")}
    return sorted((root for root in roots if _number(root) < _number(VERSION)), key=_number, reverse=True)


def columns_of(lake: Lake, root: str) -> dict[str, str] | None:
    """Type by name of the columns that files under `root` have; None if nothing was published there."""
    return (lake.get_json(COLUMNS) or {}).get(root)


def begin_root(lake: Lake) -> None:
    """Note the columns of VERSION, which are then settled."""
    lake.put_json(COLUMNS, {**(lake.get_json(COLUMNS) or {}), VERSION: _types(FEATURES)})


def require_root(lake: Lake) -> None:
    """Begin VERSION's root in a lake without features. Raises LakeError for one that waits for a migration, and if
    the root was begun with other columns."""
    settled, declared = columns_of(lake, VERSION), _types(FEATURES)
    if settled is None:
        if older := older_roots(lake):
            raise LakeError(
                f"{lake.location('features')} holds {older[0]}, this sentfeat publishes {VERSION}: run `sentfeat "
                f"migrate` first; it builds those sessions for {VERSION} and leaves {older[0]} as it is"
            )
        begin_root(lake)
    elif settled != declared:
        apart = sorted(name for name in {*settled, *declared} if settled.get(name) != declared.get(name))
        raise LakeError(
            f"{lake.location('features')}/{VERSION} was published with other columns ({', '.join(apart)}): use the "
            "sentfeat that wrote it, or a lake of its own"
        )


def _types(table: Table) -> dict[str, str]:
    return {column.name: str(column.type) for column in table.columns}


def _number(root: str) -> int:
    return int(root.removeprefix("v"))
