"""Removing history that nobody will ask for, and never without saying so.

Every version of a session that was published is kept, so that a reader can have the table as of any date. `prune`
removes those that only an `as_of` before a given date could still reach, and writes that date down: from then on such
an `as_of` is refused instead of being answered with something else.
"""

from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from sentfeat.errors import DataError, SessionError
from sentfeat.sessions import as_utc, utc_now
from sentfeat.store import Lake, Stored

RETENTION = "RETENTION.json"
SUPERSEDED = "superseded"


@dataclass(frozen=True)
class Pruning:
    """What a pruning would remove, or has."""

    before: pd.Timestamp
    files: tuple[Stored, ...]

    @property
    def size(self) -> int:
        return sum(stored.size for stored in self.files)


def plan_prune(lake: Lake, before: pd.Timestamp) -> Pruning:
    """The superseded versions that had been replaced by `before` (UTC): no later `as_of` can reach them.

    Raises SessionError if `before` is no time or one to come: every as_of would be refused until then.
    """
    before = as_utc(before)
    if before > utc_now():
        raise SessionError(f"{before:%Y-%m-%d %H:%M} UTC is still to come; give a date in the past to prune before")
    stored = {file.path: file for file in lake.stored(SUPERSEDED)}
    unreachable = [path for path, replaced_at in _replacements(lake, list(stored)).items() if replaced_at <= before]
    files = [stored[name] for path in unreachable for name in (path, f"{path.removesuffix('.json')}.parquet")
             if name in stored]  # fmt: skip
    return Pruning(before, tuple(files))


def prune(lake: Lake, plan: Pruning) -> None:
    """Write the date down, then remove the files: killed in between, more is refused than is gone."""
    held = oldest_as_of(lake)
    before = plan.before if held is None else max(held, plan.before)
    lake.put_json(RETENTION, {"oldest_as_of": before.isoformat(), "pruned_at": utc_now().isoformat()})
    for file in plan.files:
        lake.delete(file.path)


def oldest_as_of(lake: Lake) -> pd.Timestamp | None:
    """The earliest `as_of` that can still be answered, None if nothing was ever pruned."""
    held = lake.get_json(RETENTION)
    return None if held is None else pd.Timestamp(held["oldest_as_of"])


def require_kept(lake: Lake, as_of: pd.Timestamp) -> None:
    """Raises DataError if versions that `as_of` needs may have been pruned."""
    oldest = oldest_as_of(lake)
    if oldest is not None and as_of < oldest:
        raise DataError(
            f"{lake.location('')} keeps no versions from before {oldest:%Y-%m-%d %H:%M} UTC (they were pruned), but "
            f"as_of is {as_of:%Y-%m-%d %H:%M}; ask for a later one or restore {SUPERSEDED}/ from a copy"
        )


def _replacements(lake: Lake, paths: list[str]) -> dict[str, pd.Timestamp]:
    """By superseded manifest: when the next version of its session was published."""
    versions = defaultdict(list)
    for path in paths:
        if path.endswith(".json"):
            versions[path.rpartition("/")[0]].append((_published_at(lake, path), path))
    found: dict[str, pd.Timestamp] = {}
    for folder, held in versions.items():
        present = _published_at(lake, f"manifests/{folder.removeprefix(SUPERSEDED + '/')}.json")
        times = [at for at, _ in sorted(held)] + [present]
        found |= {path: times[place + 1] for place, (_, path) in enumerate(sorted(held))}
    return found


def _published_at(lake: Lake, manifest: str) -> pd.Timestamp:
    content = lake.get_json(manifest)
    if content is None:
        raise DataError(f"{lake.location(manifest)} is missing or unreadable; run the night again before pruning")
    return pd.Timestamp(content["published_at"])
