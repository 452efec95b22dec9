"""One real Prefect server for the whole test run, with everything deployed and two workers; and an inbox for alerts."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT
from tests.pipeline.conftest import SAMPLE

Environment = dict[str, str]


def environment(home: Path, **more: str) -> Environment:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return {**kept, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", **more}


def python(*arguments: str, env: Environment, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)


def background(*arguments: str, env: Environment, output: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, text=True
    )


def stop(process: subprocess.Popen[str]) -> None:
    """End it; a worker that waits longer than a minute for a run that nobody asked about is killed."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")


def api(env: Environment, path: str, **body: object) -> list[dict]:
    return httpx.post(f"{env['PREFECT_API_URL']}/{path}/filter", json=body, timeout=30).json()


def start_server(env: Environment) -> subprocess.Popen[str]:
    """A server at the address that `env` names; answers when it does."""
    address = httpx.URL(env["PREFECT_API_URL"])
    own = {name: value for name, value in env.items() if name != "PREFECT_API_URL"}
    options = ("--host", str(address.host), "--port", str(address.port), "--no-ui")
    process = background("prefect", "server", "start", *options, env=own)
    wait_for(lambda: httpx.get(f"{env['PREFECT_API_URL']}/health").status_code == 200, 180)
    return process


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/api"


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Environment]:
    """A running server; gives the environment that points at it."""
    env = environment(
        tmp_path_factory.mktemp("prefect"), PREFECT_API_URL=free_address(), PREFECT_WORKER_QUERY_SECONDS="2"
    )
    process = start_server(env)
    yield env
    stop(process)


@pytest.fixture(scope="session")
def live_config(tmp_path_factory) -> Path:
    """What the scheduled deployments run on, should one of their times come while tests run: a lake of its own."""
    path = tmp_path_factory.mktemp("live") / "live.toml"
    path.write_text(SAMPLE)
    return path


@pytest.fixture(scope="session")
def deployed(server, live_config) -> Environment:
    """The server with everything in prefect.yaml deployed by `make deploy`, twice: the second changes nothing."""
    for _ in range(2):
        made = subprocess.run(
            ["make", "deploy", f"CONFIG={live_config}", f"PREFECT={sys.executable} -m prefect", "-o", ".venv/.run"],
            cwd=ROOT, env=server, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr
    return server


@pytest.fixture(scope="session")
def worker(deployed) -> Iterator[Environment]:
    """A worker for each pool."""
    workers = [
        background("prefect", "worker", "start", "--pool", pool, env=deployed) for pool in ("sentfeat", "sentfeat-gpu")
    ]
    yield deployed
    for process in workers:  # before the server
        stop(process)


@pytest.fixture
def config(tmp_path, tiny_bundle) -> Path:
    """The small sample market with a model of random weights: quick, and as good for what flows are about."""
    path = tmp_path / "sample.toml"
    path.write_text(f'bundle = "{tiny_bundle}"\n{SAMPLE}')
    return path


@pytest.fixture
def inbox() -> Iterator["Inbox"]:
    with Inbox() as inbox:
        yield inbox


class Inbox:
    """A webhook on loopback that keeps what is posted to it."""

    def __init__(self) -> None:
        self.messages: list[dict] = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/T0PS3CRET"

    def __enter__(self) -> "Inbox":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
