"""A changed universe: links follow when asked, withdrawn ones are gone, and what was published is kept."""

import subprocess
import sys

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.pipeline import Project, build_features, ingest_window, open_project, relink
from sentfeat.pipeline.score import read_links
from sentfeat.sessions import Cutoff, Window
from tests.conftest import ROOT

NOW = pd.Timestamp("2023-03-10 12:00", tz="UTC")
LATER = NOW + pd.Timedelta(days=1)
MARCH = Window(pd.Timestamp("2023-03-01", tz="UTC"), pd.Timestamp("2023-03-09", tz="UTC"))
HEAD = "security_id,ticker,name,aliases,sector,cik,valid_from,valid_to\n"
BEFORE = HEAD + "1-A,ACME,Acme,,Industrials,1,1990-01-02,\n2-A,GLBX,Globex,Globex Widgets,Industrials,2,1990-01-02,\n"
AFTER = HEAD + (
    "1-A,ACME,Acme,Road Runner Supplies,Industrials,1,1990-01-02,\n2-A,GLBX,Globex,,Industrials,2,1990-01-02,\n"
    "3-A,INIT,Initech,,Industrials,3,1990-01-02,\n"
)
NEWS = """when,headline,symbol
2023-03-06T15:00:00Z,Acme beats estimates,
2023-03-06T16:00:00Z,Road Runner Supplies wins an order,
2023-03-06T17:00:00Z,Widgets rise,GLBX
2023-03-07T15:00:00Z,Something for the office,INIT
2023-03-07T16:00:00Z,Globex and Initech merge,
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "universe.csv").write_text(BEFORE)
    (tmp_path / "news.csv").write_text(NEWS)
    path = tmp_path / "mine.toml"
    path.write_text(
        'lake = "lake"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "news.csv"\n'
        "covers_from = 2022-01-01\ncovers_to = 2023-03-31\n"
        'columns = { published_at = "when", title = "headline", tickers = "symbol" }\n'
    )
    project = open_project(path)
    ingest_window(project, MARCH, NOW)
    return path


def pairs(project: Project) -> set[tuple[str, str]]:
    titles = read_table("documents", lake=project.lake).set_index("document_id")["title"]
    links = read_links(project.lake, MARCH)
    return {(titles[row.document_id].split()[0], row.entity) for row in links.itertuples()}


def test_links_follow_a_changed_universe_and_the_report_counts_what_changed(config, tmp_path):
    assert pairs(open_project(config)) == {("Widgets", "Globex")}, "tagged rows only: the file has a column of symbols"
    (tmp_path / "universe.csv").write_text(AFTER)
    project = open_project(config)
    report = relink(project, LATER)
    assert pairs(project) == {("Widgets", "Globex"), ("Something", "Initech")}
    assert (report.documents, report.added, report.withdrawn) == (5, {"INIT": 1}, {})
    assert relink(project, LATER + pd.Timedelta(days=1)).added.total() == 0


def without_symbols(config, tmp_path) -> Project:
    text = config.read_text().replace(', tickers = "symbol"', "").replace('"lake"', '"plain"')
    config.write_text(text)
    (tmp_path / "universe.csv").write_text(BEFORE)
    project = open_project(config)
    ingest_window(project, MARCH, NOW)
    return project


def test_a_name_that_is_dropped_withdraws_its_links_and_what_comes_back_is_linked_again(config, tmp_path):
    project = without_symbols(config, tmp_path)
    first = pairs(project)
    assert first == {("Acme", "Acme"), ("Globex", "Globex")}
    (tmp_path / "universe.csv").write_text(AFTER.replace("2-A,GLBX,Globex,,Industrials,2,1990-01-02,\n", ""))
    changed = open_project(config)
    report = relink(changed, LATER)
    assert pairs(changed) == {("Acme", "Acme"), ("Road", "Acme"), ("Globex", "Initech")}
    assert (report.added, report.withdrawn) == ({"ACME": 1, "INIT": 1}, {"GLBX": 1})
    (tmp_path / "universe.csv").write_text(BEFORE)
    relink(open_project(config), LATER + pd.Timedelta(hours=1))
    assert pairs(project) == first


def test_published_rows_stand_until_they_are_built_again_and_are_then_kept(config, tmp_path):
    project = without_symbols(config, tmp_path)
    session = pd.Timestamp("2023-03-07")
    build_features(project, session, session, (Cutoff.PRE_OPEN,), NOW)
    before = read_features(lake=project.lake)
    (tmp_path / "universe.csv").write_text(AFTER)
    changed = open_project(config)
    report = relink(changed, LATER)
    assert report.published == ("2023-03-07",)
    assert "1 published sessions listen to these documents" in report.lines()[-1]
    pd.testing.assert_frame_equal(read_features(lake=project.lake), before)
    build_features(changed, session, session, (Cutoff.PRE_OPEN,), LATER)
    news = read_features(lake=project.lake).set_index("ticker")["n_news"]
    assert (news["ACME"], before.set_index("ticker")["n_news"]["ACME"]) == (2, 1)
    assert any(path.endswith(".parquet") for path in project.lake.files("superseded"))


def test_the_command_says_what_changed(config, tmp_path):
    (tmp_path / "universe.csv").write_text(AFTER)
    command = [sys.executable, "-m", "sentfeat.cli", "relink", "--config", str(config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "5 documents were linked with universe" in done.stdout
    assert "added: 1 links (INIT 1)" in done.stdout
