"""Whether a section that was found may be scored.

ok                the item's own text, from its heading to the next one
stub              next to nothing: "None", "Not applicable", "no material changes"
cross_reference   the text is elsewhere: an exhibit, the annual report, another item, an index of pages
oversize          longer than such an item ever is: the end was not found
missing           no such item
unverifiable      a heading was found, but not its title, or not where the section ends, or the text is not like it
"""

import re
from enum import StrEnum

import msgspec

from sentfeat.ingest.filings.headings import Heading
from sentfeat.ingest.filings.outline import CURRENT, Outline
from sentfeat.ingest.filings.plausibility import has_markup, is_plausible


class Verdict(StrEnum):
    """What is to be thought of a section; only OK is scored."""

    OK = "ok"
    STUB = "stub"
    CROSS_REFERENCE = "cross_reference"
    OVERSIZE = "oversize"
    MISSING = "missing"
    UNVERIFIABLE = "unverifiable"


class Span(msgspec.Struct, frozen=True):
    """Where a section lies: its heading, its ends, the key of the item after it, whether signatures end it."""

    heading: Heading
    start: int
    end: int
    following: str | None
    signed: bool


STUB_WORDS = 60
CURRENT_STUB_WORDS = 5
REFERENCE_WORDS = 250
OPENING_REFERENCE_WORDS = 1_000  # that begin with "incorporated by reference": a list of where to look
CURRENT_REFERENCE_WORDS = 80
OVERSIZE = {"1A": 500_000, "7": 700_000, "I.2": 600_000, "II.1A": 500_000}
CURRENT_OVERSIZE = 200_000
# what may follow: nearer items may be left out, farther ones mean that headings in between were not seen
FOLLOWERS = {
    "1A": ("1B", "1C", "2", "3"),
    "7": ("7A", "8", "9", "9A"),
    "I.2": ("I.3", "I.4", "II.1", "II.1A", "II.2", "II.4", "II.5", "II.6"),
    "II.1A": ("II.2", "II.3", "II.4", "II.5", "II.6"),
}
_REFERS = re.compile(
    r"incorporated?\s+(?:\w+\s+){0,3}by\s+reference|is\s+(?:hereby\s+)?incorporated|appears?\s+(?:on|in|under|beginning)"
    r"|(?:set\s+forth|included|contained|presented|found|described|discussed|disclosed|provided|located)\s+(?:\w+\s+){0,3}"
    r"(?:in|on|under|beginning|at|elsewhere)\b"
    r"|\b(?:see|refer\s+to|reference\s+is\s+made)\b",
    re.IGNORECASE,
)
_OPENS_BY_REFERENCE = re.compile(r"(?:\S+\s+){0,50}?incorporated?\s+(?:\w+\s+){0,3}by\s+reference", re.IGNORECASE)
_ITEM_CODE = re.compile(r"\bitems?\s*(\d{1,2}(?:\.\d\d)?)(?![\dA-C])", re.IGNORECASE)
_POINTS = re.compile(r"\bincorporated\b|\bsee\b|\brefer", re.IGNORECASE)
_NOT_FILED = re.compile(r"[^.]*\bnot\s+(?:be\s+)?(?:deemed|filed)\b.*", re.IGNORECASE | re.DOTALL)
_UNCHANGED = re.compile(
    r"no\s+material\s+change|not\s+(?:materially\s+)?change|not\s+(?:required|applicable)", re.IGNORECASE
)
_INDEX_ROW = r"^\W*(?:item\W*)?{code}\W+(?:{title})[^\n]*\d\W*$"


def judge(text: str, key: str, span: Span | None, outline: Outline) -> Verdict:
    """The verdict on a section of `text`; `span` None: no heading was found for `key`."""
    if span is None:
        return Verdict.CROSS_REFERENCE if _is_indexed(text, key, outline) else Verdict.MISSING
    body = text[span.heading.end : span.end]
    if outline is CURRENT:
        return _judge_current(key, body)
    words = len(body.split())
    if words < REFERENCE_WORDS and _REFERS.search(body) and not (words < STUB_WORDS and _UNCHANGED.search(body)):
        return Verdict.CROSS_REFERENCE
    if words < OPENING_REFERENCE_WORDS and _OPENS_BY_REFERENCE.match(body.lstrip()):
        return Verdict.CROSS_REFERENCE
    if words < STUB_WORDS:
        return Verdict.STUB
    if len(body) > OVERSIZE[key]:
        return Verdict.OVERSIZE
    ended = span.following in FOLLOWERS[key] or (key.startswith("II.") and span.signed)
    return Verdict.OK if span.heading.titled and ended and is_plausible(key, body) else Verdict.UNVERIFIABLE


def _judge_current(key: str, body: str) -> Verdict:
    words = len(body.split())
    if len(body) > CURRENT_OVERSIZE:
        return Verdict.OVERSIZE
    if words < CURRENT_STUB_WORDS:
        return Verdict.STUB
    said = _NOT_FILED.sub("", body)  # "shall not be deemed filed ... nor incorporated": boilerplate, no reference
    others = {code for code in _ITEM_CODE.findall(said) if code != key and ("." in code) == ("." in key)}
    if words < CURRENT_REFERENCE_WORDS and _POINTS.search(said) and others:
        return Verdict.CROSS_REFERENCE
    return Verdict.UNVERIFIABLE if has_markup(body) else Verdict.OK


def _is_indexed(text: str, key: str, outline: Outline) -> bool:
    """Whether a line sends the reader of this item to a page: the cross-reference index of some large companies."""
    row = _INDEX_ROW.format(code=key.rpartition(".")[2], title=outline.titles[key].pattern)
    return bool(re.search(row, text, re.IGNORECASE | re.MULTILINE))
