"""A day on loopback with three sources, one of them down: the others go on, and everything says what is missing."""

import os
import re
import subprocess
import sys
from email.utils import format_datetime

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.pipeline import build_features, ingest_window, open_project, plan_poll, report_coverage
from sentfeat.pipeline.coverage import gaps
from sentfeat.sessions import Cutoff, Window, utc_now
from tests.conftest import ROOT

CUTOFF = pd.Timestamp("2026-11-18 21:45", tz="America/New_York").tz_convert("UTC")
EVENING = pd.Timestamp("2026-11-18 21:50", tz="America/New_York").tz_convert("UTC")
CONFIG = """
lake = "lake"
universe = "{universe}"
[[sources]]
kind = "rss"
delay_minutes = 120
name = "wire"
feeds = {{ wire = "{site}/wire" }}
[[sources]]
kind = "rss"
delay_minutes = 120
name = "blog"
required = {required}
feeds = {{ blog = "{site}/blog" }}
[[sources]]
kind = "files"
name = "mine"
path = "mine.csv"
covers_from = 2026-11-01
covers_to = 2026-12-31
columns = {{ published_at = "when", title = "headline" }}
"""


def feed(*items: tuple[str, pd.Timestamp]) -> str:
    entries = "".join(
        f"<item><title>{title}</title><pubDate>{format_datetime(at.to_pydatetime())}</pubDate>"
        f"<link>http://x/{at.value}</link></item>"
        for title, at in items
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{entries}</channel></rss>'


@pytest.fixture
def day(tmp_path, site):
    """The configuration file; `site` answers for /wire and /blog."""
    (tmp_path / "mine.csv").write_text("when,headline\n2026-11-18T15:00:00Z,Intel falls\n")
    path = tmp_path / "day.toml"

    def write(required: str = "true"):
        path.write_text(CONFIG.format(site=site.url, universe=ROOT / "data" / "universe.csv", required=required))
        return path

    return write


def poll(project, now: pd.Timestamp) -> list:
    chunk = plan_poll(project, now)
    return ingest_window(project, chunk.span, now, poll=chunk.poll)


def serve(site, at: pd.Timestamp, **paths: bool) -> None:
    """What the feeds show at a moment: an item of a minute ago and one of four days ago, or an error."""
    for path, up in paths.items():
        site.answers.pop(f"/{path}", None)
        items = ("Apple beats estimates", at - pd.Timedelta(minutes=1)), ("Long ago", at - pd.Timedelta(days=4))
        site.say(f"/{path}", feed(*items) if up else "down", 200 if up else 404)


def a_day(project, site, blog_up) -> None:
    """Polls every two hours from before the evening before to the cut-off; `blog_up(at)` says whether it answers."""
    for at in pd.date_range(CUTOFF - pd.Timedelta(hours=26), CUTOFF, freq="2h"):
        serve(site, at, wire=True, blog=blog_up(at))
        poll(project, at)


def test_a_source_that_is_down_degrades_its_session_and_no_other_source(day, site):
    project = open_project(day())
    serve(site, CUTOFF, wire=True, blog=False)
    found = {report.source: report for report in poll(project, CUTOFF)}
    assert {name: report.ok for name, report in found.items()} == {"wire": True, "blog": False, "mine": True}
    assert found["wire"].documents == 1
    report = report_coverage(project, EVENING, cutoff=Cutoff.EVENING)
    cells = {cell.source: cell for cell in report.cells if cell.session == pd.Timestamp("2026-11-19")}
    assert {name: cell.state for name, cell in cells.items()} == {"wire": "read", "blog": "not read", "mine": "read"}
    assert "/blog could not be read (HTTP 404)" in cells["blog"].why
    line = report.sessions[-2]
    assert (line.coverage_ok, line.missing) == (False, ("blog",))
    assert str(line) == "2026-11-19: degraded, without blog; coverage_ok false"


def test_the_features_carry_what_the_report_says(day, site):
    project = open_project(day())
    a_day(project, site, lambda at: at.hour % 4)
    session = pd.Timestamp("2026-11-19")
    build_features(project, session, session, (Cutoff.EVENING,), EVENING)
    rows = read_features(cutoff="evening", lake=project.lake)
    line = next(s for s in report_coverage(project, EVENING, cutoff=Cutoff.EVENING).sessions if s.session == session)
    assert str(line) == "2026-11-19: every source was read"
    assert rows["coverage_ok"].all()
    assert (rows["sources_ok_share"] == 1).all()
    assert (rows["n_news"].notna()).all()


@pytest.mark.parametrize(("required", "ok"), [("true", False), ("false", True)])
def test_a_down_source_reaches_coverage_ok_only_if_it_is_required(day, site, required, ok):
    project = open_project(day(required))
    a_day(project, site, lambda at: at < EVENING - pd.Timedelta(hours=5))
    session = pd.Timestamp("2026-11-19")
    build_features(project, session, session, (Cutoff.EVENING,), EVENING)
    rows = read_features(cutoff="evening", lake=project.lake)
    assert (rows["coverage_ok"] == ok).all()
    assert rows["sources_ok_share"].tolist() == pytest.approx([2 / 3] * len(rows))
    assert rows["n_news"].isna().all() == (not ok)
    report = report_coverage(project, EVENING, cutoff=Cutoff.EVENING)
    line = next(s for s in report.sessions if s.session == session)
    assert (line.coverage_ok, line.missing) == (ok, ("blog",))
    cell = next(c for c in report.cells if c.session == session and c.source == "blog")
    assert cell.state == "partly read"
    assert cell.why.startswith("11-18 20:45 to 11-19 02:45 UTC: source blog: ")
    assert cell.why.endswith("/blog could not be read (HTTP 404) (3 times)")


def test_an_item_listed_long_after_its_stamp_is_taken_and_counted_late(day, site):
    project = open_project(day())
    serve(site, EVENING, wire=True, blog=True)
    poll(project, EVENING)
    later = EVENING + pd.Timedelta(hours=2)
    stamped = EVENING - pd.Timedelta(hours=20)
    site.answers["/wire"] = []
    site.say("/wire", feed(("Intel cuts outlook", stamped), ("Long ago", EVENING - pd.Timedelta(days=4))))
    poll(project, later)
    document = read_table("documents", lake=project.lake).set_index("title").loc["Intel cuts outlook"]
    assert (document["published_at"], document["available_at"], document["pit_grade"]) == (stamped, later, "A")
    cells = report_coverage(project, later, cutoff=Cutoff.EVENING).cells
    assert [c.late for c in cells if c.source == "wire"][-1] == 1


def test_a_text_that_a_second_feed_brings_later_is_no_second_document(day, site):
    project = open_project(day())
    serve(site, EVENING, wire=True, blog=False)
    poll(project, EVENING)
    elsewhere = EVENING + pd.Timedelta(minutes=5)
    site.answers["/wire"] = []
    site.say("/wire", feed(("Apple beats  estimates", elsewhere), ("Long ago", EVENING - pd.Timedelta(days=4))))
    report = next(r for r in poll(project, EVENING + pd.Timedelta(minutes=15)) if r.source == "wire")
    assert (report.documents, report.repeats) == (0, 1)
    assert read_table("documents", lake=project.lake).query("source == 'wire'").shape[0] == 1


def test_the_command_ends_well_and_prints_what_is_missing_and_why(day, site):
    now = utc_now()
    site.say("/wire", feed(("Apple beats estimates", now), ("Long ago", now - pd.Timedelta(days=4))).replace(
        "</channel>", "<item><title>When was it?</title></item></channel>"
    ))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "sentfeat.cli", "ingest", "--config", str(day()), "--report"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env={**os.environ, "COLUMNS": "240"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "FAILED blog: source blog: " in done.stdout
    assert re.search("degraded, without (wire, )?blog", done.stdout)  # a poll does not reach back over a long weekend
    assert "coverage_ok false" in done.stdout
    assert "HTTP 404" in done.stdout
    assert "undated" in done.stdout


def at(hour: int) -> pd.Timestamp:
    return pd.Timestamp("2026-11-19", tz="UTC") + pd.Timedelta(hours=hour)


def test_gaps_are_what_no_span_holds():
    day = Window(at(0), at(24))
    assert gaps([], day) == [day]
    assert gaps([Window(at(-3), at(30))], day) == []
    spans = [Window(at(10), at(12)), Window(at(-1), at(8)), Window(at(7), at(9)), Window(at(20), at(30))]
    assert gaps(spans, day) == [Window(at(9), at(10)), Window(at(12), at(20))]
    assert gaps([Window(at(2), at(3))], Window(at(0), at(2))) == [Window(at(0), at(2))]
