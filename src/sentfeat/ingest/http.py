"""One way to fetch: identity, pace, retries with jitter, `Retry-After`, conditional requests, limits on size and time.

    Fetcher("edgar", user_agent="Jane Doe jane@example.com").get("https://www.sec.gov/...")

What does not come back as a whole, successful answer is a SourceError that names source, address and reason.
docs/sources.md says what each fault does.
"""

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from platformdirs import user_cache_path

from sentfeat import __version__
from sentfeat.errors import AbsentError, SourceError
from sentfeat.ingest.filings.page import PageVerdict, recognise
from sentfeat.ingest.web.body import read_body
from sentfeat.ingest.web.cache import ResponseCache
from sentfeat.ingest.web.pace import Pace

TIMEOUT = httpx.Timeout(20.0, connect=10.0)
ABSENT = {404, 410}
BUSY = {403, 429, 500, 502, 503, 504}  # the SEC says 403 with an HTML page when it means 429
RATE_PENALTY = 10.0  # a host that says "too fast" is left alone this much longer than one that merely failed
MAX_NOTICE = 100_000  # bytes of an error page that are read


@dataclass(frozen=True)
class Limits:
    """How much patience one get() has.

    interval: seconds between two requests to one host, over all processes (the SEC allows ten a second).
    longest_wait: a `Retry-After` beyond it is not waited for. deadline: seconds for all attempts together.
    max_bytes: of the unpacked body. max_ratio: unpacked over packed size, from a megabyte on.
    """

    attempts: int = 4
    longest_wait: float = 60.0
    interval: float = 0.125
    deadline: float = 300.0
    max_bytes: int = 50_000_000
    max_ratio: float = 30.0


class Busy(Exception):
    """An answer after which to ask again. wait: seconds the server asked for, else None."""

    def __init__(self, reason: str, wait: float | None = None, too_fast: bool = False) -> None:
        super().__init__(reason)
        self.wait, self.too_fast = wait, too_fast


class Fetcher:
    """A client for one source.

    base_wait: seconds before the second attempt, doubled each time. folder: holds the hosts' paces and the remembered
    answers, to be shared by all processes; by default the user's cache folder.
    """

    def __init__(
        self,
        name: str,
        *,
        user_agent: str | None = None,
        base_wait: float = 1.0,
        limits: Limits | None = None,
        folder: Path | None = None,
    ) -> None:
        self._name, self._base_wait, self._limits = name, base_wait, limits or Limits()
        folder = folder or user_cache_path("sentfeat") / "http"
        self._cache = ResponseCache(folder / "answers")
        pace = Pace(folder / "pace", self._limits.interval)
        self._client = httpx.Client(
            timeout=TIMEOUT,
            headers={"User-Agent": user_agent or f"sentfeat/{__version__}", "Accept-Encoding": "gzip"},
            follow_redirects=True,
            event_hooks={"request": [lambda request: pace.turn(request.url.host)]},  # redirects take turns too
        )

    def get(self, url: str) -> bytes:
        """The body of `url`. Raises SourceError if it cannot be had in a few attempts, AbsentError if there is none."""
        deadline = time.monotonic() + self._limits.deadline
        for attempt in range(1, self._limits.attempts + 1):
            try:
                return self._once(url, deadline)
            except (Busy, httpx.TransportError) as error:
                reason = str(error) if isinstance(error, Busy) else f"{type(error).__name__}: {error}"
                pause = self._pause(attempt, error)
                if attempt == self._limits.attempts:
                    raise SourceError(self._failed(url, reason)) from error
                if pause > self._limits.longest_wait or time.monotonic() + pause > deadline:
                    raise SourceError(self._failed(url, f"{reason}; ask again in {pause:.0f} seconds")) from error
            except (SourceError, httpx.HTTPError, httpx.InvalidURL) as error:
                kind = AbsentError if isinstance(error, AbsentError) else SourceError
                raise kind(self._failed(url, str(error))) from error
            time.sleep(pause)
        raise SourceError(self._failed(url, f"{self._limits.attempts} attempts were allowed; allow at least 1"))

    def _once(self, url: str, deadline: float) -> bytes:
        known = self._cache.recall(url)
        with self._client.stream("GET", url, headers=known.conditions() if known else {}) as response:
            if response.status_code == 304 and known:
                return known.body
            if not response.is_success:
                raise self._refusal(response, deadline)
            limits = self._limits
            body = read_body(response, max_bytes=limits.max_bytes, max_ratio=limits.max_ratio, deadline=deadline)
        if _notice(body) is PageVerdict.RATE_EXCEEDED:
            raise Busy(f"HTTP {response.status_code} with a rate limit page", too_fast=True)
        self._cache.remember(url, response, body)
        return body

    def _refusal(self, response: httpx.Response, deadline: float) -> Exception:
        """What an unsuccessful answer means: ask again, or give up."""
        status = f"HTTP {response.status_code}"
        if response.status_code in ABSENT:
            return AbsentError(status)
        if response.status_code not in BUSY:
            return SourceError(status)
        notice = _notice(self._error_page(response, deadline))
        if notice is PageVerdict.NOT_FOUND:  # the SEC's file store says 403 AccessDenied of what it does not have
            return AbsentError(status)
        if notice is PageVerdict.AUTOMATED_TOOL:
            return SourceError(f'{status}: no contact was declared; set user_agent = "Your Name you@example.com"')
        too_fast = response.status_code == 429 or notice is PageVerdict.RATE_EXCEEDED
        return Busy(status, retry_after(response.headers.get("retry-after", "")), too_fast)

    def _error_page(self, response: httpx.Response, deadline: float) -> bytes:
        try:
            return read_body(response, max_bytes=MAX_NOTICE, max_ratio=self._limits.max_ratio, deadline=deadline)
        except (SourceError, httpx.HTTPError):  # the status alone has to do
            return b""

    def _pause(self, attempt: int, error: Exception) -> float:
        """Seconds: exponential with jitter, longer for "too fast"; never shorter than what the server asked for."""
        backoff = self._base_wait * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
        if not isinstance(error, Busy):
            return min(backoff, self._limits.longest_wait)
        backoff *= RATE_PENALTY if error.too_fast else 1.0
        return max(min(backoff, self._limits.longest_wait), error.wait or 0.0)

    def _failed(self, url: str, reason: str) -> str:
        return f"source {self._name}: {url} could not be read ({reason})"


def retry_after(value: str) -> float | None:
    """Seconds that a `Retry-After` header asks for, given as seconds or as a date; None if it asks nothing readable."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _notice(body: bytes) -> PageVerdict | None:
    """Whether a page is one of the SEC's notices; they are short."""
    return recognise(body.decode("latin-1")) if len(body) <= MAX_NOTICE else None
