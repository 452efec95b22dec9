"""What a night has to do: the newest session, and those before it that no night has built."""

import datetime as dt

import pandas as pd

from sentfeat.pipeline.plan import Plan, plan_range, plan_session
from sentfeat.pipeline.project import Project
from sentfeat.sessions import EXCHANGE, NEW_YORK, calendar, sessions_between, shift


def plan_night(project: Project, session: dt.date | str | None, now: pd.Timestamp) -> list[Plan]:
    """The plans of one night in time order: `session` alone, or the missed sessions and then the newest one.

    Raises SessionError for a day without trading and for a session that is not known yet at any cut-off.
    """
    tonight = plan_session(project, session, now)
    if session is not None:
        return [tonight]
    runs = _runs(missed_sessions(project, tonight.first))
    return [*(plan_range(project, str(run[0].date()), str(run[-1].date()), now) for run in runs), tonight]


def missed_sessions(project: Project, before: pd.Timestamp) -> pd.DatetimeIndex:
    """Sessions before `before` that lack a manifest at a cut-off although an earlier one has it.

    No more than `operations.catch_up_sessions` back: further than that is a backfill, which a person asks for.
    """
    reach, missed = shift(before, -project.config.operations.catch_up_sessions), set()
    for cutoff in project.config.features.cutoffs:
        held = published_sessions(project, cutoff)
        if not held.empty:
            expected = sessions_between(max(reach, held.min()), shift(before, -1))
            missed |= set(expected.difference(held))
    return pd.DatetimeIndex(sorted(missed))


def published_sessions(project: Project, cutoff) -> pd.DatetimeIndex:
    """The sessions with a manifest: a file without one is not done."""
    manifests = project.lake.files(f"manifests/{project.shelf(cutoff).folder}", ".json")
    return pd.DatetimeIndex([path.split("date=")[1][:10] for path in manifests])


def idle_reason(project: Project, plans: list[Plan], now: pd.Timestamp) -> str | None:
    """Why there is nothing to do: New York has no session today and all that is planned stands; else None."""
    today = now.tz_convert(NEW_YORK).tz_localize(None).normalize()
    if today in calendar().sessions or len(plans) > 1:
        return None
    (plan,) = plans
    if not all(plan.last in published_sessions(project, cutoff) for cutoff in plan.cutoffs):
        return None
    return f"{today.date()} is no {EXCHANGE} session and {plan.last.date()} stands: nothing to do"


def _runs(sessions: pd.DatetimeIndex) -> list[list[pd.Timestamp]]:
    """Sessions cut into runs of neighbours: what stands between them is not touched."""
    runs: list[list[pd.Timestamp]] = []
    for session in sessions:
        if runs and shift(runs[-1][-1], 1) == session:
            runs[-1].append(session)
        else:
            runs.append([session])
    return runs
