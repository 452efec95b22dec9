"""A site that misbehaves as real ones do: recorded answers, 304 on request, slow bytes, connections cut in the middle.

replay.say("/a", body, ETag='"1"')      a second request that names the version gets 304
replay.slow("/a", seconds=0.2)          a pause before every byte
replay.cut("/a", after=10)              the connection ends after ten bytes; once
replay.flood("/a", size=10**9)          so many bytes, made while they are sent
"""

import io
import json
import tarfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.site import Site

RATE_PAGE = (
    "<!DOCTYPE html><html><head><title>SEC.gov | Request Rate Threshold Exceeded</title></head>"
    "<body><h1>Your Request Originates from an Undetermined Source</h1></body></html>"
)
TOOL_PAGE = (
    "<html><head><title>SEC.gov</title></head>"
    "<body>Your Request Originates from an Undeclared Automated Tool</body></html>"
)


class Replay(Site):
    """A Site that also keeps the request headers and the time of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, str]] = []
        self.arrivals: list[float] = []
        self._pauses: dict[str, float] = {}
        self._cuts: dict[str, int] = {}
        self._floods: dict[str, int] = {}
        self.flooded = 0

    def slow(self, path: str, seconds: float) -> None:
        self._pauses[path] = seconds

    def cut(self, path: str, after: int) -> None:
        self._cuts[path] = after

    def flood(self, path: str, size: int) -> str:
        self._floods[path] = size
        return self.say(path, b"")

    def answer(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
        self.arrivals.append(time.monotonic())
        self.seen.append({name.lower(): value for name, value in handler.headers.items()})
        if "ETag" in headers and handler.headers.get("If-None-Match") == headers["ETag"]:
            status, body = 304, b""
        size = str(len(body))
        cut = self._cuts.pop(handler.path, None)
        pieces = [body] if handler.path not in self._pauses else [body[i : i + 1] for i in range(len(body))]
        if handler.path in self._floods:
            self._send_flood(handler, self._floods[handler.path])
            return
        try:
            super().answer(handler, status, {"Content-Length": size, **headers}, b"" if cut is None else body[:cut])
            for piece in pieces if cut is None else ():
                time.sleep(self._pauses.get(handler.path, 0.0))
                handler.wfile.write(piece)
        except OSError:  # the reader went away, as it should
            pass

    def _send_flood(self, handler: BaseHTTPRequestHandler, size: int) -> None:
        piece = b"<item><title>news</title></item>" * 2_048
        try:
            super().answer(handler, 200, {"Content-Length": str(size)}, b"")
            while self.flooded < size:
                handler.wfile.write(piece)
                self.flooded += len(piece)
        except OSError:  # the reader has had enough
            pass


def captures(real_data: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The recorded EDGAR responses: their line in index.json (url, status, ctype, etag ...) and their body."""
    archive = real_data / "edgar" / "http_captures.tar.xz"
    with tarfile.open(archive) as tar:
        bodies = {Path(m.name).name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
    for entry in json.load(io.BytesIO(bodies["index.json"])):
        yield entry, bodies.get(entry["file"], b"")
