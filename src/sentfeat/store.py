"""The lake: Parquet and JSON files over pyarrow.fs (a local folder, s3://, gs://).

A file appears whole or not at all: on disk it is written to `.staging/` (outside every dataset, without a .parquet
suffix, which some readers would pick up), synced and renamed; an object store's single PUT is atomic by itself.
Appended tables consist of immutable segments named by their content, so writing the same rows twice is one file.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from pyarrow import fs

from sentfeat.errors import ConfigError, DataError, LakeError
from sentfeat.schema import Table, conform, content_hash
from sentfeat.whole import replacing

STAGING = ".staging"
COMPRESSION = {"compression": "zstd", "compression_level": 3}


class Stored(NamedTuple):
    """A file of the lake: its path relative to the root, bytes, and when it was written by the store's own clock."""

    path: str
    size: int
    written_at: pd.Timestamp


class Lake:
    """All tables of one project under one root (a path or a URI)."""

    def __init__(self, root: str | Path) -> None:
        """Raises ConfigError for a URI with a password in it: where a lake lies is written into reports and logs."""
        self.root = str(root)
        if "://" not in self.root:
            self._fs, self._base = fs.LocalFileSystem(), str(Path(self.root).absolute())
            return
        if urlsplit(self.root).username:
            raise ConfigError("a lake's address must hold no key or password; give them through the environment")
        self._fs, self._base = fs.FileSystem.from_uri(_single_put(self.root))

    @property
    def folder(self) -> Path | None:
        """The root as a local folder, None on an object store."""
        return Path(self._base) if isinstance(self._fs, fs.LocalFileSystem) else None

    def location(self, path: str) -> str:
        """Where `path` (relative to the root) lies, for messages and for other tools."""
        return f"{self.root.partition('?')[0].rstrip('/')}/{path}"

    # files

    def put(self, path: str, data: bytes) -> None:
        """Write a whole file atomically, over what is there. Raises LakeError for a disk that takes nothing."""
        if self.folder is None:
            with self._fs.open_output_stream(f"{self._base}/{path}") as stream:
                stream.write(data)
            return
        try:
            with replacing(self.folder / path, self.folder / STAGING) as staged:
                staged.write_bytes(data)
        except OSError as error:
            raise LakeError(
                f"cannot write {self.location(path)} ({error.strerror}); what was there before still stands: make "
                "room or give access, then run the same again"
            ) from error

    def get(self, path: str) -> bytes | None:
        """A whole file, or None if there is none."""
        try:
            with self._fs.open_input_file(f"{self._base}/{path}") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def delete(self, path: str) -> None:
        """Remove a file; one that is gone already is no error."""
        if self.has(path):
            self._fs.delete_file(f"{self._base}/{path}")

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return self._fs.get_file_info(f"{self._base}/{path}").type == fs.FileType.File

    def put_json(self, path: str, value: Any) -> None:
        self.put(path, json.dumps(value, indent=1, sort_keys=True).encode())

    def get_json(self, path: str) -> Any | None:
        """A JSON file's content; None if it is missing or unreadable: a manifest that cannot be read proves nothing."""
        data = self.get(path)
        try:
            return None if data is None else json.loads(data)
        except ValueError:
            return None

    def files(self, folder: str, suffix: str = ".parquet") -> list[str]:
        """Paths of all files below `folder` with that suffix, sorted, relative to the root."""
        return [stored.path for stored in self.stored(folder) if stored.path.endswith(suffix)]

    def stored(self, folder: str) -> list[Stored]:
        """All files below `folder`, sorted by path."""
        selector = fs.FileSelector(f"{self._base}/{folder}", recursive=True, allow_not_found=True)
        found = [info for info in self._fs.get_file_info(selector) if info.type == fs.FileType.File]
        begin = len(self._base) + 1
        return sorted(Stored(info.path[begin:], info.size, pd.Timestamp(info.mtime_ns, tz="UTC")) for info in found)

    # tables

    def append(self, table: Table, frame: pd.DataFrame, partition: str) -> str | None:
        """Add rows as one immutable segment; returns its path, or None if there were no rows."""
        if frame.empty:
            return None
        rows = conform(table, frame)
        path = f"{table.name}/{partition}/{content_hash(rows)[:16]}.parquet"
        if not self.has(path):
            self.put(path, parquet_bytes(rows))
        return path

    def read(
        self,
        table: Table,
        *,
        columns: Sequence[str] | None = None,
        where: pc.Expression | None = None,
        folder: str | None = None,
        paths: Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Rows of `table` (below `folder`, or just the files in `paths`) that satisfy `where`.

        Raises DataError naming the file if one cannot be read.
        """
        names = list(columns or table.names)
        chosen = self.files(folder or table.name) if paths is None else list(paths)
        try:
            return self._scan(table, names, where, chosen)
        except FileNotFoundError:  # merged into another segment since it was listed
            chosen = self.files(folder or table.name) if paths is None else chosen
        except (pa.ArrowInvalid, OSError) as error:
            raise self._unreadable(table, chosen) from error
        try:
            return self._scan(table, names, where, chosen)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._unreadable(table, chosen) from error

    def _scan(self, table: Table, names: list[str], where: pc.Expression | None, chosen: Sequence[str]) -> pd.DataFrame:
        if not chosen:
            return pandas_frame(table.schema.empty_table().select(names))
        places = [f"{self._base}/{path}" for path in chosen]
        dataset = pyarrow.dataset.dataset(places, schema=table.schema, filesystem=self._fs, format="parquet")
        return pandas_frame(dataset.to_table(columns=names, filter=where))

    def _unreadable(self, table: Table, chosen: Sequence[str]) -> DataError:
        return DataError(f"table {table.name}: {self._culprit(chosen)}; move it away and run the same again")

    def _culprit(self, paths: Sequence[str]) -> str:
        for path in paths:
            try:
                pq.read_table(io.BytesIO(self.get(path) or b""))
            except (pa.ArrowInvalid, OSError) as error:
                return f"{self.location(path)} is not a readable Parquet file ({error})"
        return f"the files below {self.location('')} do not share the declared schema"


def _single_put(uri: str) -> str:
    """`uri` with uploads of one request each, where the store is S3: nothing is left of one that was cut off."""
    if not uri.startswith("s3://"):
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}allow_delayed_open=true"


def parquet_bytes(rows: pa.Table) -> bytes:
    """A Parquet file's content."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, **COMPRESSION)
    return sink.getvalue().to_pybytes()


def pandas_frame(rows: pa.Table) -> pd.DataFrame:
    """To pandas with nullable integers and flags (a missing count is no float) and sessions as datetime64."""
    nullable = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = rows.to_pandas(types_mapper=nullable.get)
    for field in rows.schema:
        if pa.types.is_date32(field.type):
            frame[field.name] = pd.to_datetime(frame[field.name])
    return frame


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
