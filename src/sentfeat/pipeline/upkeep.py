"""What keeps a lake as quick after a year of nights as on the first: many small segments become one.

Every poll and every night appends segments. `tidy` merges those of a finished day, or of any partition with many, into
one file and removes them afterwards; killed in between, rows lie there twice and are read once, as all readers of these
tables take each key once, and the next night removes the rest. Call it while holding the lake (lock.only_writer).
"""

from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from sentfeat.schema import Table
from sentfeat.store import STAGING, Lake
from sentfeat.tables import COVERAGE, DOCUMENTS, LINKS, PRICES, QUARANTINE, REPORT_RISKS, REPORTS, SCORES

APPENDED = (DOCUMENTS, LINKS, COVERAGE, QUARANTINE, PRICES, SCORES, REPORTS, REPORT_RISKS)
MOST_SEGMENTS = 24  # of a partition that is still added to
ABANDONED = pd.Timedelta(days=1)  # no write takes as long


@dataclass(frozen=True)
class TidyReport:
    """Segments merged away, and files removed that a killed run had left half written."""

    merged: int = 0
    abandoned: int = 0


def tidy(lake: Lake, now: pd.Timestamp) -> TidyReport:
    """Merge segments and remove what killed runs left in the staging folder."""
    merged = sum(_merge(lake, table, now) for table in APPENDED)
    leftovers = [stored.path for stored in lake.stored(STAGING) if now - stored.written_at > ABANDONED]
    for path in leftovers:
        lake.delete(path)
    return TidyReport(merged, len(leftovers))


def _merge(lake: Lake, table: Table, now: pd.Timestamp) -> int:
    partitions = defaultdict(list)
    for path in lake.files(table.name):
        partitions[path.rpartition("/")[0]].append(path)
    merged = 0
    for folder, paths in partitions.items():
        if len(paths) > (1 if _is_past(folder, now) else MOST_SEGMENTS):
            rows = lake.read(table, paths=paths).drop_duplicates(list(table.key), keep="last")
            whole = lake.append(table, rows, folder.removeprefix(f"{table.name}/"))
            for path in set(paths) - {whole}:
                lake.delete(path)
                merged += 1
    return merged


def _is_past(folder: str, now: pd.Timestamp) -> bool:
    """Whether the partition is a day that is over, so that nothing is added to it any more."""
    name, _, day = folder.rpartition("/")[2].partition("=")
    return name in ("date", "ingest_date") and day < str(now.date())
