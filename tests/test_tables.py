"""A table is what tables.py declares, or it is refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sentfeat import schema, tables
from sentfeat.errors import DataError
from sentfeat.schema import Column, Table, conform, content_hash
from sentfeat.tables import PRICES

SMALL = Table(
    "small",
    "for this test",
    ("key",),
    (
        Column("key", pa.string(), "the key"),
        Column("value", pa.float64(), "a number", "unknown"),
        Column("count", pa.int32(), "a count", "unknown"),
    ),
)


def frame(**changes) -> pd.DataFrame:
    return pd.DataFrame({"key": ["b", "a"], "value": [1.0, np.nan], "count": [None, 3]} | changes)


def test_conform_sorts_by_key_and_turns_nan_into_null():
    rows = conform(SMALL, frame())
    assert rows["key"].to_pylist() == ["a", "b"]
    assert rows["value"].to_pylist() == [None, 1.0]
    assert rows["count"].to_pylist() == [3, None]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (frame().drop(columns="value"), r"missing columns \['value'\]"),
        (frame(extra=1), r"unknown columns \['extra'\]"),
        (frame(key=["a", None]), "column key: 1 empty cells"),
        (frame(key=["a", "a"]), "1 rows repeat the key"),
        (frame(value=["x", "y"]), "column value: not double"),
        (frame(count=[1.5, 2.0]), "column count: not int32"),
    ],
)
def test_a_frame_that_breaks_the_declaration_is_refused(bad, message):
    with pytest.raises(DataError, match=message):
        conform(SMALL, bad)


def test_content_hash_ignores_row_order_and_chunking_but_no_cell():
    rows = conform(SMALL, frame())
    chunked = pa.concat_tables([rows.slice(0, 1), rows.slice(1)])
    assert content_hash(rows) == content_hash(conform(SMALL, frame().iloc[::-1])) == content_hash(chunked)
    for change in ({"value": [1.0, 0.0]}, {"value": [1.0000000000000002, np.nan]}, {"count": [0, 3]}):
        assert content_hash(conform(SMALL, frame(**change))) != content_hash(rows)


def test_content_hash_keeps_neighbouring_strings_apart():
    first = conform(SMALL, frame(key=["ab", "c"]))
    second = conform(SMALL, frame(key=["a", "bc"]))
    assert content_hash(first) != content_hash(second)


def test_every_column_of_every_table_says_what_it_means_and_when_it_is_null():
    for table in tables.TABLES.values():
        assert len(set(table.names)) == len(table.names)
        assert set(table.key) <= set(table.names)
        for row in schema.dictionary(table):
            assert row["meaning"]
            assert row["null"]


def test_meaning_and_unit_travel_in_the_schema():
    field = PRICES.schema.field("volume")
    assert field.metadata == {b"meaning": b"shares traded", b"null": b"not reported", b"unit": b"shares"}
