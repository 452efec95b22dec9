"""Where numbers come from, what changed them, and that they know nothing of the future: over a real lake."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sentfeat import cli, publish, read_features
from sentfeat.cells import changed_cells, compare_models
from sentfeat.errors import DataError
from sentfeat.ingest.documents import text_hash
from sentfeat.pipeline import Project, build_features, open_project
from sentfeat.pipeline.explain import explain_published
from sentfeat.pipeline.leakcheck import check_invariance, find_signs, pick_sessions
from sentfeat.pipeline.summary import RunSummary
from sentfeat.pipeline.versions import diff_session
from sentfeat.sessions import Cutoff
from sentfeat.tables import DOCUMENTS, FEATURES, LINKS
from tests.pipeline.handmade import NOW, build, configure, ingest, made, score_by_hand, write_news

LATER = NOW + pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("audit")
    project = made(folder)
    file_reports(project)
    score_by_hand(project)
    build(project, LATER)
    return project


@pytest.fixture
def project(original, tmp_path) -> Project:
    """A copy of the lake, to be changed."""
    folder = tmp_path / "copy"
    shutil.copytree(original.config.folder, folder)
    return open_project(configure(folder))


def file_reports(project: Project) -> None:
    """Two 10-Ks of Apple with risk factors and a discussion, written into the lake as ingest writes them."""
    apple = project.universe.frame.set_index("ticker").loc["AAPL"]
    rows = []
    for number, (day, prior) in enumerate({"2011-11-01": None, "2012-06-20": "a0"}.items()):
        common = {"accession": f"a{number}", "form": "10-K", "prior_accession": prior, "available_at": day}
        texts = [
            ("filing", None, f"report {number}"),
            ("filing_section", "1A", f"We may fail. Costs may rise. Case {'ab'[number]}."),
        ]
        texts += [("filing_passage", "1A", f"passage {k} of {number}") for k in range(3)]
        texts += [("filing_passage", "7", f"discussion {k} of {number}") for k in range(4)]
        rows += [common | {"kind": kind, "section": section, "text": text} for kind, section, text in texts]
    frame = pd.DataFrame(rows)
    at = pd.to_datetime(frame["available_at"], utc=True) + pd.Timedelta(hours=20)
    frame = frame.reindex(columns=DOCUMENTS.names).assign(
        document_id=[f"doc-{number}" for number in range(len(frame))],
        source="sec",
        title=frame["text"],
        text_hash=frame["text"].map(text_hash),
        published_at=at,
        first_seen_at=NOW,
        available_at=at,
        pit_grade="B",
        section_verdict="ok",
        period=None,
    )
    links = frame[["document_id", "available_at"]].assign(
        security_id=apple["security_id"],
        ticker="AAPL",
        entity=apple["name"],
        relevance=1.0,
        method="cik",
        linked_at=NOW,
    )
    project.lake.append(DOCUMENTS, frame, "ingest_date=2012-09-03")
    project.lake.append(LINKS, links.assign(universe_hash=project.universe.hash), "ingest_date=2012-09-03")


def test_contributions_sum_to_the_cell_with_repeats_and_news_about_two(original):
    rows = read_features(lake=original.lake, tickers=["AAPL", "MSFT"])
    rich = rows[(rows["n_news"] > rows["n_clusters"]) & rows["sent_mean"].notna()]
    assert len(rich) > 3
    shared = 0
    for row in rich.head(6).itertuples():
        told = explain_published(original, row.ticker, row.session, Cutoff.PRE_OPEN)
        assert abs(told.sums["sent_mean"] - row.sent_mean) <= 1e-12
        assert len(told.news) == row.n_news
        by_hand = told.news["relevance"] * told.news["confidence"] * told.news["novelty"]
        assert told.news["weight"].tolist() == pytest.approx(by_hand.tolist())
        shared += told.news["title"].str.contains("Apple and Microsoft").sum()
    assert shared, "no item about two companies was explained"


def with_filings(project: Project) -> Project:
    """The same lake with its archive declared to bring filings, too."""
    source = msgspec.structs.replace(project.config.sources[0], document_kind="filing_section")
    return Project(msgspec.structs.replace(project.config, sources=[source]))


def test_filing_columns_come_out_of_the_lake_and_are_explained(project):
    project = with_filings(project)
    build(project, LATER)
    rows = read_features(lake=project.lake, tickers=["AAPL"]).set_index("session")
    before, after = rows.loc["2012-06-20"], rows.loc["2012-06-21"]
    assert before["rf_len"] == after["rf_len"] == pytest.approx(np.log(8))
    assert pd.isna(before["rf_added_share"])
    assert after["rf_added_share"] == pytest.approx(1 / 3)
    assert after["days_since_10k"] == 1
    assert after["rf_drisk_climate_esg"] == pytest.approx(after["rf_risk_climate_esg"] - before["rf_risk_climate_esg"])
    told = explain_published(project, "AAPL", pd.Timestamp("2012-07-02"), Cutoff.PRE_OPEN)
    assert told.report == "a1"
    assert len(told.passages) == 4
    assert abs(told.sums["filing_sent_mean"] - rows.loc["2012-07-02", "filing_sent_mean"]) <= 1e-12


def test_rows_rebuilt_from_what_was_known_equal_the_published_ones_and_a_row_that_knew_more_is_found(project):
    chosen = [(cutoff, day) for cutoff in Cutoff for day in pick_sessions(project, cutoff, 4, seed=3)]
    found = check_invariance(project, chosen)
    assert (found.sessions, len(found.changed)) == (8, 0)
    assert found.cells > 8 * 80 * 100
    cutoff, day = chosen[0]
    shelf = project.shelf(cutoff)
    rows = project.lake.read(FEATURES, paths=[shelf.data_path(day)])
    rows.loc[rows["ticker"] == "AAPL", "sent_ewma_3"] = 0.123
    shelf.publish(day, rows, {"input_hash": "x", "published_at": LATER.isoformat()})
    changed = check_invariance(project, chosen).changed
    assert changed[["ticker", "column", "before"]].to_numpy().tolist() == [["AAPL", "sent_ewma_3", 0.123]]
    assert not list(find_signs(project))


def test_a_document_that_came_late_is_named_as_what_changed_the_cells(project):
    with pytest.raises(DataError, match="never changed"):
        diff_session(project, pd.Timestamp("2012-08-28"), Cutoff.PRE_OPEN)
    late = "when,headline\n2012-08-27T18:00:00Z,Boeing loses a contract\n"
    (Path(project.config.folder) / "news2.csv").write_text(late)
    again = Project(project.config)
    ingest(again, LATER)
    score_by_hand(again)
    reports = build(again, LATER)
    assert sum(report.outcomes.get("replaced", 0) for report in reports) > 0
    found = diff_session(again, pd.Timestamp("2012-08-28"), Cutoff.PRE_OPEN)
    assert set(found.cells["ticker"]) >= {"BA"}
    assert "n_news" in set(found.cells["column"])
    assert found.documents["title"].tolist() == ["Boeing loses a contract"]
    assert found.documents["changes"].tolist() == [len(found.cells)]
    assert not found.conditions
    as_then = read_features("2012-08-28", "2012-08-28", ["BA"], as_of=NOW + pd.Timedelta(hours=1), lake=again.lake)
    now = read_features("2012-08-28", "2012-08-28", ["BA"], lake=again.lake)
    assert now["n_news"].item() == as_then["n_news"].item() + 1


def test_two_models_stand_side_by_side_are_compared_and_switched(project):
    rows = read_features(lake=project.lake)
    other = replace(project.shelf(Cutoff.PRE_OPEN), model="other")
    day = rows["session"].max()
    changed = rows[rows["session"] == day].assign(sent_ewma_3=lambda r: -r["sent_ewma_3"])
    other.publish(day, changed, {"input_hash": "x", "published_at": NOW.isoformat()})
    publish.announce(project.lake, "other", Cutoff.PRE_OPEN, day)
    assert set(publish.models(project.lake)) == {project.model, "other"}
    assert read_features(lake=project.lake)["session"].nunique() > 1, "the default stays"
    table = compare_models(rows, read_features(model="other", lake=project.lake)).set_index("column")
    assert list(table.index) == ["sent_ewma_3"]
    assert table.loc["sent_ewma_3", "correlation"] == pytest.approx(-1)
    publish.switch_model(project.lake, "other")
    assert set(read_features(lake=project.lake)["session"]) == {day}
    with pytest.raises(DataError, match="no model 'third'"):
        publish.switch_model(project.lake, "third")


def test_processes_beside_each_other_build_what_one_builds(tmp_path):
    write_news(tmp_path / "news1.csv", seed=1, count=200)
    contents = []
    for processes in (1, 2):
        path = configure(tmp_path, f"processes = {processes}")
        project = open_project(path, [f"lake={tmp_path / str(processes)}"])
        ingest(project)
        score_by_hand(project)
        build(project)
        manifests = project.lake.files("manifests", ".json")
        contents.append({name: project.lake.get_json(name)["content_hash"] for name in manifests})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2 * 65


def test_a_session_that_breaks_a_limit_is_told_or_not_published_as_configured(project, tmp_path):
    shelf = project.shelf(Cutoff.PRE_OPEN)
    last = shelf.sessions()[-1]
    for day in shelf.sessions()[-30:-1]:  # as if the sessions before had all been loud
        rows = project.lake.read(FEATURES, paths=[shelf.data_path(day)])
        rows = rows.assign(n_news=rows["n_news"] + 9)
        shelf.publish(day, rows, {"input_hash": "x", "published_at": NOW.isoformat()})
    project.lake.delete(shelf.manifest_path(last))
    strict = open_project(configure(tmp_path / "copy"), ["quality.on_breach=stop"])
    (refused,) = build_features(strict, last, last, (Cutoff.PRE_OPEN,), NOW)
    assert not refused.outcomes
    assert re.match(r"session 2012-08-31 at pre_open is not published, it breaks \d+ limits", refused.refused[0])
    assert shelf.manifest(last) is None
    assert "REFUSED session 2012-08-31 at pre_open is not published" in RunSummary("lake", built=[refused]).line()
    report = build_features(project, last, last, (Cutoff.PRE_OPEN,), NOW)[0]
    assert any("n_news: PSI" in breach for breach in report.breaches)
    assert shelf.manifest(last)["breaches"]
    summary = RunSummary("lake", built=[report])
    assert "Unlike the sessions before" in summary.markdown()
    assert "quality limits broken" in summary.line()


def test_a_refused_session_keeps_no_other_from_being_published(project, tmp_path):
    shelf, evening = project.shelf(Cutoff.PRE_OPEN), project.shelf(Cutoff.EVENING)
    before, last = shelf.sessions()[-2:]
    for day in shelf.sessions()[-30:-2]:  # as if the sessions before had all been loud
        rows = project.lake.read(FEATURES, paths=[shelf.data_path(day)])
        rows = rows.assign(n_news=rows["n_news"] + 9)
        shelf.publish(day, rows, {"input_hash": "x", "published_at": NOW.isoformat()})
    for day in (before, last):
        project.lake.delete(shelf.manifest_path(day))
        project.lake.delete(evening.manifest_path(day))
    project.lake.put_json("LATEST.json", {})
    strict = open_project(configure(tmp_path / "copy"), ["quality.on_breach=stop"])
    first, second = build_features(strict, before, last, (Cutoff.PRE_OPEN, Cutoff.EVENING), NOW)
    assert [text.split()[1] for text in first.refused] == [str(before.date()), str(last.date())]
    assert (second.outcomes, second.refused) == ({"new": 2}, ())
    assert list(publish.models(project.lake)[project.model]) == ["evening"], "what was refused is not announced"


def run(*arguments: str):
    return CliRunner().invoke(cli.app, list(arguments))


def test_the_commands_answer_with_tables_json_and_files_no_spreadsheet_runs(original, tmp_path):
    config, lake = f"{original.config.folder}/handmade.toml", original.config.lake
    told = run("explain", "AAPL", "2012-08-30", "--config", config, "--json")
    assert told.exit_code == 0, told.output
    sums = json.loads(told.output)["sums"]["sent_mean"]
    assert sums["cell"] == sums["sum"] or abs(sums["cell"] - sums["sum"]) <= 1e-12
    checked = run("leakcheck", "--config", config, "--session", "2012-08-30", "--cutoff", "pre_open")
    assert (checked.exit_code, "0 of" in checked.output, "clocks: 0 signs" in checked.output) == (0, True, True)
    rows = run("features", "--lake", lake, "--ticker", "AAPL", "--last", "3", "--format", "csv", "--columns", "all")
    assert rows.output.splitlines()[0].split(",") == FEATURES.names
    assert len(rows.output.splitlines()) == 4
    done = run("export-features", str(tmp_path), "--lake", lake)
    (path,) = tmp_path.glob("*.parquet")
    assert done.exit_code == 0
    assert not len(changed_cells(read_features(lake=lake), pd.read_parquet(path).assign(
        session=lambda f: pd.to_datetime(f["session"]))))  # fmt: skip
