"""Which filings there are: the three lists that the SEC keeps, each read into the same rows.

read_submissions    a filer's filings, newest 1,000 or a year of them; older ones on further pages     backfill
read_current        everything accepted lately, as Atom, newest first                                  live
read_daily_index    everything of one day, there late in the evening                                   after an outage
"""

import datetime as dt
import re
from typing import TypeVar

import msgspec
import pandas as pd
from lxml import etree

from sentfeat.errors import SourceError

ATOM = "{http://www.w3.org/2005/Atom}"
_FILER = re.compile(r"\((\d{10})\)")
_ACCESSION = re.compile(r"\d{10}-\d\d-\d{6}")
_INDEX_ROW = re.compile(
    r"^(?P<form>\S+(?: \S+)*)\s{2,}(?P<company>\S.*?)\s{2,}(?P<cik>\d{1,10})\s+(?P<date>\d{8}|\d{4}-\d\d-\d\d)\s+"
    r"edgar/data/\S*?(?P<accession>\d{10}-\d\d-\d{6})\.txt\s*$"
)
_INDEX_HEAD = re.compile(r"^Form Type\s+Company Name\s+CIK\s+Date Filed\s+File Name", re.MULTILINE)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A filing as a list has it. accepted: the list's own string, not to be trusted; the rest None where not given."""

    accession: str
    cik: int
    form: str
    accepted: str | None = None
    filed: dt.date | None = None
    period: dt.date | None = None
    items: tuple[str, ...] = ()
    document: str | None = None

    @property
    def base(self) -> str:
        """The form without the mark of an amendment."""
        return self.form.removesuffix("/A")


class OlderPage(msgspec.Struct, frozen=True):
    """A page of a filer's older filings, and the filing dates that it spans."""

    name: str
    first: dt.date = msgspec.field(name="filingFrom")
    last: dt.date = msgspec.field(name="filingTo")


class _Columns(msgspec.Struct):
    accessionNumber: list[str]
    filingDate: list[str]
    reportDate: list[str]
    acceptanceDateTime: list[str]
    form: list[str]
    items: list[str]
    primaryDocument: list[str]


class _Filings(msgspec.Struct):
    recent: _Columns
    files: list[OlderPage] = []


class _Submissions(msgspec.Struct):
    filings: _Filings


_Kind = TypeVar("_Kind", _Submissions, _Columns)


def read_submissions(body: bytes, cik: int) -> tuple[list[Listed], list[OlderPage]]:
    """A filer's newest filings and the names of the pages with older ones. Raises SourceError for another form."""
    filings = _decoded(body, _Submissions, cik).filings
    return _rows(filings.recent, cik), filings.files


def read_older(body: bytes, cik: int) -> list[Listed]:
    """One page of older filings. Raises SourceError for another form."""
    return _rows(_decoded(body, _Columns, cik), cik)


def read_current(body: bytes) -> list[tuple[Listed, pd.Timestamp]]:
    """The filings of a getcurrent page with their acceptance times (UTC), in its order; one comes once for each of its
    filers. Raises SourceError for what is no Atom feed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser=parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"the list of current filings is no XML ({error})") from error
    if root.tag != f"{ATOM}feed":
        raise SourceError(f"the list of current filings is no Atom feed but <{root.tag}>")
    return [found for entry in root.iterfind(f"{ATOM}entry") if (found := _entry(entry))]


def read_daily_index(body: bytes) -> list[Listed]:
    """The filings of a form.YYYYMMDD.idx; lines that are no row are left out. Raises SourceError if it is none."""
    text = body.decode("latin-1")
    head = _INDEX_HEAD.search(text)
    if not head:
        raise SourceError(f"this is no daily index by form (it begins {text[:40]!r})")
    rows = (_INDEX_ROW.match(line) for line in text[head.end() :].splitlines())
    return [
        Listed(
            accession=row["accession"],
            cik=int(row["cik"]),
            form=row["form"],
            filed=dt.datetime.strptime(row["date"].replace("-", ""), "%Y%m%d").date(),
        )
        for row in rows
        if row
    ]


def _decoded(body: bytes, kind: type[_Kind], cik: int) -> _Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise SourceError(f"the list of filings of CIK {cik} is not in the known form ({error})") from error


def _rows(columns: _Columns, cik: int) -> list[Listed]:
    values = zip(*(getattr(columns, name) for name in _Columns.__struct_fields__), strict=True)
    try:
        return [_row(cik, *row) for row in values]
    except ValueError as error:
        raise SourceError(f"the list of filings of CIK {cik} is not in the known form ({error})") from error


def _row(cik: int, accession: str, filed: str, period: str, accepted: str, form: str, items: str, document: str):
    return Listed(
        accession=accession,
        cik=cik,
        form=form,
        accepted=accepted or None,
        filed=dt.date.fromisoformat(filed) if filed else None,
        period=dt.date.fromisoformat(period) if period else None,
        items=tuple(code.strip() for code in items.split(",") if code.strip()),
        document=document or None,
    )


def _entry(entry: etree._Element) -> tuple[Listed, pd.Timestamp] | None:
    """An entry of the feed, None where it lacks filer, form, number or time."""
    filer = _FILER.search(entry.findtext(f"{ATOM}title", ""))
    accession = _ACCESSION.search(entry.findtext(f"{ATOM}id", ""))
    category = entry.find(f"{ATOM}category")
    at = _moment(entry.findtext(f"{ATOM}updated", ""))
    if not filer or not accession or category is None or at is None:
        return None
    return Listed(accession=accession[0], cik=int(filer[1]), form=category.get("term", "")), at


def _moment(text: str) -> pd.Timestamp | None:
    """A time with its offset, as UTC; None for anything else."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else pd.Timestamp(at.astimezone(dt.UTC))
