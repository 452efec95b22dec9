"""What came back when a filing's document was asked for: the document, or one of the things the SEC sends instead.

Only `filing` may be read on; every other verdict is for the quarantine.
"""

import re
from enum import StrEnum

MAX_CHARACTERS = 60_000_000  # the largest inline-XBRL annual reports are about 30 million
_LEAD = 20_000
_LETTER = re.compile(r"[A-Za-z]{2}")


class PageVerdict(StrEnum):
    """What a page is."""

    FILING = "filing"
    RATE_EXCEEDED = "rate_exceeded"  # "You've Exceeded the SEC's Traffic Limit", with any status
    AUTOMATED_TOOL = "automated_tool"  # no User-Agent was declared
    NOT_FOUND = "not_found"  # an object store's error, or the site's own 404 page
    NO_BODY = "no_body"  # an HTML head without a body: a rendered form of the site, cut off or not a filing
    DATA = "data"  # XML or JSON: ownership forms, submissions
    BINARY = "binary"  # PDF or uuencoded
    EMPTY = "empty"
    OVERSIZE = "oversize"


_NOTICES = (
    (re.compile(r"Request Rate Threshold Exceeded|Exceeded the SEC.{1,8}s Traffic Limit"), PageVerdict.RATE_EXCEEDED),
    (re.compile(r"Undeclared Automated Tool"), PageVerdict.AUTOMATED_TOOL),
    (re.compile(r"<Code>(?:NoSuchKey|AccessDenied)</Code>|<title>[^<]*(?:Page Not Found|404)"), PageVerdict.NOT_FOUND),
)
_DATA = re.compile(r"\s*(?:<\?xml|\{\"|\[\{)")
_HEAD = re.compile(r"<(?:html|head)\b", re.IGNORECASE)
_BODY = re.compile(r"<body\b", re.IGNORECASE)
_BINARY = re.compile(r"\s*(?:%PDF-|begin \d{3} \S|PK\x03\x04|<PDF>)")


def recognise(text: str) -> PageVerdict:
    """What a page or a submission's document is, by its text."""
    lead = text[:_LEAD]
    if len(text) > MAX_CHARACTERS:
        return PageVerdict.OVERSIZE
    if not _LETTER.search(lead):
        return PageVerdict.EMPTY
    for notice, verdict in _NOTICES:
        if notice.search(lead):
            return verdict
    if _BINARY.match(lead) or "\x00" in lead:
        return PageVerdict.BINARY
    if not is_html(text):
        return PageVerdict.DATA if _DATA.match(lead) else PageVerdict.FILING
    return PageVerdict.NO_BODY if _HEAD.search(lead) and not _BODY.search(text) else PageVerdict.FILING


def is_html(text: str) -> bool:
    """Whether a document is HTML rather than plain text (which may carry <PAGE>, <TABLE>, <S>, <C> marks)."""
    return bool(re.search(r"<(?:html|body|div|p|font|br|td)\b", text[:_LEAD], re.IGNORECASE))
