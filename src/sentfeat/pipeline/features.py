"""Documents, links, scores and coverage to published feature sessions.

Every range of sessions can be built by itself, so a long one is cut into ranges of about a year: memory is bounded by
the range, and `processes` of them run beside each other.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from sentfeat import __version__
from sentfeat.errors import DataError
from sentfeat.features.quality import Breach, find_breaches
from sentfeat.features.table import Build
from sentfeat.pipeline.inputs import load_inputs
from sentfeat.pipeline.plan import require_known
from sentfeat.pipeline.project import Project
from sentfeat.publish import announce
from sentfeat.roots import require_root
from sentfeat.schema import conform
from sentfeat.sessions import Cutoff, sessions_between, shift
from sentfeat.tables import FEATURES

RANGE_SESSIONS = 252


@dataclass(frozen=True)
class BuildReport:
    """Sessions of one cut-off by what publishing them did, their rows, and the quality limits they break.

    refused: of each session that was not published for its breaches, as quality.on_breach = "stop" asks, why.
    """

    cutoff: str
    sessions: int = 0
    rows: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    breaches: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Range(NamedTuple):
    """Sessions that are built at once, at one cut-off."""

    first: pd.Timestamp
    last: pd.Timestamp
    cutoff: Cutoff


def build_features(
    project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoffs: Sequence[Cutoff], now: pd.Timestamp
) -> list[BuildReport]:
    """Build and publish every session from `first` to `last` at each cut-off, in ranges; one report a range.

    With more than one of `project.config.processes` the ranges run beside each other. A session that stands as made
    from the same inputs is left alone; one that is refused (BuildReport) keeps none of the others back. Raises
    SessionError if a cut-off of `last` has not passed yet, LakeError for a lake that was published with other columns.
    """
    require_root(project.lake)
    for cutoff in cutoffs:
        require_known(last, cutoff, project.config.features.lag, now)
    reports = publish_ranges(project, [part for cutoff in cutoffs for part in year_ranges(first, last, cutoff)], now)
    for cutoff in cutoffs:
        _announce_newest(project, first, last, cutoff)
    return reports


def publish_ranges(project: Project, ranges: Sequence[Range], now: pd.Timestamp) -> list[BuildReport]:
    """Build and publish the sessions of each range; nothing is announced.

    Raises DataError, before anything is built, if in one of them no security of the universe is listed.
    """
    for part in ranges:
        _require_listed(project, part)
    if min(project.config.processes, len(ranges)) < 2:
        return [_publish_range(project, part, now) for part in ranges]
    with ProcessPoolExecutor(project.config.processes, mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(_build_range, project.config, now), ranges))


def open_build(project: Project, part: Range, until: pd.Timestamp | None = None) -> Build:
    """The rows of a range, not computed yet; `until` as in load_inputs."""
    inputs = load_inputs(project, part.first, part.last, part.cutoff, until=until)
    return Build(inputs, part.first, part.last, part.cutoff, project.config.features)


def year_ranges(first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff) -> Iterator[Range]:
    """The sessions from `first` to `last` in ranges of about a year."""
    sessions = sessions_between(first, last)
    for part in np.array_split(sessions, max(1, round(len(sessions) / RANGE_SESSIONS))):
        yield Range(part[0], part[-1], cutoff)


def _announce_newest(project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoff: Cutoff) -> None:
    """Name the newest session from `first` to `last` that stands; those that were refused may not."""
    sessions = project.shelf(cutoff).sessions()
    built = sessions[(sessions >= first) & (sessions <= last)]
    if len(built):
        announce(project.lake, project.model, cutoff, built[-1])


def _build_range(config: Any, now: pd.Timestamp, part: Range) -> BuildReport:
    """What a process of the pool does."""
    return _publish_range(Project(config), part, now)


def _publish_range(project: Project, part: Range, now: pd.Timestamp) -> BuildReport:
    build, shelf = open_build(project, part), project.shelf(part.cutoff)
    hashes = build.input_hashes()
    todo = [session for session, input_hash in hashes.items() if not shelf.is_done(session, input_hash)]
    outcomes, rows = Counter({"reused": len(hashes) - len(todo)}), 0
    told: list[str] = []
    refused: list[str] = []
    if todo:
        breaches = _breaches(project, build)
        parts = _by_session(conform(FEATURES, build.frame))
        for session in todo:
            broken = breaches.get(session, [])
            if broken and project.config.quality.on_breach == "stop":
                refused.append(_refusal(part, broken))
                continue
            told += [f"{part.cutoff} {breach}" for breach in broken]
            provenance = _provenance(project, hashes[session], part.cutoff, now)
            provenance["breaches"] = [str(breach) for breach in broken]
            outcomes[str(shelf.publish_rows(session, parts[session], provenance))] += 1
            rows += len(parts[session])
    done = {key: n for key, n in outcomes.items() if n}
    return BuildReport(str(part.cutoff), len(hashes), rows, done, tuple(told), tuple(refused))


def _require_listed(project: Project, part: Range) -> None:
    periods, sessions = project.universe.frame, sessions_between(part.first, part.last)
    begun = np.sort(periods["valid_from"].to_numpy()).searchsorted(sessions, side="right")
    ended = np.sort(periods["valid_to"].to_numpy()).searchsorted(sessions, side="left")
    empty = sessions[begun == ended]
    if len(empty):
        raise DataError(
            f"the universe lists no security in {len(empty)} sessions from {empty[0].date()} to {empty[-1].date()}; "
            "build sessions that have one, or add its period to the universe"
        )


def _by_session(rows: pa.Table) -> dict[pd.Timestamp, pa.Table]:
    days = rows["session"].to_numpy()
    edges = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1), len(days)]
    return {pd.Timestamp(days[a]): rows.slice(a, b - a) for a, b in itertools.pairwise(edges) if b > a}


def _breaches(project: Project, build: Build) -> dict[pd.Timestamp, list[Breach]]:
    """What of the rows breaks the limits, by session, against what is published of the sessions before."""
    settings, shelf = project.config.quality, project.shelf(build.cutoff)
    oldest = shift(build.first, -settings.trailing_sessions)
    before = [day for day in shelf.sessions() if oldest <= day < build.first]
    trailing = project.lake.read(FEATURES, paths=[shelf.data_path(day) for day in before])
    found: dict[pd.Timestamp, list[Breach]] = {}
    for breach in find_breaches(build.frame, trailing, settings):
        found.setdefault(breach.session, []).append(breach)
    return found


def _refusal(part: Range, broken: Sequence[Breach]) -> str:
    return (
        f"session {broken[0].session.date()} at {part.cutoff} is not published, it breaks {len(broken)} limits "
        f'(first: {broken[0]}); look at the sources, then set quality.on_breach = "warn" to publish it as it is'
    )


def _provenance(project: Project, input_hash: str, cutoff: Cutoff, now: pd.Timestamp) -> dict[str, Any]:
    return {
        "input_hash": input_hash,
        "published_at": now.isoformat(),
        "cutoff": str(cutoff),
        "model": project.model,
        "model_id": project.bundle.model_id(project.precision),
        "universe_hash": project.universe.hash,
        "settings": msgspec.to_builtins(project.config.features),
        "code_version": __version__,
    }
