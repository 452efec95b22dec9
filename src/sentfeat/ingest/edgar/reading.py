"""One filing read: its header for when it was public, its main document for the sections, its filer's list for kin."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from sentfeat.errors import SourceError
from sentfeat.ingest.edgar.listings import Listed
from sentfeat.ingest.edgar.registers import Kin, kin_of
from sentfeat.ingest.edgar.site import Paper, Site
from sentfeat.ingest.filings.header import PublicTime, late_bound_time, public_time
from sentfeat.ingest.filings.outline import outline_of
from sentfeat.ingest.filings.page import PageVerdict, recognise
from sentfeat.ingest.filings.rows import Filing, SectionText, filing_rows, section_name
from sentfeat.ingest.filings.sections import find_sections
from sentfeat.ingest.filings.text import clean_text
from sentfeat.ingest.filings.verdicts import Verdict
from sentfeat.sessions import Window


class Reading(NamedTuple):
    """A filing's rows, none if it was not public in the window; problem: why its sections could not be read."""

    rows: list[dict[str, Any]]
    problem: str | None = None


def read_filing(
    site: Site, listed: Listed, company: str, window: Window, register: Callable[[], Sequence[Listed]]
) -> Reading:
    """Read a filing that a list has. register: asks for the filer's own list, where it is needed.

    Raises SourceError for what cannot be had now; what can never be had is a verdict on its sections.
    """
    paper = site.header(listed)
    listed = _merged(listed, paper)
    public = public_time(paper.header) if paper.header else None
    if public is None:
        public, listed = _late_bound(listed, register())
    if not window.after < public.at <= window.until:
        return Reading([])
    if outline_of(listed.form) is None:
        return Reading(list(filing_rows(_filing(listed, company, paper, public, Kin()), ())))
    kin = kin_of(listed, register()) if _has_kin(listed.form) else Kin()
    paper = site.with_body(paper, listed)
    page = PageVerdict.EMPTY if paper.body is None else recognise(paper.body)
    sections = _sections(listed, paper.body if page is PageVerdict.FILING else None)
    if listed.form.startswith("8-K") and not listed.items:
        listed = msgspec.structs.replace(listed, items=tuple(section.section for section in sections))
    filing = _filing(listed, company, paper, public, kin)
    problem = None if page is PageVerdict.FILING else f"{listed.form} {paper.url} is no readable document: {page}"
    return Reading(list(filing_rows(filing, sections)), problem)


def _merged(listed: Listed, paper: Paper) -> Listed:
    """The list's row with what the header knows better."""
    header = paper.header
    if header is None:
        return listed
    return msgspec.structs.replace(
        listed,
        form=header.form or listed.form,
        period=header.period or listed.period,
        items=header.items or listed.items,
        filed=header.filed or listed.filed,
        accepted=listed.accepted or (header.accepted.isoformat() if header.accepted is not None else None),
    )


def _late_bound(listed: Listed, register: Sequence[Listed]) -> tuple[PublicTime, Listed]:
    """By the submissions JSON alone."""
    listed = next((row for row in register if row.accession == listed.accession), listed)
    if listed.accepted is None:
        raise SourceError(f"{listed.form} {listed.accession}: neither a header nor the filer's list says when it came")
    return late_bound_time(listed.accepted, listed.filed), listed


def _has_kin(form: str) -> bool:
    """Whether another filing is to be found for it: an 8-K stands alone."""
    return not form.startswith("8-K") or form.endswith("/A")


def _sections(listed: Listed, body: str | None) -> list[SectionText]:
    """The sections that its form is read for, and of an 8-K also the items that only the header has."""
    outline = outline_of(listed.form)
    announced = outline.wanted if outline and outline.wanted else listed.items
    if body is None:
        return [SectionText(section_name(key, listed.form), "", Verdict.UNVERIFIABLE) for key in announced]
    found = {section.item: section for section in find_sections(clean_text(body), listed.form)}
    texts = [SectionText(section_name(key, listed.form), one.text, one.verdict) for key, one in found.items()]
    return texts + [SectionText(code, "", Verdict.MISSING) for code in announced if code not in found]


def _filing(listed: Listed, company: str, paper: Paper, public: PublicTime, kin: Kin) -> Filing:
    header = paper.header
    raw = f"{header.accepted:%Y%m%d%H%M%S}" if header and header.accepted is not None else listed.accepted
    return Filing(
        accession=listed.accession,
        cik=listed.cik,
        company=company,
        form=listed.form,
        url=paper.url,
        published_at=public.at,
        published_raw=raw or (f"{listed.filed:%Y%m%d}" if listed.filed else None),
        basis=public.basis,
        period=listed.period,
        items=listed.items if listed.form.startswith("8-K") else (),
        amends=kin.amends,
        prior=kin.prior,
    )
