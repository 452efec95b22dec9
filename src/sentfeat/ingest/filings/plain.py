"""Plain text, as filed before 2001, to paragraphs.

Empty lines end paragraphs; wrapped lines are joined; a line that begins an item starts a new one. Lines set in
columns, or between <TABLE> and </TABLE>, become one table paragraph of tab-separated cells.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

_MARK = re.compile(r"</?(?:PAGE|CAPTION|S|C|FN|F\d+|R\d+|PRE|B|I|U)>(?:\s*\d{1,3}(?=\s|$))?", re.IGNORECASE)
_TABLE = re.compile(r"<(/?)TABLE>", re.IGNORECASE)
_COLUMNS = re.compile(r"\S(?:\s{3,}|\t+|(?:\s?\.){4,}\s*)\S")
_SPLIT = re.compile(r"\s{2,}|\t+|(?:\s?\.){4,}\s*")
_RULE = re.compile(r"[-=_*\s.]{3,}")
_STARTS_ITEM = re.compile(
    r"\s*(?:PART\s+[IV]+\b.{0,10})?ITEMS?\s+\d{1,2}\s*\(?[A-C]?\)?(?:\.\d\d)?\s*[.:\-–—\s]", re.IGNORECASE
)
_SHORT = 50
_ENDED = re.compile(r"[.:;!?)\"”]\s*$")


def plain_paragraphs(text: str) -> list[str]:
    """The paragraphs of a plain-text document in reading order."""
    return [paragraph for block in _blocks(text.expandtabs(8).splitlines()) for paragraph in _read(block)]


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Runs of lines between empty ones; a marked table is one run, its empty lines left out."""
    block: list[str] = []
    in_table = False
    for line in lines:
        mark = _TABLE.search(line)
        line = _MARK.sub("", _TABLE.sub("", line)).rstrip()
        blank = not line.strip()
        if mark or (not in_table and (blank or _opens_item(line, block))):
            if block:
                yield block
            block = []
            in_table = not mark[1] if mark else in_table
        if not blank and not _RULE.fullmatch(line):
            block.append(line)
    if block:
        yield block


def _opens_item(line: str, block: list[str]) -> bool:
    """Whether a line begins an item rather than goes on with a sentence that mentions one."""
    return bool(_STARTS_ITEM.match(line)) and (not block or bool(_ENDED.search(block[-1])) or len(block[-1]) < _SHORT)


def _read(block: list[str]) -> Iterator[str]:
    """A block as a table or as prose."""
    columned = 0 if _STARTS_ITEM.match(block[0]) else sum(bool(_COLUMNS.search(line.strip())) for line in block)
    if columned >= 2 and columned > 0.5 * len(block):
        yield "\n".join("\t".join(_SPLIT.split(line.strip())) for line in block)
        return
    yield from _prose(block)


def _prose(block: list[str]) -> Iterator[str]:
    """Lines joined; one that is set in after a finished sentence starts a new paragraph."""
    part: list[str] = []
    for before, line in pairwise(["", *block]):
        if part and _ENDED.search(before) and _indent(line) >= _indent(before) + 2:
            yield " ".join(part)
            part = []
        part.append(" ".join(line.split()))
    yield " ".join(part)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
