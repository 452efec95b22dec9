"""A night with live sources: polled once, graded A, and blind about the past."""

import pandas as pd

from sentfeat import read_features, read_table
from sentfeat.pipeline import build_features, ingest_window, open_project, plan_session, score_window
from tests.conftest import ROOT

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
