"""The SEC on loopback: what is filed with it appears in its lists and archives, in the shapes of the real ones.

sec.file(paper("8-K", "2026-11-19 16:30:00", items="2.02", body=...))
sec.open(now)                    writes the lists as they are at that time
"""

import json
from typing import NamedTuple

import pandas as pd

from sentfeat.config import EdgarSource
from sentfeat.ingest.edgar import EdgarFilings
from sentfeat.ingest.http import Fetcher, Limits
from sentfeat.universe import Universe
from tests.replay import Replay

APPLE, INTEL = 320193, 50863
QUICK = Limits(interval=0.0, attempts=2, deadline=20.0)
FORMS = ("10-K", "10-Q", "8-K", "NT+10-K", "NT+10-Q")
PROSE = " ".join(
    f"Sentence {n} of this section tells that sales of handsets in region {n} fell and that costs rose again."
    for n in range(12)
)


class Filed(NamedTuple):
    """One filing. accepted: New York's clock; dated: FILED AS OF DATE."""

    accession: str
    cik: int
    form: str
    accepted: pd.Timestamp
    dated: pd.Timestamp
    period: str
    items: str
    body: str
    name: str


def paper(
    form: str, accepted: str, *, cik: int = APPLE, period: str = "2026-09-30", items: str = "", body: str = "",
    dated: str | None = None, number: int = 1,
) -> Filed:  # fmt: skip
    at = pd.Timestamp(accepted)
    day = pd.Timestamp(dated) if dated else at.normalize()
    accession = f"{cik:010d}-{at.year % 100:02d}-{number:06d}"
    return Filed(accession, cik, form, at, day, period, items, body or annual_body(), f"doc{number}.htm")


def annual_body() -> str:
    """A 10-K with contents and five items."""
    titles = {
        "1": "Business", "1A": "Risk Factors", "1B": "Unresolved Staff Comments", "7": "Management's Discussion and "
        "Analysis of Financial Condition", "8": "Financial Statements and Supplementary Data",
    }  # fmt: skip
    rows = "".join(f"<tr><td>Item {key}.</td><td>{title}</td><td>{n}</td></tr>" for n, (key, title) in
                   enumerate(titles.items(), 3))  # fmt: skip
    parts = "".join(f"<p><b>Item {key}. {title}</b></p><p>{PROSE}</p>" for key, title in titles.items())
    return f"<html><body><p>FORM 10-K</p><table>{rows}</table>{parts}<p>SIGNATURES</p></body></html>"


def current_body(**items: str) -> str:
    """An 8-K with these items, written i2_02="..."."""
    parts = "".join(f"<p>Item {key[1:].replace('_', '.')} {text}</p>" for key, text in items.items())
    return f"<html><body><p>FORM 8-K</p>{parts}<p>SIGNATURES</p></body></html>"


class Sec(Replay):
    """Answers like www.sec.gov and data.sec.gov."""

    def __init__(self) -> None:
        super().__init__()
        self.filings: list[Filed] = []
        self.filers = {APPLE, INTEL}

    def source(self, folder, universe: Universe, **settings) -> EdgarFilings:
        """A source that reads this site."""
        named = {"name": "edgar", "user_agent": "Jane jane@example.com", "data_url": self.url, "archives_url": self.url}
        chosen = EdgarSource(**named | {"current_url": f"{self.url}/current"} | settings)
        return EdgarFilings(chosen, universe, Fetcher("edgar", base_wait=0.01, limits=QUICK, folder=folder))

    def file(self, *filings: Filed) -> None:
        """Put filings into the archives."""
        for one in filings:
            self.filings.append(one)
            self.say(f"{folder_of(one)}/{one.accession}-index-headers.html", header_page(one))
            self.say(f"{folder_of(one)}/{one.name}", one.body)

    def open(self, now: str) -> None:
        """Write the lists as they are at `now`, New York."""
        today = pd.Timestamp(now).normalize()
        seen = [one for one in self.filings if one.accepted <= pd.Timestamp(now) and one.dated <= today]
        for form in FORMS:
            rows = sorted(
                (one for one in seen if one.form.replace(" ", "+").startswith(form)), key=lambda f: f.accepted
            )
            path = f"/current?action=getcurrent&type={form}&owner=include&count=100&start=0&output=atom"
            self.answers[path] = [(200, {}, atom(reversed(rows)).encode("latin-1"))]
        for day in pd.bdate_range(today - pd.Timedelta(days=40), today - pd.Timedelta(days=1)):
            path = f"/edgar/daily-index/{day.year}/QTR{day.quarter}/form.{day:%Y%m%d}.idx"
            self.answers[path] = [(200, {}, daily_index(one for one in seen if one.dated == day).encode())]
        for cik in self.filers:
            rows = [one for one in reversed(seen) if one.cik == cik]
            self.answers[f"/submissions/CIK{cik:010d}.json"] = [(200, {}, json.dumps(submissions(rows)).encode())]

    def bodies_asked(self) -> list[str]:
        """The main documents that were asked for."""
        return [path for path in self.requests if path.endswith(".htm")]


def folder_of(one: Filed) -> str:
    return f"/edgar/data/{one.cik}/{one.accession.replace('-', '')}"


def header_page(one: Filed) -> str:
    codes = "".join(f"<ITEMS>{code}\n" for code in one.items.split(",") if code)
    return (
        f"<HTML><HEAD><!--\n<SEC-HEADER>{one.accession}.hdr.sgml\n<ACCEPTANCE-DATETIME>{one.accepted:%Y%m%d%H%M%S}\n"
        f"<ACCESSION-NUMBER>{one.accession}\n<TYPE>{one.form}\n<PERIOD>{one.period.replace('-', '')}\n{codes}"
        f"<FILING-DATE>{one.dated:%Y%m%d}\n<FILER>\n<COMPANY-DATA>\n<CIK>{one.cik:010d}\n</COMPANY-DATA>\n</FILER>\n"
        "</SEC-HEADER>\n--></HEAD><BODY><PRE>&lt;SEC-DOCUMENT&gt;\n&lt;DOCUMENT&gt;\n"
        f"&lt;TYPE&gt;{one.form}\n&lt;SEQUENCE&gt;1\n&lt;FILENAME&gt;{one.name}\n&lt;TEXT&gt;\n&lt;/DOCUMENT&gt;\n"
        "&lt;DOCUMENT&gt;\n&lt;TYPE&gt;EX-99.1\n&lt;SEQUENCE&gt;2\n&lt;FILENAME&gt;ex.htm\n&lt;/DOCUMENT&gt;</PRE></BODY></HTML>"
    )


def atom(rows) -> str:
    """Each filing twice, as one with two filers comes."""
    entries = "".join(
        f"<entry><title>{one.form} - ACME ({cik:010d}) (Filer)</title>"
        f"<updated>{one.accepted.tz_localize('America/New_York').isoformat()}</updated>"
        f'<category scheme="https://www.sec.gov/" label="form type" term="{one.form}"/>'
        f"<id>urn:tag:sec.gov,2008:accession-number={one.accession}</id></entry>"
        for one in rows
        for cik in (one.cik, 99)
    )
    head = '<?xml version="1.0" encoding="ISO-8859-1" ?>'
    return f'{head}<feed xmlns="http://www.w3.org/2005/Atom"><title>Latest Filings</title>{entries}</feed>'


def daily_index(rows) -> str:
    lines = "".join(
        f"{one.form:<12}{'ACME  HOLDINGS INC.':<62}{one.cik:<12}{one.dated:%Y%m%d}    "
        f"edgar/data/{one.cik}/{one.accession}.txt\n"
        for one in rows
    )
    columns = f"{'Form Type':<12}{'Company Name':<62}{'CIK':<12}{'Date Filed':<12}File Name\n{'-' * 120}\n"
    return f"Description:           Daily Index of EDGAR Dissemination Feed by Form Type\n \n \n{columns}{lines}"


def submissions(rows) -> dict:
    """The clock is New York's with a Z, as for many filers."""
    columns = {
        "accessionNumber": [one.accession for one in rows],
        "filingDate": [f"{one.dated:%Y-%m-%d}" for one in rows],
        "reportDate": [one.period for one in rows],
        "acceptanceDateTime": [f"{one.accepted:%Y-%m-%dT%H:%M:%S}.000Z" for one in rows],
        "form": [one.form for one in rows],
        "items": [one.items for one in rows],
        "primaryDocument": [one.name for one in rows],
    }
    return {"cik": "1", "filings": {"recent": columns, "files": []}}
