"""How well names are linked: against 500 titles labelled by hand and against the archive's own tags.

    python -m benchmarks.linking [--data ../shared/data/market/headlines_linked_2007_2013.parquet]

A label is the set of symbols a title is about; `row` is the hash of (ticker, time, title), so that no text is kept.
Symbols that were not listed on the day are left out on both sides. Every miss is printed to be read.
"""

import argparse
import hashlib
import time
from pathlib import Path

import pandas as pd

from sentfeat.ingest.link import NameMatcher
from sentfeat.universe import Universe, read_universe

DATA = Path("../shared/data/market/headlines_linked_2007_2013.parquet")
LABELS = Path("tests/ingest/linking_labels.csv")


def main() -> None:
    """Print both comparisons, the speed and the misses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    titles = pd.read_parquet(parser.parse_args().data)
    universe = read_universe("data/universe.csv")
    started = time.perf_counter()
    titles["found"] = found(titles, NameMatcher(universe))
    print(f"{len(titles):,} titles in {time.perf_counter() - started:.1f} s")
    listed = universe.locate(titles["ticker"], titles["ts_et"].dt.normalize()).notna()
    hit = [row.ticker in row.found for row in titles.itertuples()]
    print(f"archive tags found: {sum(hit) / len(hit):.3f} of {len(hit):,}; {sum(hit) / sum(listed):.3f} of the listed")
    compared = against_labels(titles, universe)
    precision, recall = figures(compared)
    print(f"by hand: precision {precision:.3f}, recall {recall:.3f}, n = {len(compared)} titles")
    for row in compared[compared["found"] != compared["meant"]].itertuples():
        print(f"found {sorted(row.found)}, meant {sorted(row.meant)}: {row.title}")


def found(titles: pd.DataFrame, matcher: NameMatcher) -> list[set[str]]:
    """The symbols of each title as of its New York day."""
    return [matcher.tickers(row.title, row.ts_et.normalize()) for row in titles.itertuples()]


def against_labels(titles: pd.DataFrame, universe: Universe) -> pd.DataFrame:
    """The labelled titles with `found` and `meant`, the labelled symbols that were listed on the day."""
    labels = pd.read_csv(LABELS, keep_default_na=False).set_index("row")["tickers"]
    titles = titles.assign(row=row_hashes(titles))
    titles = titles[titles["row"].isin(labels.index)]
    meant = [set(labels[row.row].split("|")) & symbols_of(universe, row.ts_et) for row in titles.itertuples()]
    return titles.assign(meant=meant)


def figures(compared: pd.DataFrame) -> tuple[float, float]:
    """Precision and recall over (title, symbol) pairs."""
    right = sum(len(row.found & row.meant) for row in compared.itertuples())
    return right / compared["found"].map(len).sum(), right / compared["meant"].map(len).sum()


def symbols_of(universe: Universe, at: pd.Timestamp) -> set[str]:
    """The symbols in force on a day."""
    return set(universe.listed(at.normalize())["ticker"])


def row_hashes(titles: pd.DataFrame) -> list[str]:
    """Twelve hexadecimal digits for each row."""
    parts = zip(titles["ticker"], titles["ts_et"], titles["title"], strict=True)
    return [hashlib.sha256("|".join(map(str, part)).encode()).hexdigest()[:12] for part in parts]


if __name__ == "__main__":
    main()
