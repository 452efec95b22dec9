"""How many real price faults are found, and how many sound bars are blamed.

    python -m benchmarks.price_faults [--data ../shared/data]

Yahoo's faulty tables and their repairs (price_faults.tar.xz; a name ending in -fixed is a repair, one with no-bad-divs
was sound), and 1.16 million daily bars of the market archives, which hold a few faults of their own.
"""

import argparse
import io
import re
import tarfile
from pathlib import Path

import pandas as pd

from sentfeat.ingest.bar_faults import find_faults

NAMES = {
    "Open": "open", "High": "high", "Low": "low", "Close": "close", "Adj Close": "adjusted_close",
    "Volume": "volume", "Dividends": "dividend", "Stock Splits": "split",
}  # fmt: skip
KINDS = {
    "100x-error": "prices 100 times over or under",
    "bad-unit": "prices 100 times over or under",
    "bad-stock-split": "splits missed or applied twice",
    "bad-div": "wrong dividends or adjustments",
    "missing-div-adjust": "wrong dividends or adjustments",
    "cg-double-count": "capital gains counted twice",
}


def main() -> None:
    """Print both tables in Markdown, and what is missed or blamed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    files = fault_files(data)
    print("| Yahoo's faults | files | found |\n| --- | --- | --- |")
    faulty = files[files["kind"].notna()]
    for kind, group in faulty.groupby("kind"):
        print(f"| {kind} | {len(group)} | {(group['found'] > 0).sum()} |")
    print(f"| all | {len(faulty)} | {(faulty['found'] > 0).sum()} |")
    sound = files[files["kind"].isna()]
    blamed = sound[sound["found"] > 0]
    print("\n| sound | bars | blamed |\n| --- | --- | --- |")
    print(
        f"| {len(sound)} repaired or sound tables | {sound['bars'].sum():,} | {sound['found'].sum()} in {len(blamed)} |"
    )
    for name in ("ohlcv_2006_2013", "ohlcv_wide_2006_2013"):
        bars = pd.read_parquet(data / "market" / f"{name}.parquet").sort_values(["ticker", "date"])
        found = pd.concat([find_faults(one).dropna() for _, one in bars.groupby("ticker")])
        print(f"| {name} | {len(bars):,} | {len(found)} |")
    print("\nmissed:", *faulty.loc[faulty["found"] == 0, "name"])
    print("blamed:", blamed[["name", "found", "reasons"]].to_string(index=False), sep="\n")


def fault_files(data: Path) -> pd.DataFrame:
    """A row per table: name, kind of fault (None for a sound one), bars, found (faults) and reasons."""
    rows = []
    with tarfile.open(data / "yahoo" / "price_faults.tar.xz") as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if member.name.endswith(".csv"):
                faults = find_faults(read_table(tar.extractfile(member).read()))
                found = faults.dropna()
                name = Path(member.name).stem
                rows.append((name, kind_of(name), len(faults), len(found), ", ".join(sorted(set(found)))))
    return pd.DataFrame(rows, columns=["name", "kind", "bars", "found", "reasons"])


def kind_of(name: str) -> str | None:
    """What is wrong with the table of that name, None if nothing is."""
    if name.endswith("-fixed") or "no-bad-divs" in name:
        return None
    return KINDS[re.sub(r".*-(?:1d|1h|15m|1wk)-", "", name)]


def read_table(body: bytes) -> pd.DataFrame:
    """Yahoo's table under our names, by time."""
    frame = pd.read_csv(io.BytesIO(body))
    frame.index = pd.to_datetime(frame.pop(frame.columns[0]), utc=True)
    return frame.sort_index().rename(columns=NAMES)[list(NAMES.values())].astype(float)


if __name__ == "__main__":
    main()
