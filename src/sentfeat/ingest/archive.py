"""Raw payloads as they came, kept for ever, so that every table can be built again from them.

    RawArchive(folder).keep("wire", url, body, seen_at)          RawArchive(folder).replay("wire")

Bodies lie under their hash, compressed; a small record says which address sent one and when it was first seen.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pandas as pd
import pyarrow as pa

from sentfeat.errors import DataError
from sentfeat.whole import write_whole


class Record(msgspec.Struct, frozen=True):
    """One body from one address. first_seen_at: UTC, ISO 8601."""

    first_seen_at: str
    url: str
    body: str
    status: int
    content_type: str | None


class RawArchive:
    """A folder of payloads, one room a source; any number of processes may keep and replay at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def keep(
        self,
        source: str,
        url: str,
        body: bytes,
        seen_at: pd.Timestamp,
        *,
        status: int = 200,
        content_type: str | None = None,
    ) -> str:
        """The body's sha256. What an address sent before keeps its first `first_seen_at`. Raises DataError: no zone."""
        if seen_at.tzinfo is None:
            raise DataError(f"seen_at needs a zone, got {seen_at}; pass pd.Timestamp(..., tz='UTC')")
        name = hashlib.sha256(body).hexdigest()
        path = self._body_path(source, name)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _packed(body))
        record = Record(seen_at.tz_convert("UTC").isoformat(), url, name, status, content_type)
        _write_once(self._records(source) / hashlib.sha256(f"{name} {url}".encode()).hexdigest(), record)
        return name

    def replay(self, source: str) -> Iterator[tuple[str, bytes, pd.Timestamp]]:
        """(url, body, first_seen_at in UTC) in the order first seen. Raises DataError for a body that was altered."""
        files = [path for path in self._records(source).glob("*") if not path.name.startswith(".")]
        records = [msgspec.json.decode(path.read_bytes(), type=Record) for path in files]
        for record in sorted(records, key=lambda r: (pd.Timestamp(r.first_seen_at), r.url, r.body)):
            yield record.url, self._body(source, record), pd.Timestamp(record.first_seen_at)

    def _body(self, source: str, record: Record) -> bytes:
        path = self._body_path(source, record.body)
        try:
            with pa.input_stream(path, compression="zstd") as stream:
                body = stream.read()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error}); restore it from a copy") from error
        if hashlib.sha256(body).hexdigest() != record.body:
            raise DataError(f"{path} is not what {record.url} sent; restore it from a copy")
        return body

    def _records(self, source: str) -> Path:
        return self._root / quote(source, safe="") / "records"

    def _body_path(self, source: str, name: str) -> Path:
        return self._root / quote(source, safe="") / "bodies" / name[:2] / f"{name}.zst"


def _packed(body: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return sink.getvalue().to_pybytes()


def _write_once(path: Path, record: Record) -> None:
    """Whole or not at all, and never over an earlier one: a link to an existing name fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".") as file:
        file.write(msgspec.json.encode(record))
        file.flush()
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
