"""How many sections of real filings are found right, by form and era, with every miss listed.

    python -m benchmarks.edgar_sections [--data ../shared/data/edgar]

Each section is held against a second reading that shares no code with the first:

    contents links   10-K and 10-Q in HTML: the text between the targets of the filing's own contents links
    named sections   10-K and 10-Q with a list of their sections: is it there, and within its markup's length
    cut 10-K         items cut by others, put together again as plain text: the same characters back
    cut 8-K          items cut by others from the same raw files: nearly the same words

None of these is the truth: each has faults of its own, so every disagreement is printed to be read.
"""

import argparse
import json
import re
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from lxml import etree, html

from sentfeat.ingest.filings.sections import Section, find_sections
from sentfeat.ingest.filings.submission import decode, read_submission
from sentfeat.ingest.filings.text import PARAGRAPH_BREAK, clean_text, is_table
from sentfeat.ingest.filings.verdicts import Verdict

DATA = Path("../shared/data/edgar")
WANTED = {"10-K": ("1A", "7"), "10-Q": ("I.2", "II.1A")}
NAMED = {"I.2": "part1item2", "II.1A": "part2item1a"}
FOUND = 0.97  # of the words
REACH = 300
SMALLEST_REPORT = 100_000
STUB_MARKUP = 1_500  # an entry of this size in a list of sections is a row of an index


class Outcome(msgspec.Struct, frozen=True):
    """One section held against one second reading; `fault` is empty where they agree."""

    reference: str
    form: str
    era: str
    filing: str
    item: str
    fault: str


def main() -> None:
    """Print the table in Markdown, then the disagreements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of filings.tar.xz and extracted_items.tar.xz")
    with tempfile.TemporaryDirectory() as folder:
        unpack(parser.parse_args().data, Path(folder))
        outcomes = list(all_outcomes(Path(folder)))
    print(table(outcomes))
    for outcome in outcomes:
        if outcome.fault:
            print(f"{outcome.form} {outcome.item:5} {outcome.filing}: {outcome.fault} ({outcome.reference})")


def unpack(data: Path, folder: Path) -> None:
    """Both archives and the zip files in them."""
    for name in ("filings", "extracted_items"):
        with tarfile.open(data / f"{name}.tar.xz") as archive:
            archive.extractall(folder, filter="data")
    for packed in list(folder.rglob("*.zip")):
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(packed.parent)


def all_outcomes(folder: Path) -> Iterator[Outcome]:
    """Every section of every filing against every second reading there is."""
    for path in sorted(folder.rglob("*.html")):
        form = next((form for form in WANTED if re.search(rf"{form[:2]}-?{form[3]}\b", str(path), re.IGNORECASE)), None)
        if form and path.stat().st_size > SMALLEST_REPORT:
            yield from report_outcomes(path, form)
    for path in sorted(folder.rglob("EXTRACTED_FILINGS/10-K/*.json")):
        yield from rebuilt_outcomes(path)
    raw = {path.stem: path for path in folder.rglob("RAW_FILINGS/8-K/*") if path.is_file()}
    for path in sorted(folder.rglob("EXTRACTED_FILINGS/8-K/*.json")):
        yield from current_outcomes(path, raw[path.stem])


def report_outcomes(path: Path, form: str) -> Iterator[Outcome]:
    """A 10-K or 10-Q in HTML against its own contents links and, where there is one, the list of its sections."""
    body, name = decode(path.read_bytes()), "/".join(path.parts[-3:])
    sections = {section.item: section for section in find_sections(clean_text(body), form)}
    linked = linked_texts(body, form)
    named = path.parent / "expected-top-level-sections.json"
    sizes = (
        {row["identifier"]: row["character_count"] for row in json.loads(named.read_text())} if named.exists() else {}
    )
    era = era_of(re.search(r"(?<!\d)(19|20)?(\d\d)-\d\d(?:\d{4}|-\d\d)", name))
    for item in WANTED[form]:
        if item in linked:
            yield Outcome("contents links", form, era, name, item, words_fault(linked[item], sections[item].text))
        if sizes:
            fault = size_fault(sections[item], sizes.get(NAMED.get(item, item), 0))
            yield Outcome("named sections", form, era, name, item, fault)


def rebuilt_outcomes(path: Path) -> Iterator[Outcome]:
    """A 10-K put together from items cut by others: the cut must come back to the character."""
    items = read_items(path)
    text = PARAGRAPH_BREAK.join(items.values())
    for section in find_sections(text, "10-K"):
        fault = (
            "" if section.text == items.get(section.item, "") else f"{section.verdict}, {len(section.text)} characters"
        )
        yield Outcome("cut 10-K", "10-K", era_of(re.search(r"-(\d\d)-", path.stem)), path.stem, section.item, fault)


def current_outcomes(path: Path, raw: Path) -> Iterator[Outcome]:
    """An 8-K's raw file against its items as cut by others."""
    body, items = decode(raw.read_bytes()), read_items(path)
    main_document = read_submission(body).main
    sections = {s.item: s.text for s in find_sections(clean_text(main_document.body if main_document else body), "8-K")}
    era = era_of(re.search(r"-(\d\d)-", path.stem))
    for item in sorted(items.keys() | sections.keys()):
        fault = words_fault(items.get(item, ""), sections.get(item, ""))
        yield Outcome("cut 8-K", "8-K", era, path.stem, item, fault)


def read_items(path: Path) -> dict[str, str]:
    """The items that are there, a paragraph a line in the file and set apart here."""
    rows = json.loads(path.read_text()).items()
    return {
        name.removeprefix("item_"): text.strip().replace("\n", PARAGRAPH_BREAK)
        for name, text in rows
        if name.startswith("item_") and text.strip()
    }


def words_fault(theirs: str, ours: str) -> str:
    """Whether both begin alike and hold nearly the same words; tables of ours may be missing from theirs."""
    if not theirs or not ours:
        return "" if theirs == ours else ("not in theirs" if ours else "not in ours")
    # a link may lead to the page's header or the part's title just above the heading
    faults = [] if letters(ours)[:40] in letters(theirs[:REACH]) else ["begins otherwise"]
    prose = PARAGRAPH_BREAK.join(p for p in ours.split(PARAGRAPH_BREAK) if not is_table(p))
    faults += ["lost words"] if not covered(theirs, ours) else []
    faults += ["words too many"] if not covered(prose, theirs) else []
    return ", ".join(faults)


def covered(part: str, whole: str) -> bool:
    """Whether nearly all words of `part` are in `whole`, as often."""
    words, among = (Counter(re.findall(r"[a-z]{3,}", text.lower())) for text in (part, whole))
    return (words & among).total() >= FOUND * words.total()


def letters(text: str) -> str:
    """The letters alone, small."""
    return re.sub(r"[^a-z]", "", text.lower())


def size_fault(section: Section, markup: int) -> str:
    """The list counts a section's characters with its markup, which here is never less than the text or 15 times it."""
    if section.verdict == Verdict.MISSING:
        return "not in ours" if markup else ""
    if section.verdict == Verdict.CROSS_REFERENCE and not section.text:
        return "" if markup < STUB_MARKUP else "not in ours"
    return (
        "" if len(section.text) * 0.98 <= markup <= 15 * len(section.text) else f"{len(section.text)} against {markup}"
    )


def linked_texts(body: str, form: str) -> dict[str, str]:
    """The text from each wanted item's link target in the contents to the next item's."""
    root = html.document_fromstring(body.encode(), parser=html.HTMLParser(huge_tree=True, encoding="utf-8"))
    text, places = text_and_places(root)
    starts = {key: places[target] for key, target in contents_links(root, form).items() if target in places}
    later = {key: min((b for b in starts.values() if b > a), default=None) for key, a in starts.items()}
    return {key: text[starts[key] : later[key]] for key in WANTED[form] if later.get(key)}


def text_and_places(root: html.HtmlElement) -> tuple[str, dict[str, int]]:
    """The whole text, and where in it each id or name stands."""
    pieces: list[str] = []
    places: dict[str, int] = {}
    size = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            for mark in (element.get("id"), element.get("name")):
                places.setdefault(mark or "", size)
        piece = (element.text if event == "start" else element.tail) or ""
        pieces.append(piece + " " * (element.tag in ("td", "div", "p", "br") and event == "end"))
        size += len(pieces[-1])
    return "".join(pieces), places


def contents_links(root: html.HtmlElement, form: str) -> dict[str, str]:
    """Each item's link target, by the first row of the contents that begins with its number."""
    targets: dict[str, str] = {}
    part, before = 1, 0
    for link in root.iterfind(".//a[@href]"):
        row = next(link.iterancestors("tr"), link)
        number = re.match(r"\W*item\W*(\d{1,2})\W?([ABC]?)\b", "".join(row.itertext()), re.IGNORECASE)
        if not number or not link.get("href").startswith("#"):
            continue
        part, before = part + (int(number[1]) < before), int(number[1])
        key = number[1] + number[2].upper()
        targets.setdefault(f"{'I' * min(part, 2)}.{key}" if form == "10-Q" else key, link.get("href")[1:])
    return targets


def era_of(year: re.Match[str] | None) -> str:
    """Before 2001 (plain text), to 2008, and since, by the two-digit year last in a match."""
    two = int(year.groups()[-1]) if year else 24
    full = 1900 + two if two > 50 else 2000 + two
    return "to 2000" if full <= 2000 else "2001-2008" if full <= 2008 else "from 2009"


def table(outcomes: list[Outcome]) -> str:
    """Agreement by second reading, form and era, in Markdown."""
    groups: dict[tuple[str, str, str], list[bool]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.reference, outcome.form, outcome.era), []).append(not outcome.fault)
    rows = [
        f"| {' | '.join(key)} | {sum(ok)} of {len(ok)} | {sum(ok) / len(ok):.1%} |"
        for key, ok in sorted(groups.items())
    ]
    head = ["| second reading | form | era | agree | share |", "| --- | --- | --- | --- | --- |"]
    return "\n".join(head + rows)


if __name__ == "__main__":
    main()
