"""The data dictionary for people: what tables.py declares, as Markdown. docs/dictionary.md is `page()`.

sentfeat dictionary all --markdown > docs/dictionary.md
"""

from collections.abc import Iterable

from sentfeat.schema import Table, dictionary
from sentfeat.tables import TABLES

HEAD = """# Data dictionary

Every table and column, made from the declarations in `src/sentfeat/tables.py` by
`sentfeat dictionary all --markdown`; the same stands in the Parquet files' own metadata.
"""


def page() -> str:
    """All tables."""
    return HEAD + "".join("\n" + section(table) for table in reversed(TABLES.values()))


def section(table: Table) -> str:
    """One table: its meaning, its key, a row per column."""
    rows = [(f"`{row['name']}`", row["type"], row["unit"], row["meaning"], row["null"]) for row in dictionary(table)]
    lines = [
        f"## {table.name}",
        "",
        f"{table.meaning} Key: {', '.join(f'`{name}`' for name in table.key)}.",
        "",
        _line(("column", "type", "unit or range", "meaning", "null")),
        _line(["---"] * 5),
        *map(_line, rows),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
