"""Cuts the archives of real filings and headlines into passages that a person could label.

A passage is about 40 to 150 words of one item of one filing, after its heading where it is the first under one, or one
headline. Every passage can be found again: archive, member and locator (`item_1A#17` is the 18th passage of that item;
for headlines the row). Needs lxml for the HTML filings.
"""

import hashlib
import io
import json
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path

import lxml.html
import pandas as pd

ITEMS = "edgar/extracted_items.tar.xz"
FILINGS = "edgar/filings.tar.xz"
ZIPS = ("extracted_items/EXTRACTED_FILINGS/10-K.zip", "extracted_items/EXTRACTED_FILINGS/8-K.zip")
ANNUAL_ITEMS = ("item_1", "item_1A", "item_2", "item_3", "item_7", "item_7A")
QUARTERLY_ITEMS = ("item_1A",)  # the other numbers of a 10-Q mean other things in each of its two parts
MIN_WORDS, MAX_WORDS = 40, 120
MIN_WORDS_8K = 25
LONGEST = 200  # words; what is longer is a table or a list without sentences
RISK_HEADING_WORDS = 39  # a risk factor's heading is a whole sentence
HEADING_WORDS = 12

_HTML_MEMBER = re.compile(r"filings/(?:sec_parser_test_data/(10-[KQ])/(\w+)/|ixbrl_html/(\w+)/(10[kq])/).*\.html$")
_ITEM_HEADING = re.compile(r"^(?:part\s+\w+\W+)?item\s+(\d{1,2}[abc]?)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z“\"])")
_OPEN_END = re.compile(r"[^.!?:;”\"]$")
_FURNITURE = re.compile(r"^(\W*\d*\W*|table of contents|page \d+.*|\d+ of \d+|item\s+\d.{0,90})$", re.IGNORECASE)
_COVER = re.compile(r"exact name of registrant|commission file n|\(state or other jurisdiction", re.IGNORECASE)
_ACCESSION = re.compile(r"\d{10}-\d{2}-\d{6}")
_BLOCKS = ("p", "div", "li", "td")


@dataclass(frozen=True)
class Passage:
    """A text and where it stands. `heading` is that of its section of the item, also if it is not part of the text."""

    archive: str
    member: str
    locator: str
    company: str
    item: str
    heading: str
    text: str

    @property
    def filing(self) -> str:
        """What it was cut from; a headline stands alone."""
        if not self.member:
            return f"{Path(self.archive).stem}#{self.locator}"
        return Path(self.member).stem if self.member.endswith(".json") else self.member


@lru_cache(maxsize=1)
def filing_passages(data: Path) -> tuple[Passage, ...]:
    """Every passage of the 10-K, 10-Q and 8-K filings under `data`, in the archives' order; read once a process.

    A filing made for two companies at once, so with one accession number, is read once.
    """
    owner: dict[str, str] = {}
    found = [*_item_passages(data / ITEMS), *_html_passages(data / FILINGS)]
    return tuple(p for p in found if owner.setdefault(_accession(p), p.company) == p.company)


def headline_passages(data: Path, year: int) -> list[Passage]:
    """Every Reuters title of `year`."""
    archive = f"headlines/reuters_{year}.parquet"
    titles = pd.read_parquet(data / archive)["title"]
    return [Passage(archive, "", str(row), "", "headline", "", " ".join(t.split())) for row, t in enumerate(titles)]


def cut(lines: list[str], *, heading_words: int = HEADING_WORDS, min_words: int = MIN_WORDS) -> list[tuple[str, str]]:
    """(heading, text) of each passage. Short paragraphs are gathered, long ones split between sentences.

    What is too short to be a passage when a heading or the end comes is left out.
    """
    passages: list[tuple[str, str]] = []
    heading, fresh, gathered = "", False, ""
    for line in _joined(lines):
        if _is_heading(line, heading_words):
            heading, fresh, gathered = line, True, ""
            continue
        for piece in _pieces(line):
            gathered = f"{gathered} {piece}".strip()
            if len(gathered.split()) >= min_words:
                passages.append((heading, _under(heading, gathered) if fresh else gathered))
                fresh, gathered = False, ""
    return passages


def near_key(text: str) -> str:
    """The first 12 words: two passages that agree in them count as one."""
    return " ".join(re.findall(r"\w+", text.lower())[:12])


def distinct(passages: Iterable[Passage]) -> list[Passage]:
    """Of the passages with the same first words one, the first of them, at the place of the last."""
    return list({near_key(passage.text): passage for passage in reversed(list(passages))}.values())[::-1]


def text_hash(text: str) -> str:
    """sha256 of `text`: it tells whether a passage is still the same, and puts passages into an order that is blind."""
    return hashlib.sha256(text.encode()).hexdigest()


def html_items(document: bytes) -> dict[str, list[str]]:
    """The paragraphs of each item (`item_1A`) of an HTML filing, tables left out."""
    items: dict[str, list[str]] = defaultdict(list)
    current = None
    for paragraph, in_table in _html_paragraphs(document):
        found = _ITEM_HEADING.match(paragraph)
        if found and len(paragraph.split()) <= HEADING_WORDS:
            current = f"item_{found[1].upper()}"
        elif current and not in_table:
            items[current].append(paragraph)
    return items


def _item_passages(archive: Path) -> Iterator[Passage]:
    with tarfile.open(archive) as tar:
        for zipped in ZIPS:
            with zipfile.ZipFile(io.BytesIO(tar.extractfile(zipped).read())) as filings:
                for name in sorted(n for n in filings.namelist() if n.endswith(".json") and "__MACOSX" not in n):
                    filing = json.loads(filings.read(name))
                    items = {key: text.split("\n") for key, text in filing.items() if key.startswith("item_") and text}
                    if "10-K" in zipped:
                        items = {key: lines for key, lines in items.items() if key in ANNUAL_ITEMS}
                    yield from _passages(ITEMS, f"{zipped}!{name}", str(int(filing["cik"])), items)


def _html_passages(archive: Path) -> Iterator[Passage]:
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            known = _HTML_MEMBER.match(member.name)
            if known:
                annual = (known[1] or known[4]).upper() in ("10-K", "10K")
                wanted = ANNUAL_ITEMS if annual else QUARTERLY_ITEMS
                items = html_items(tar.extractfile(member).read())
                items = {item: lines for item, lines in items.items() if item in wanted}
                yield from _passages(FILINGS, member.name, (known[2] or known[3]).upper(), items)


def _passages(archive: str, member: str, company: str, items: dict[str, list[str]]) -> Iterator[Passage]:
    for item, lines in items.items():
        heading_words = RISK_HEADING_WORDS if item == "item_1A" else HEADING_WORDS
        min_words = MIN_WORDS_8K if "8-K" in member else MIN_WORDS
        for place, (heading, text) in enumerate(cut(lines, heading_words=heading_words, min_words=min_words)):
            if len(text.split()) <= LONGEST and not _COVER.search(text):
                yield Passage(archive, member, f"{item}#{place}", company, item, heading, text)


def _accession(passage: Passage) -> str:
    found = _ACCESSION.search(passage.member)
    return found[0] if found else passage.member


def _html_paragraphs(document: bytes) -> Iterator[tuple[str, bool]]:
    """The innermost blocks in reading order, each with whether it stands in a table."""
    root = lxml.html.fromstring(document)
    for block in root.iter(*_BLOCKS):
        if next(block.iterdescendants(*_BLOCKS, "table"), None) is None:
            text = " ".join(block.text_content().split())
            if text:
                yield text, next(block.iterancestors("table"), None) is not None


def _joined(lines: list[str]) -> list[str]:
    """The paragraphs without page furniture; one that a page break tore apart is whole again."""
    whole: list[str] = []
    for line in (" ".join(line.split()) for line in lines):
        if _FURNITURE.match(line):
            continue
        if whole and line[0].islower() and _OPEN_END.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {line}"
        else:
            whole.append(line)
    return whole


def _is_heading(line: str, most_words: int) -> bool:
    return len(line.split()) <= most_words and line[0].isupper() and line[-1] not in ",;:"


def _under(heading: str, text: str) -> str:
    return f"{heading}{'' if heading[-1] in '.!?' else '.'} {text}"


def _pieces(line: str) -> list[str]:
    """`line` in parts of about equal length, none far above MAX_WORDS, each of whole sentences."""
    words = len(line.split())
    target = words / ceil(words / MAX_WORDS)
    parts: list[list[str]] = [[]]
    for sentence in _SENTENCE_END.split(line):
        if sum(len(s.split()) for s in parts[-1]) >= target * 0.9:
            parts.append([])
        parts[-1].append(sentence)
    return [" ".join(part) for part in parts]
