"""SGML headers, New York's clock, submissions taken apart, pages that are no filings, amendments and prior filings."""

import json
import re
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.ingest.filings.header import late_bound_time, parse_header, public_time
from sentfeat.ingest.filings.lineage import amended_filing, prior_filing
from sentfeat.ingest.filings.page import PageVerdict, recognise
from sentfeat.ingest.filings.submission import read_submission

LABELS = """<SEC-DOCUMENT>0000320193-22-000008.txt : 20220131
<ACCEPTANCE-DATETIME>{accepted}
ACCESSION NUMBER:		0000320193-22-000008
CONFORMED SUBMISSION TYPE:	10-Q/A
CONFORMED PERIOD OF REPORT:	20211225
FILED AS OF DATE:		{filed}

FILER:
		CENTRAL INDEX KEY:			0000320193
FILER:
		CENTRAL INDEX KEY:			0000000042
		CENTRAL INDEX KEY:			0000320193
</SEC-HEADER>
<DOCUMENT>
<TYPE>10-Q
<SEQUENCE>1
<FILENAME>q.htm
<TEXT>
<XBRL>
<html><body><p>CENTRAL INDEX KEY: 99</p></body></html>
</XBRL>
</TEXT>
</DOCUMENT>
<DOCUMENT>
<TYPE>EX-99.1
<SEQUENCE>2
<TEXT>
press release
</TEXT>
"""
TAGS = (
    "<SUBMISSION><ACCESSION-NUMBER>0000320193-22-000008<TYPE>8-K<PERIOD>20220127<ITEMS>2.02<ITEMS>9.01"
    "<FILING-DATE>20220127<FILER><CIK>0000320193</FILER><DOCUMENT><TYPE>8-K<SEQUENCE>1<FILENAME>a.txt"
    "<TEXT>Item 2.02 Results</TEXT></DOCUMENT></SUBMISSION>"
)


def header(accepted="20220128163057", filed="20220128"):
    return parse_header(LABELS.format(accepted=accepted, filed=filed))


def utc(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def test_labels_are_read_from_the_header_alone():
    got = header()
    assert (got.accession, got.form, got.amends) == ("0000320193-22-000008", "10-Q/A", True)
    assert got.ciks == (320193, 42)  # each once, and none from the document's own text
    assert (str(got.filed), str(got.period)) == ("2022-01-28", "2021-12-25")


def test_tags_on_one_line_say_the_same_and_give_the_item_codes():
    got = parse_header(TAGS)
    assert (got.accession, got.form, got.ciks, got.items) == (
        "0000320193-22-000008",
        "8-K",
        (320193,),
        ("2.02", "9.01"),
    )
    assert not got.amends


def test_an_escaped_header_page_is_read():
    page = "<HTML><PRE>" + LABELS.format(accepted="20220128163057", filed="20220128").replace("<", "&lt;") + "</PRE>"
    page = page.replace("&lt;SEC-DOCUMENT>", "&lt;SEC-HEADER>")
    assert public_time(parse_header(page)).at == utc("2022-01-28 21:30:57")


@pytest.mark.parametrize(
    ("accepted", "filed", "public"),
    [
        ("20220128163057", "20220128", "2022-01-28 21:30:57"),  # winter: five hours
        ("20220706183057", "20220706", "2022-07-06 22:30:57"),  # summer: four
        ("20220128180000", "20220131", "2022-01-31 11:00"),  # Friday evening, dated Monday: Monday 06:00
        ("20230609080152", "20230608", "2023-06-09 12:01:52"),  # dated back: it was not public before it came in
        ("20221106013000", "20221106", "2022-11-06 06:30"),  # the doubled hour counts as the second
    ],
)
def test_the_header_clock_is_new_york_and_a_later_filing_date_wins(accepted, filed, public):
    got = public_time(header(accepted, filed))
    assert (got.at, got.basis) == (utc(public), "header")


def test_without_an_acceptance_time_only_the_date_is_known():
    got = public_time(parse_header("CONFORMED SUBMISSION TYPE: 10-K\nFILED AS OF DATE: 19960329\n"))
    assert (got.at, got.basis) == (utc("1996-03-29 05:00"), "date_only")


def test_a_header_without_any_date_gives_no_time():
    assert public_time(parse_header("<html>nothing</html>")) is None


def test_the_json_clock_is_read_as_the_later_of_both():
    assert late_bound_time("2022-05-06T18:30:57.000Z").at == utc("2022-05-06 22:30:57")
    assert late_bound_time("2022-05-06T18:30:57.000Z").basis == "late_bound"


def test_the_json_filing_date_holds_back_too():
    assert late_bound_time("2022-01-28T18:00:00.000Z", "2022-01-31").at == utc("2022-01-31 11:00")
    assert late_bound_time("2022-01-28T18:00:00.000Z", "2022-01-28").at == utc("2022-01-28 23:00")


def test_a_submission_is_taken_apart_and_its_main_document_found():
    got = read_submission(LABELS.format(accepted="20220128163057", filed="20220128"))
    assert [(d.type, d.sequence) for d in got.documents] == [("10-Q", 1), ("EX-99.1", 2)]
    assert got.main.body.startswith("<html>")
    assert got.main.body.endswith("</html>")  # the <XBRL> wrapper is off
    assert got.documents[1].body.strip() == "press release"  # though </DOCUMENT> is missing


def test_the_main_document_is_of_the_filing_s_form_even_if_it_does_not_come_first():
    parts = "".join(f"<DOCUMENT>\n<TYPE>{kind}\n<TEXT>\n{kind}\n</TEXT>\n</DOCUMENT>\n" for kind in ("EX-13", "10-K"))
    assert read_submission("CONFORMED SUBMISSION TYPE: 10-K\n" + parts).main.body == "10-K"


def test_a_submission_without_newlines_is_taken_apart():
    assert read_submission(TAGS).main.body == "Item 2.02 Results"


def test_bytes_are_decoded_as_utf_8_or_else_as_windows_1252():
    assert read_submission("<DOCUMENT><TEXT>Company’s</TEXT>".encode()).main.body == "Company’s"
    assert read_submission("<DOCUMENT><TEXT>Company’s</TEXT>".encode("cp1252")).main.body == "Company’s"


@pytest.mark.parametrize(
    ("page", "verdict"),
    [
        (
            "<html><title>SEC.gov | Request Rate Threshold Exceeded</title><body><p>10-K</p></body></html>",
            "rate_exceeded",
        ),
        ("<html><body><h1>You’ve Exceeded the SEC’s Traffic Limit</h1></body></html>", "rate_exceeded"),
        ("<html><title>Your Request Originates from an Undeclared Automated Tool</title><body>", "automated_tool"),
        ("<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>", "not_found"),
        ("<html><head><style>p {}</style></head><div>Form TA-1</div></html>", "no_body"),
        ("<?xml version='1.0'?><ownershipDocument><schemaVersion>X0508</schemaVersion></ownershipDocument>", "data"),
        ('{"cik": "320193", "filings": {}}', "data"),
        ("begin 644 filename1.pdf\nM)5!$1BTQ+C4-)>+CS],-", "binary"),
        ("%PDF-1.5 some text", "binary"),
        ("  \n ", "empty"),
        ("<?xml version='1.0'?><html><head/><body><p>FORM 10-K</p></body></html>", "filing"),
        ("<html><body><pre>FORM 8-K</pre></body></html>", "filing"),
        ("<PAGE>\n    FORM 10-K\n<TABLE>", "filing"),
    ],
)
def test_what_the_sec_sends_instead_of_a_filing_is_told_apart(page, verdict):
    assert recognise(page) == PageVerdict(verdict)


def test_a_document_beyond_all_measure_is_refused_unread():
    assert recognise("<html><body>" + "a" * 60_000_001) == PageVerdict.OVERSIZE


def filings(*rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["accession", "cik", "form", "period", "public_at"])
    return frame.assign(period=pd.to_datetime(frame["period"]), public_at=pd.to_datetime(frame["public_at"], utc=True))


def test_an_amendment_is_paired_by_filer_form_and_period():
    frame = filings(
        ("k21", 1, "10-K", "2021-12-31", "2022-02-01"),
        ("q1", 1, "10-Q", "2021-12-31", "2022-02-02"),
        ("k22", 1, "10-K", "2022-12-31", "2023-02-01"),
        ("a21", 1, "10-K/A", "2021-12-31", "2023-03-01"),
        ("other", 2, "10-K/A", "2021-12-31", "2023-03-01"),
        ("undated", 1, "10-K/A", None, "2023-03-01"),
    )
    assert amended_filing(frame).tolist() == [None, None, None, "k21", None, None]


def test_an_amendment_is_never_paired_with_what_came_after_it():
    frame = filings(("a", 1, "10-K/A", "2021-12-31", "2022-01-01"), ("k", 1, "10-K", "2021-12-31", "2022-02-01"))
    assert amended_filing(frame).tolist() == [None, None]


def test_the_prior_filing_is_the_latest_of_the_same_form_and_an_earlier_period():
    frame = filings(
        ("k22", 1, "10-K", "2022-12-31", "2023-02-01"),
        ("k20", 1, "10-K", "2020-12-31", "2021-02-01"),
        ("k21", 1, "10-K", "2021-12-31", "2022-02-01"),
        ("a21", 1, "10-K/A", "2021-12-31", "2022-06-01"),
        ("k21b", 2, "10-K", "2021-12-31", "2022-02-01"),
    )
    assert prior_filing(frame).tolist() == ["k21", None, "k20", None, None]


def test_the_order_and_index_of_the_frame_do_not_matter():
    frame = filings(
        ("q1", 1, "10-Q", "2022-03-31", "2022-05-01"), ("q2", 1, "10-Q", "2022-06-30", "2022-08-01")
    ).set_index(pd.Index([7, 3]))
    assert prior_filing(frame).to_dict() == {7: None, 3: "q1"}
    assert prior_filing(frame[::-1]).to_dict() == {7: None, 3: "q1"}


def test_a_frame_without_a_column_or_with_a_doubled_accession_is_refused():
    frame = filings(("k", 1, "10-K", "2021-12-31", "2022-02-01"))
    with pytest.raises(DataError, match="missing: period"):
        prior_filing(frame.drop(columns="period"))
    with pytest.raises(DataError, match="k comes twice"):
        amended_filing(pd.concat([frame, frame]))


# --- the real archives


@pytest.fixture(scope="module")
def captures(real_data, tmp_path_factory) -> Path:
    return unpacked(real_data / "edgar" / "http_captures.tar.xz", tmp_path_factory)


def unpacked(archive: Path, tmp_path_factory) -> Path:
    if not archive.exists():
        pytest.skip(f"{archive.name} is not here")
    folder = tmp_path_factory.mktemp(archive.name.partition(".")[0])
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder


def test_both_captures_of_one_filing_come_out_right(captures):
    """One JSON has New York's clock with a Z, the other has UTC: the header decides, the JSON alone is never early."""
    truth = utc("2022-05-06 22:30:57")
    (submission,) = captures.rglob("*0000320193-22-000061.txt")
    assert public_time(read_submission(submission.read_bytes()).header).at == truth
    late = {}
    for cik in ("0000320193", "0001462356"):
        (path,) = captures.rglob(f"*submissions_CIK{cik}.json")
        recent = pd.DataFrame(json.loads(path.read_text())["filings"]["recent"]).set_index("accessionNumber")
        row = recent.loc["0000320193-22-000061"]
        late[row["acceptanceDateTime"]] = late_bound_time(row["acceptanceDateTime"], row["filingDate"]).at
    assert late["2022-05-06T18:30:57.000Z"] == truth
    assert late["2022-05-06T22:30:57.000Z"] == utc("2022-05-07 02:30:57")  # later than the truth, which it cannot know


def test_every_full_submission_gives_its_header_and_main_document(captures, real_data, tmp_path_factory):
    filings_folder = unpacked(real_data / "edgar" / "filings.tar.xz", tmp_path_factory)
    paths = [p for p in filings_folder.rglob("full_submission_sgml/*") if p.suffix in (".txt", ".nc")]
    paths += captures.rglob("*Archives*.txt")
    read = 0
    for path in paths:
        raw = path.read_bytes()
        got = read_submission(raw)
        assert len(got.documents) == len(re.findall(rb"<DOCUMENT>", raw))
        if b"CONFORMED SUBMISSION TYPE" not in raw and b"<SUBMISSION>" not in raw:
            continue  # two of them are cut off above or below the header
        assert got.header.accession in path.name or "header" in path.name
        assert got.header.ciks
        at = public_time(got.header).at.tz_convert("America/New_York")
        assert at.date() >= got.header.filed
        clock = re.search(rb"<ACCEPTANCE-DATETIME>(\d{14})", raw)
        if clock and got.header.filed <= pd.Timestamp(clock[1].decode()).date():
            assert at.strftime("%Y%m%d%H%M%S") == clock[1].decode()
        if got.documents and got.header.form != "UPLOAD":  # the SEC's own letters call their document LETTER
            assert got.main.type.removesuffix("/A") == got.header.form.removesuffix("/A")
            assert got.main.body.strip()
        read += 1
    assert read > 60
