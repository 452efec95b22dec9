"""One way to fetch: identity, timeouts, retries with jitter, `Retry-After`, limits on size.

What does not come back as a whole, successful answer is a SourceError that names the address and the reason.
"""

import random
import time

import httpx

from sentfeat import __version__
from sentfeat.errors import SourceError

TIMEOUT = httpx.Timeout(20.0, connect=10.0)
ATTEMPTS = 4
LONGEST_WAIT = 60.0
MAX_BYTES = 50_000_000
BUSY = {403, 429, 500, 502, 503, 504}  # the SEC says 403 with an HTML page when it means 429


class Fetcher:
    """A client for one source.

    base_wait: seconds before the second attempt, doubled each time. min_interval: seconds between two requests.
    """

    def __init__(
        self, name: str, *, user_agent: str | None = None, base_wait: float = 1.0, min_interval: float = 0.0
    ) -> None:
        self._name, self._base_wait, self._min_interval = name, base_wait, min_interval
        self._last_request = 0.0
        self._retry_after: float | None = None
        headers = {"User-Agent": user_agent or f"sentfeat/{__version__}"}
        self._client = httpx.Client(timeout=TIMEOUT, headers=headers, follow_redirects=True)

    def get(self, url: str) -> bytes:
        """The body of `url`. Raises SourceError if it cannot be had in a few attempts."""
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(self._pause(attempt))
            try:
                return self._once(url)
            except httpx.HTTPStatusError as error:
                problem = f"HTTP {error.response.status_code}"
                self._retry_after = _retry_after(error.response)
                if error.response.status_code not in BUSY:
                    break
            except httpx.HTTPError as error:
                problem = f"{type(error).__name__}: {error}"
                self._retry_after = None
        raise SourceError(f"source {self._name}: {url} could not be read ({problem})")

    def _once(self, url: str) -> bytes:
        time.sleep(max(0.0, self._last_request + self._min_interval - time.monotonic()))
        self._last_request = time.monotonic()
        with self._client.stream("GET", url) as response:
            response.raise_for_status()
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_BYTES:
                    raise SourceError(f"source {self._name}: {url} is larger than {MAX_BYTES:,} bytes; refused")
            return bytes(body)

    def _pause(self, attempt: int) -> float:
        """What the server asked for, else exponential with jitter; never longer than a minute."""
        backoff = self._base_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
        return min(max(backoff, self._retry_after or 0.0), LONGEST_WAIT)


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdigit() else None
