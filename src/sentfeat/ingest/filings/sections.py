"""Items out of a filing's clean text, each with a verdict; only `ok` may be scored.

    sections = find_sections(text, "10-K")      Item 1A and Item 7
    sections = find_sections(text, "10-Q")      Part I Item 2 and Part II Item 1A
    sections = find_sections(text, "8-K")       every item, by its code

The steps: headings that may open an item (headings.py) -> the chain of them that keeps the form's order and has the
items' own titles -> spans from one to the next -> a verdict on each span (verdicts.py).
"""

import re
from itertools import zip_longest
from operator import itemgetter

import msgspec

from sentfeat.ingest.filings.headings import Heading, headings, part_of
from sentfeat.ingest.filings.outline import CURRENT, Outline, outline_of
from sentfeat.ingest.filings.verdicts import Span, Verdict, judge

_TITLED, _IN_PART, _PRESENT, _PER_DIGIT = 3.0, 1.5, 1.0, 0.1
_SIGNED = re.compile(
    r"^\W*S\s?I\s?G\s?N\s?A\s?T\s?U\s?R\s?E\s?(?:S|\(S\)|PAGE)?\W*(?=$|Pursuant)"
    r"|^\W*Pursuant\s+to\s+the\s+requirements?\s+of\s+(?:the\s+)?(?:Section\b.{0,30})?(?:of the )?Securities"
    r"|^\W*(?:EXHIBIT\s+INDEX|INDEX\s+TO\s+EXHIBITS)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_GROUP_LINE = re.compile(
    r"^\W*(?:PART\s+(?:[IV]+|[1-4])|SECTION\s+\d)\b(?!.*\bitem\b)[^\n]{0,80}\s*\Z", re.IGNORECASE | re.MULTILINE
)


class Section(msgspec.Struct, frozen=True):
    """An item of a filing.

    item: its key, as outline.py has them. start, end: offsets into the clean text, the heading included; both 0 if
    the item is missing. text: what stands between them.
    """

    item: str
    start: int
    end: int
    text: str
    verdict: Verdict


def find_sections(text: str, form: str) -> list[Section]:
    """The sections of a filing's clean text that its form is scored on, found or not.

    A form that is not cut gives an empty list; an 8-K only the items it has.
    """
    outline = outline_of(form)
    if outline is None:
        return []
    found = headings(text, outline)
    chain = _in_turn(text, found) if outline is CURRENT else _best_chain(text, found, outline)
    spans = {heading.key: span for heading, span in zip(chain, _spans(text, chain), strict=True)}
    return [_section(text, key, spans.get(key), outline) for key in outline.wanted or spans]


def _section(text: str, key: str, span: Span | None, outline: Outline) -> Section:
    if span is None:
        return Section(key, 0, 0, "", judge(text, key, None, outline))
    return Section(key, span.start, span.end, text[span.start : span.end], judge(text, key, span, outline))


def _in_turn(text: str, found: list[Heading]) -> list[Heading]:
    """An 8-K's items as they come; of an item's several headings the one with the most text after it."""
    longest: dict[str, Span] = {}
    for span in _spans(text, found):
        before = longest.get(span.heading.key)
        if before is None or span.end - span.heading.end > before.end - before.heading.end:
            longest[span.heading.key] = span
    return sorted((span.heading for span in longest.values()), key=lambda heading: heading.start)


def _best_chain(text: str, found: list[Heading], outline: Outline) -> list[Heading]:
    """The headings of the greatest weight that follow each other both in the text and in the form."""
    order = {key: at for at, key in enumerate(outline.titles)}
    best: list[tuple[float, list[Heading]]] = []  # the best chain that ends with each heading, and its weight
    for at, heading in enumerate(found):
        before = [
            (weight, chain)
            for weight, chain in best
            if chain[-1].start < heading.start and order[chain[-1].key] < order[heading.key]
        ]
        weight, chain = max(before, key=itemgetter(0), default=(0.0, []))  # of equals the earliest
        until = next((h.start for h in found[at:] if h.key != heading.key and h.start > heading.start), len(text))
        best.append((weight + _weight(text, heading, until), [*chain, heading]))
    return max(best, key=itemgetter(0), default=(0.0, []))[1]


def _weight(text: str, heading: Heading, until: int) -> float:
    """What speaks for a heading: its title, its part, and a little the text that it has before another item's."""
    part = heading.key.partition(".")[0] if "." in heading.key else None
    in_part = part is not None and part_of(text, heading) == part
    return _PRESENT + _TITLED * heading.titled + _IN_PART * in_part + _PER_DIGIT * len(str(until - heading.end))


def _spans(text: str, chain: list[Heading]) -> list[Span]:
    """From each heading to the next, or to the signatures; the line of the next part belongs to neither."""
    spans = []
    for heading, following in zip_longest(chain, chain[1:]):
        end = following.start if following else len(text)
        signed = _SIGNED.search(text, heading.end, end) if heading.key == chain[-1].key or "." in heading.key else None
        end = signed.start() if signed else end
        group_line = _GROUP_LINE.search(text, heading.end, end)
        end = group_line.start() if group_line else end
        end = heading.end + len(text[heading.end : end].rstrip())
        spans.append(Span(heading, heading.start, end, following.key if following else None, signed is not None))
    return spans
