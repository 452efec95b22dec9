"""A lake built again from its raw archive is the same lake, and nobody is asked for it."""

import pandas as pd
import pytest

from sentfeat import read_table
from sentfeat.errors import DataError, SourceError
from sentfeat.pipeline import ingest_window, open_project, replay
from sentfeat.sessions import NEW_YORK, Window
from tests.conftest import ROOT
from tests.sec import Sec, current_body, paper

FIRST = pd.Timestamp("2026-11-18 15:00", tz=NEW_YORK)
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><title>Apple beats estimates in quarter {n}</title><pubDate>{at}</pubDate><link>http://x/{n}</link></item>
<item><title>Undated</title><link>http://x/u</link></item></channel></rss>"""
RESULTS = "Results of Operations. Apple announced lower earnings for the quarter and expects weaker sales."


@pytest.fixture
def sec():
    with Sec().serving() as sec:
        yield sec


@pytest.fixture
def config(tmp_path, sec):
    """A feed and EDGAR, both on loopback."""
    path = tmp_path / "live.toml"
    lines = (ROOT / "data" / "universe.csv").read_text().splitlines(keepends=True)
    (tmp_path / "two.csv").write_text(
        "".join([lines[0], *(one for one in lines if ",AAPL," in one or ",INTC," in one)])
    )
    path.write_text(
        f'lake = "lake"\nuniverse = "two.csv"\n'
        f'[[sources]]\nkind = "rss"\nname = "rss"\nfeeds = {{ wire = "{sec.url}/feed" }}\n'
        f'[[sources]]\nkind = "edgar"\nname = "edgar"\nuser_agent = "J j@example.com"\ndata_url = "{sec.url}"\n'
        f'archives_url = "{sec.url}"\ncurrent_url = "{sec.url}/current"\n'
    )
    return path


def live_days(project, sec) -> None:
    """A backfill, three polls over two days, the feed down in the second, a filing in between."""
    sec.file(paper("10-Q", "2026-11-03 10:00", number=1))
    sec.file(paper("8-K", "2026-11-18 15:30", items="2.02", body=current_body(i2_02=RESULTS), number=2))
    sec.file(paper("10-K", "2026-11-19 09:00", number=3))
    for number, (now, status) in enumerate(
        [(FIRST, 200), (FIRST + pd.Timedelta(hours=1), 404), (FIRST + pd.Timedelta(days=1), 200)]
    ):
        sec.open(f"{now:%Y-%m-%d %H:%M}")
        at = f"{now - pd.Timedelta(hours=2):%a, %d %b %Y %H:%M:%S} -0500"
        sec.answers["/feed"] = [(status, {}, FEED.format(n=number, at=at).encode())]
        span = Window(pd.Timestamp("2026-10-31", tz="UTC"), now.tz_convert("UTC"))
        ingest_window(project, span, now.tz_convert("UTC"))


def content(project, name: str) -> pd.DataFrame:
    rows = read_table(name, lake=project.lake)
    return rows.sort_values(list(rows.columns[:2]), ignore_index=True)


def test_a_rebuilt_lake_has_the_same_documents_first_seen_and_available_as_they_were(config, sec, tmp_path):
    project = open_project(config)
    live_days(project, sec)
    documents = read_table("documents", lake=project.lake)
    assert documents.groupby("source")["pit_grade"].unique().map(set).to_dict() == {"edgar": {"A", "B"}, "rss": {"A"}}
    assert set(documents["form"].dropna()) == {"10-Q", "8-K", "10-K"}
    assert documents["first_seen_at"].nunique() == 3
    asked = len(sec.requests)
    rebuilt = open_project(config, [f"lake={tmp_path / 'rebuilt'}"])
    reports = replay(rebuilt, project.archive)
    assert len(sec.requests) == asked
    assert {report.source: report.documents for report in reports} == documents["source"].value_counts().to_dict()
    for name in ("documents", "links", "coverage", "quarantine"):
        pd.testing.assert_frame_equal(content(rebuilt, name), content(project, name))


def test_a_replay_into_the_same_lake_changes_nothing(config, sec):
    project = open_project(config)
    live_days(project, sec)
    before = content(project, "documents")
    assert sum(report.documents for report in replay(project, project.archive)) == 0
    pd.testing.assert_frame_equal(content(project, "documents"), before)


def test_tables_that_were_lost_come_back(config, sec, tmp_path):
    project = open_project(config)
    live_days(project, sec)
    before = content(project, "documents")
    for path in (tmp_path / "lake" / "documents").rglob("*.parquet"):
        path.unlink()
    replay(project, project.archive)
    pd.testing.assert_frame_equal(content(project, "documents"), before)


def test_an_archive_without_these_sources_is_an_error(config):
    project = open_project(config)
    with pytest.raises(DataError, match="the archive has nothing of rss, edgar"):
        replay(project, project.archive)


def test_a_past_that_was_read_is_not_read_again_and_ends_where_polling_began(config, sec):
    project = open_project(config)
    live_days(project, sec)
    lists = [path for path in sec.requests if path.startswith("/submissions")]
    now = (FIRST + pd.Timedelta(days=2)).tz_convert("UTC")
    sec.open(f"{now.tz_convert(NEW_YORK):%Y-%m-%d %H:%M}")
    ingest_window(project, Window(pd.Timestamp("2026-10-31", tz="UTC"), now), now)
    assert [path for path in sec.requests if path.startswith("/submissions")] == lists
    spans = read_table("coverage", lake=project.lake)
    past = spans[(spans["source"] == "edgar") & ~spans["polled"]]
    polled = spans[(spans["source"] == "edgar") & spans["polled"]]
    assert len(past) == 1
    assert past["covered_end"].iloc[0] == polled["covered_start"].min() + pd.Timedelta(minutes=15)


def test_a_source_that_is_down_in_every_way_is_noted_and_the_others_go_on(config, sec):
    project = open_project(config)
    now = FIRST.tz_convert("UTC")
    sec.open(f"{FIRST:%Y-%m-%d %H:%M}")
    reports = ingest_window(project, Window(now - pd.Timedelta(hours=1), now), now)
    assert {report.source: report.ok for report in reports} == {"rss": False, "edgar": True}
    for path in list(sec.answers):
        sec.answers[path] = [(404, {}, b"")]
    with pytest.raises(SourceError, match="no source could be read"):
        ingest_window(project, Window(now - pd.Timedelta(hours=1), now), now + pd.Timedelta(hours=1))
