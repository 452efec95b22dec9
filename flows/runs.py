"""How a run goes about its plans: alone in the lake, step after step, its progress and results on the run's page."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows import steps
from flows.steps import Target
from sentfeat import lock
from sentfeat.errors import DataError
from sentfeat.health import Health
from sentfeat.pipeline import Plan
from sentfeat.pipeline.summary import RunSummary

logger = logging.getLogger("sentfeat.flows")
Result = TypeVar("Result")


@contextmanager
def only_writer(target: Target, who: str, *, wait_minutes: float | None = None) -> Iterator[None]:
    """Hold the project's lake; another writer is waited for as long as the configuration says, unless told here."""
    wait = target.project.config.operations.wait_minutes if wait_minutes is None else wait_minutes
    with lock.only_writer(target.project.lake, who, wait=60 * wait, say=logger.warning):
        yield


def carry_out(target: Target, plans: Sequence[Plan]) -> RunSummary:
    """All steps of the plans in order, the lake's upkeep, and the run's page. Call it while holding the lake.

    Raises DataError, when all the rest is done, for sessions that were refused (quality.on_breach = "stop").
    """
    chunks = [chunk for plan in plans for chunk in plan.chunks]
    to_score = [chunk for chunk in chunks if chunk.score]
    done = Progress(len(chunks) + 1 + len(to_score) + len(plans))
    summary = RunSummary(
        lake=target.project.config.lake,
        ingested=[report for chunk in chunks for report in done(steps.ingest(target, chunk))],
        prices=done(steps.prices(target, plans[0].first, plans[-1].last)),
        scored=[done(steps.score(target, chunk)) for chunk in to_score],
        built=[report for plan in plans for report in done(steps.build(target, plan))],
    )
    steps.tidy(target)
    create_markdown_artifact(key="run-summary", markdown=summary.markdown(), description=summary.line())
    if summary.refusals:
        raise DataError("; ".join(summary.refusals))
    return summary


class Progress:
    """A bar on the run's page: steps done of those planned."""

    def __init__(self, planned: int) -> None:
        self._planned, self._done = planned, 0
        self._bar = create_progress_artifact(progress=0.0, key="progress", description=f"{planned} steps")

    def __call__(self, result: Result) -> Result:
        """Count one step whose result this is, and hand it on."""
        self._done += 1
        update_progress_artifact(self._bar, 100.0 * self._done / self._planned)
        return result


def nothing_to_do(target: Target, reason: str) -> State[RunSummary]:
    """The end of a run that had nothing to do, with the reason as the message of its state."""
    logger.info("%s", reason)
    return Completed(message=reason, data=RunSummary(target.project.config.lake, note=reason))


def show_health(health: Health) -> None:
    """The state of the lake as tables on the run's page."""
    shelves = [
        {"cut-off": s.cutoff, "newest session": str(s.newest.date()), "behind": s.behind, "intact": s.intact}
        for s in health.shelves
    ]
    sources = [
        {"source": s.source, "required": s.required, "last read": str(s.last_ok), "failures": s.failures,
         "reason": s.reason or ""}
        for s in health.sources
    ]  # fmt: skip
    create_table_artifact(key="sessions", table=shelves)
    create_table_artifact(key="coverage", table=sources)
