"""Tables for people: a cell of text that a spreadsheet would take for a formula gets an apostrophe in front.

Headlines come from strangers, and "=HYPERLINK(...)" in a cell is run by whoever opens the file (CWE-1236). Parquet and
JSON lines keep every text as it is.
"""

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_FORMULA = r"^\s*[=+\-@]|^[\t\r]"


def without_formula(text: str) -> str:
    """The text, marked if it looks like a formula."""
    return f"'{text}" if re.match(_FORMULA, text) else text


def without_formulas(table: pa.Table) -> pa.Table:
    """The table with such cells of its string columns marked."""
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            cells = table.column(at)
            marked = pc.binary_join_element_wise(pa.scalar("'", field.type), cells, pa.scalar("", field.type))
            looks = pc.match_substring_regex(cells, _FORMULA)
            table = table.set_column(at, field, pc.if_else(looks, marked, cells))
    return table


def frame_without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with such cells of its text columns marked."""
    frame = frame.copy()
    for name in frame.select_dtypes(["object", "str", "string"]).columns:
        text = frame[name].astype("string")
        frame[name] = frame[name].mask(text.str.match(_FORMULA, na=False), "'" + text)
    return frame
