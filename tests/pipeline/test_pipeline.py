"""The steps joined over a real lake, with the shipped bundle: repeatable, resumable, honest about what failed."""

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.errors import DataError, SessionError, SourceError
from sentfeat.pipeline import backtest_range, open_project, plan_range, plan_session, published_range
from sentfeat.tables import SCORES
from tests.conftest import ROOT
from tests.pipeline.conftest import NOW, content, run


def test_a_range_is_built_once_and_then_reused(project):
    first = run(project, "2023-03-01", "2023-04-28")
    assert first.is_new
    assert first.outcomes == {"new": 2 * 42}
    rows = read_features(lake=project.lake)
    assert rows["session"].nunique() == 42
    assert rows["ticker"].nunique() == 6
    again = run(project, "2023-03-01", "2023-04-28")
    assert not again.is_new
    assert again.line().startswith("nothing was new: 84 sessions stand")
    assert not project.lake.files("superseded")


def test_every_table_is_what_it_declares_and_no_text_is_scored_twice(project):
    run(project, "2023-03-01", "2023-03-31")
    for name in ("documents", "links", "scores", "prices", "coverage"):
        assert not read_table(name, lake=project.lake).empty, name
    scores = project.lake.read(SCORES)
    assert not scores.duplicated(["text_hash", "entity_hash", "model_id", "task"]).any()
    documents = read_table("documents", lake=project.lake)
    assert set(documents["kind"]) == {"headline", "filing", "filing_section", "filing_item", "filing_passage"}
    assert (documents["available_at"] >= documents["published_at"]).all()
    links = read_table("links", lake=project.lake)
    assert set(links["document_id"]) <= set(documents["document_id"])


def test_the_start_date_does_not_change_a_row(tmp_path, config):
    early, late = (open_project(config, [f"lake={tmp_path / name}"]) for name in ("early", "late"))
    run(early, "2023-02-01", "2023-04-28")
    run(late, "2023-04-03", "2023-04-28")
    for path, value in content(late).items():
        assert content(early)[path] == value, path


def test_no_row_knows_a_document_from_after_its_cutoff(project):
    run(project, "2023-03-01", "2023-03-31")
    rows = read_features(lake=project.lake)
    assert (rows["known_at"] < rows["tradable_at"]).all()
    links = read_table("links", lake=project.lake).merge(
        read_table("documents", lake=project.lake)[["document_id", "kind"]], on="document_id"
    )
    news = links[links["kind"] == "headline"]
    for row in rows.sample(60, random_state=0).itertuples():
        before = rows[(rows["security_id"] == row.security_id) & (rows["session"] < row.session)]["known_at"].max()
        if pd.isna(before):
            continue
        inside = news["available_at"].between(before, row.known_at, inclusive="right")
        assert row.n_news == (inside & (news["security_id"] == row.security_id)).sum()


def test_killed_in_the_middle_and_started_again_it_ends_the_same(tmp_path, config):
    """kill -9 while scores and features are being written; the resumed lake equals an undisturbed one."""
    whole, killed = (open_project(config, [f"lake={tmp_path / name}"]) for name in ("whole", "killed"))
    run(whole, "2023-02-01", "2023-05-31")
    code = (
        "from sentfeat.pipeline import open_project; from tests.pipeline.conftest import run\n"
        f"run(open_project({str(config)!r}, ['lake={tmp_path / 'killed'}']), '2023-02-01', '2023-05-31')"
    )
    for marker in ("scores", "manifests"):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        deadline = time.monotonic() + 120
        held = len(killed.lake.files(marker, ""))
        while len(killed.lake.files(marker, "")) <= held and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert 0 < len(content(killed)) < len(content(whole))
    run(killed, "2023-02-01", "2023-05-31")
    assert content(killed) == content(whole)


def test_a_damaged_feature_file_is_made_again(project):
    run(project, "2023-03-01", "2023-03-31")
    path = project.lake.files("features")[5]
    project.lake.put(path, b"damaged")
    again = run(project, "2023-03-01", "2023-03-31")
    assert again.outcomes["unchanged"] == 1
    assert len(read_features(lake=project.lake)) > 0


def with_archive(config, path) -> list[str]:
    """Overrides that add a files source beside the sample market."""
    text = config.read_text().replace(
        "[prices]",
        f'[[sources]]\nkind = "files"\nname = "mine"\npath = "{path}"\nrequired = true\n'
        'columns = { published_at = "when", title = "headline" }\n[prices]',
    )
    config.write_text(text)
    return []


def test_one_source_down_is_noted_and_the_sessions_are_not_called_covered(config):
    with_archive(config, "absent.csv")
    project = open_project(config)
    summary = run(project, "2023-03-01", "2023-03-10")
    assert "no file at" in summary.failures["mine"]
    assert "FAILED mine" in summary.line()
    rows = read_features(lake=project.lake)
    assert not rows["coverage_ok"].any()
    assert rows["n_news"].isna().all()
    assert (rows["sources_ok_share"] == 0.5).all()
    assert rows["sent_mean"].notna().any(), "what was read still counts"
    failed = read_table("coverage", lake=project.lake).query("not ok")
    assert set(failed["source"]) == {"mine"}
    assert failed["reason"].str.contains("no file at").all()


def test_nothing_readable_at_all_is_an_error_and_writes_no_features(tmp_path, config):
    project = open_project(config, [f"folder={tmp_path}"])
    config.write_text(
        'lake = "lake"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "absent.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
    )
    (tmp_path / "universe.csv").write_text((ROOT / "data" / "universe.csv").read_text())
    project = open_project(config)
    with pytest.raises(SourceError, match=r"no source could be read: source mine: no file at .*absent\.csv"):
        run(project, "2023-03-01", "2023-03-10")
    assert not project.lake.files("features")


def test_rows_that_cannot_be_used_are_in_the_quarantine_once(config, tmp_path):
    rows = "when,headline\nsoon,Apple rises\n2023-03-02T15:00:00Z,\n2023-03-02T15:00:00Z,Velmora gains\n"
    (tmp_path / "mine.csv").write_text(rows)
    with_archive(config, "mine.csv")
    project = open_project(config)
    run(project, "2023-03-01", "2023-03-10")
    kept = read_table("quarantine", lake=project.lake).query("source == 'mine'")
    assert sorted(kept["reason"]) == ["empty_text", "undated"]
    assert "Apple rises" in kept.set_index("reason").loc["undated", "payload"]


def test_a_day_without_a_single_headline_is_a_covered_row_of_zeros(config, tmp_path):
    rows = "when,headline\n2022-01-03T15:00:00Z,First words\n2024-01-03T15:00:00Z,Last words\n"
    (tmp_path / "quiet.csv").write_text(rows)
    (tmp_path / "universe.csv").write_text((ROOT / "data" / "universe.csv").read_text())
    config.write_text(
        'lake = "quiet"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "quiet.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
    )
    summary = run(open_project(config), "2023-03-01", "2023-03-02")
    assert summary.newly_scored == 0
    rows = read_features(lake=str(tmp_path / "quiet"))
    assert rows["coverage_ok"].all()
    assert (rows["n_news"] == 0).all()
    assert rows["sent_mean"].isna().all()
    assert rows["sent_ewma_3"].isna().all()


def test_sessions_in_which_nothing_is_listed_are_refused_before_any_is_built(config, tmp_path):
    head = "security_id,ticker,name,aliases,sector,cik,valid_from,valid_to\n"
    (tmp_path / "universe.csv").write_text(
        head + "1-A,ACME,Acme,,,,1990-01-02,2023-02-28\n2-A,NEW,Newer,,,,2023-03-06,\n"
    )
    (tmp_path / "news.csv").write_text("when,headline\n2022-01-03T15:00:00Z,First\n2024-01-03T15:00:00Z,Last\n")
    config.write_text(
        'lake = "lake"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "news.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
    )
    project = open_project(config)
    with pytest.raises(DataError, match="lists no security in 3 sessions from 2023-03-01 to 2023-03-03; build"):
        run(project, "2023-02-27", "2023-03-07")
    assert not project.lake.files("features")
    run(project, "2023-03-06", "2023-03-07")
    assert read_features(lake=project.lake)["ticker"].tolist() == ["NEW", "NEW"]


def test_a_foreign_symbol_and_an_early_bar_are_named(config, tmp_path):
    """Prices of a symbol outside the universe or from before a listing end up in the quarantine, named."""
    (tmp_path / "universe.csv").write_text((ROOT / "data" / "universe.csv").read_text())
    (tmp_path / "news.csv").write_text("when,headline\n2011-01-03T15:00:00Z,Apple up\n2013-01-03T15:00:00Z,Apple up\n")
    bars = "ticker,session,open,high,low,close,volume\nFB,2012-05-17,1,1,1,1,1\nQQQQ,2012-05-17,1,1,1,1,1\n"
    (tmp_path / "bars.csv").write_text(bars + "AAPL,2012-05-17,1,1,1,1,1\n")
    config.write_text(
        'lake = "lake"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "news.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
        '[prices]\nkind = "files"\npath = "bars.csv"\nbasis = "raw"\n'
        'columns = { ticker = "ticker", session = "session", open = "open", high = "high", low = "low",'
        ' close = "close", volume = "volume" }\n'
    )
    project = open_project(config)
    assert run(project, "2012-05-17", "2012-05-18").prices.rejected == {"bar_outside_listing": 1, "unknown_ticker": 1}
    rows = read_features(lake=project.lake)
    assert "FB" not in set(rows.loc[rows["session"] == "2012-05-17", "ticker"])
    assert "FB" in set(rows.loc[rows["session"] == "2012-05-18", "ticker"])


def test_sessions_that_cannot_be_built_are_refused_before_anything_is_done(project):
    with pytest.raises(SessionError, match="lies in the future"):
        plan_range(project, "2024-01-02", "2024-01-05", NOW)
    with pytest.raises(SessionError, match="no XNYS session from 2023-12-23 to 2023-12-25"):
        plan_range(project, "2023-12-23", "2023-12-25", NOW)
    with pytest.raises(SessionError, match="weekend or holiday"):
        plan_session(project, "2023-12-25", NOW)
    with pytest.raises(SessionError, match="lies in the future"):
        plan_session(project, "2024-01-03", NOW)
    assert not project.lake.files("", "")


def test_a_night_builds_the_cutoffs_that_have_passed(project):
    evening = pd.Timestamp("2023-12-27 22:05", tz="America/New_York").tz_convert("UTC")
    assert [str(c) for c in plan_session(project, "2023-12-28", evening).cutoffs] == ["evening"]
    assert str(plan_session(project, None, evening).last.date()) == "2023-12-28"
    morning = pd.Timestamp("2023-12-28 09:16", tz="America/New_York").tz_convert("UTC")
    assert [str(c) for c in plan_session(project, None, morning).cutoffs] == ["evening", "pre_open"]


def test_a_backtest_needs_rows_and_enough_of_them(project):
    with pytest.raises(DataError, match="no published session"):
        published_range(project, None, None)
    run(project, "2023-03-01", "2023-03-31")
    first, last = published_range(project, None, None)
    assert (str(first.date()), str(last.date())) == ("2023-03-01", "2023-03-31")
    with pytest.raises(DataError, match="session"):
        backtest_range(project, first, last, command="test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"when,headline\n2023-03-02 15:00:00,Apple rises\n", "without a zone"),
        (b"time,headline\n2023-03-02T15:00:00Z,Apple rises\n", "has no column 'when'"),
        (b"\x00\xff\xfe" * 50, r"cannot read|has no column"),
    ],
)
def test_an_unusable_file_is_one_clear_line_and_leaves_no_half_written_table(config, tmp_path, content, message):
    (tmp_path / "mine.csv").write_bytes(content)
    (tmp_path / "universe.csv").write_text((ROOT / "data" / "universe.csv").read_text())
    config.write_text(
        'lake = "lake"\nuniverse = "universe.csv"\n[[sources]]\nkind = "files"\nname = "mine"\npath = "mine.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
    )
    project = open_project(config)
    with pytest.raises(SourceError, match=message) as refused:
        run(project, "2023-03-01", "2023-03-02")
    assert "\n" not in str(refused.value)
    assert not project.lake.files("documents")
    assert not project.lake.files("features")
    assert not read_table("coverage", lake=project.lake)["ok"].any()
