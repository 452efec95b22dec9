"""What flows do besides calling the pipeline's steps: no server is needed for any of it."""

import socket

import pandas as pd
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.states import Failed, Scheduled

import flows.steps
from flows.alerts import tell
from flows.backtest import backtest
from flows.ingest import LATE, ingest, late_reason
from flows.nightly import nightly
from flows.steps import SCORING_SECONDS, Target, score
from sentfeat.errors import LakeError
from sentfeat.pipeline import ingest_window, open_project, plan_range
from sentfeat.sessions import utc_now
from sentfeat.store import Lake
from tests.pipeline.conftest import NOW

DUE = pd.Timestamp("2026-11-20 03:15", tz="UTC")


def run_due(at: pd.Timestamp, *, scheduled: bool = True) -> FlowRun:
    run = FlowRun.model_validate({"flow_id": "00000000-0000-0000-0000-000000000000", "name": "late-owl"})
    run.expected_start_time, run.auto_scheduled = at.to_pydatetime(), scheduled
    return run


def test_a_scheduled_poll_that_waited_behind_a_night_is_too_late_and_no_other_run_is():
    assert late_reason(run_due(DUE), DUE + LATE) is None
    assert late_reason(run_due(DUE, scheduled=False), DUE + 9 * LATE) is None
    reason = late_reason(run_due(DUE), DUE + LATE + pd.Timedelta(seconds=1))
    assert reason == "this poll was due at 2026-11-20 03:15 UTC, more than 15 minutes ago: a later one polls"


def test_a_poll_that_is_too_late_completes_and_reads_nothing(config, tmp_path):
    with FlowRunContext.model_construct(flow_run=run_due(utc_now() - 2 * LATE)):
        state = ingest.fn(str(config))
    assert state.is_completed()
    assert state.message.startswith("this poll was due at ")
    assert not Lake(tmp_path / "lake").files("", "")


@pytest.mark.parametrize(
    "address",
    ["hook/T0PS3CRET", "http://127.0.0.1/a b/T0PS3CRET", "http://127.0.0.1:{port}/T0PS3CRET"],
    ids=["no address", "a space in it", "nobody answers"],
)
def test_a_webhook_that_cannot_be_used_is_logged_without_its_address(monkeypatch, caplog, address):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("SENTFEAT_WEBHOOK", address.format(port=mute.getsockname()[1]))
        monkeypatch.setattr("flows.alerts.PATIENCE_SECONDS", 0.5)
        tell(nightly, run_due(DUE), Failed(message="disk full"))
    assert "could not be posted to the webhook" in caplog.text
    assert "T0PS3CRET" not in caplog.text


def test_a_backtest_that_fails_is_told_too():
    assert tell in backtest.on_failure_hooks
    assert tell in backtest.on_crashed_hooks


def test_a_scoring_deployment_that_does_not_end_is_an_error_that_says_so(config, monkeypatch):
    """Prefect's run_deployment gives the run as it is when its time is over: here, with no worker to take it."""
    asked = {}

    def nobody_takes_it(name: str, **options: object) -> FlowRun:
        asked.update(options)
        run = run_due(DUE)
        run.state = Scheduled()
        return run

    monkeypatch.setattr(flows.steps, "run_deployment", nobody_takes_it)
    overrides = ("operations.score_deployment=score/gpu",)
    project = open_project(config, overrides)
    (chunk,) = [c for c in plan_range(project, "2023-03-31", "2023-03-31", NOW).chunks if c.last == c.first]
    ingest_window(project, chunk.span, NOW)
    with pytest.raises(LakeError, match=r"score/gpu did not end within 6 hours: run late-owl is Scheduled; see that a"):
        score.fn(Target(str(config), overrides), chunk)
    assert asked["timeout"] == SCORING_SECONDS
