"""The last answer of each address that names a version (ETag, Last-Modified), so that it is sent only when it changes.

The folder may be deleted at any time; all that is lost is a download.
"""

import hashlib
from pathlib import Path

import httpx
import msgspec

from sentfeat.whole import write_whole

MAX_BYTES = 5_000_000  # larger answers are filings: read once, never asked for again


class Remembered(msgspec.Struct, frozen=True):
    """One answer and the versions it came with."""

    url: str
    etag: str | None
    last_modified: str | None
    body: bytes

    def conditions(self) -> dict[str, str]:
        """Request headers that ask for the body only if it is another one."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value}


class ResponseCache:
    """One file an address, replaced whole; several processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def recall(self, url: str) -> Remembered | None:
        """What `url` last answered, None if that is not known (or the file is damaged)."""
        try:
            found = msgspec.msgpack.decode(self._path(url).read_bytes(), type=Remembered)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.url == url else None

    def remember(self, url: str, response: httpx.Response, body: bytes) -> None:
        """Keep a successful answer, if it names its version and is not too large."""
        etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
        if (etag or modified) and len(body) <= MAX_BYTES:
            write_whole(self._path(url), msgspec.msgpack.encode(Remembered(url, etag, modified, body)))

    def _path(self, url: str) -> Path:
        return self._folder / hashlib.sha256(url.encode()).hexdigest()
