"""An ok section cut into passages that a scorer can read: about 40 to 200 words, whole sentences, no tables.

    for passage in passages(section.text): ...

Short paragraphs go together until there is enough to judge, a heading goes with what follows it, a long paragraph is
cut between sentences. The cut depends on the section's text alone, so the same text always gives the same passages.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from sentfeat.ingest.filings.text import PARAGRAPH_BREAK, is_table

MIN_WORDS, MAX_WORDS = 40, 200
_PARAGRAPH = re.compile(r"[^\n](?:.|\n(?!\n))*")
_SENTENCE_END = re.compile(r"(?<=[a-z0-9)%”\"’\]])[.!?][”\"’)]*\s+(?=[A-Z“\"‘(•$\d])")
_ABBREVIATED = re.compile(
    r"\b(?:Inc|Corp|Co|Ltd|No|Nos|vs|v|Mr|Ms|Mrs|Dr|St|Jr|Sr|U\.S|i\.e|e\.g|approx|Sec|Art|Rev|Fed|Dept|Messrs|[A-Z])$",
)
_ENDED = re.compile(r"[.!?;:][”\"’)]*$")
_HEADING_WORDS = 25


class Passage(msgspec.Struct, frozen=True):
    """A run of paragraphs or sentences. start, end: offsets into the section's text; a heading on top is included."""

    start: int
    end: int
    text: str


class _Piece(msgspec.Struct, frozen=True):
    start: int
    end: int
    words: int
    heading: bool


def passages(section: str) -> list[Passage]:
    """The passages of a section's text in reading order.

    Tables are left out, none spans one, and so is prose of fewer than MIN_WORDS between two of them. A passage is
    longer than MAX_WORDS where a single sentence is, or where fewer than MIN_WORDS beside it could not stand alone;
    a section that has no more than a few words, as some 8-K items, is one passage.
    """
    runs = [run for block in _blocks(section) for run in _runs(block) if run]
    long_enough = [run for run in runs if _words(run) >= MIN_WORDS]
    return [_passage(section, run) for run in long_enough or sorted(runs, key=_words)[-1:]]


def _passage(section: str, run: list[_Piece]) -> Passage:
    start, end = run[0].start, run[-1].end
    return Passage(start, end, section[start:end])


def _blocks(section: str) -> Iterator[list[_Piece]]:
    """Stretches of prose between tables, as pieces of at most MAX_WORDS."""
    block: list[_Piece] = []
    for match in _PARAGRAPH.finditer(section):
        if is_table(match[0]):
            yield block
            block = []
        else:
            block += _pieces(section, match.start(), match.start() + len(match[0].rstrip()))
    yield block


def _pieces(section: str, start: int, end: int) -> Iterator[_Piece]:
    """A paragraph whole, or if it is too long its sentences."""
    text = section[start:end]
    words = len(text.split())
    if words <= MAX_WORDS:
        yield _Piece(start, end, words, words <= _HEADING_WORDS and not _ENDED.search(text))
        return
    cuts = [
        0,
        *(m.end() for m in _SENTENCE_END.finditer(text) if not _ABBREVIATED.search(text[: m.start()])),
        len(text),
    ]
    for a, b in pairwise(cuts):
        yield _Piece(start + a, start + a + len(text[a:b].rstrip()), len(text[a:b].split()), False)


def _runs(pieces: Iterable[_Piece]) -> list[list[_Piece]]:
    """Pieces put together. A run ends once it is long enough and the next piece opens a paragraph or would not fit;
    what is too short at the end goes with the run before."""
    runs: list[list[_Piece]] = [[]]
    for piece in pieces:
        run = runs[-1]
        full = _words(run) + piece.words > MAX_WORDS or _opens(piece, run)
        if _words(run) >= MIN_WORDS and full and not run[-1].heading:
            runs.append([])
        runs[-1].append(piece)
    while runs[-1] and runs[-1][-1].heading:  # nothing stands below it
        runs[-1].pop()
    if len(runs) > 1 and _words(runs[-1]) < MIN_WORDS:
        rest = runs.pop()
        runs[-1] += rest
    return runs


def _opens(piece: _Piece, run: list[_Piece]) -> bool:
    """Whether a piece begins a new paragraph: sentences of one paragraph fill a passage up first."""
    return bool(run) and (piece.heading or piece.start - run[-1].end >= len(PARAGRAPH_BREAK))


def _words(run: list[_Piece]) -> int:
    return sum(piece.words for piece in run)
