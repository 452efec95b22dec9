"""A response's body, read with a limit on its size, on how far gzip may blow it up, and on the time it may take.

Nothing is unpacked before it is known to fit: zlib is asked for one bounded piece at a time.
"""

import time
import zlib
from collections.abc import Iterator

import httpx

from sentfeat.errors import SourceError

PIECE = 65_536
RATIO_FLOOR = 1_000_000  # bytes; below this no ratio does harm
GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def read_body(response: httpx.Response, *, max_bytes: int, max_ratio: float, deadline: float) -> bytes:
    """The unpacked body of a streamed response. deadline: on time.monotonic's clock.

    Raises SourceError for a body over a limit, httpx.ReadError for gzip data that end early.
    """
    body = bytearray()
    for piece in _unpacked(response):
        body += piece
        if len(body) > max_bytes:
            raise SourceError(f"larger than {max_bytes:,} bytes; refused")
        if len(body) > max(RATIO_FLOOR, max_ratio * response.num_bytes_downloaded) and _coding(response):
            raise SourceError(f"unpacks to more than {max_ratio:g} times its size; refused as a gzip bomb")
        if time.monotonic() > deadline:
            raise SourceError(f"too slow: {len(body):,} bytes came before the deadline")
    return bytes(body)


def _coding(response: httpx.Response) -> str:
    return response.headers.get("content-encoding", "").strip().lower().removeprefix("identity")


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    match _coding(response):
        case "":
            return response.iter_raw()
        case "gzip" | "x-gzip" | "deflate":
            return _inflate(response)
        case other:
            raise SourceError(f"is packed as {other!r} although only gzip was asked for")


def _inflate(response: httpx.Response) -> Iterator[bytes]:
    """Pieces of at most PIECE bytes. An empty piece for each one received lets the reader look at the clock."""
    unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
    for packed in response.iter_raw():
        yield b""
        while packed:
            if unpacker.eof:  # another gzip member follows
                unpacker = zlib.decompressobj(GZIP_OR_ZLIB)
            try:
                yield unpacker.decompress(packed, PIECE)
            except zlib.error as error:
                raise SourceError(f"is broken gzip data ({error})") from error
            packed = unpacker.unconsumed_tail or unpacker.unused_data
    if not unpacker.eof:
        raise httpx.ReadError("the gzip data end early")
