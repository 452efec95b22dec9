"""Feeds as they really come: broken, undated, hostile, repeated."""

import tarfile
import time

import feedparser
import pandas as pd
import pytest

from sentfeat.config import Feed, RssSource
from sentfeat.errors import ConfigError, SourceError
from sentfeat.ingest.feed_dates import DateQuality, read_date
from sentfeat.ingest.language import other_language
from sentfeat.ingest.rss import RssFeeds, distinct, parse_feed, plain_title, reaches_back, read_entry
from sentfeat.sessions import Window

ENGLISH = Feed(url="http://x/feed", language="en")
SECOND = "2026-11-19 11:00:00+00:00"


def feed(item: str) -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{item}</channel></rss>'.encode()


def read(body: bytes) -> list:
    return parse_feed(body, "wire", "http://x/feed")


class Shelf:
    """Hands out bodies by name: the corpus is read as one source of 2,106 feeds, without as many requests."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self.get = bodies.__getitem__


def test_every_feed_of_the_real_corpus_is_taken_and_nothing_undated_passes(real_data):
    with tarfile.open(real_data / "feeds" / "feedparser_tests.tar.gz") as tar:
        bodies = {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isfile()}
    assert len(bodies) == 2106
    source = RssFeeds(RssSource(name="corpus", feeds={name: name for name in bodies}), Shelf(bodies))
    harvest = source.fetch(Window(pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")))
    entries = sum(len(feedparser.parse(body).entries) for body in bodies.values())
    assert len(harvest.items) + len(harvest.rejected) + 30 > entries  # but for repeats
    assert harvest.items["published_at"].notna().all()
    assert harvest.rejected["reason"].value_counts()["undated"] > 1000
    refused = harvest.problem.count("source corpus: ")
    assert refused <= 8, harvest.problem  # those hold no feed: feedparser finds neither version nor entry


def test_a_feed_that_the_parser_trips_over_is_a_source_error():
    """feedparser 6.0 raises KeyError: 'where' for a position outside a place."""
    with pytest.raises(SourceError, match=r"http://x/feed is too damaged to be read"):
        read(b'<rss xmlns:gml="http://www.opengis.net/gml"><channel><item><gml:pos>1</gml:pos></item></channel></rss>')


def test_two_recorded_financial_feeds_are_read_whole(real_data):
    for path in sorted((real_data / "feeds").glob("*.rss")):
        body = path.read_bytes()
        items = [read_entry(entry, "wire", ENGLISH)[0] for entry in read(body)]
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
        ("&lt;script&gt;alert(1)&lt;/script&gt;Apple &lt;img src=x onerror=alert(1)&gt;up", "Apple up"),
        ("Apple \u202eKO,SP\u202c up\u200b 3%\u00ad", "Apple KO,SP up 3%"),
        ("&lt;!-- nothing --&gt;", ""),
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
        ("Thu, 19 Nov 2026 06:00:00 UTC-05:00", SECOND, "zoned"),  # feedparser: 06:00 UTC, five hours too early
        ("2026-11-19T06:00:00EST", SECOND, "zoned"),  # the same
        ("Thu, 19 Nov 2026 06:00:00 GMT-0500", SECOND, "zoned"),
        ("20261119T110000Z", SECOND, "zoned"),
        ("Thu, 19 Nov 2026 07:00:00 EDT", None, "wrong_zone"),  # no daylight saving time in November
        ("Sun, 19 Jul 2026 06:00:00 EST", "2026-07-19 11:00:00+00:00", "zoned"),  # the later reading, to the letter
        ("2026年11月19日", None, "unreadable_date"),  # feedparser: the first of November
        ("11/12/2026 11:00:00 GMT", None, "unreadable_date"),
        ("Thu, 31 Nov 2026 11:00:00 GMT", None, "unreadable_date"),
    ],
)
def test_a_date_is_used_only_if_its_zone_is_known(raw, moment, quality):
    assert read_date(raw) == (pd.Timestamp(moment) if moment else None, DateQuality(quality))


@pytest.mark.parametrize(
    ("raw", "override", "moment", "quality"),
    [
        ("2026-11-19 20:00:00", False, SECOND, "declared_zone"),
        ("Thu, 19 Nov 2026 20:00:00 IST", False, SECOND, "declared_zone"),
        ("Thu, 19 Nov 2026 11:00:00 GMT", False, SECOND, "zoned"),
        ("Thu, 19 Nov 2026 20:00:00 GMT", True, SECOND, "declared_zone"),
        ("soon", True, None, "unreadable_date"),
    ],
)
def test_a_feeds_declared_clock_reads_what_names_no_zone(raw, override, moment, quality):
    found = read_date(raw, "Asia/Tokyo", override=override)
    assert found == (pd.Timestamp(moment) if moment else None, DateQuality(quality))


def test_the_last_change_dates_an_item_without_a_publication_date():
    body = feed(
        "<item><title>t</title><pubDate>soon</pubDate>"
        "<a:updated xmlns:a='http://www.w3.org/2005/Atom'>2026-11-19T11:00:00Z</a:updated></item>"
    )
    item, _ = read_entry(read(body)[0], "wire", ENGLISH)
    assert (item["published_at"], item["published_raw"]) == (pd.Timestamp(SECOND), "2026-11-19T11:00:00Z")


def test_a_declared_zone_that_does_not_exist_is_named():
    for wrong in (Feed(url="u", timezone="Mars/Olympus"), Feed(url="u", ignore_stated_zone=True)):
        with pytest.raises(ConfigError, match="source rss, feed wire: "):
            RssFeeds(RssSource(name="rss", feeds={"wire": wrong}))


@pytest.mark.parametrize(
    ("title", "language", "reason"),
    [
        ("Le bénéfice net de LVMH bondit de 20%", "en", "language_fr"),
        ("Le bénéfice net de LVMH bondit de 20%", "any", "zoned"),
        ("Le bénéfice net de LVMH bondit de 20%", "fr", "zoned"),
        ("LVMH, Hermes rise", "en", "zoned"),
        (
            "\u30c8\u30e8\u30bf\u81ea\u52d5\u8eca\u304c\u696d\u7e3e\u4e88\u60f3\u3092\u4e0a\u65b9\u4fee\u6b63",
            "en",
            "language_ja",
        ),
    ],
)
def test_an_item_surely_in_another_language_is_turned_away(title, language, reason):
    entry = read(feed(f"<item><title>{title}</title><pubDate>2026-11-19T11:00Z</pubDate></item>"))[0]
    item, found = read_entry(entry, "wire", Feed(url="u", language=language))
    assert found == reason
    assert (item is None) == reason.startswith("language")


def test_no_english_headline_of_the_archive_is_taken_for_another_language(real_data):
    titles = pd.read_parquet(real_data / "market" / "headlines_linked_2007_2013.parquet")["title"].sample(
        2000, random_state=2
    )
    found = {title: other_language(title, "en") for title in titles}
    assert sum(language is not None for language in found.values()) <= 2, [t for t, found in found.items() if found]


def hours(*ago: float) -> list[pd.Timestamp]:
    return [pd.Timestamp(SECOND) - pd.Timedelta(hours=n) for n in ago]


def test_a_pinned_item_does_not_prove_that_a_feed_reaches_back():
    assert reaches_back(hours(1, 2, 3, 5)) == hours(5)[0]
    assert reaches_back(hours(1, 2, 3, 9000)) == hours(3)[0]
    assert reaches_back(hours(1, 700, 1400, 2100)) == hours(2100)[0], "a monthly feed"
    assert reaches_back([]) is None


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
        (b"<!-- a -->" * 5_000 + b"503 come back later", "no RSS or Atom feed"),
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
    items = [read_entry(entry, "wire", ENGLISH)[0] for entry in read(body) + read(body)]
    assert [item["item_id"] for item in items] == ["tag:7", "tag:7"]
    assert feedparser.parse(body).entries[0].id == "tag:7"
