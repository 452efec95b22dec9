"""Raw payloads as they came, kept for ever, so that every table can be built again from them.

    with archive.recording(Attempt("edgar", seen_at=now, after=..., until=...)) as tape:
        source.fetch(window, Visit(tape))               what it is answered goes on record
    for attempt in archive.attempts("edgar"):
        source.fetch(window, Visit(archive.replaying(attempt)))    the same answers again, without the network

Bodies lie under their hash, compressed, each once. An attempt is one reading of a source: when it was (every document
of it was first seen then), which span it asked for, and which address answered what. Nothing is ever overwritten.

    raw/edgar/bodies/3f/3f9a....zst     raw/edgar/attempts/2026-11-19/213004.118-6d0c....json.zst     raw/edgar/final/
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Protocol
from urllib.parse import quote

import msgspec
import pandas as pd
import pyarrow as pa

from sentfeat.errors import AbsentError, DataError, SourceError
from sentfeat.store import Lake

ROOT = "raw"


class Exchange(msgspec.Struct, frozen=True):
    """One question and its answer: the hash of a body, or what went wrong. absent: the server has no such page."""

    url: str
    body: str | None = None
    error: str | None = None
    absent: bool = False


class Attempt(msgspec.Struct, frozen=True):
    """One reading of a source. Times are UTC, ISO 8601; polled: read live, not afterwards as an archive."""

    source: str
    seen_at: str
    after: str
    until: str
    polled: bool
    exchanges: tuple[Exchange, ...] = ()

    @property
    def now(self) -> pd.Timestamp:
        """When everything in it was seen."""
        return pd.Timestamp(self.seen_at)


class Tape(Protocol):
    """What stands between a source and the world."""

    def play(self, url: str, ask: Callable[[], bytes], *, final: bool = False) -> bytes:
        """What `url` answers; `ask` asks it. final: what it once answered it will always answer. Raises SourceError."""
        ...


class Straight:
    """No tape: every question is asked and nothing is kept."""

    def play(self, url: str, ask: Callable[[], bytes], *, final: bool = False) -> bytes:
        """See Tape."""
        return ask()


class RawArchive:
    """The payloads of a lake; any number of processes may keep and replay at once."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @contextmanager
    def recording(self, attempt: Attempt) -> Iterator["Recording"]:
        """A tape that keeps what passes, also when reading fails in the middle. An attempt that asked nothing leaves
        nothing."""
        tape = Recording(self, attempt.source)
        try:
            yield tape
        finally:
            if tape.exchanges:
                self._keep_attempt(msgspec.structs.replace(attempt, exchanges=tuple(tape.exchanges)))

    def replaying(self, attempt: Attempt) -> "Replaying":
        """A tape that answers as it was answered then."""
        return Replaying(self, attempt)

    def attempts(self, source: str) -> Iterator[Attempt]:
        """All readings of a source in time order, a day's at a time in memory. Raises DataError for a damaged one."""
        paths = self._lake.files(f"{_room(source)}/attempts", ".zst")
        for _, day in groupby(paths, key=lambda path: path.rpartition("/")[0]):
            yield from sorted(map(self._attempt, day), key=lambda attempt: (attempt.now, attempt.until))

    def count(self, sources: Iterable[str]) -> int:
        """How many readings of these sources are kept."""
        return sum(len(self._lake.files(f"{_room(source)}/attempts", ".zst")) for source in sources)

    def keep(self, source: str, body: bytes, *, final_for: str | None = None) -> str:
        """Keep a body, each once; its sha256. final_for: an address that will never answer anything else."""
        name = hashlib.sha256(body).hexdigest()
        path = _body_path(source, name)
        if not self._lake.has(path):
            self._lake.put(path, _packed(body))
        if final_for is not None:
            self._lake.put(_final_path(source, final_for), name.encode())
        return name

    def final(self, source: str, url: str) -> str | None:
        """The hash of what a final address answered, None if it was never asked."""
        name = self._lake.get(_final_path(source, url))
        return None if name is None else name.decode()

    def body(self, source: str, name: str) -> bytes:
        """A body by its hash. Raises DataError if it is not there or was altered."""
        path = _body_path(source, name)
        body = _unpacked(self._lake.get(path))
        if body is None or hashlib.sha256(body).hexdigest() != name:
            what = "is not there or cannot be unpacked" if body is None else "is not what was kept"
            raise DataError(f"{self._lake.location(path)} {what}; restore it from a copy")
        return body

    def _keep_attempt(self, attempt: Attempt) -> None:
        packed = _packed(msgspec.json.encode(attempt))
        name = f"{attempt.now:%H%M%S.%f}-{hashlib.sha256(packed).hexdigest()[:16]}.json.zst"
        self._lake.put(f"{_room(attempt.source)}/attempts/{attempt.now.date()}/{name}", packed)

    def _attempt(self, path: str) -> Attempt:
        packed = _unpacked(self._lake.get(path))
        try:
            return msgspec.json.decode(packed or b"", type=Attempt)
        except msgspec.DecodeError as error:
            raise DataError(f"{self._lake.location(path)} cannot be read ({error}); restore it from a copy") from error


class Recording:
    """Asks and keeps; what is final and was kept before is not asked again. See Tape."""

    def __init__(self, archive: RawArchive, source: str) -> None:
        self.exchanges: list[Exchange] = []
        self._archive, self._source = archive, source

    def play(self, url: str, ask: Callable[[], bytes], *, final: bool = False) -> bytes:
        """See Tape."""
        known = self._archive.final(self._source, url) if final else None
        if known is not None:
            self.exchanges.append(Exchange(url, known))
            return self._archive.body(self._source, known)
        try:
            body = ask()
        except SourceError as error:
            self.exchanges.append(Exchange(url, error=str(error), absent=isinstance(error, AbsentError)))
            raise
        self.exchanges.append(Exchange(url, self._archive.keep(self._source, body, final_for=url if final else None)))
        return body


class Replaying:
    """Answers from one attempt's record, and from what was final by then; asks nobody. See Tape."""

    def __init__(self, archive: RawArchive, attempt: Attempt) -> None:
        self._archive, self._source = archive, attempt.source
        self._answers = {exchange.url: exchange for exchange in attempt.exchanges}

    def play(self, url: str, ask: Callable[[], bytes], *, final: bool = False) -> bytes:
        """See Tape. Raises the recorded error, or SourceError for what was not asked then."""
        answer = self._answers.get(url) or Exchange(url, self._archive.final(self._source, url) if final else None)
        if answer.body is not None:
            return self._archive.body(self._source, answer.body)
        kind = AbsentError if answer.absent else SourceError
        raise kind(answer.error or f"source {self._source}: {url} is not on record for that attempt")


def _room(source: str) -> str:
    return f"{ROOT}/{quote(source, safe='')}"


def _body_path(source: str, name: str) -> str:
    return f"{_room(source)}/bodies/{name[:2]}/{name}.zst"


def _final_path(source: str, url: str) -> str:
    name = hashlib.sha256(url.encode()).hexdigest()
    return f"{_room(source)}/final/{name[:2]}/{name}"


def _packed(body: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return sink.getvalue().to_pybytes()


def _unpacked(packed: bytes | None) -> bytes | None:
    if packed is None:
        return None
    try:
        with pa.input_stream(pa.py_buffer(packed), compression="zstd") as stream:
            return stream.read()
    except OSError:
        return None
