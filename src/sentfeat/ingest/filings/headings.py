"""The places where a document's items may begin, and which of them are only its table of contents.

A list of steps: every line that opens with an item's number, less those that go on as a sentence ("Item 1A of our
annual report"), less rows of tables, less runs without a sentence between them, which are contents or an index.
"""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise

import msgspec

from sentfeat.ingest.filings.outline import CURRENT, Outline
from sentfeat.ingest.filings.text import PARAGRAPH_BREAK, is_table

_HEADING = re.compile(
    r"^[^\S\n]*[•·*|\-–—\"“(\[]*\s*(?:PART\s+(?P<part>[IV]+|[1-4])\b[\s,.:;\-–—]*)?"
    r"I\s?T\s?E\s?M\s?S?[\s.:\-–—#]*(?P<number>\d{1,2}|l(?=[ABC\s.:]))(?:\s?\.\s?(?P<decimal>\d\d)(?!\d))?"
    r"[\s.]?\(?(?P<letter>[ABC](?![A-Z'’]))?\)?(?P<rest>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_PART = re.compile(r"^\W*PART\s+(I{1,3}V?|[1-4])\b(?![^\n]{80})", re.IGNORECASE | re.MULTILINE)
_SEVERAL = re.compile(
    r"^\W*(?:,|and|&|through|to|/|-)+\W*(?:item\s*)?\d{1,2}\W?[ABC]?\b(?:\W+(?:and|&)\W+\d{1,2}[ABC]?)?", re.I
)
_LEAD = re.compile(r"^[\s.:;,\-–—_*|/\"“”'’()\[\]\t]+")
_REFERRING = re.compile(
    r"^\W*(?:of|in|to|above|below|is|are|was|were|has|have|shall|will|may|hereof|herein|and elsewhere|which|that|under"
    r"|as|for|contains?|includes?|provides?|also|by|from|on)\b"
)
_REFERENCE = re.compile(
    r"[\"”’),.]*\s+(?:of|in|to|from|contained in|included in|set forth in|above|below|and elsewhere in|on)"
    r"\s+(?:this|our|the|its|such|that|Part)\b"
    r"[^.]{0,80}?(?:report|10-[KQ]|8-K|Form|filing)",
    re.IGNORECASE,
)
_CONTINUED = re.compile(r"\bcont(?:inued|['’]?d)?\b\.?\)?\s*$|\(continued", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?:[^\s.]+\s+){3,}\S*[\w)][\"”’)]*\.[\"”’)]*(?:\s|$)|^\W*(?:see|refer|none|not\s+applicable|n/a|not\s+required)\b",
    re.IGNORECASE | re.MULTILINE,
)
_TITLE_STOP = re.compile(r"[A-Za-z)][.:]\s+(?=[A-Z(\"“])")
_LONG_TITLE = 60
_TITLE_REACH = 160  # a title may stand below its number
_CONTENTS_RUN = 3
_CONTENTS_GAP = 2_500


class Heading(msgspec.Struct, frozen=True):
    """A line that may open an item. start, end: offsets in the text. titled: the item's own words follow."""

    key: str
    start: int
    end: int
    titled: bool
    part: str | None


def headings(text: str, outline: Outline) -> list[Heading]:
    """All lines that may open an item in the body, in reading order; a line may stand for two places of a 10-Q."""
    found = [heading for match in _HEADING.finditer(text) for heading in _read(text, match, outline)]
    if outline is CURRENT and any("." in heading.key for heading in found):
        found = [heading for heading in found if "." in heading.key]  # "Item 8" is then another report's
    return without_contents(text, found, outline)


def without_contents(text: str, found: list[Heading], outline: Outline) -> list[Heading]:
    """The headings less those without text that come again, and less runs of three or more without a sentence.

    An 8-K may put several headings over one text, so that there a run alone proves nothing.
    """
    by_line = {start: list(group) for start, group in groupby(found, key=lambda heading: heading.start)}
    lines = list(by_line)
    bare = [_bare(text, by_line[a][0].end, b) for a, b in pairwise([*lines, len(text)])]
    last = {heading.key: heading.start for heading in found}
    again = [all(last[h.key] > start for h in by_line[start]) for start in lines]
    contents = {start for start, empty, recurs in zip(lines, bare, again, strict=True) if empty and recurs}
    if outline is not CURRENT:
        contents |= {start for run in _runs(by_line, bare, outline) if len(run) >= _CONTENTS_RUN for start in run}
    return [heading for heading in found if heading.start not in contents]


def _runs(by_line: dict[int, list[Heading]], bare: list[bool], outline: Outline) -> list[list[int]]:
    """Lines that follow each other with rising numbers and no sentence in between."""
    order = {key: at for at, key in enumerate(outline.titles)}
    lines = list(by_line)
    runs = [lines[:1]]
    for before, start, empty in zip(lines, lines[1:], bare, strict=False):
        if empty and _rises(by_line, before, start, order):
            runs[-1].append(start)
        else:
            runs.append([start])
    return runs


def _rises(by_line: dict[int, list[Heading]], before: int, after: int, order: dict[str, int]) -> bool:
    """Whether the numbers go on: a step back is where the contents end and the body begins."""
    return max(order[h.key] for h in by_line[after]) > min(order[h.key] for h in by_line[before])


def _bare(text: str, start: int, end: int) -> bool:
    between = text[start:end]
    return len(between) < _CONTENTS_GAP and not _SENTENCE.search(between)


def _read(text: str, match: re.Match[str], outline: Outline) -> Iterator[Heading]:
    """The headings that a matched line may be; none if it is a table's row, a sentence or a continuation."""
    line_end = match.start("rest") + _title_length(match["rest"])
    rest = _SEVERAL.sub("", match["rest"])
    title = _LEAD.sub("", rest)
    if _in_list(text, match) or _CONTINUED.search(match["rest"]) or _refers(rest, title):
        return
    below = _LEAD.sub("", text[line_end : line_end + _TITLE_REACH]) if len(title) < 3 else title
    for key in _keys(match, outline):
        pattern = outline.titles[key]
        titled = bool(pattern.match(below))
        if not titled and _is_sentence(title):
            continue
        yield Heading(key, match.start() + len(match[0]) - len(match[0].lstrip()), line_end, titled, match["part"])


def _in_list(text: str, match: re.Match[str]) -> bool:
    """Whether the line is one of several items in a table: contents, an index, a list of exhibits."""
    start = text.rfind(PARAGRAPH_BREAK, 0, match.start()) + 1
    end = text.find(PARAGRAPH_BREAK, match.end())
    paragraph = text[start : end if end >= 0 else len(text)]
    return is_table(paragraph) and len(_HEADING.findall(paragraph)) > 1


def _title_length(rest: str) -> int:
    """How much of the line is heading: all of it, but where the text runs on behind the title only the title."""
    title = _TITLE_STOP.search(rest, 3) if len(rest) > _LONG_TITLE else None
    return title.end() if title else len(rest)


def _keys(match: re.Match[str], outline: Outline) -> tuple[str, ...]:
    number = str(int(match["number"].lower().replace("l", "1")))  # a typist's or a scanner's 1
    if match["decimal"]:
        return outline.keys_of(f"{number}.{match['decimal']}")
    lettered = outline.keys_of(number + (match["letter"] or "").upper())
    return lettered or outline.keys_of(number)


def _refers(rest: str, title: str) -> bool:
    """Whether the line goes on as a sentence that mentions the item."""
    if re.match(r"\s*[,”\"]\s*[“\"”]?", rest) and not re.match(r"\s*,\s*[A-Z]", rest):
        return True
    return bool(_REFERRING.match(title) or _REFERENCE.search(title.split(". ")[0][:250]))


def _is_sentence(title: str) -> bool:
    """Whether the words after the number, not being the item's title, read as running text."""
    first = re.split(r"[.:–—\n]", title)[0]
    words = [word for word in re.findall(r"[A-Za-z][\w'’-]*", first) if len(word) >= 5]
    return len(words) > 2 and sum(word[0].islower() for word in words) > 0.4 * len(words)


def part_of(text: str, heading: Heading) -> str | None:
    """The part that a heading stands in, by the last PART line before it: I, II, III or IV."""
    if heading.part:
        return heading.part.upper()
    *_, last = [None, *(match[1].upper() for match in _PART.finditer(text, 0, heading.start))]
    return last
