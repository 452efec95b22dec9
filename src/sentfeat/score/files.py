"""Files of rows, read and written in slices, so that memory does not grow with them.

CSV and JSON lines (also .gz and .zst) and Parquet, told apart by name. A first pass over a text file counts its rows
and settles the types of its columns, and finds what is wrong with it before hours are spent on the rows above.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from sentfeat.errors import ConfigError, DataError
from sentfeat.spreadsheet import without_formulas

FORMATS = (".csv", ".jsonl", ".parquet")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
CHUNK = 16384  # rows read at a time
_WHOLE = r"-?(?:0|[1-9]\d{0,14})"  # longer ones are ids, as are those with leading zeros: they stay text
_SPELLINGS = (  # what a CSV column may be besides text, narrowest first
    (pa.int64(), f"^{_WHOLE}$"),
    (pa.float64(), rf"^{_WHOLE}(?:\.\d{{1,17}})?(?:[eE][+-]\d{{1,3}})?$"),
    (pa.bool_(), "^(?:true|false|True|False|TRUE|FALSE)$"),
)
_CSV = pa.csv.ParseOptions(newlines_in_values=True)
_JSON = msgspec.json.Encoder(enc_hook=lambda value: value.isoformat())  # pandas' times and durations, to the nanosecond

UNREADABLE = (
    pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError,
    OSError, EOFError, UnicodeDecodeError, OverflowError,
)  # fmt: skip


class Contents(NamedTuple):
    """What the first pass found."""

    rows: int
    schema: pa.Schema


def scan(path: Path) -> Contents:
    """Rows and column types. Raises ConfigError for an unknown format, DataError naming what cannot be read."""
    if _format_of(path) == ".parquet":
        with _reading(path), pq.ParquetFile(path) as file:
            return Contents(file.metadata.num_rows, file.schema_arrow)
    rows, schema = 0, pa.schema([])
    with _reading(path):
        if _format_of(path) == ".csv":
            for chunk in _read_csv(path, None):
                rows, schema = rows + len(chunk), _spelled(chunk, schema)
        else:
            for chunk in _read_jsonl(path):
                rows += len(chunk)
                schema = pa.unify_schemas([schema, chunk.schema], promote_options="permissive")
    settled = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in schema]
    return Contents(rows, pa.schema(settled))


def read_slices(path: Path, rows: int, schema: pa.Schema) -> Iterator[pa.Table]:
    """The columns of `schema` in tables of `rows` rows each, but for the last; a column that is not there is null."""
    held: list[pa.Table] = []
    with _reading(path):
        for chunk in _chunks(path, schema):
            held.append(_fit(chunk, schema))
            while sum(map(len, held)) >= rows:
                whole = pa.concat_tables(held)
                yield whole.slice(0, rows)
                held = [whole.slice(rows)]
    if sum(map(len, held)):
        yield pa.concat_tables(held)


def write_slices(path: Path, staged: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write `tables` to `staged` in the format that the name of `path` says; returns their rows.

    Raises ConfigError for an unknown format, DataError for columns that it cannot hold.
    """
    rows, ending = 0, _format_of(path)
    try:
        if ending == ".parquet":
            with pq.ParquetWriter(staged, schema, compression="zstd") as parquet:
                for table in tables:
                    parquet.write_table(table)
                    rows += len(table)
            return rows
        with pa.output_stream(staged, compression=COMPRESSIONS.get(path.suffix)) as stream:
            if ending == ".csv":
                with pa.csv.CSVWriter(stream, schema) as csv:
                    for table in tables:
                        csv.write_table(without_formulas(table))
                        rows += len(table)
                return rows
            for table in tables:
                stream.write(b"".join(_JSON.encode(row) + b"\n" for row in table.to_pylist()))
                rows += len(table)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path} cannot hold these columns: {error}; write .parquet or .jsonl instead") from error
    return rows


def check_format(path: Path) -> None:
    """Raises ConfigError if files of that name are not known."""
    _format_of(path)


def _format_of(path: Path) -> str:
    ending = path.suffixes[-2:][0] if path.suffix in COMPRESSIONS and len(path.suffixes) > 1 else path.suffix
    if ending not in FORMATS or (ending == ".parquet" and path.suffix != ending):
        raise ConfigError(
            f"{path}: cannot tell the format; the name must end in {', '.join(FORMATS)}, "
            f"or .csv or .jsonl and {' or '.join(COMPRESSIONS)}"
        )
    return ending


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise DataError(f"no file at {path}")
    try:
        yield
    except UNREADABLE as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _chunks(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    if _format_of(path) == ".csv":
        yield from _read_csv(path, schema)
    elif _format_of(path) == ".jsonl":
        yield from _read_jsonl(path)
    else:
        with pq.ParquetFile(path) as file:
            names = [name for name in schema.names if name in file.schema_arrow.names]
            for batch in file.iter_batches(CHUNK, columns=names):
                yield pa.Table.from_batches([batch])


def _read_csv(path: Path, schema: pa.Schema | None) -> Iterator[pa.Table]:
    """The columns of `schema`, or all as text."""
    with pa.input_stream(path, compression="detect") as stream:
        names = pa.csv.open_csv(stream, parse_options=_CSV).schema.names
    if len(set(names)) < len(names):
        raise DataError(f"{path} has several columns of one name: {', '.join(names)}")
    types = {name: pa.string() if schema is None else schema.field(name).type for name in names if _wants(schema, name)}
    convert = pa.csv.ConvertOptions(column_types=types, include_columns=list(types), strings_can_be_null=False)
    with pa.input_stream(path, compression="detect") as stream:
        reader = pa.csv.open_csv(stream, parse_options=_CSV, convert_options=convert)
        yield reader.schema.empty_table()  # of a file with a header and no rows
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _wants(schema: pa.Schema | None, name: str) -> bool:
    return schema is None or name in schema.names


def _read_jsonl(path: Path) -> Iterator[pa.Table]:
    with pa.input_stream(path, compression="detect") as stream:
        lines = enumerate(io.BufferedReader(stream), 1)
        while chunk := list(islice(lines, CHUNK)):
            rows = [_decode(path, number, line) for number, line in chunk if line.strip()]
            names = dict.fromkeys(name for row in rows for name in row)
            yield pa.table({name: [row.get(name) for row in rows] for name in names})


def _decode(path: Path, number: int, line: bytes) -> dict:
    try:
        return msgspec.json.decode(line, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}, line {number}: not a JSON object: {error}") from error


def _spelled(chunk: pa.Table, before: pa.Schema) -> pa.Schema:
    """The narrowest type of each column of text that fits its cells, here and `before`; null if there are none."""
    found = {name: {_spelled_type(chunk[name])} for name in chunk.column_names}
    for field in before:
        found[field.name].add(field.type)
    return pa.schema([(name, _widest(types - {pa.null()})) for name, types in found.items()])


def _widest(types: set[pa.DataType]) -> pa.DataType:
    if len(types) < 2:
        return types.pop() if types else pa.null()
    return pa.float64() if types == {pa.int64(), pa.float64()} else pa.string()


def _spelled_type(cells: pa.ChunkedArray) -> pa.DataType:
    missing = pa.array(pa.csv.ConvertOptions().null_values)
    stated = cells.filter(pc.invert(pc.is_in(cells, missing)))
    if not len(stated):
        return pa.null()
    fitting = (kind for kind, spelling in _SPELLINGS if pc.all(pc.match_substring_regex(stated, spelling)).as_py())
    return next(fitting, pa.string())


def _fit(chunk: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        chunk[field.name].cast(field.type) if field.name in chunk.column_names else pa.nulls(len(chunk), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
