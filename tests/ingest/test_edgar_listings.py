"""The SEC's own lists, as recorded: every one is read or refused with a reason."""

import io
import tarfile

import pandas as pd
import pytest

from sentfeat.errors import SourceError
from sentfeat.ingest.edgar.listings import read_current, read_daily_index, read_older, read_submissions
from tests.replay import RATE_PAGE, captures

HEAD = b"Form Type   Company Name      CIK         Date Filed  File Name\n----\n"


@pytest.fixture(scope="module")
def recorded(real_data) -> list[tuple[str, bytes]]:
    return [(entry["url"], body) for entry, body in captures(real_data) if entry["status"] == 200]


@pytest.fixture(scope="module")
def indexes(real_data) -> dict[str, bytes]:
    with tarfile.open(real_data / "edgar" / "api_and_index.tar.xz") as tar:
        return {
            m.name.rpartition("/")[2]: tar.extractfile(m).read() for m in tar.getmembers() if "index_files/" in m.name
        }


def test_every_recorded_page_of_current_filings_is_read_newest_first(recorded):
    pages = [read_current(body) for url, body in recorded if "getcurrent" in url]
    assert len(pages) > 200
    for page in pages:
        times = [at for _, at in page]
        assert times == sorted(times, reverse=True)
    rows = [listed for page in pages for listed, _ in page]
    assert len(rows) > 20_000
    assert len({row.accession for row in rows}) < 0.8 * len(rows)  # one comes once for each of its filers
    assert all(row.cik and row.form for row in rows)


def test_every_recorded_list_of_a_filer_is_read(recorded):
    lists = [read_submissions(body, 1) for url, body in recorded if "/submissions/CIK" in url and "-s" not in url]
    assert len(lists) > 20
    assert all(row.accepted and row.filed for rows, _ in lists for row in rows)
    pages = [read_older(body, 1) for url, body in recorded if "-submissions-0" in url]
    assert all(pages)
    assert {page.name for _, older in lists for page in older} >= {"CIK0001324424-submissions-001.json"}


def test_a_daily_index_is_read_to_the_last_row(indexes):
    rows = read_daily_index(indexes["form.20200318.idx"])
    assert len(rows) == indexes["form.20200318.idx"].count(b"edgar/data/")
    reports = [row for row in rows if row.base in ("8-K", "10-K", "10-Q", "NT 10-K")]
    assert {row.filed for row in reports} == {pd.Timestamp("2020-03-18").date()}
    assert {"8-K", "10-K", "NT 10-K", "10-K/A"} <= {row.form for row in rows}
    assert read_daily_index(indexes["badform.idx.txt"])
    assert read_daily_index(indexes["empty-form.idx"]) == []


@pytest.mark.parametrize("body", [RATE_PAGE.encode(), b"", b"<Code>AccessDenied</Code>"])
def test_what_is_no_list_is_refused_not_read_as_an_empty_one(body):
    for read in (
        read_current,
        read_daily_index,
        lambda body: read_submissions(body, 1),
        lambda body: read_older(body, 1),
    ):
        with pytest.raises(SourceError):
            read(body)


def test_a_list_whose_columns_have_other_lengths_is_refused():
    body = io.BytesIO(b'{"filings": {"recent": {"accessionNumber": ["a", "b"], "filingDate": ["2026-01-02"],')
    body.seek(0, 2)
    body.write(
        b'"reportDate": [""], "acceptanceDateTime": [""], "form": ["4"], "items": [""], "primaryDocument": [""]}}}'
    )
    with pytest.raises(SourceError, match="CIK 7 is not in the known form"):
        read_submissions(body.getvalue(), 7)


def test_an_index_row_with_spaces_in_every_name_is_read():
    row = (
        b"NT 10-K/A   ACME  HOLDINGS  INC. /DE/   320193   2026-11-19  edgar/data/320193/0000320193-26-000001.txt   \n"
    )
    (listed,) = read_daily_index(HEAD + row)
    assert (listed.form, listed.cik, listed.accession) == ("NT 10-K/A", 320193, "0000320193-26-000001")
    assert listed.base == "NT 10-K"
