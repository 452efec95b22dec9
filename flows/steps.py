"""The tasks that the flows share: each wraps one step of sentfeat.pipeline and passes names and counts, not tables."""

import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, NamedTuple

import pandas as pd
import typer
from prefect import get_run_logger, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.deployments import run_deployment
from prefect.tasks import Task, exponential_backoff
from pydantic import Field

from sentfeat import pipeline
from sentfeat.errors import LakeError, SentfeatError, SessionError
from sentfeat.pipeline import Chunk, Plan, Project
from sentfeat.sessions import utc_now

MINUTE = 60
SCORING_SECONDS = 6 * 60 * MINUTE  # for a deployment that scores one chunk
ConfigFile = Annotated[str, typer.Option("--config", help="configuration file")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="override, KEY=VALUE; may be repeated")]
DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
Day = Annotated[str, Field(pattern=DAY.pattern, description="YYYY-MM-DD")]  # checked before a run exists


def require_written(*days: str | None) -> None:
    """Raises SessionError for a day that flows would refuse as `Day`, before a server starts."""
    for day in days:
        if day is not None and not DAY.match(day):
            raise SessionError(f"{day!r} is not written as a day is here; write it as YYYY-MM-DD, such as 2024-03-13")


class _OneLine(logging.Filter):
    """Our errors say all there is to say; Prefect's traceback of them is noise."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], SentfeatError):
            record.exc_info = None
        return True


for _name in ("prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_OneLine())


class Target(NamedTuple):
    """A configuration file and its overrides: what a task needs to open the project, in whatever process it runs."""

    config: str
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, config: str, overrides: list[str] | None) -> "Target":
        return cls(config, tuple(overrides or ()))

    @property
    def project(self) -> Project:
        return _open(self.config, self.overrides)


@lru_cache(maxsize=4)
def _open(config: str, overrides: tuple[str, ...]) -> Project:
    return pipeline.open_project(config, overrides)


def _is_transient(_task: Task, _run: TaskRun, state: State) -> bool:
    """Our own errors are conclusions (sources were retried before); anything else deserves another try."""
    return not isinstance(state.result(raise_on_failure=False), SentfeatError)


PATIENCE = {
    "retries": 2,
    "retry_delay_seconds": exponential_backoff(backoff_factor=5),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _is_transient,
}


@task(name="ingest", task_run_name="ingest {chunk.name}", timeout_seconds=60 * MINUTE, **PATIENCE)
def ingest(target: Target, chunk: Chunk) -> list[pipeline.SourceReport]:
    """Read all sources for a month's span."""
    return pipeline.ingest_window(target.project, chunk.span, utc_now(), poll=chunk.poll)


@task(name="prices", task_run_name="prices to {last:%Y-%m-%d}", timeout_seconds=30 * MINUTE, **PATIENCE)
def prices(target: Target, first: pd.Timestamp, last: pd.Timestamp) -> pipeline.PriceReport:
    """Bring the daily bars up to date."""
    return pipeline.update_prices(target.project, first, last, utc_now())


@task(name="score", task_run_name="score {chunk.name}", timeout_seconds=12 * 60 * MINUTE, **PATIENCE)
def score(target: Target, chunk: Chunk) -> pipeline.ScoreReport:
    """Score what has no score yet, here or, if the configuration names one, through a deployment."""
    deployment = target.project.config.operations.score_deployment
    if deployment is None:
        return pipeline.score_window(target.project, chunk.span, kinds=chunk.score)
    return _score_elsewhere(target, chunk, deployment)


def _score_elsewhere(target: Target, chunk: Chunk, deployment: str) -> pipeline.ScoreReport:
    """Nothing is started if nothing is open. Raises LakeError if the run does not end within SCORING_SECONDS, or if
    texts are still without a score afterwards."""
    before = pipeline.count_open(target.project, chunk.span, chunk.score)
    if before.scored == 0:
        return before
    parameters = {"config": target.config, "after": str(chunk.span.after), "until": str(chunk.span.until)}
    run = run_deployment(
        deployment,
        parameters={**parameters, "kinds": list(chunk.score), "overrides": list(target.overrides)},
        timeout=SCORING_SECONDS,
    )
    if run.state is None or not run.state.is_final():
        raise LakeError(
            f"deployment {deployment} did not end within {SCORING_SECONDS // 3600} hours: run {run.name} is "
            f"{run.state.name if run.state else 'without a state'}; see that a worker of its pool runs. What it has "
            "scored stays, and the next run goes on from there"
        )
    left = pipeline.count_open(target.project, chunk.span, chunk.score).scored
    if left:
        raise LakeError(f"deployment {deployment} left {left} of {before.scored} texts unscored; look at its run")
    return before


@task(name="build", task_run_name="build to {plan.last:%Y-%m-%d}", timeout_seconds=4 * 60 * MINUTE, **PATIENCE)
def build(target: Target, plan: Plan) -> list[pipeline.BuildReport]:
    """Build and publish the feature rows of all wanted sessions."""
    return pipeline.build_features(target.project, plan.first, plan.last, plan.cutoffs, utc_now())


@task(name="backtest", task_run_name="backtest {first:%Y-%m-%d} to {last:%Y-%m-%d}", timeout_seconds=4 * 60 * MINUTE)
def backtest(
    target: Target, first: pd.Timestamp, last: pd.Timestamp, command: str, options: pipeline.BacktestOptions
) -> pipeline.BacktestReport:
    """Backtest a range of rows; each step that ends is one line of the task's log."""
    told: set[tuple[str, int]] = set()

    def say(step: str, done: int, total: int) -> None:
        tenth = done * 10 // total
        if (step, tenth) not in told:
            told.add((step, tenth))
            get_run_logger().info("%s: %d of %d", step, done, total)

    return pipeline.backtest_range(target.project, first, last, command=command, options=options, progress=say)


@task(name="tidy", timeout_seconds=60 * MINUTE, **PATIENCE)
def tidy(target: Target) -> pipeline.TidyReport:
    """Merge small segments of the lake."""
    return pipeline.tidy(target.project.lake, utc_now())


def run_command(main: Callable[..., None]) -> None:
    """`main` as a command line; its parameters are the options."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """For the command line: an error of ours becomes one line on stderr and exit code 1."""
    logging.getLogger("sentfeat").setLevel(logging.INFO)
    try:
        yield
    except SentfeatError as error:
        sys.exit(f"error: {error}")
