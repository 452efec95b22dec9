"""Every section of every filing in the set with its verdict, as the table that docs/edgar.md shows.

    python -m benchmarks.edgar_verdicts [--data ../shared/data/edgar]

Annual and quarterly reports by name; current reports counted by item verdict and era. benchmarks.edgar_sections says
which of them are right.
"""

import argparse
import re
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.edgar_sections import DATA, era_of, unpack
from sentfeat.ingest.filings.rows import section_name
from sentfeat.ingest.filings.sections import find_sections
from sentfeat.ingest.filings.submission import decode, read_submission
from sentfeat.ingest.filings.text import clean_text

REPORT = re.compile(r"10-?([KQ])(?![A-Za-z])", re.IGNORECASE)
ACCESSION = re.compile(r"(\d{10})-?(\d\d)-?(\d{6})")


def main() -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the archives")
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(data, folder)
        with tarfile.open(data / "http_captures.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        print("| filing | form | section: verdict, characters |\n| --- | --- | --- |")
        for filing, form, body in reports(folder):
            print(f"| {filing} | {form} | {'; '.join(verdicts(body, form))} |")
        print("\n| era | filings | items by verdict |\n| --- | --- | --- |")
        for era, filings, counts in current_reports(folder):
            print(f"| {era} | {filings} | {', '.join(f'{verdict} {n}' for verdict, n in counts.most_common())} |")


def reports(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Name, form and main document of each 10-K and 10-Q, each accession once."""
    seen = set()
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".html", ".htm", ".txt", ".nc") or "EXTRACTED" in str(path) or "20-F" in str(path):
            continue
        submission = read_submission(path.read_bytes())
        form, main = submission.header.form, submission.main
        named = REPORT.search(str(path.relative_to(folder)))
        if form is None and named and path.suffix in (".html", ".htm"):
            form = f"10-{named[1].upper()}"
        if form is None or not form.startswith(("10-K", "10-Q")):
            continue
        name = label(path)
        if name not in seen:
            seen.add(name)
            yield name, form, main.body if main else decode(path.read_bytes())


def label(path: Path) -> str:
    """The accession, with the ticker where a folder has one; else the file's name."""
    found = ACCESSION.search(f"{path.parent.name}/{path.name}")
    folder = path.parent.parent.name
    ticker = f"{folder} " if re.fullmatch(r"[A-Z]{1,5}", folder) else ""
    return f"{ticker}{'-'.join(found.groups())}" if found else path.stem


def verdicts(body: str, form: str) -> list[str]:
    """ "7: ok, 15,235" for each section."""
    sections = find_sections(clean_text(body), form)
    return [f"{section_name(s.item, form)}: {s.verdict}" + (f", {len(s.text):,}" if s.text else "") for s in sections]


def current_reports(folder: Path) -> Iterator[tuple[str, int, Counter[str]]]:
    """For each era the number of 8-Ks and their items' verdicts."""
    counts: dict[str, Counter[str]] = {}
    filings: Counter[str] = Counter()
    for path in sorted(folder.rglob("RAW_FILINGS/8-K/*")):
        body = decode(path.read_bytes())
        main_document = read_submission(body).main
        era = era_of(re.search(r"-(\d\d)-", path.stem))
        filings[era] += 1
        sections = find_sections(clean_text(main_document.body if main_document else body), "8-K")
        counts.setdefault(era, Counter()).update(str(section.verdict) for section in sections)
    for era in sorted(counts):
        yield era, filings[era], counts[era]


if __name__ == "__main__":
    main()
