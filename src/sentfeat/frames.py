"""Files of rows that people hand over: CSV in which a comma too many shifts no column, and JSON lines.

Names made of digits stay text. The files are UTF-8, with or without a byte order mark.
"""

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
import pandas as pd
import pyarrow as pa

from sentfeat.errors import DataError

Row = TypeVar("Row")
_COMPRESSED = ("", ".gz", ".zst")
csv.field_size_limit(2**31 - 1)  # a cell may hold a whole filing, and the module takes 131,072 characters by itself


def is_csv(path: Path) -> bool:
    """Whether the name says that the file is a CSV, perhaps a compressed one, in whatever case."""
    return path.name.lower().endswith(tuple(f".csv{ending}" for ending in _COMPRESSED))


def is_jsonl(path: Path) -> bool:
    """Whether the name says that the file holds JSON lines, perhaps compressed, in whatever case."""
    return path.name.lower().endswith(tuple(f".jsonl{ending}" for ending in _COMPRESSED))


def read_csv(path: Path, text: Collection[str] = ()) -> pd.DataFrame:
    """The rows of a CSV file (UTF-8; .gz and .zst too) with the types that pandas finds.

    Cells of the columns `text`, which may be absent, are kept as they are written ("007", "NA", and "" for none). Empty
    fields beyond the header are dropped. Raises DataError for a file that cannot be read, has no header, or has a row
    with more fields than the header.
    """
    if not path.is_file():
        raise DataError(f"no file at {path}")
    try:
        known = range(_check_fields(path))  # what lies beyond is empty
        with _opened(path) as stream:
            frame = pd.read_csv(stream, index_col=False, usecols=known)
        texts = [name for name in frame.columns if name in text]
        if not texts:
            return frame
        with _opened(path) as stream:
            written = pd.read_csv(stream, index_col=False, usecols=texts, dtype=str, keep_default_na=False)
    except (ValueError, OSError, csv.Error) as error:
        raise DataError(f"cannot read {path}: {error}; it must be a CSV file in UTF-8 with a header") from error
    return frame.assign(**{name: written[name] for name in texts})


def read_json_lines(path: Path, row: type[Row]) -> list[Row]:
    """The lines of a JSON lines file (.gz and .zst too) as `row`s, but for empty ones.

    Raises DataError for a file that cannot be read, naming the line that is none.
    """
    if not path.is_file():
        raise DataError(f"no file at {path}")
    try:
        with _opened(path) as stream:
            lines = stream.read().removeprefix(codecs.BOM_UTF8).split(b"\n")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return [_decode(path, place, line, row) for place, line in enumerate(lines, 1) if line.strip()]


def _decode(path: Path, place: int, line: bytes, row: type[Row]) -> Row:
    try:
        return msgspec.json.decode(line, type=row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}, line {place}: {error}; it must be a JSON object in UTF-8") from error


def _check_fields(path: Path) -> int:
    """How many columns the header has. Raises DataError for a row with more fields that are not empty."""
    with _opened(path) as stream:
        lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))
        columns = len(next((fields for fields in lines if fields), ()))
        for fields in lines:
            if any(field.strip() for field in fields[columns:]):
                raise DataError(
                    f"{path}, line {lines.line_num}: {len(fields)} fields, but the header has {columns}; put cells "
                    'that hold a comma in quotes ("a, b")'
                )
    return columns


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    with pa.input_stream(path, compression="detect") as stream:
        yield io.BufferedReader(stream)
