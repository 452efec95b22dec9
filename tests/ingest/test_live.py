"""Live sources against a real HTTP server on loopback, and the clocks and shapes they have to read."""

import pandas as pd
import pytest

from sentfeat.config import RssSource
from sentfeat.errors import SourceError
from sentfeat.ingest.http import Fetcher
from sentfeat.ingest.rss import RssFeeds
from sentfeat.sessions import Window

POLL = Window(pd.Timestamp("2026-11-19 12:00", tz="UTC"), pd.Timestamp("2026-11-19 18:00", tz="UTC"))
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><title>Old news</title><pubDate>Thu, 19 Nov 2026 11:00:00 GMT</pubDate><link>http://x/1</link></item>
<item><title>Apple &amp; Intel rise</title><pubDate>Thu, 19 Nov 2026 10:30:00 -0500</pubDate><link>http://x/2</link></item>
<item><title>No date</title><link>http://x/3</link></item>
</channel></rss>"""


def feeds(**urls: str) -> RssFeeds:
    return RssFeeds(RssSource(name="rss", feeds=urls), Fetcher("rss", base_wait=0.01))


def test_a_feed_gives_its_dated_items_of_the_window(site):
    harvest = feeds(wire=site.say("/a", FEED)).fetch(POLL)
    assert harvest.items["title"].tolist() == ["Apple & Intel rise"]
    assert harvest.items["published_at"][0] == pd.Timestamp("2026-11-19 15:30", tz="UTC")
    assert harvest.rejected["reason"].tolist() == ["undated"]
    assert harvest.covered == POLL


def test_a_post_dated_item_does_not_hide_that_a_feed_reaches_back(site):
    item = FEED[FEED.index("<item>") : FEED.index("</item>") + len("</item>")]
    ahead = item.replace("19 Nov 2026", "26 Dec 2030")
    assert ahead != item
    harvest = feeds(wire=site.say("/a", FEED.replace("<item>", ahead + "<item>", 1))).fetch(POLL)
    assert harvest.covered == POLL
    assert len(harvest.items) == 1


def test_a_feed_that_rolled_past_the_last_poll_does_not_vouch_for_the_gap(site):
    fresh_only = FEED.replace("11:00:00 GMT", "16:00:00 GMT")
    covered = feeds(wire=site.say("/a", fresh_only)).fetch(POLL).covered
    assert covered == Window(pd.Timestamp("2026-11-19 15:30", tz="UTC"), POLL.until)


def test_one_feed_down_leaves_the_others_and_says_so(site):
    harvest = feeds(wire=site.say("/a", FEED), blog=site.say("/b", "down", 404)).fetch(POLL)
    assert len(harvest.items) == 1
    assert harvest.covered is None
    assert "/b could not be read (HTTP 404)" in harvest.problem


def test_all_feeds_down_is_an_error_that_names_them(site):
    with pytest.raises(SourceError, match=r"/b could not be read \(HTTP 503\)"):
        feeds(blog=site.say("/b", "down", 503)).fetch(POLL)
    assert len(site.requests) == 4


def test_a_page_that_is_no_feed_is_refused(site):
    with pytest.raises(SourceError, match="is no RSS or Atom feed"):
        feeds(blog=site.say("/b", "<html><body>Welcome</body></html>")).fetch(POLL)


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_busy_server_is_asked_again(site, status):
    url = site.say("/a", "<html>slow down</html>", status)
    site.say("/a", "at last")
    assert Fetcher("x", base_wait=0.01).get(url) == b"at last"


def test_retry_after_is_respected(site):
    url = site.say("/a", "busy", 429, **{"Retry-After": "1"})
    site.say("/a", "at last")
    began = pd.Timestamp.now()
    assert Fetcher("x", base_wait=0.01).get(url) == b"at last"
    assert pd.Timestamp.now() - began >= pd.Timedelta(seconds=1)


def test_an_unreachable_host_is_an_error_that_names_it():
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:9/feed could not be read \(ConnectError"):
        Fetcher("x", base_wait=0.01).get("http://127.0.0.1:9/feed")
