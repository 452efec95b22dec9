"""What a training row is, whatever set it comes from.

One row teaches one answer: `task`, the `text` it is about, the `entity` or `question` asked (or none), the `label`, the
`source` set, whether a rule rather than a person made the label (`silver`), and the `group` that a split must not tear
apart (a call; a company with all its filings), or none for texts that stand alone.
"""

import hashlib
import json
from collections.abc import Iterable

import pandas as pd

COLUMNS = ["task", "text", "entity", "question", "label", "source", "silver", "group"]
TAUGHT = ["task", "text", "entity", "question", "label"]
"""What makes two rows the same."""


def make_rows(found: Iterable[dict] | pd.DataFrame, *, task: str, source: str, silver: bool = False) -> pd.DataFrame:
    """Rows with every column: those of `found` (text, label and what else it has), the rest none."""
    rows = pd.DataFrame(found, dtype=object).assign(task=task, source=source, silver=silver).reindex(columns=COLUMNS)
    rows = rows.astype({column: object for column in COLUMNS if column != "silver"})
    return rows.where(rows.notna(), None).astype({"silver": bool})


def row_key(row: dict) -> str:
    """16 hex digits that name a row by what it teaches, under any template, split and order."""
    taught = json.dumps([row[column] for column in TAUGHT], ensure_ascii=False)
    return hashlib.sha256(taught.encode()).hexdigest()[:16]
