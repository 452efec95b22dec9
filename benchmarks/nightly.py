"""A night of 500 companies, 5,000 new headlines, 45 8-Ks and 5 10-Ks, with Prefect and without.

    taskset -c 0,1 python -m benchmarks.nightly

Headlines come from the sample market's generators, under the names of 500 fictional companies; the filings are asked of
an SEC on loopback, at the real one's pace, and cut into passages. The night is that of the newest session, run twice
from the same lake: by `sentfeat.pipeline` alone, and as a deployment with a server and a worker running. Printed are
the flow's seconds from its start, what of them the pipeline alone does not need, and how much the server's database
grew.
"""

import itertools
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import pandas as pd
import typer

from sentfeat.config import SampleSource
from sentfeat.ingest.sample.filing_text import RISKS
from sentfeat.ingest.sample.market import build
from sentfeat.sessions import NEW_YORK, Cutoff, known_at, latest_known, shift, utc_now
from sentfeat.store import Lake
from sentfeat.tables import DOCUMENTS
from tests.sec import PROSE, Sec, annual_body, current_body, paper

ROOT = Path(__file__).parents[1]
LAG = pd.Timedelta(minutes=15)
FIRST_CIK = 1_000_000
RISK_FACTORS, DISCUSSION = 60, 40  # paragraphs of a 10-K
CONFIG = """
lake = "lake"
universe = "universe.csv"
[[sources]]
kind = "edgar"
name = "edgar"
user_agent = "Jane Doe jane@example.com"
data_url = "SEC"
archives_url = "SEC"
current_url = "SEC/current"
[[sources]]
kind = "files"
name = "wire"
path = "wire.parquet"
columns = { published_at = "at", title = "title", tickers = "ticker", item_id = "id" }
covers_from = FROM
covers_to = TO
"""
PLAIN = """
import sys, time
import pandas as pd
from sentfeat.pipeline import build_features, ingest_window, open_project, plan_session, score_window, tidy
began, project, now = time.monotonic(), open_project(sys.argv[1]), pd.Timestamp(sys.argv[3])
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
    reports: Annotated[int, typer.Option(help="10-Ks", min=0)] = 5,
) -> None:
    """Make the night, run it both ways, and print the seconds."""
    with tempfile.TemporaryDirectory(prefix="sentfeat-night-") as scratch, Sec().serving() as sec:
        folder, session = Path(scratch), newest_session()
        make_night(folder / "flow", companies, headlines, session, sec.url)
        sec.filers = set(range(FIRST_CIK, FIRST_CIK + companies))
        before = shift(session, -1)
        night_before = evening(before) + pd.Timedelta(minutes=20)
        sec.open(f"{night_before.tz_convert(NEW_YORK):%Y-%m-%d %H:%M}")
        run_plain(folder / "flow", before, night_before)  # what a real lake holds already
        file_reports(sec, session, companies, current_reports, reports)
        sec.open(f"{pd.Timestamp.now(NEW_YORK):%Y-%m-%d %H:%M}")
        shutil.copytree(folder / "flow", folder / "plain")
        plain = run_plain(folder / "plain", session, utc_now())
        flow, grown = run_deployed(folder, session)
        scored = Lake(str(folder / "flow" / "lake")).read(DOCUMENTS, columns=["kind"])["kind"].value_counts()
    share = max(flow - plain, 0.0) / flow
    typer.echo(
        f"{companies} companies, {headlines:,} headlines, {current_reports} 8-Ks and {reports} 10-Ks "
        f"({scored.get('filing_passage', 0):,} passages): {flow:.0f} s from the flow's start, {plain:.0f} s without "
        f"Prefect; orchestration {share:.0%}; the server's database grew by {grown / 1e6:.2f} MB"
    )


def newest_session() -> pd.Timestamp:
    """The session whose evening cut-off was the last to pass."""
    return latest_known(Cutoff.EVENING, LAG, utc_now())


def evening(session: pd.Timestamp) -> pd.Timestamp:
    """The evening cut-off of a session, UTC."""
    return known_at(pd.DatetimeIndex([session]), Cutoff.EVENING, LAG)[0]


def make_night(folder: Path, companies: int, headlines: int, session: pd.Timestamp, sec: str) -> None:
    """Configuration, universe and wire: headlines in the session's night, and a tenth as many in each of 20 before."""
    folder.mkdir()
    span = {"FROM": (session - pd.Timedelta(days=600)).date(), "TO": session.date(), "SEC": sec}
    text = CONFIG
    for name, value in span.items():
        text = text.replace(name, str(value))
    (folder / "night.toml").write_text(text)
    universe = pd.DataFrame({"ticker": [f"Q{number:03d}" for number in range(companies)]})
    universe["security_id"] = "id-" + universe["ticker"]
    universe["name"] = [f"Company {ticker} Inc" for ticker in universe["ticker"]]
    universe["cik"] = [str(FIRST_CIK + number) for number in range(companies)]
    universe = universe.assign(aliases="", sector="Technology", valid_from="2020-01-02", valid_to="")
    universe.to_csv(folder / "universe.csv", index=False)
    wire = itertools.islice(titles(universe), headlines * 3)
    frame = pd.DataFrame(wire, columns=["ticker", "title"])
    ends = [evening(shift(session, -back)) - pd.Timedelta(hours=1) for back in (0, 1, 20)]
    night = pd.date_range(ends[1], ends[0], periods=headlines)
    past = pd.date_range(ends[2], ends[1], periods=2 * headlines)
    frame["at"] = [*night, *past]
    frame["id"] = [f"item-{number}" for number in range(len(frame))]
    frame.to_parquet(folder / "wire.parquet", index=False)


def file_reports(sec: Sec, session: pd.Timestamp, companies: int, current_reports: int, reports: int) -> None:
    """8-Ks and 10-Ks of so many companies, accepted after the close before the session."""
    closed = shift(session, -1) + pd.Timedelta(hours=16, minutes=5)
    for number in range(current_reports + reports):
        accepted, cik = str(closed + pd.Timedelta(minutes=number)), FIRST_CIK + number % companies
        if number < current_reports:
            sec.file(paper("8-K", accepted, cik=cik, items="2.02", body=current_body(i2_02=discussion(number, 3))))
        else:
            sec.file(paper("10-K", accepted, cik=cik, body=long_report(number)))


def long_report(number: int) -> str:
    """A 10-K about as long as a real one."""
    random = np.random.default_rng(number)
    risks = [sentence for sentences in RISKS.values() for sentence in sentences]
    factors = "</p><p>".join(f"{' '.join(random.permutation(risks)[:6])} ({number}.{at})" for at in range(RISK_FACTORS))
    talk = "</p><p>".join(discussion(number * 1000 + at, 4) for at in range(DISCUSSION))
    cells = "".join(f"<tr><td>Line {at}</td><td>{at * number:,}</td></tr>" for at in range(5000))
    before, *rest = annual_body().split(PROSE)  # which stands once in each of Items 1, 1A, 1B, 7 and 8
    texts = [PROSE, factors, "None.", talk, f"</p><table>{cells}</table><p>"]
    return before + "".join(text + after for text, after in zip(texts, rest, strict=True))


def discussion(number: int, sentences: int) -> str:
    """Some sentences about the past quarter."""
    return " ".join(
        f"Revenue in region {at} of company {number} rose by {at + 2} % to ${number + at} million, while the cost of "
        "energy and wages grew faster than prices could follow."
        for at in range(sentences)
    )


def titles(universe: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Ticker and title without end: the sample market's headlines, each told of another company."""
    market = build(SampleSource(name="sample"))
    told = market.items[market.items["kind"] == "headline"]["title"].tolist()
    for number, title in enumerate(itertools.cycle(told)):
        at = number % len(universe)
        yield universe["ticker"][at], f"{universe['name'][at]}: {title} ({number})"


def run_plain(folder: Path, session: pd.Timestamp, now: pd.Timestamp) -> float:
    """Seconds of the night in a fresh process without Prefect, whose clock stands at `now`."""
    arguments = str(folder / "night.toml"), str(session.date()), now.tz_convert("UTC").isoformat()
    command = [sys.executable, "-c", PLAIN, *arguments]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()[-1])


def run_deployed(folder: Path, night: pd.Timestamp) -> tuple[float, int]:
    """Seconds from the flow's start to its end, on a server and a worker that are running already, and what the run
    added to the server's database, in bytes."""
    with serving(folder / "prefect") as env:
        subprocess.run(
            ["make", "deploy", f"CONFIG={folder / 'flow' / 'night.toml'}", f"PREFECT={sys.executable} -m prefect",
             "-o", ".venv/.run"], cwd=ROOT, env=env, check=True, capture_output=True,
        )  # fmt: skip
        worker = subprocess.Popen(prefect("worker", "start", "--pool", "sentfeat"), cwd=ROOT, env=env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        try:
            session = f"session={night.date()}"
            before = database_bytes(folder / "prefect")
            subprocess.run(
                prefect("deployment", "run", "nightly/live", "--param", session, "--watch"), cwd=ROOT, env=env,
                check=True, stdout=sys.stderr,
            )  # fmt: skip
            found = httpx.post(f"{env['PREFECT_API_URL']}/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
            grown = database_bytes(folder / "prefect") - before
        finally:
            worker.terminate()
            worker.wait(60)
    runs = [run for run in found if json.dumps(run["parameters"]).count(session.split("=")[1])]
    return float(runs[0]["total_run_time"]), grown


def database_bytes(home: Path) -> int:
    """Bytes in use in the server's database, its journal merged in."""
    with closing(sqlite3.connect(home / "prefect.db")) as base:
        base.execute("PRAGMA wal_checkpoint")
        (pages,), (free,), (size,) = (base.execute(f"PRAGMA {it}").fetchone() for it in
                                      ("page_count", "freelist_count", "page_size"))  # fmt: skip
    return (pages - free) * size


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
