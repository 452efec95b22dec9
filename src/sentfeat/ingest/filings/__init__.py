"""Filings as they come from EDGAR, read: header, main document, clean text, sections with verdicts, passages.

    submission = read_submission(raw)                     header.py, submission.py
    public = public_time(submission.header)               New York's clock, the later date
    if recognise(submission.main.body) == PageVerdict.FILING:        page.py
        text = clean_text(submission.main.body)           text.py over markup.py (HTML) and plain.py
        for section in find_sections(text, submission.header.form):  sections.py over outline, headings, verdicts
            if section.verdict == Verdict.OK:
                passages(section.text)                    passages.py

Nothing here fetches. lineage.py pairs amendments and earlier filings.
"""

from sentfeat.ingest.filings.header import Header, PublicTime, late_bound_time, parse_header, public_time
from sentfeat.ingest.filings.lineage import amended_filing, prior_filing
from sentfeat.ingest.filings.page import PageVerdict, recognise
from sentfeat.ingest.filings.passages import Passage, passages
from sentfeat.ingest.filings.sections import Section, find_sections
from sentfeat.ingest.filings.submission import Document, Submission, decode, read_submission
from sentfeat.ingest.filings.text import clean_text
from sentfeat.ingest.filings.verdicts import Verdict

__all__ = [
    "Document",
    "Header",
    "PageVerdict",
    "Passage",
    "PublicTime",
    "Section",
    "Submission",
    "Verdict",
    "amended_filing",
    "clean_text",
    "decode",
    "find_sections",
    "late_bound_time",
    "parse_header",
    "passages",
    "prior_filing",
    "public_time",
    "read_submission",
    "recognise",
]
