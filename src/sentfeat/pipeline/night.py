"""What a night has to do: the newest session, and those before it that no night has built."""

import datetime as dt

import pandas as pd

from sentfeat.pipeline.plan import Plan, plan_range, plan_session, stretches
from sentfeat.pipeline.project import Project
from sentfeat.sessions import EXCHANGE, NEW_YORK, Cutoff, calendar, sessions_between, shift


def plan_night(project: Project, session: dt.date | str | None, now: pd.Timestamp) -> list[Plan]:
    """The plans of one night in time order: `session` alone, or the missed sessions and then the newest one.

    Raises SessionError for a day without trading and for a session that is not known yet at any cut-off.
    """
    tonight = plan_session(project, session, now)
    if session is not None:
        return [tonight]
    missed = [
        plan_range(project, str(run[0].date()), str(run[-1].date()), now, cutoffs=cutoffs)
        for cutoffs, sessions in missed_sessions(project, tonight.first).items()
        for run in stretches(sessions)
    ]
    return [*sorted(missed, key=lambda plan: plan.first), tonight]


def missed_sessions(project: Project, before: pd.Timestamp) -> dict[tuple[Cutoff, ...], pd.DatetimeIndex]:
    """Sessions before `before` without a manifest although an earlier one has it, by the cut-offs they lack.

    A cut-off that was never built is missed since the oldest session of the others. No more than
    `operations.catch_up_sessions` back: further than that is a backfill, which a person asks for.
    """
    held = {cutoff: published_sessions(project, cutoff) for cutoff in project.config.features.cutoffs}
    oldest = {cutoff: sessions.min() for cutoff, sessions in held.items() if len(sessions)}
    if not oldest:
        return {}
    reach = shift(before, -project.config.operations.catch_up_sessions)
    lacking: dict[pd.Timestamp, tuple[Cutoff, ...]] = {}
    for cutoff, sessions in held.items():
        begin = oldest.get(cutoff, min(oldest.values()))
        for session in sessions_between(max(reach, begin), shift(before, -1)).difference(sessions):
            lacking[session] = (*lacking.get(session, ()), cutoff)
    days = pd.DatetimeIndex(sorted(lacking))
    return {cutoffs: days[[lacking[day] == cutoffs for day in days]] for cutoffs in dict.fromkeys(lacking.values())}


def published_sessions(project: Project, cutoff: Cutoff) -> pd.DatetimeIndex:
    """The sessions with a manifest: a file without one is not done."""
    return pd.DatetimeIndex(project.shelf(cutoff).manifest_days())


def idle_reason(project: Project, plans: list[Plan], now: pd.Timestamp) -> str | None:
    """Why there is nothing to do: New York has no session today and all that is planned stands; else None."""
    today = now.tz_convert(NEW_YORK).tz_localize(None).normalize()
    if today in calendar().sessions or len(plans) > 1:
        return None
    (plan,) = plans
    if not all(plan.last in published_sessions(project, cutoff) for cutoff in plan.cutoffs):
        return None
    return f"{today.date()} is no {EXCHANGE} session and {plan.last.date()} stands: nothing to do"
