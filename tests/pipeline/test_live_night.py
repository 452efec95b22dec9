"""A night with live sources: polled once, graded A, and blind about the past."""

import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.errors import SourceError
from sentfeat.ingest.source import item_frame
from sentfeat.pipeline import build_features, ingest_window, open_project, plan_session, score_window
from sentfeat.sessions import Window
from tests.conftest import ROOT
from tests.pipeline.nights import Wire

NIGHT = pd.Timestamp("2026-11-18 22:05", tz="America/New_York").tz_convert("UTC")
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><title>Apple beats estimates</title><pubDate>{at}</pubDate><link>http://x/{at}</link></item>
<item><title>Long ago</title><pubDate>Mon, 02 Nov 2026 11:00:00 GMT</pubDate><link>http://x/0</link></item>
</channel></rss>"""


def night(project, now):
    plan = plan_session(project, None, now)
    for chunk in plan.chunks:
        ingest_window(project, chunk.span, now, poll=chunk.poll)
    for chunk in plan.chunks:
        if chunk.score:
            score_window(project, chunk.span)
    build_features(project, plan.first, plan.last, plan.cutoffs, now)


def test_live_feeds_are_polled_once_a_night_and_date_items_by_when_they_were_seen(tmp_path, site):
    site.say("/feed", FEED.format(at="Wed, 18 Nov 2026 20:00:00 GMT"))
    config = tmp_path / "live.toml"
    config.write_text(
        f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n[[sources]]\nkind = "rss"\nname = "rss"\n'
        f'feeds = {{ wire = "{site.url}/feed" }}\n'
    )
    project = open_project(config)
    night(project, NIGHT)
    assert len(site.requests) == 1
    document = read_table("documents", lake=project.lake).iloc[0]
    assert (document["pit_grade"], document["available_at"]) == ("A", NIGHT)
    rows = read_features(cutoff="evening", lake=project.lake)
    assert str(rows["session"].max().date()) == "2026-11-19"
    assert (rows["known_at"] < NIGHT).all()
    assert rows["sent_mean"].isna().all(), "seen at 22:05, after the evening's cut-off"

    next_night = NIGHT + pd.Timedelta(days=1)
    night(project, next_night)
    assert len(site.requests) == 2
    rows = read_features(cutoff="evening", lake=project.lake)
    apple = rows[(rows["ticker"] == "AAPL") & (rows["session"] == "2026-11-20")].iloc[0]
    assert apple["sent_mean"] > 0
    assert apple["pit_grade_worst"] == "A"
    assert not apple["coverage_ok"], "between 21:45 and the first poll nothing had been read"
    assert apple["n_news"] is pd.NA


def test_a_past_that_cannot_be_read_does_not_end_a_night_whose_feeds_are_not_polled_for_it(tmp_path):
    """What lies before the first poll is read by the second source alone; that it is down is noted, no more."""
    feeds = "".join(f'[[sources]]\nkind = "rss"\nname = "{name}"\nfeeds = {{}}\n' for name in ("wire", "filings"))
    (tmp_path / "live.toml").write_text(f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n{feeds}')
    project = open_project(tmp_path / "live.toml")
    down = Wire(item_frame([]), is_down=lambda at: True, name="filings", live=False)
    project.__dict__["sources"] = [Wire(item_frame([])), Wire(item_frame([]), name="filings", past=down)]
    history = Window(NIGHT - pd.Timedelta(days=60), NIGHT - pd.Timedelta(days=30))
    (report,) = ingest_window(project, history, NIGHT, poll=False)
    assert (report.source, report.ok) == ("filings", False)
    assert not read_table("coverage", lake=project.lake)["ok"].any()
    project.__dict__["sources"] = [Wire(item_frame([]), is_down=lambda at: True), down]
    with pytest.raises(SourceError, match="no source could be read"):
        ingest_window(project, history, NIGHT, poll=True)
