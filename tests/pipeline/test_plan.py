"""How far back a run reads and scores: as far as its rows remember, and no further."""

import pandas as pd

from sentfeat.features.filings import FILING_MEMORY
from sentfeat.pipeline import open_project, plan_range
from sentfeat.sessions import sessions_between
from tests.pipeline.conftest import NOW
from tests.pipeline.handmade import configure


def test_with_filings_a_run_reads_back_to_the_report_before_the_latest_one(project):
    plan = plan_range(project, "2023-03-01", "2023-04-28", NOW)
    oldest = plan.chunks[0].first
    reports = sessions_between(oldest, plan.first)[-FILING_MEMORY - 1]
    assert reports - oldest >= pd.Timedelta(days=456), (
        "the latest report may be that old, and the one before a year older"
    )
    deep = [chunk for chunk in plan.chunks if chunk.last < pd.Timestamp("2022-11-01")]
    assert {chunk.score for chunk in deep} == {("filing_passage",)}
    assert len({chunk.first.year for chunk in deep}) + 9 >= len(deep), "years, not months, where only filings count"


def test_without_filings_nothing_is_scored_that_no_row_remembers(tmp_path):
    (tmp_path / "news1.csv").write_text("when,headline\n2012-06-01T12:00:00Z,Apple up\n")
    plan = plan_range(open_project(configure(tmp_path)), "2012-07-02", "2012-07-31", NOW)
    scored = [chunk for chunk in plan.chunks if chunk.score]
    assert len(sessions_between(plan.chunks[0].first, plan.first)) == 252 + 1
    assert (
        len(sessions_between(scored[0].last, plan.first))
        <= 63 + 5 + 1
        <= len(sessions_between(scored[0].first, plan.first))
    )
