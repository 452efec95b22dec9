"""The flows on a real Prefect server: from the command line without one, and deployed to one with a worker."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sentfeat import read_features
from tests.conftest import ROOT
from tests.pipeline.conftest import SAMPLE


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", **more}


def python(*arguments: str, env: dict[str, str], timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "sample.toml"
    path.write_text(SAMPLE)
    return path


def test_backfill_then_nightly_without_a_server_of_ones_own(config, tmp_path, home):
    env = environment(home)
    filled = python("flows.backfill", "--config", str(config), "--start", "2023-03-01", "--end", "2023-03-30", env=env)
    assert filled.returncode == 0, filled.stderr
    assert "44 new" in filled.stdout
    night = python("flows.nightly", "--config", str(config), "--session", "2023-03-31", env=env)
    assert night.returncode == 0, night.stderr
    assert "2 new" in night.stdout
    rows = read_features(lake=str(tmp_path / "lake"))
    assert str(rows["session"].max().date()) == "2023-03-31"
    again = python("flows.nightly", "--config", str(config), "--session", "2023-03-31", env=env)
    assert "nothing was new" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--session", "2023-04-07"], "error: 2023-04-07 is no XNYS session (weekend or holiday)"),
        (["--session", "2999-01-04"], "error: 2999-01-04 is outside the calendar"),
        (["--set", "lakes=x"], "Object contains unknown field `lakes`"),
    ],
)
def test_bad_input_is_one_line_and_a_failure_before_a_server_starts(config, home, arguments, message):
    refused = python("flows.nightly", "--config", str(config), *arguments, env=environment(home))
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert message in refused.stderr


@pytest.fixture(scope="module")
def server(home) -> Iterator[dict[str, str]]:
    """A running server; yields the environment that points at it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    env = environment(home, PREFECT_API_URL=url)
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"],
        cwd=ROOT, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(lambda: httpx.get(f"{url}/health").status_code == 200, 120)
        yield env
    finally:
        process.terminate()
        process.wait(30)


def wait_for(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="module")
def worker(server) -> Iterator[dict[str, str]]:
    """Everything in prefect.yaml deployed, and a worker for its pool."""
    made = python("prefect", "work-pool", "create", "sentfeat", "--type", "process", env=server)
    assert made.returncode == 0, made.stderr
    for _ in range(2):  # deploying again changes nothing
        deployed = python("prefect", "--no-prompt", "deploy", "--all", env=server)
        assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "sentfeat"],
        cwd=ROOT, env=server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield server
    finally:  # the worker before the server
        process.terminate()
        process.wait(60)


def api(env: dict[str, str], path: str, **body: object) -> list[dict]:
    return httpx.post(f"{env['PREFECT_API_URL']}/{path}/filter", json=body, timeout=30).json()


def test_a_deployed_night_runs_on_demand_and_leaves_its_page(worker, tmp_path):
    lake = tmp_path / "lake"
    overrides = json.dumps([f"lake={lake}", "sources.0.companies=6"])
    ran = python(
        "prefect", "deployment", "run", "nightly/sample", "--param", f"overrides={overrides}", "--watch", env=worker
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert str(read_features(lake=str(lake))["session"].max().date()) == "2024-12-31"
    pages = [page for page in api(worker, "artifacts") if page["key"] == "run-summary"]
    assert pages
    for heading in ("### Sources", "### Written", "| documents | new |"):
        assert heading in pages[0]["data"]


def test_a_bad_parameter_is_refused_before_a_run_exists(worker):
    before = len(api(worker, "flow_runs"))
    refused = python("prefect", "deployment", "run", "nightly/sample", "--param", "session=someday", env=worker)
    assert refused.returncode != 0
    assert len(api(worker, "flow_runs")) == before


def test_a_failing_run_fails_the_command(worker):
    ran = python(
        "prefect", "deployment", "run", "nightly/sample", "--param", "session=2024-12-25", "--watch", env=worker
    )
    assert ran.returncode == 1


def test_a_schedule_makes_runs(worker):
    """With the wrong SQLAlchemy the scheduler dies quietly: deployments look active and no run is ever made."""
    made = python("prefect", "deployment", "schedule", "create", "nightly/sample", "--interval", "86400", env=worker)
    assert made.returncode == 0, made.stdout + made.stderr
    wait_for(
        lambda: [r for r in api(worker, "flow_runs") if r["state_type"] == "SCHEDULED" and r["auto_scheduled"]], 90
    )
