"""EDGAR on loopback: what is new, when it was public, what is read once, and what becomes of what cannot be read."""

from collections.abc import Iterator

import pandas as pd
import pytest

from sentfeat.errors import ConfigError, SourceError
from sentfeat.ingest.archive import Attempt, RawArchive
from sentfeat.ingest.edgar import PATIENCE
from sentfeat.ingest.source import Harvest, Visit
from sentfeat.sessions import NEW_YORK, Window
from sentfeat.store import Lake
from sentfeat.universe import Universe, read_universe
from tests.conftest import ROOT
from tests.replay import RATE_PAGE
from tests.sec import APPLE, INTEL, PROSE, Sec, current_body, folder_of, paper

RESULTS = "Results of Operations and Financial Condition. Apple announced lower earnings for the quarter that ended."


@pytest.fixture
def sec() -> Iterator[Sec]:
    with Sec().serving() as sec:
        yield sec


@pytest.fixture(scope="module")
def universe() -> Universe:
    universe = read_universe(str(ROOT / "data" / "universe.csv"))
    return Universe(universe.frame[universe.frame["cik"].isin([APPLE, INTEL])])


def window(after: str, until: str) -> Window:
    return Window(*(pd.Timestamp(at).tz_localize(NEW_YORK).tz_convert("UTC") for at in (after, until)))


def poll(sec: Sec, source, after: str, until: str, visit: Visit | None = None) -> Harvest:
    sec.open(until)
    return source.fetch(window(after, until), visit or Visit())


def test_a_reader_without_a_contact_is_turned_away_before_the_sec_does(sec, universe, tmp_path):
    for user_agent in ("", "Jane Doe", "Jörg j@example.com"):  # a header holds no umlaut
        with pytest.raises(ConfigError, match="wants to know who reads"):
            sec.source(tmp_path, universe, user_agent=user_agent)


def test_a_filing_is_read_whole_from_the_live_list_although_it_is_there_twice(sec, universe, tmp_path):
    sec.file(paper("8-K", "2026-11-19 16:30:57", items="2.02,9.01", body=current_body(i2_02=RESULTS)))
    harvest = poll(sec, sec.source(tmp_path, universe), "2026-11-19 16:15", "2026-11-19 16:45")
    assert harvest.items["kind"].tolist() == ["filing", "filing_item", "filing_passage", "filing_item"]
    first = harvest.items.iloc[0]
    assert first["published_at"] == pd.Timestamp("2026-11-19 21:30:57", tz="UTC")
    assert (first["cik"], first["section"], first["published_basis"]) == (APPLE, "2.02,9.01", "header")
    assert harvest.items["section_verdict"].tolist() == [None, "ok", "ok", "missing"]
    assert harvest.covered == window("2026-11-19 16:15", "2026-11-19 16:45")
    assert harvest.problem is None


def test_an_annual_report_brings_its_sections_and_passages(sec, universe, tmp_path):
    sec.file(paper("10-K", "2026-11-19 16:30:00"))
    items = poll(sec, sec.source(tmp_path, universe), "2026-11-19 16:00", "2026-11-19 17:00").items
    sections = items[items["kind"] == "filing_section"]
    assert sections[["section", "section_verdict"]].values.tolist() == [["1A", "ok"], ["7", "ok"]]
    assert sections["text"].iloc[0].endswith(PROSE)
    assert set(items[items["kind"] == "filing_passage"]["section"]) == {"1A", "7"}
    assert items["period"].map(str).unique().tolist() == ["2026-09-30"]


def test_what_comes_after_half_past_five_is_public_at_six_of_the_next_open_day(sec, universe, tmp_path):
    """Friday evening before a federal holiday that Nasdaq does not keep: dated Tuesday."""
    body = current_body(i8_01=RESULTS)
    sec.file(paper("8-K", "2026-10-09 18:10:00", dated="2026-10-13", items="8.01", body=body))
    source = sec.source(tmp_path, universe)
    assert poll(sec, source, "2026-10-09 18:00", "2026-10-13 05:45").items.empty
    found = poll(sec, source, "2026-10-13 05:45", "2026-10-13 06:15").items
    assert found["published_at"].iloc[0] == pd.Timestamp("2026-10-13 06:00", tz=NEW_YORK)


def test_after_an_outage_the_days_before_come_from_their_indexes(sec, universe, tmp_path):
    days = ["2026-11-10 10:00", "2026-11-12 17:00", "2026-11-18 16:10", "2026-11-19 09:00"]
    for number, at in enumerate(days, 1):
        sec.file(paper("8-K", at, items="8.01", body=current_body(i8_01=RESULTS), number=number))
    found = poll(sec, sec.source(tmp_path, universe), "2026-11-11 12:00", "2026-11-19 10:00")
    assert found.items[found.items["kind"] == "filing"]["accession"].str[-1].tolist() == ["2", "3", "4"]
    assert found.covered == window("2026-11-11 12:00", "2026-11-19 10:00")


def test_a_day_whose_index_is_not_there_yet_comes_from_the_current_list(sec, universe, tmp_path):
    sec.file(paper("8-K", "2026-11-18 16:10", items="8.01", body=current_body(i8_01=RESULTS)))
    sec.open("2026-11-19 00:30")
    sec.answers["/edgar/daily-index/2026/QTR4/form.20261118.idx"] = [(403, {}, b"<Code>AccessDenied</Code>")]
    found = sec.source(tmp_path, universe).fetch(window("2026-11-18 16:00", "2026-11-19 00:30"))
    assert len(found.items) == 3
    assert found.problem is None


def test_the_json_alone_gives_the_later_reading_marked_late_bound(sec, universe, tmp_path):
    one = paper("10-Q", "2026-11-19 10:30:00")
    sec.file(one)
    sec.answers = {path: answer for path, answer in sec.answers.items() if not path.startswith("/edgar/data")}
    found = poll(sec, sec.source(tmp_path, universe), "2026-11-19 10:00", "2026-11-19 11:00")
    assert set(found.items["published_basis"]) == {"late_bound"}
    assert found.items["published_at"].iloc[0] == pd.Timestamp("2026-11-19 15:30", tz="UTC")
    assert found.items["kind"].tolist() == ["filing", "filing_section", "filing_section"]
    assert found.items["section_verdict"].tolist() == [None, "unverifiable", "unverifiable"]
    assert "no readable document" in found.problem


def test_a_document_that_is_no_text_leaves_the_filing_and_says_so(sec, universe, tmp_path):
    sec.file(paper("10-K", "2026-11-19 10:30:00", body="%PDF-1.4 binary"))
    found = poll(sec, sec.source(tmp_path, universe), "2026-11-19 10:00", "2026-11-19 11:00")
    assert found.items["section_verdict"].tolist() == [None, "unverifiable", "unverifiable"]
    assert "no readable document: binary" in found.problem
    assert found.covered is not None


def test_a_document_that_cannot_be_had_now_is_come_back_for(sec, universe, tmp_path):
    one = paper("10-K", "2026-11-19 10:30:00")
    sec.file(one)
    path = f"{folder_of(one)}/{one.name}"
    sec.answers[path] = [(403, {}, RATE_PAGE.encode())]
    source = sec.source(tmp_path, universe)
    found = poll(sec, source, "2026-11-19 10:00", "2026-11-19 11:00")
    assert found.covered is None
    assert "HTTP 403" in found.problem
    sec.answers[path] = [(200, {}, one.body.encode())]
    assert len(poll(sec, source, "2026-11-19 10:00", "2026-11-19 11:15").items) > 3


def test_a_site_that_is_down_is_not_asked_for_every_filing(sec, universe, tmp_path):
    for number in range(1, 30):
        sec.file(paper("8-K", "2026-11-19 10:30:00", items="8.01", number=number))
    for path in list(sec.answers):
        sec.answers[path] = [(503, {}, b"down")]
    found = poll(sec, sec.source(tmp_path, universe), "2026-11-19 10:00", "2026-11-19 11:00")
    assert found.covered is None
    assert len({path for path in sec.requests if "index-headers" in path}) == PATIENCE


def test_a_rate_limited_list_is_an_error_not_an_empty_day(sec, universe, tmp_path):
    sec.open("2026-11-19 11:00")
    for path in list(sec.answers):
        sec.answers[path] = [(403, {}, RATE_PAGE.encode())]
    with pytest.raises(SourceError, match="HTTP 403"):
        sec.source(tmp_path, universe).fetch(window("2026-11-19 10:00", "2026-11-19 11:00"))


def test_what_the_lake_holds_is_not_read_again(sec, universe, tmp_path):
    one = paper("10-K", "2026-11-19 10:30:00")
    sec.file(one)
    held = Visit(held=lambda: frozenset([one.accession]))
    assert poll(sec, sec.source(tmp_path, universe), "2026-11-19 10:00", "2026-11-19 11:00", held).items.empty
    assert not sec.bodies_asked()


def test_what_was_fetched_once_is_never_fetched_again_and_replays_without_the_sec(sec, universe, tmp_path):
    sec.file(paper("10-K", "2026-11-19 10:30:00"))
    archive, found = RawArchive(Lake(tmp_path / "lake")), []
    for until in ("2026-11-19 11:00", "2026-11-19 11:15"):
        span = window("2026-11-19 10:00", until)
        attempt = Attempt("edgar", span.until.isoformat(), span.after.isoformat(), span.until.isoformat(), polled=True)
        with archive.recording(attempt) as tape:
            found.append(poll(sec, sec.source(tmp_path, universe), "2026-11-19 10:00", until, Visit(tape)).items)
    assert len(sec.bodies_asked()) == 1
    asked = len(sec.requests)
    source = sec.source(tmp_path, universe)
    for attempt, before in zip(archive.attempts("edgar"), found, strict=True):
        span = Window(pd.Timestamp(attempt.after), pd.Timestamp(attempt.until))
        again = source.fetch(span, Visit(archive.replaying(attempt), now=attempt.now))
        pd.testing.assert_frame_equal(again.items, before)
    assert len(sec.requests) == asked


def test_amendments_are_paired_and_the_report_of_the_year_before_is_named(sec, universe, tmp_path):
    before, now = (
        paper("10-K", f"{year}-11-05 16:30", period=f"{year}-09-30", number=number)
        for number, year in ((1, 2025), (2, 2026))
    )
    amendment = paper("10-K/A", "2026-11-19 10:30", period="2026-09-30", number=3)
    sec.file(before, now, amendment, paper("10-Q", "2026-08-01 10:00", period="2026-06-30", number=4))
    sec.open("2026-11-19 11:00")
    items = sec.source(tmp_path, universe).past.fetch(window("2026-11-01 00:00", "2026-11-19 11:00")).items
    kin = items.drop_duplicates("accession").set_index("accession")[["prior_accession", "amends"]]
    assert kin.loc[now.accession].tolist() == [before.accession, None]
    assert kin.loc[amendment.accession].tolist() == [None, now.accession]


def test_the_past_is_read_from_the_filers_lists_by_when_it_was_public(sec, universe, tmp_path):
    sec.file(
        paper("10-Q", "2026-08-05 18:00", dated="2026-08-06", number=1),
        paper("10-Q", "2026-08-06 10:00", cik=INTEL, number=2),
        paper("NT 10-Q", "2026-08-07 10:00", number=3),
        paper("4", "2026-08-07 10:00", number=4),
    )
    sec.open("2026-11-19 11:00")
    past = sec.source(tmp_path, universe).past
    found = past.fetch(window("2026-08-05 20:00", "2026-08-31 00:00"))
    assert set(found.items["form"]) == {"10-Q", "NT 10-Q"}
    assert found.items["accession"].nunique() == 3
    assert not past.live
    lists = [path for path in sec.requests if path.startswith("/submissions")]
    past.fetch(window("2026-08-31 00:00", "2026-09-30 00:00"))
    assert [path for path in sec.requests if path.startswith("/submissions")] == lists


def test_a_company_that_the_sec_does_not_know_is_noted_and_leaves_no_gap(sec, universe, tmp_path):
    sec.open("2026-11-19 11:00")
    del sec.answers[f"/submissions/CIK{INTEL:010d}.json"]
    span = window("2026-08-05 20:00", "2026-08-31 00:00")
    found = sec.source(tmp_path, universe).past.fetch(span)
    assert found.covered == span
    assert f"CIK{INTEL:010d}.json could not be read (HTTP 404)" in found.problem
