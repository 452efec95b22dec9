"""At most so many requests a second to one host, counted over all processes of this user on this machine.

A small file per host holds the time of its last request; who holds the file's lock sleeps out the interval and goes.
"""

import time
from pathlib import Path

from filelock import FileLock

POLL_SECONDS = 0.01


class Pace:
    """Turns at a host. folder: where the files lie, shared by all processes. interval: seconds between two requests."""

    def __init__(self, folder: Path, interval: float) -> None:
        self._folder, self._interval = folder, interval
        folder.mkdir(parents=True, exist_ok=True)

    def turn(self, host: str) -> None:
        """Return when a request to `host` may start; the interval runs from then."""
        stamp = self._folder / f"{counted_host(host)}.last"
        with FileLock(stamp.with_suffix(".lock"), poll_interval=POLL_SECONDS):
            # a clock that was set back must not stop us: never longer than one interval
            time.sleep(min(max(0.0, _last(stamp) + self._interval - time.time()), self._interval))
            stamp.write_text(repr(time.time()))


def counted_host(host: str) -> str:
    """The name that requests are counted under: the SEC counts all its hosts as one."""
    return "sec.gov" if host == "sec.gov" or host.endswith(".sec.gov") else host.replace(":", "_")


def _last(stamp: Path) -> float:
    try:
        return float(stamp.read_text())
    except (OSError, ValueError):  # never asked, or cut off by a full disk
        return 0.0
