"""Items to documents: identity, availability by how an item came in, and what is turned away."""

import pandas as pd
import pytest

from sentfeat.ingest.documents import (
    canonical_url,
    split_usable,
    text_hash,
    to_documents,
    to_quarantine,
)
from sentfeat.ingest.source import Harvest, item_frame
from sentfeat.schema import conform
from sentfeat.tables import DOCUMENTS

NOON = pd.Timestamp("2026-11-19 17:00", tz="UTC")  # 12:00 in New York


class Feed:
    name, required, delay = "feed", True, pd.Timedelta(minutes=15)

    def __init__(self, live: bool) -> None:
        self.live = live


def item(**values) -> dict:
    return {"title": "Apple rises", "text": "Apple rises", "published_at": NOON, "publisher": "wire"} | values


def documents(*items: dict, live: bool = True, seen_at: pd.Timestamp = NOON) -> pd.DataFrame:
    return to_documents(item_frame(items), Feed(live), seen_at)


def test_a_live_item_is_available_when_it_was_seen_also_after_an_outage():
    seen = NOON + pd.Timedelta(hours=4)
    row = documents(item(), live=True, seen_at=seen).iloc[0]
    assert (row["available_at"], row["pit_grade"]) == (seen, "A")


def test_a_live_item_stamped_a_little_ahead_is_not_available_before_its_stamp():
    row = documents(item(published_at=NOON + pd.Timedelta(minutes=2)), live=True).iloc[0]
    assert row["available_at"] == NOON + pd.Timedelta(minutes=2)


def test_an_archived_item_is_available_a_delay_after_publication_whenever_it_is_read():
    for seen in (NOON + pd.Timedelta(days=1), NOON + pd.Timedelta(days=900)):
        row = documents(item(), live=False, seen_at=seen).iloc[0]
        assert (row["available_at"], row["pit_grade"]) == (NOON + pd.Timedelta(minutes=15), "B")


@pytest.mark.parametrize("day", ["2026-11-19", "2026-03-08", "2026-11-01"])
def test_a_bare_date_is_available_at_the_end_of_its_new_york_day(day):
    at = pd.Timestamp(f"{day} 23:59:59", tz="America/New_York").tz_convert("UTC")
    row = documents(item(published_at=at, date_only=True), live=False, seen_at=at + pd.Timedelta(days=1)).iloc[0]
    assert (row["available_at"], row["pit_grade"]) == (at, "C")


def test_a_bare_date_that_was_polled_later_is_not_available_before_it_was_seen():
    at = pd.Timestamp("2026-11-18", tz="America/New_York").tz_convert("UTC")
    day_end, later = pd.Timestamp("2026-11-19 04:59:59", tz="UTC"), pd.Timestamp("2026-11-19 20:00", tz="UTC")
    for seen_at, known in ((at + pd.Timedelta(hours=1), day_end), (later, later)):
        row = documents(item(published_at=at, date_only=True), live=True, seen_at=seen_at).iloc[0]
        assert (row["available_at"], row["pit_grade"]) == (known, "C")


def test_the_same_item_is_one_document_and_recurring_titles_are_several():
    url = "https://Wire.example/a?id=3&utm_source=x#top"
    same = documents(item(url=url), item(url="https://wire.example/a?id=3"))
    assert len(same) == 1
    daily = documents(
        item(title="Close", text="Close"), item(title="Close", text="Close", published_at=NOON.floor("D"))
    )
    assert len(daily) == 2
    assert daily["text_hash"].nunique() == 1


def test_documents_satisfy_their_declaration():
    rows = conform(DOCUMENTS, documents(item(), item(title="B", text="B", cik=320193, form="8-K", accession="1-2-3")))
    assert rows.num_rows == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (item(text=None), "empty_text"),
        (item(text=" \n "), "empty_text"),
        (item(text="x" * 2_000_001), "oversize_text"),
        (item(published_at=NOON + pd.Timedelta(hours=1)), "published_in_future"),
        (item(published_at=None), "undated"),
    ],
)
def test_unusable_items_are_quarantined_with_the_reason_and_the_raw_row(bad, reason):
    good, rejected = split_usable(Harvest(item_frame([item(), bad]), None), NOON)
    assert len(good) == 1
    assert rejected["reason"].tolist() == [reason]
    kept = to_quarantine(pd.concat([rejected, rejected]), "feed", NOON)
    assert len(kept) == 1
    assert "Apple rises" in kept["payload"].iloc[0]


def test_texts_that_differ_in_spaces_or_unicode_form_share_their_hash():
    assert text_hash("Caf\u00e9  opens\n") == text_hash("Cafe\u0301 opens")
    assert text_hash("Cafe opens") != text_hash("Caf\u00e9 opens")


def test_addresses_lose_tracking_and_keep_what_identifies():
    assert (
        canonical_url("HTTPS://News.Example/Story?id=7&utm_medium=mail&fbclid=z#x") == "https://news.example/Story?id=7"
    )
    assert canonical_url(None) is None
