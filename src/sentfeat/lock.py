"""One writer at a time for a lake.

    with only_writer(lake, "nightly 2026-11-19", wait=600):
        ...

On disk it is a lock of the operating system, gone with the process that held it. An object store has none, so a writer
puts down a claim, lists all claims, and holds the lake only if it sees no other; of two that see each other both step
back and try again. That is safe wherever a listing shows every finished write (S3, GCS and MinIO do): of two claims
one was written after the other's listing at the latest, and its own listing shows both. A claim is renewed while it is
held and counts as dead after LEASE seconds without that, by the store's clock alone.
"""

import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import filelock
import pandas as pd

from sentfeat.errors import BusyError, LakeError
from sentfeat.sessions import utc_now
from sentfeat.store import Lake

LOCKS = ".locks"
LEASE = 300.0  # seconds
RETRY = 2.0  # seconds between two tries, with jitter
WRITER = "writer"


@contextmanager
def only_writer(
    lake: Lake, who: str, *, wait: float, name: str = WRITER, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock `name` of `lake` as `who`; another holder is waited for up to `wait` seconds.

    `say` gets one line if there is something to wait for. Raises BusyError naming the holder after that time, LakeError
    if the lake cannot be written. A thread that holds the lock must not ask for it again.
    """
    take = _lock_file if lake.folder is not None else _claim
    deadline = time.monotonic() + wait
    while (release := take(lake, name, who)) is None:
        message = f"{lake.location('')} is being written by {_holder(lake, name)}"
        if time.monotonic() >= deadline:
            raise BusyError(f"{message}; waited {wait:.0f} s for it: let it end, or run the same again later")
        if say is not None:
            say(f"{message}; waiting up to {wait:.0f} s")
            say = None
        time.sleep(min(RETRY * random.uniform(0.5, 1.5), max(0.05, deadline - time.monotonic())))
    try:
        yield
    finally:
        release()


def _lock_file(lake: Lake, name: str, who: str) -> Callable[[], None] | None:
    lock = filelock.FileLock(f"{lake.folder}/{LOCKS}/{name}.lock")
    try:
        os.makedirs(f"{lake.folder}/{LOCKS}", exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return None
    except OSError as error:
        raise LakeError(f"cannot write to {lake.location('')} ({error.strerror}); give access to it first") from error
    try:
        lake.put_json(_note(name), _claimed_by(who))
    except LakeError:
        lock.release()
        raise
    return lock.release


def _claim(lake: Lake, name: str, who: str) -> Callable[[], None] | None:
    own = f"{LOCKS}/{name}/{uuid.uuid4().hex}.json"
    lake.put_json(own, _claimed_by(who))
    written = {stored.path: stored.written_at for stored in lake.stored(f"{LOCKS}/{name}")}
    alive = {path for path, at in written.items() if own in written and written[own] - at < pd.Timedelta(seconds=LEASE)}
    if alive != {own}:
        lake.delete(own)
        return None
    for path in written.keys() - alive:
        lake.delete(path)
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lake, own, who, ended), daemon=True)
    renewal.start()

    def release() -> None:
        ended.set()
        renewal.join()
        lake.delete(own)

    return release


def _renew(lake: Lake, own: str, who: str, ended: threading.Event) -> None:
    claim = _claimed_by(who)
    while not ended.wait(LEASE / 5):
        with suppress(OSError):  # the next try is soon enough: five fit into a lease
            lake.put_json(own, claim)


def _note(name: str) -> str:
    return f"{LOCKS}/{name}.json"


def _claimed_by(who: str) -> dict[str, str | int]:
    return {"who": who, "host": socket.gethostname(), "process": os.getpid(), "since": utc_now().isoformat()}


def _holder(lake: Lake, name: str) -> str:
    notes = [_note(name)] if lake.folder is not None else lake.files(f"{LOCKS}/{name}", ".json")
    for note in notes:
        held = None
        with suppress(OSError):  # released while it was being read
            held = lake.get_json(note)
        if held is not None:
            return f"{held['who']} (process {held['process']} on {held['host']}, since {held['since']})"
    return "another run"
