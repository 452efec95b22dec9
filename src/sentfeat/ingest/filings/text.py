"""A filing's document as clean text: paragraphs set apart by an empty line, tables as rows of tab-separated cells.

    text = clean_text(body)      HTML, inline XBRL or plain text

What is dropped: hidden inline-XBRL facts, scripts, page numbers, "Table of Contents" links and page headers. A
paragraph that a page break cut in two is joined again. A paragraph with a tab in it is a table, nothing else has tabs.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from sentfeat.ingest.filings.markup import html_paragraphs
from sentfeat.ingest.filings.page import is_html
from sentfeat.ingest.filings.plain import plain_paragraphs

PARAGRAPH_BREAK = "\n\n"
_PAGE_NUMBER = re.compile(
    r"[-–—\s\[(|]*(?:page\s*)?(?:[A-Z]{1,2}-)?(?:\d{1,3}|[ivxl]{1,6})(?:\s*of\s*\d+)?[-–—\s\])|]*", re.I
)
_CONTENTS_LINK = re.compile(r"(?:back to\s+)?(?:table of contents|index|contents)", re.IGNORECASE)
_AT_AN_END = re.compile(r"(?<![\d.,$-])(\d{1,3})\W*$|^\W*(\d{1,3})(?![\d.,%])")
_SENTENCE_END = re.compile(r"[.!?:;][\"”’')\]]*$")
_PLACE = re.compile(
    r"(?:part\s+[ivx]{1,4})?[\s,.|–—-]*(?:items?\s+\d{1,2}\s?[abc]?(?:(?:\s|,|and|&)+\d{1,2}[abc]?)*)?\W*", re.I
)
_HEADER_REPEATS = 4  # a line beside this many page numbers is a page's header or footer
_HEADER_CHARACTERS = 120
_PLACE_REPEATS = 3  # of one such line; two lines that recur so make a style


def clean_text(body: str) -> str:
    """The document's text. Raises nothing: what is no filing is for page.recognise to say first."""
    paragraphs = html_paragraphs(body) if is_html(body) else plain_paragraphs(body)
    return PARAGRAPH_BREAK.join(_joined(_without_furniture([p for p in paragraphs if p.strip()])))


def is_table(paragraph: str) -> bool:
    """Whether a paragraph of clean text is a table."""
    return "\t" in paragraph


def _without_furniture(paragraphs: list[str]) -> list[str | None]:
    """Page numbers and page headers replaced by None, the mark of a page break."""
    bare = {at for at, p in enumerate(paragraphs) if _PAGE_NUMBER.fullmatch(p) or _CONTENTS_LINK.fullmatch(p.strip())}
    short = [
        at for at, p in enumerate(paragraphs) if at not in bare and len(p) < _HEADER_CHARACTERS and not _is_item(p)
    ]
    beside = [at for at in short if not bare.isdisjoint((at - 2, at - 1, at + 1, at + 2))]
    repeated = {key for key, n in Counter(_key(paragraphs[at]) for at in beside).items() if n >= _HEADER_REPEATS}
    dropped = bare | {at for at in beside if _key(paragraphs[at]) in repeated} | _counting(paragraphs, short)
    dropped |= _places(paragraphs, bare)
    return [None if at in dropped else text for at, text in enumerate(paragraphs)]


def _places(paragraphs: list[str], bare: set[int]) -> set[int]:
    """Lines that only say which part or item a page belongs to ("PART I", "Item 1A"), at the top of page after page.

    The first of its kind stays if a title stands below it: then it is the heading itself.
    """
    beside = {at + step for at in bare for step in (-2, -1, 1, 2) if 0 <= at + step < len(paragraphs)}
    places = [at for at in sorted(beside - bare) if _is_item(paragraphs[at]) and _PLACE.fullmatch(paragraphs[at])]
    counts = Counter(paragraphs[at] for at in places)
    if sum(n for n in counts.values() if n >= _PLACE_REPEATS) < 2 * _PLACE_REPEATS:
        return set()
    first = {text: at for at, text in reversed([(at, paragraphs[at]) for at in places])}
    return {at for at in places if first[paragraphs[at]] != at or not _has_title(paragraphs, at, bare.union(places))}


def _has_title(paragraphs: list[str], at: int, skipped: set[int]) -> bool:
    below = next((paragraphs[n] for n in range(at + 1, len(paragraphs)) if n not in skipped), "")
    return len(below) < _HEADER_CHARACTERS and not _is_item(below) and not _SENTENCE_END.search(below)


def _counting(paragraphs: list[str], short: list[int]) -> set[int]:
    """Lines alike but for a number at one end that rises through the document: "Apple Inc. | 2024 Form 10-K | 26"."""
    alike: dict[str, list[tuple[int, int]]] = {}
    for at in short:
        if (number := _AT_AN_END.search(paragraphs[at])) and not is_table(paragraphs[at]):
            rest = paragraphs[at][: number.start()] + paragraphs[at][number.end() :]
            alike.setdefault(rest.strip(), []).append((at, int(number[1] or number[2])))
    return {
        at
        for places in alike.values()
        if len(places) >= _HEADER_REPEATS and all(a < b for (_, a), (_, b) in pairwise(places))
        for at, _ in places
    }


def _joined(paragraphs: Iterable[str | None]) -> list[str]:
    """The paragraphs, halves on both sides of a page break put together where a sentence runs on."""
    out: list[str] = []
    broken = False
    for text in paragraphs:
        if text is None:
            broken = True
            continue
        runs_on = broken and out and text[:1].islower() and not is_table(text) and not is_table(out[-1])
        if runs_on and not _SENTENCE_END.search(out[-1]):
            out[-1] = f"{out[-1]} {text}"
        else:
            out.append(text)
        broken = False
    return out


def _key(text: str) -> str:
    return re.sub(r"\d+", "0", text.casefold().strip())


def _is_item(text: str) -> bool:
    return text.lstrip()[:4].casefold() in ("item", "part")
