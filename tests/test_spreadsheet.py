import pandas as pd
import pyarrow as pa
import pytest

from sentfeat.spreadsheet import frame_without_formulas, without_formula, without_formulas

CELLS = ["=1+1", "+3 %", "-2+3", "@SUM(A1)", "\tx", "\rx", " =1", "Acme = 3", "", None]
SAFE = ["'=1+1", "'+3 %", "'-2+3", "'@SUM(A1)", "'\tx", "'\rx", "' =1", "Acme = 3", "", None]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_that_looks_like_a_formula_is_marked_and_numbers_are_not(kind):
    table = pa.table({"title": pa.array(CELLS, kind), "tone": pa.array([-0.5] * len(CELLS))})
    found = without_formulas(table)
    assert found.schema == table.schema
    assert found["title"].to_pylist() == SAFE
    assert found["tone"].to_pylist() == [-0.5] * len(CELLS)


@pytest.mark.parametrize("dtype", ["object", "str", "string"])
def test_a_frame_is_marked_alike_and_left_as_it_was(dtype):
    frame = pd.DataFrame({"title": pd.Series(CELLS, dtype=dtype), "n": range(len(CELLS))})
    found = frame_without_formulas(frame)
    assert [None if pd.isna(cell) else cell for cell in found["title"]] == SAFE
    assert frame["title"][0] == "=1+1"
    assert found["n"].tolist() == list(range(len(CELLS)))


def test_single_texts_are_marked_as_tables_are():
    assert [without_formula(cell) for cell in CELLS if cell is not None] == SAFE[:-1]
