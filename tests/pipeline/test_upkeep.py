"""Merging segments changes no row, survives being killed, and keeps the number of files down."""

import pandas as pd
import pytest

from sentfeat.pipeline import open_project, tidy
from sentfeat.pipeline.upkeep import APPENDED
from sentfeat.schema import conform, content_hash
from sentfeat.store import Lake
from sentfeat.tables import COVERAGE
from tests.pipeline.conftest import NOW, content, run

DAY = pd.Timestamp("2026-11-20 03:00", tz="UTC")


def polls(day: pd.Timestamp, count: int) -> list[pd.DataFrame]:
    rows = []
    for number in range(count):
        at = day + pd.Timedelta(minutes=15 * number)
        rows.append(
            pd.DataFrame([dict.fromkeys(COVERAGE.names)]).assign(
                source="rss", attempt_id=str(number), attempted_at=at, window_start=at, window_end=at,
                covered_start=at, covered_end=at, polled=True, ok=True, required=True, items=0, documents=0,
            )
        )  # fmt: skip
    return rows


@pytest.fixture
def lake(tmp_path) -> Lake:
    """Thirty polls of a day that is over and ten of today."""
    lake = Lake(tmp_path / "lake")
    for day, count in ((DAY, 30), (DAY + pd.Timedelta(days=1), 10)):
        for poll in polls(day, count):
            lake.append(COVERAGE, poll, f"date={day.date()}")
    return lake


def rows_of(lake: Lake) -> list[tuple]:
    held = lake.read(COVERAGE, columns=["attempt_id", "attempted_at"]).drop_duplicates()
    return sorted(held.itertuples(index=False, name=None))


def test_a_finished_day_becomes_one_file_and_today_is_left(lake):
    before = rows_of(lake)
    assert tidy(lake, DAY + pd.Timedelta(days=1)).merged == 30
    assert [path.split("/")[1] for path in lake.files("coverage")] == ["date=2026-11-20"] + 10 * ["date=2026-11-21"]
    assert rows_of(lake) == before
    assert tidy(lake, DAY + pd.Timedelta(days=1)).merged == 0


def test_killed_between_writing_and_removing_no_row_is_doubled_and_the_next_night_finishes(lake, monkeypatch):
    before = rows_of(lake)

    def killed(self, path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            tidy(lake, DAY + pd.Timedelta(days=1))
    assert len(lake.files("coverage")) == 41
    assert rows_of(lake) == before
    assert tidy(lake, DAY + pd.Timedelta(days=1)).merged == 30
    assert rows_of(lake) == before


def test_a_reader_that_listed_files_before_they_were_merged_reads_the_merged_one(lake, monkeypatch):
    listing = lake.files
    stale = iter([listing("coverage")])
    tidy(lake, DAY + pd.Timedelta(days=1))
    monkeypatch.setattr(lake, "files", lambda *arguments: next(stale, None) or listing(*arguments))
    assert len(lake.read(COVERAGE)) == 40


def test_only_old_files_of_the_staging_folder_are_abandoned(lake, tmp_path):
    staging = tmp_path / "lake" / ".staging"
    (staging / ".killed").write_bytes(b"half")
    written = lake.stored(".staging")[0].written_at
    assert tidy(lake, written + pd.Timedelta(hours=23)).abandoned == 0
    assert tidy(lake, written + pd.Timedelta(hours=25)).abandoned == 1
    assert not list(staging.iterdir())


def test_a_tidied_lake_holds_the_same_tables_and_builds_the_same_rows(config, tiny_bundle):
    """Every table by content; and no session is built anew."""
    project = open_project(config, [f"bundle={tiny_bundle}"])
    run(project, "2023-03-01", "2023-03-31")
    tables = {table.name: project.lake.read(table).drop_duplicates(list(table.key)) for table in APPENDED}
    before, files = content(project), len(project.lake.files(""))
    assert tidy(project.lake, NOW + pd.Timedelta(days=2)).merged > 0
    assert len(project.lake.files("")) < files
    for table in APPENDED:
        held = content_hash(conform(table, project.lake.read(table)))
        assert held == content_hash(conform(table, tables[table.name])), table.name
    again = run(project, "2023-03-01", "2023-03-31")
    assert not again.is_new
    assert content(project) == before
