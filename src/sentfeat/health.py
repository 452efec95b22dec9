"""How a lake is doing: is the newest session there, were the sources read. What `sentfeat status` and the watch say.

Nothing but the lake is looked at, so any machine that can read it can notice the night that never ran.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from sentfeat.errors import DataError
from sentfeat.publish import Shelf, models
from sentfeat.reader import current_model
from sentfeat.sessions import Cutoff, latest_known, sessions_between
from sentfeat.store import Lake, sha256
from sentfeat.tables import COVERAGE

FINE, BEHIND, BLIND = 0, 2, 3
"""Exit codes: all is well; a session is missing or damaged; a required source could not be read. (1 is an error.)"""
RECENT = pd.Timedelta(days=7)


@dataclass(frozen=True)
class ShelfHealth:
    """One cut-off. `newest` is the newest complete session, `expected` the one that should be there by now."""

    cutoff: str
    newest: pd.Timestamp
    published_at: pd.Timestamp
    expected: pd.Timestamp
    intact: bool
    behind: int  # sessions after `newest` up to `expected`


@dataclass(frozen=True)
class SourceHealth:
    """One source's last attempt. `failures` counts the attempts since one went well; `last_ok` is NaT if none did.

    A poll of a required source that can vouch for no time at all did not go well: sessions are blind after it.
    """

    source: str
    required: bool
    last_ok: pd.Timestamp
    failures: int
    reason: str | None


@dataclass(frozen=True)
class Health:
    """All there is to say about a lake at `at`."""

    model: str
    at: pd.Timestamp
    shelves: tuple[ShelfHealth, ...]
    sources: tuple[SourceHealth, ...]
    unbuilt: tuple[str, ...] = ()  # cut-offs that should have a session by now and never had one

    @property
    def code(self) -> int:
        """The exit code; a missing session outweighs a source that failed."""
        if self.unbuilt or any(shelf.behind or not shelf.intact for shelf in self.shelves):
            return BEHIND
        return BLIND if any(source.required and source.failures for source in self.sources) else FINE

    @property
    def complaints(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        found = [
            f"{shelf.cutoff}: {shelf.behind} session(s) behind; {shelf.expected.date()} should be there, the newest is "
            f"{shelf.newest.date()}"
            for shelf in self.shelves
            if shelf.behind
        ]
        found += [
            f"{shelf.cutoff}: the file of {shelf.newest.date()} is damaged"
            for shelf in self.shelves
            if not shelf.intact
        ]
        found += [f"{cutoff}: configured, and no session of it was ever built" for cutoff in self.unbuilt]
        return found + [
            f"source {source.source} failed {source.failures} time(s) in a row: {source.reason}"
            for source in self.sources
            if source.failures
        ]


def check_lake(
    lake: Lake,
    now: pd.Timestamp,
    *,
    grace: pd.Timedelta,
    model: str | None = None,
    cutoffs: Sequence[Cutoff] = (),
) -> Health:
    """The state of the lake's sessions by `model` (default: the readers') and of its sources.

    A session is expected from `grace` after its cut-off; `cutoffs`: those that should be there even if LATEST.json
    does not name them, from the oldest session of the others on. Raises DataError for a lake without features, or if
    LATEST.json names no session of the model: then there is nothing to check.
    """
    model = model or current_model(lake)
    known = models(lake)
    named = known.get(model)
    if not named:
        raise DataError(
            f"nothing to check: {lake.location('LATEST.json')} names no session of the model {model}; it names "
            f"{', '.join(known) or 'no model, or cannot be read'}. `sentfeat models --use MODEL` changes the readers' "
            "default, and the next night writes the file anew"
        )
    shelves = tuple(_shelf_health(Shelf(lake, model, Cutoff(cutoff)), named[cutoff], now - grace) for cutoff in named)
    unnamed = [cutoff for cutoff in cutoffs if cutoff not in named]
    unbuilt = _overdue(unnamed, [Shelf(lake, model, Cutoff(cutoff)) for cutoff in named], now - grace)
    return Health(model, now, shelves, _source_health(lake, now), unbuilt)


def _shelf_health(shelf: Shelf, newest: str, due: pd.Timestamp) -> ShelfHealth:
    session = pd.Timestamp(newest)
    manifest, data = shelf.manifest(session) or {}, shelf.lake.get(shelf.data_path(session))
    expected = latest_known(shelf.cutoff, _lag(manifest), due)
    return ShelfHealth(
        cutoff=str(shelf.cutoff),
        newest=session,
        published_at=pd.Timestamp(manifest.get("published_at")),
        expected=expected,
        intact=data is not None and sha256(data) == manifest.get("file_sha256"),
        behind=max(len(sessions_between(session, expected)) - 1, 0),
    )


def _overdue(unnamed: Sequence[Cutoff], shelves: Sequence[Shelf], due: pd.Timestamp) -> tuple[str, ...]:
    """Of cut-offs without a session those whose first one, the oldest of `shelves`, was due."""
    oldest = [(sessions[0], shelf) for shelf in shelves if len(sessions := shelf.sessions())]
    if not unnamed or not oldest:
        return ()
    first, shelf = min(oldest, key=lambda pair: pair[0])
    lag = _lag(shelf.manifest(first) or {})
    return tuple(str(cutoff) for cutoff in unnamed if latest_known(cutoff, lag, due) >= first)


def _lag(manifest: dict[str, Any]) -> pd.Timedelta:
    return pd.Timedelta(minutes=manifest.get("settings", {}).get("lag_minutes", 0))


def _source_health(lake: Lake, now: pd.Timestamp) -> tuple[SourceHealth, ...]:
    """By source, over the last RECENT days: a source that was taken out of the configuration is forgotten after it."""
    columns = ["source", "attempted_at", "ok", "required", "polled", "covered_end", "reason"]
    attempts = lake.read(COVERAGE, columns=columns, where=pc.field("attempted_at") > (now - RECENT).to_pydatetime())
    found = []
    attempts["reason"] = attempts["reason"].fillna("it answered, but vouches for no time")
    attempts["well"] = attempts["ok"] & ~(attempts["required"] & attempts["polled"] & attempts["covered_end"].isna())
    for source, rows in attempts.sort_values("attempted_at", kind="stable").groupby("source"):
        last_ok = rows.loc[rows["well"], "attempted_at"].max()
        failed = rows if pd.isna(last_ok) else rows[rows["attempted_at"] > last_ok]
        reason = None if failed.empty else failed["reason"].iloc[-1]
        found.append(SourceHealth(str(source), bool(rows["required"].iloc[-1]), last_ok, len(failed), reason))
    return tuple(found)
