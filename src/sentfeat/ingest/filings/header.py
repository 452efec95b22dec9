"""The SGML header of a filing, and when by it the filing became public.

Three dialects carry the same facts: labels (`FILED AS OF DATE:`, full-submission files and `-index.html`), tags
(`<FILING-DATE>`, `.nc` files and `.hdr.sgml`), and the index page, which holds both, escaped. The clock is New York's.

    accepted, and dated the same day or earlier    the acceptance time                       header
    accepted, but dated a later day                06:00 New York of that date               header
    dated only (before about 2000)                 a date without a clock                    date_only
    the submissions JSON only                      the later of its two readings             late_bound
"""

import datetime as dt
import html
import re
from typing import Literal

import msgspec
import pandas as pd

from sentfeat.sessions import NEW_YORK

FIRST_HOUR = 6  # EDGAR opens at 06:00; what is dated after its acceptance is disseminated from then on
_HEADER_ENDS = re.compile(r"</SEC-HEADER>|<DOCUMENT>", re.IGNORECASE)
_LONGEST_HEADER = 500_000  # hundreds of co-registrants
_FIELDS = {
    "accepted": re.compile(r"<ACCEPTANCE-DATETIME>\s*(\d{14})"),
    "accession": re.compile(r"(?:ACCESSION NUMBER:|<ACCESSION-NUMBER>)\s*(\d{10}-\d\d-\d{6})"),
    "form": re.compile(r"(?:CONFORMED SUBMISSION TYPE:|<TYPE>)[ \t]*([^\s<](?:[^<\r\n]*[^\s<])?)"),
    "filed": re.compile(r"(?:FILED AS OF DATE:|<FILING-DATE>)\s*(\d{8})"),
    "period": re.compile(r"(?:CONFORMED PERIOD OF REPORT:|<PERIOD>)\s*(\d{8})"),
}
_CIK = re.compile(r"(?:CENTRAL INDEX KEY:|<CIK>)\s*(\d{1,10})")
_ITEMS = re.compile(r"<ITEMS>\s*([\w.]+)")


class Header(msgspec.Struct, frozen=True):
    """What the header says; None or empty where it does not.

    accepted: New York clock, naive. ciks: filers, owners, subjects, each once in the order of the header.
    items: 8-K item codes; only the tag dialect gives them as codes.
    """

    accession: str | None
    form: str | None
    ciks: tuple[int, ...]
    accepted: pd.Timestamp | None
    filed: dt.date | None
    period: dt.date | None
    items: tuple[str, ...]

    @property
    def amends(self) -> bool:
        """Whether this is an amendment, by its form."""
        return (self.form or "").endswith("/A")


class PublicTime(msgspec.Struct, frozen=True):
    """When a filing became public, UTC. For `date_only` the time is New York's midnight of the date: no clock."""

    at: pd.Timestamp
    basis: Literal["header", "late_bound", "date_only"]


def parse_header(text: str) -> Header:
    """The header at the start of a full submission, an index page or a header file, in any dialect."""
    text = _header_part(text)
    found = {name: match[1] for name, pattern in _FIELDS.items() if (match := pattern.search(text))}
    return Header(
        accession=found.get("accession"),
        form=found.get("form"),
        ciks=tuple(dict.fromkeys(int(cik) for cik in _CIK.findall(text))),
        accepted=_moment(found.get("accepted")),
        filed=_date(found.get("filed")),
        period=_date(found.get("period")),
        items=tuple(dict.fromkeys(_ITEMS.findall(text))),
    )


def public_time(header: Header) -> PublicTime | None:
    """When a filing became public, by its header; None if the header says nothing of it."""
    if header.accepted is None:
        midnight = None if header.filed is None else _new_york(pd.Timestamp(header.filed))
        return None if midnight is None else PublicTime(midnight, "date_only")
    return PublicTime(_held_back(_new_york(header.accepted), header.filed), "header")


def late_bound_time(acceptance: str, filed: str | dt.date | None = None) -> PublicTime:
    """When a filing was public at the latest, by the submissions JSON's acceptanceDateTime and filingDate.

    The JSON's Z is UTC for some filers and New York for others: the later reading counts. Raises ValueError for a
    string that is no time.
    """
    stamp = pd.Timestamp(acceptance)
    as_utc = stamp.tz_localize("UTC") if stamp.tz is None else stamp.tz_convert("UTC")
    as_new_york = _new_york(stamp.tz_localize(None))
    return PublicTime(max(as_utc, _held_back(as_new_york, _day(filed))), "late_bound")


def _header_part(text: str) -> str:
    if "&lt;SEC-HEADER" in text[:20_000] and "<SEC-HEADER" not in text[:20_000]:
        text = html.unescape(text[:_LONGEST_HEADER])
    end = _HEADER_ENDS.search(text, 0, _LONGEST_HEADER)
    return text[: end.start() if end else _LONGEST_HEADER]


def _held_back(accepted: pd.Timestamp, filed: dt.date | None) -> pd.Timestamp:
    """The later of the acceptance and, if the filing is dated a later day, 06:00 New York of that day."""
    if filed is None or filed <= accepted.tz_convert(NEW_YORK).date():
        return accepted
    return _new_york(pd.Timestamp(filed) + pd.Timedelta(hours=FIRST_HOUR))


def _new_york(naive: pd.Timestamp) -> pd.Timestamp:
    """The doubled hour in autumn is read as the second, the missing hour in spring as the one after: never early."""
    return naive.tz_localize(NEW_YORK, ambiguous=False, nonexistent="shift_forward").tz_convert("UTC")


def _moment(digits: str | None) -> pd.Timestamp | None:
    stamp = pd.to_datetime(digits, format="%Y%m%d%H%M%S", errors="coerce") if digits else pd.NaT
    return None if pd.isna(stamp) else stamp


def _date(digits: str | None) -> dt.date | None:
    stamp = pd.to_datetime(digits, format="%Y%m%d", errors="coerce") if digits else pd.NaT
    return None if pd.isna(stamp) else stamp.date()


def _day(value: str | dt.date | None) -> dt.date | None:
    return pd.Timestamp(value).date() if value else None
