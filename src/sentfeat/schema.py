"""What a table is: columns with type, unit, meaning and null rule, a key, and an order.

`conform` turns a frame into what a declaration says or refuses it; schemas, the data dictionary and the field
metadata inside the Parquet files all come from here. The tables themselves are declared in sentfeat.tables.
"""

import hashlib
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from sentfeat.errors import DataError

UTC = pa.timestamp("us", tz="UTC")
TEXT, DAY, NUMBER, COUNT, FLAG = pa.string(), pa.date32(), pa.float64(), pa.int32(), pa.bool_()
NEVER = "never"


@dataclass(frozen=True)
class Column:
    """One column. `null` says when the cell is empty; NEVER makes an empty cell an error."""

    name: str
    type: pa.DataType
    meaning: str
    null: str = NEVER
    unit: str = ""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and the largest value, where the unit is written as "0 to 1"; a count is at least 0."""
        limits = re.fullmatch(r"(-?\d+) to (-?\d+)", self.unit)
        if limits:
            return float(limits[1]), float(limits[2])
        return (0.0, float("inf")) if self.type == COUNT else None

    def field(self) -> pa.Field:
        metadata = {"meaning": self.meaning, "null": self.null, "unit": self.unit}
        return pa.field(self.name, self.type, nullable=self.null != NEVER, metadata=metadata)


@dataclass(frozen=True)
class Table:
    """One table. Rows are sorted by `order` (the key, unless said otherwise) and the key is unique."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([column.field() for column in self.columns])

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """A frame of this table without rows."""
        return self.schema.empty_table().to_pandas()


def conform(table: Table, frame: pd.DataFrame) -> pa.Table:
    """`frame` with the declared columns, types and order. Raises DataError if it breaks the declaration.

    NaN and NaT become null; a missing or an extra column, a null where none may be, a value that does not fit its
    type, or a repeated key is an error.
    """
    missing = [name for name in table.names if name not in frame.columns]
    extra = [str(name) for name in frame.columns if name not in table.names]
    if missing or extra:
        raise DataError(f"table {table.name}: missing columns {missing}, unknown columns {extra}")
    frame = frame.sort_values(list(table.order or table.key), kind="stable")
    arrays = [_convert(table, column, frame[column.name]) for column in table.columns]
    repeated = frame.duplicated(list(table.key))
    if repeated.any():
        example = frame.loc[repeated, list(table.key)].iloc[0].to_dict()
        raise DataError(f"table {table.name}: {int(repeated.sum())} rows repeat the key, for example {example}")
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _convert(table: Table, column: Column, values: pd.Series) -> pa.Array:
    try:
        array = pa.array(values, type=column.type, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"table {table.name}, column {column.name}: not {column.type}: {error}") from error
    if column.null == NEVER and array.null_count:
        raise DataError(f"table {table.name}, column {column.name}: {array.null_count} empty cells; none are allowed")
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def content_hash(table: pa.Table) -> str:
    """Sixty-four hex digits of the cells alone: column names, types, nulls and values, in row order.

    Equal for equal content whatever the file layout, chunking or library version.
    """
    digest = hashlib.sha256()
    for name in table.column_names:
        column = table[name].combine_chunks()
        digest.update(f"{name}:{column.type}:{len(column)};".encode())
        digest.update(np.packbits(column.is_null().to_numpy(zero_copy_only=False)).tobytes())
        if pa.types.is_string(column.type):
            values = [value.encode() for value in column.fill_null("").to_pylist()]
            digest.update(np.array([len(value) for value in values], dtype="<i8").tobytes())
            digest.update(b"".join(values))
        else:
            digest.update(_plain(column).tobytes())
    return digest.hexdigest()


def _plain(column: pa.Array) -> np.ndarray:
    """A fixed-width column as little-endian numbers, nulls as zero."""
    if pa.types.is_list(column.type):
        return column.values.to_numpy(zero_copy_only=False).astype("<f4")
    if pa.types.is_boolean(column.type):
        return column.fill_null(False).to_numpy(zero_copy_only=False).astype("u1")
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values = column.fill_null(0).to_numpy(zero_copy_only=False)
    return values.astype(values.dtype.newbyteorder("<"))


def dictionary(table: Table) -> list[dict[str, str]]:
    """The data dictionary of one table: a dict per column."""
    return [
        {"name": c.name, "type": str(c.type), "unit": c.unit, "meaning": c.meaning, "null": c.null}
        for c in table.columns
    ]
