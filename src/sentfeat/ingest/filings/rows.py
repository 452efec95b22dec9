"""A filing as items of a source, one kind of row for each use.

    filing           one a filing: its form and, for an 8-K, its items; says that it came, is not scored
    filing_section   one for each section that a 10-K or 10-Q is read for, whole, with its verdict, found or not
    filing_item      one for each item of an 8-K, whole, with its verdict
    filing_passage   the passages of `ok` sections and items, about 40 to 200 words each: what is scored

All rows of a filing carry its accession and times; a passage also its section.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pandas as pd

from sentfeat.ingest.filings.outline import outline_of
from sentfeat.ingest.filings.passages import passages
from sentfeat.ingest.filings.verdicts import Verdict

EXHIBIT_ITEMS = {"9.01", "7"}  # of an 8-K: a list of what is attached, not a text
GLIMPSE = 2_000  # characters kept of a section that is not ok, to see why
HEADINGS = {"1A": "Risk Factors"} | dict.fromkeys(("7", "2"), "Management's Discussion and Analysis")


class Filing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a filing beside its text.

    published_at: when it became public, UTC; basis: what that rests on (tables.DOCUMENTS, published_basis). period:
    the end of the fiscal period, for an 8-K the day of what it reports. items: 8-K item codes. amends, prior: other
    accessions.
    """

    accession: str
    cik: int
    company: str
    form: str
    url: str | None
    published_at: pd.Timestamp
    published_raw: str | None
    basis: str
    publisher: str = "SEC"
    period: dt.date | None = None
    items: tuple[str, ...] = ()
    amends: str | None = None
    prior: str | None = None


class SectionText(msgspec.Struct, frozen=True):
    """One section: its number as readers call it (1A, 7, 2 or 2.02), text (empty if it was not found) and verdict."""

    section: str
    text: str
    verdict: Verdict


def filing_rows(filing: Filing, sections: Iterable[SectionText]) -> Iterator[dict[str, Any]]:
    """The filing's row, then each section's and its passages', with the columns of source.ITEM_COLUMNS."""
    items = ",".join(filing.items)
    title = f"{filing.company} {filing.form}" + (f" items {items}" if items else "")
    yield _row(filing, "filing", title, title, section=items or None, item_id=filing.accession)
    for section in sections:
        yield from _section_rows(filing, section)


def _section_rows(filing: Filing, section: SectionText) -> Iterator[dict[str, Any]]:
    current = filing.form.startswith("8-K")
    heading = "" if current else HEADINGS.get(section.section, "")
    title = f"{filing.company} {filing.form} Item {section.section} {heading}".strip()
    common = {"section": section.section, "section_verdict": str(section.verdict)}
    item_id = f"{filing.accession}:{section.section}"
    kind = "filing_item" if current else "filing_section"
    ok = section.verdict is Verdict.OK
    yield _row(filing, kind, title, section.text if ok else section.text[:GLIMPSE], item_id=item_id, **common)
    if not ok or (current and section.section in EXHIBIT_ITEMS):
        return
    for number, passage in enumerate(passages(section.text), start=1):
        yield _row(filing, "filing_passage", title, passage.text, item_id=f"{item_id}:{number}", **common)


def _row(filing: Filing, kind: str, title: str, text: str, **more: str | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "publisher": filing.publisher,
        "url": filing.url,
        "title": title,
        "text": text,
        "published_at": filing.published_at,
        "published_raw": filing.published_raw,
        "published_basis": filing.basis,
        "date_only": filing.basis == "date_only",
        "cik": filing.cik,
        "form": filing.form,
        "accession": filing.accession,
        "period": filing.period,
        "amends": filing.amends,
        "prior_accession": filing.prior,
        **more,
    }


def section_name(key: str, form: str) -> str:
    """An item's number without its part: outline.py's "I.2" of a 10-Q is section 2, "2.02" of an 8-K stays."""
    outline = outline_of(form)
    return key if outline is None or "I.2" not in outline.titles else key.rpartition(".")[2]
