"""A lake of an older sentfeat: what another root of the feature table is built from, and what is refused until then."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sentfeat import read_features
from sentfeat.errors import DataError, LakeError
from sentfeat.health import check_lake
from sentfeat.pipeline import Project, migrate, open_project
from sentfeat.publish import Shelf
from sentfeat.roots import VERSION
from sentfeat.sessions import Cutoff
from tests.conftest import ROOT
from tests.pipeline.handmade import END, NOW, build, made

LATER = NOW + pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A lake that was published under v0, without the column `n_news` and with one that is no more."""
    project = made(tmp_path_factory.mktemp("old"), count=300)
    lake, folder = project.lake, project.lake.folder
    for place in ("features", "manifests/features"):
        shutil.move(folder / place / VERSION, folder / place / "v0")
    columns = lake.get_json("COLUMNS.json")[VERSION]
    del columns["n_news"]
    lake.put_json("COLUMNS.json", {"v0": {**columns, "n_tweets": "int32"}})
    lake.put_json("LATEST.json", {"v0": lake.get_json("LATEST.json")[VERSION]})
    for file in (folder / "features").rglob("*.parquet"):
        pd.read_parquet(file).drop(columns=["n_news", "date"], errors="ignore").assign(n_tweets=1).to_parquet(file)
    return Path(project.config.folder)


@pytest.fixture
def project(published, tmp_path) -> Project:
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    return open_project(tmp_path / "handmade.toml")


def test_a_build_waits_for_the_migration_which_leaves_the_old_root_alone(project):
    before = {path: project.lake.get(path) for path in project.lake.files("features/v0")}
    with pytest.raises(LakeError, match="holds v0, this sentfeat publishes v1: run `sentfeat migrate` first"):
        build(project, LATER)
    assert not project.lake.files(f"features/{VERSION}")
    evening, pre_open = migrate(project, LATER)
    assert (evening.cutoff, pre_open.cutoff) == (Cutoff.EVENING, Cutoff.PRE_OPEN)
    assert (pre_open.sessions, pre_open.rows, pre_open.changed) == (65, 65 * 85, 0)
    assert (pre_open.added, pre_open.gone) == (("n_news",), ("n_tweets",))
    assert "65 sessions built for v1; in 5,525 rows 0 of" in pre_open.line()
    assert {path: project.lake.get(path) for path in project.lake.files("features/v0")} == before
    rows = read_features(lake=project.lake)
    assert rows["n_news"].sum() > 100
    assert rows["sent_mean"].notna().any()
    health = check_lake(project.lake, NOW, grace=pd.Timedelta(0))
    assert [shelf.newest for shelf in health.shelves] == [pd.Timestamp(END)] * 2
    assert all(set(report.outcomes) == {"reused"} for report in build(project, LATER))


def test_what_the_new_root_says_otherwise_is_counted(project):
    file = next((project.lake.folder / "features" / "v0").rglob("pre_open/date=2012-07-03/*.parquet"))
    rows = pd.read_parquet(file)
    rows.assign(coverage_ok=~rows["coverage_ok"].astype(bool)).to_parquet(file)
    next((project.lake.folder / "features" / "v0").rglob("evening/date=2012-07-03/*.parquet")).unlink()
    evening, pre_open = migrate(project, LATER)
    assert (evening.sessions, evening.rows, evening.changed) == (64, 64 * 85, 0), "none that was not held"
    assert pd.Timestamp("2012-07-03") not in project.shelf(Cutoff.EVENING).sessions()
    assert (pre_open.sessions, pre_open.rows, pre_open.changed) == (65, 65 * 85, 85)


def test_a_migration_that_was_killed_goes_on_and_nothing_is_announced_before(project, monkeypatch):
    publish, done = Shelf.publish_rows, []

    def stop_after_five(shelf, *arguments):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(shelf)
        return publish(shelf, *arguments)

    monkeypatch.setattr(Shelf, "publish_rows", stop_after_five)
    with pytest.raises(KeyboardInterrupt):
        migrate(project, LATER)
    assert set(project.lake.get_json("LATEST.json")) == {"v0"}
    with pytest.raises(LakeError, match="run `sentfeat migrate` first"):
        build(project, LATER)
    monkeypatch.setattr(Shelf, "publish_rows", publish)
    assert [each.sessions for each in migrate(project, LATER)] == [65, 65]


def test_a_root_with_other_columns_is_not_written_to(project):
    migrate(project, LATER)
    columns = project.lake.get_json("COLUMNS.json")[VERSION]
    project.lake.put_json("COLUMNS.json", {VERSION: {**columns, "n_news": "double", "n_tweets": "int32"}})
    with pytest.raises(LakeError, match=r"v1 was published with other columns \(n_news, n_tweets\)"):
        build(project, LATER)


def test_by_command_and_without_an_older_root_there_is_nothing_to_do(project, tmp_path):
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sentfeat.cli", "migrate", "--config", str(tmp_path / "handmade.toml")]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    done = run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("65 sessions built for v1") == 2
    shutil.rmtree(tmp_path / "lake" / "features" / "v0")
    refused = run()
    assert refused.returncode == 1
    assert "there is nothing to migrate" in refused.stderr
    with pytest.raises(DataError, match="nothing to migrate"):
        migrate(project, LATER)
