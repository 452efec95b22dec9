"""Recorded filings of six years read from end to end, by way of a list on loopback."""

import re
from collections.abc import Iterator

import pandas as pd
import pytest

from sentfeat.sessions import NEW_YORK, Window
from sentfeat.tables import UNIVERSE
from sentfeat.universe import Universe
from tests.replay import captures
from tests.sec import FORMS, Sec, atom

FORM = re.compile(rb"CONFORMED SUBMISSION TYPE:\s*(8-K|10-K|10-Q)\s")
CLOCK = re.compile(rb"<ACCEPTANCE-DATETIME>(\d{14})")
PATH = re.compile(r"/edgar/data/(\d+)/(?:\d+/)?(\d{10}-\d\d-\d{6})\.txt$")

EMPTY_LIST = (
    '{"filings": {"recent": {"accessionNumber": [], "filingDate": [], "reportDate": [], "acceptanceDateTime": [], '
    '"form": [], "items": [], "primaryDocument": []}, "files": []}}'
)


@pytest.fixture(scope="module")
def recorded(real_data) -> dict[tuple[int, str], bytes]:
    """(CIK, accession) -> full submission, of the forms that are read."""
    found = {}
    for entry, body in captures(real_data):
        at = PATH.search(entry["url"])
        if at and entry["status"] == 200 and FORM.search(body[:5_000]):
            found[int(at[1]), at[2]] = body
    return found


@pytest.fixture
def sec() -> Iterator[Sec]:
    with Sec().serving() as sec:
        yield sec


def universe(ciks: list[int]) -> Universe:
    rows = pd.DataFrame([dict.fromkeys(UNIVERSE.names)] * len(ciks))
    return Universe(
        rows.assign(
            security_id=[f"{cik}-A" for cik in ciks], ticker=[f"T{cik}" for cik in ciks], name="Acme", cik=ciks,
            valid_from=pd.Timestamp("1990-01-02"),
        )
    )  # fmt: skip


def test_recorded_filings_are_read_with_the_header_s_clock_and_their_items(recorded, sec, tmp_path):
    assert len(recorded) >= 10
    source = sec.source(tmp_path, universe(sorted({cik for cik, _ in recorded})))
    read = {}
    for (cik, accession), body in recorded.items():
        form = FORM.search(body[:5_000])[1].decode()
        filed = pd.to_datetime(re.search(rb"FILED AS OF DATE:\s*(\d{8})", body)[1].decode())
        row = f"{form:<12}ACME  {cik}  {filed:%Y%m%d}  edgar/data/{cik}/{accession}.txt"
        for path in [f"/current?action=getcurrent&type={f}&owner=include&count=100&start=0&output=atom" for f in FORMS]:
            sec.answers[path] = [(200, {}, atom([]).encode())]
        head = "Form Type   Company Name   CIK   Date Filed   File Name"
        sec.say(f"/edgar/daily-index/{filed.year}/QTR{filed.quarter}/form.{filed:%Y%m%d}.idx", f"{head}\n{row}\n")
        sec.say(f"/submissions/CIK{cik:010d}.json", EMPTY_LIST)
        sec.say(f"/edgar/data/{cik}/{accession.replace('-', '')}/{accession}.txt", body)
        until = (filed + pd.Timedelta(hours=36)).tz_localize(NEW_YORK).tz_convert("UTC")
        harvest = source.fetch(Window(until - pd.Timedelta(hours=36, minutes=1), until))
        assert harvest.covered is not None
        read[accession] = harvest.items
        clock = CLOCK.search(body)
        first = harvest.items.iloc[0]
        assert first["form"] == form
        if clock:
            assert f"{first['published_at'].tz_convert(NEW_YORK):%Y%m%d%H%M%S}" == clock[1].decode()
        else:
            assert (first["published_basis"], bool(first["date_only"])) == ("date_only", True)
    nvidia = read["0001045810-26-000024"].set_index("kind")
    assert nvidia.loc["filing", "section"] == "5.02,9.01"
    assert set(nvidia.loc["filing_item", "section_verdict"]) == {"ok"}
    apple = read["0000912057-00-023442"]  # plain text of the year 2000
    sections = apple[apple["kind"] == "filing_section"].set_index("section")["section_verdict"].to_dict()
    assert sections == {"2": "ok", "1A": "missing"}
