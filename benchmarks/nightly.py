"""A night of 500 companies, 5,000 new headlines, 45 8-Ks and 5 longer reports, with Prefect and without.

    taskset -c 0,1 python -m benchmarks.nightly

Texts come from the sample market's generators, under the names of 500 fictional companies; filings' passages come in
as texts of a files source, as many as that market's filings have. The same night is run twice from the same lake: by
`sentfeat.pipeline` alone, and as a deployment with a server and a worker running. Printed are the flow's seconds from
its start, and what of them the pipeline alone does not need.
"""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pandas as pd
import typer

from sentfeat.config import SampleSource
from sentfeat.ingest.sample.market import build
from sentfeat.sessions import shift, tradable_at

ROOT = Path(__file__).parents[1]
SESSION = pd.Timestamp("2024-11-20")
PASSAGES = {"8-K": 3, "10-K": 60}  # of a filing, about what the sample market's have
CONFIG = """
lake = "lake"
universe = "universe.csv"
[[sources]]
kind = "files"
name = "wire"
path = "wire.parquet"
columns = { published_at = "at", title = "title", tickers = "ticker", item_id = "id" }
covers_from = 2023-01-01
covers_to = 2024-12-31
"""
PLAIN = """
import sys, time
from sentfeat.pipeline import build_features, ingest_window, open_project, plan_session, score_window, tidy
from sentfeat.sessions import utc_now
began, project, now = time.monotonic(), open_project(sys.argv[1]), utc_now()
plan = plan_session(project, sys.argv[2], now)
for chunk in plan.chunks:
    ingest_window(project, chunk.span, now, poll=chunk.poll)
for chunk in plan.chunks:
    if chunk.score:
        score_window(project, chunk.span, kinds=chunk.score)
build_features(project, plan.first, plan.last, plan.cutoffs, now)
tidy(project.lake, now)
print(time.monotonic() - began)
"""


def main(
    companies: Annotated[int, typer.Option(min=1)] = 500,
    headlines: Annotated[int, typer.Option(min=1)] = 5000,
    current_reports: Annotated[int, typer.Option(help="8-Ks", min=0)] = 45,
    reports: Annotated[int, typer.Option(help="10-Ks and 10-Qs", min=0)] = 5,
) -> None:
    """Make the night, run it both ways, and print the seconds."""
    texts = headlines + current_reports * PASSAGES["8-K"] + reports * PASSAGES["10-K"]
    with tempfile.TemporaryDirectory(prefix="sentfeat-night-") as scratch:
        folder = Path(scratch)
        make_night(folder / "flow", companies, texts)
        run_plain(folder / "flow", shift(SESSION, -1))  # the night before: what a real lake holds already
        shutil.copytree(folder / "flow", folder / "plain")
        plain = run_plain(folder / "plain", SESSION)
        flow = run_deployed(folder)
    share = max(flow - plain, 0.0) / flow
    typer.echo(
        f"{companies} companies, {texts:,} texts: {flow:.0f} s from the flow's start, {plain:.0f} s without Prefect; "
        f"orchestration {share:.0%}"
    )


def make_night(folder: Path, companies: int, texts: int) -> None:
    """Configuration, universe and wire: `texts` in the session's night, and a tenth of that in each of 20 before."""
    folder.mkdir()
    (folder / "night.toml").write_text(CONFIG)
    universe = pd.DataFrame({"ticker": [f"Q{number:03d}" for number in range(companies)]})
    universe["security_id"] = "id-" + universe["ticker"]
    universe["name"] = [f"Company {ticker} Inc" for ticker in universe["ticker"]]
    universe = universe.assign(aliases="", sector="Technology", cik="", valid_from="2020-01-02", valid_to="")
    universe.to_csv(folder / "universe.csv", index=False)
    wire = itertools.islice(titles(universe), texts * 3)
    frame = pd.DataFrame(wire, columns=["ticker", "title"])
    opened = tradable_at(pd.DatetimeIndex([shift(SESSION, -back) for back in range(21)]))
    night = pd.date_range(opened[1], opened[0] - pd.Timedelta(hours=1), periods=texts)
    past = pd.date_range(opened[20], opened[1], periods=2 * texts)
    frame["at"] = [*night, *past]
    frame["id"] = [f"item-{number}" for number in range(len(frame))]
    frame.to_parquet(folder / "wire.parquet", index=False)


def titles(universe: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Ticker and title without end: the sample market's headlines, each told of another company."""
    market = build(SampleSource(name="sample"))
    told = market.items[market.items["kind"] == "headline"]["title"].tolist()
    for number, title in enumerate(itertools.cycle(told)):
        at = number % len(universe)
        yield universe["ticker"][at], f"{universe['name'][at]}: {title} ({number})"


def run_plain(folder: Path, session: pd.Timestamp) -> float:
    """Seconds of the night in a fresh process without Prefect."""
    command = [sys.executable, "-c", PLAIN, str(folder / "night.toml"), str(session.date())]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-1])


def run_deployed(folder: Path) -> float:
    """Seconds from the flow's start to its end, on a server and a worker that are running already."""
    with serving(folder / "prefect") as env:
        subprocess.run(
            ["make", "deploy", f"CONFIG={folder / 'flow' / 'night.toml'}", f"PREFECT={sys.executable} -m prefect",
             "-o", ".venv/.run"], cwd=ROOT, env=env, check=True, capture_output=True,
        )  # fmt: skip
        worker = subprocess.Popen(prefect("worker", "start", "--pool", "sentfeat"), cwd=ROOT, env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            session = f"session={SESSION.date()}"
            subprocess.run(
                prefect("deployment", "run", "nightly/live", "--param", session, "--watch"), cwd=ROOT, env=env,
                check=True, stdout=sys.stderr,
            )  # fmt: skip
            found = httpx.post(f"{env['PREFECT_API_URL']}/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
        finally:
            worker.terminate()
            worker.wait(60)
    runs = [run for run in found if json.dumps(run["parameters"]).count(session.split("=")[1])]
    return float(runs[0]["total_run_time"])


@contextmanager
def serving(home: Path) -> Iterator[dict[str, str]]:
    """A Prefect server on loopback; gives the environment that points at it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    env = {**os.environ, "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = prefect("server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui")
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    api = f"http://127.0.0.1:{port}/api"
    try:
        wait_until_healthy(api)
        yield {**env, "PREFECT_API_URL": api}
    finally:
        server.terminate()
        server.wait(60)


def wait_until_healthy(api: str, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{api}/health").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    sys.exit(f"no Prefect server at {api} within {seconds:.0f} s")


def prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


if __name__ == "__main__":
    typer.run(main)
