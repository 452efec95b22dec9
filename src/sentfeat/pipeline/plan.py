"""What a run from one session to another needs, cut into months so that a killed run loses little.

The rows of a session remember 252 sessions of items and 63 of tone, so a run also reads and scores what lies before its
first session; where there are filings, also the years in which the latest report and the one before it were filed. What
a lake already holds costs next to nothing.
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.config import FeatureSettings
from sentfeat.errors import SessionError
from sentfeat.features.history import COUNT_MEMORY
from sentfeat.features.table import MEMORY, tone_reach
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.reports import PRIOR_REACH
from sentfeat.pipeline.score import SCORED_KINDS
from sentfeat.sessions import (
    EXCHANGE,
    Cutoff,
    Window,
    calendar,
    known_at,
    latest_known,
    require_session,
    sessions_between,
    shift,
    window,
)

RECENT = 5  # sessions that a poll reads archives for; those that were read before cost nothing
REPORT_KINDS = ("filing_passage",)


class Chunk(NamedTuple):
    """A month's sessions, long before the wanted ones a year's; span: the times that any of their rows listens to."""

    first: pd.Timestamp
    last: pd.Timestamp
    span: Window
    score: tuple[str, ...]  # kinds of documents whose answers are remembered by wanted sessions
    poll: bool  # reaches the newest session: a feed shows the present and has nothing to say about any other

    @property
    def name(self) -> str:
        return f"{self.first:%Y-%m}"


class Plan(NamedTuple):
    """The sessions wanted, the cut-offs to build, and the months to go through in time order."""

    first: pd.Timestamp
    last: pd.Timestamp
    cutoffs: tuple[Cutoff, ...]
    chunks: tuple[Chunk, ...]


def plan_range(
    project: Project,
    start: dt.date | str,
    end: dt.date | str,
    now: pd.Timestamp,
    *,
    cutoffs: Sequence[Cutoff] | None = None,
) -> Plan:
    """The plan for all sessions from `start` to `end`, at `cutoffs` (default: every configured one).

    Raises SessionError if there is no session between them or the last one is not known yet.
    """
    sessions = sessions_between(start, end)
    if sessions.empty:
        raise SessionError(f"no {EXCHANGE} session from {start} to {end}; give a range with a trading day in it")
    settings = project.config.features
    wanted = tuple(cutoffs or settings.cutoffs)
    for cutoff in wanted:
        require_known(sessions[-1], cutoff, settings.lag, now)
    return _plan(project, sessions[0], sessions[-1], wanted, now)


def plan_session(project: Project, session: dt.date | str | None, now: pd.Timestamp) -> Plan:
    """The plan for one session (default: the newest that any cut-off allows), at the cut-offs that have passed.

    Raises SessionError for a day without trading and for a session that is not known yet at any cut-off.
    """
    settings = project.config.features
    newest = {cutoff: latest_known(cutoff, settings.lag, now) for cutoff in settings.cutoffs}
    wanted = max(newest.values()) if session is None else require_session(session)
    passed = tuple(cutoff for cutoff in settings.cutoffs if wanted <= newest[cutoff])
    if not passed:
        require_known(wanted, max(newest, key=lambda cutoff: newest[cutoff]), settings.lag, now)
    return _plan(project, wanted, wanted, passed, now)


def plan_poll(project: Project, now: pd.Timestamp) -> Chunk:
    """The last RECENT sessions with the one that is still open for news, for a run that only reads sources."""
    settings = project.config.features
    last = max(shift(latest_known(cutoff, settings.lag, now), 1) for cutoff in settings.cutoffs)
    first = shift(last, 1 - RECENT)
    return Chunk(first, last, _span(first, last, settings, settings.cutoffs), score=(), poll=True)


def require_known(session: pd.Timestamp, cutoff: Cutoff, lag: pd.Timedelta, now: pd.Timestamp) -> None:
    """Raises SessionError if the rows of `session` at `cutoff` cannot be complete at `now`."""
    at = known_at(pd.DatetimeIndex([session]), cutoff, lag)[0]
    if at > now:
        raise SessionError(
            f"session {session.date()} at cut-off {cutoff} lies in the future: it is known from {at:%Y-%m-%d %H:%M} "
            f"UTC, now it is {now:%Y-%m-%d %H:%M}; the newest one is {latest_known(cutoff, lag, now).date()}"
        )


def stretches(sessions: pd.DatetimeIndex) -> list[pd.DatetimeIndex]:
    """Sessions, in order, cut where one between them is absent: what stands in the gaps is not touched."""
    places = calendar().sessions.get_indexer(sessions)
    cuts = [0, *(np.flatnonzero(np.diff(places) != 1) + 1), len(sessions)]
    return [sessions[a:b] for a, b in itertools.pairwise(cuts) if b > a]


def _plan(
    project: Project, first: pd.Timestamp, last: pd.Timestamp, cutoffs: tuple[Cutoff, ...], now: pd.Timestamp
) -> Plan:
    settings = project.config.features
    toned, counted = shift(first, -tone_reach(settings)), shift(first, -COUNT_MEMORY)
    with_filings = any(source.brings_filings for source in project.config.sources)
    days = sessions_between(shift(first, -MEMORY) - PRIOR_REACH if with_filings else counted, last)
    newest = max(latest_known(cutoff, settings.lag, now) for cutoff in settings.cutoffs)
    chunks = []
    for _, part in days.to_series().groupby([days.year, np.where(days < counted, 0, days.month), days >= first]):
        begin, end = part.iloc[0], part.iloc[-1]
        kinds = SCORED_KINDS if end >= toned else REPORT_KINDS if with_filings else ()
        chunks.append(Chunk(begin, end, _span(begin, end, settings, cutoffs), kinds, poll=end >= newest))
    return Plan(first, last, cutoffs, tuple(chunks))


def _span(begin: pd.Timestamp, end: pd.Timestamp, settings: FeatureSettings, cutoffs: tuple[Cutoff, ...]) -> Window:
    windows = [window(begin, end, cutoff, settings.lag) for cutoff in cutoffs]
    return Window(min(w.after for w in windows), max(w.until for w in windows))
