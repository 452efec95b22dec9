"""Feeds as they really come: broken, undated, hostile, repeated."""

import tarfile
import time

import feedparser
import pandas as pd
import pytest

from sentfeat.errors import SourceError
from sentfeat.ingest.feed_dates import DateQuality, read_date
from sentfeat.ingest.rss import distinct, parse_feed, plain_title, read_entry

SECOND = "2026-11-19 11:00:00+00:00"


def feed(item: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{item}</channel></rss>'.encode()


def read(body: bytes) -> list:
    return parse_feed(body, "wire", "http://x/feed")


def test_every_feed_of_the_real_corpus_is_read_or_named_as_no_feed(real_data):
    refused = []
    with tarfile.open(real_data / "feeds" / "feedparser_tests.tar.gz") as tar:
        bodies = {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isfile()}
    for name, body in bodies.items():
        try:
            entries = read(body)
        except SourceError:
            refused.append(name)
            continue
        for entry in entries:
            item, reason = read_entry(entry, "wire")
            assert item or reason
    assert len(bodies) == 2106
    assert len(refused) <= 16, refused  # those hold no feed: feedparser finds neither version nor entry


def test_two_recorded_financial_feeds_are_read_whole(real_data):
    for path in sorted((real_data / "feeds").glob("*.rss")):
        body = path.read_bytes()
        items = [read_entry(entry, "wire")[0] for entry in read(body)]
        assert len(items) == body.count(b"<item>") > 0
        assert all(item and "<" not in item["title"] for item in items)


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("AT&amp;T rises", "AT&T rises"),
        ("AT&amp;amp;T rises", "AT&T rises"),
        ("&lt;b&gt;Apple&lt;/b&gt; &amp;amp; Co", "Apple & Co"),
        ("<![CDATA[AT&amp;T <i>up</i>\n 3%]]>", "AT&T up 3%"),
        ("5 &lt; 6 and P&amp;L", "5 < 6 and P&L"),
    ],
)
def test_titles_are_plain_text(markup, plain):
    assert plain_title(read(feed(f"<item><title>{markup}</title></item>"))[0]) == plain


@pytest.mark.parametrize(
    ("raw", "moment", "quality"),
    [
        ("Thu, 19 Nov 2026 11:00:00 GMT", SECOND, "zoned"),
        ("Thu, 19 Nov 2026 06:00:00 EST", SECOND, "zoned"),
        ("2026-11-19T06:00:00-05:00", SECOND, "zoned"),
        ("2026-11-19T11:00Z", SECOND, "zoned"),
        ("2026-11-19", "2026-11-19 05:00:00+00:00", "date_only"),
        ("2026-11-19 11:00:00", None, "no_zone"),
        ("Thu, 19 Nov 2026 11:00:00 IST", None, "unknown_zone"),
        ("Thu, 19 Nov 2026 11:00:00 +5000", None, "unknown_zone"),
        ("yesterday", None, "unreadable_date"),
        ("", None, "undated"),
    ],
)
def test_a_date_is_used_only_if_its_zone_is_known(raw, moment, quality):
    entry = read(feed(f"<item><title>t</title><pubDate>{raw}</pubDate></item>"))[0]
    found = read_date(entry.get("published"), entry.get("published_parsed"))
    assert found == (pd.Timestamp(moment) if moment else None, DateQuality(quality))


def bomb() -> bytes:
    layers = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{layers}]><rss version="2.0">&l9;</rss>'.encode()


def flat_bomb() -> bytes:
    return f'<!DOCTYPE x [<!ENTITY a "{"h" * 50_000}">]><rss version="2.0">{"&a;" * 1000}</rss>'.encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (bomb(), "entity bomb"),
        (bomb().decode().encode("utf-16"), "entity bomb"),
        (flat_bomb(), "entity bomb"),
        (feed("<a>" * 10_000 + "</a>" * 10_000), "more than 1,000 deep"),
        (feed("x" * 3_000_000), "feeds over 3,000,000 are refused"),
        (b"<!DOCTYPE html><html><body>Welcome</body></html>", "HTML page"),
        (b"<!-- a --><html><body>Welcome</body></html>", "HTML page"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"  ", "is empty"),
        (b"503 come back later", "no RSS or Atom feed"),
    ],
)
def test_what_is_hostile_or_no_feed_is_refused_at_once(body, reason):
    began = time.process_time()
    with pytest.raises(SourceError, match=reason):
        read(body)
    assert time.process_time() - began < 2


def test_markup_inside_a_posts_text_is_not_depth():
    entries = read(feed(f"<item><title>t</title><description><![CDATA[{'<br>' * 2000}]]></description></item>"))
    assert len(entries) == 1


def test_a_feed_in_another_encoding_is_read():
    body = (
        '<?xml version="1.0" encoding="iso-8859-1"?><rss version="2.0"><channel><item><title>Société Générale</title>'
    )
    assert plain_title(read((body + "</item></channel></rss>").encode("latin-1"))[0]) == "Société Générale"


def story(text: str, url: str | None, hour: int, item_id: str | None = None) -> dict:
    at = pd.Timestamp("2026-11-19", tz="UTC") + pd.Timedelta(hours=hour)
    return {"text": text, "url": url, "item_id": item_id, "published_at": at}


def test_a_story_counts_once_as_first_published():
    first = story("Apple rises", "http://x/1", 9)
    again = story("Apple  rises", "http://x/1?utm_source=feed", 30)
    elsewhere = story("Apple rises", "http://y/1", 10)
    changed = story("Apple falls", "http://x/1", 11)
    recurring = story("Apple rises", "http://x/2", 60)
    assert distinct([again, recurring, changed, elsewhere, first]) == [first, changed, recurring]


def test_an_item_keeps_its_id_between_polls():
    body = feed("<item><guid>tag:7</guid><title>t</title><pubDate>Thu, 19 Nov 2026 11:00:00 GMT</pubDate></item>")
    items = [read_entry(entry, "wire")[0] for entry in read(body) + read(body)]
    assert [item["item_id"] for item in items] == ["tag:7", "tag:7"]
    assert feedparser.parse(body).entries[0].id == "tag:7"
