"""One writer at a time, on disk and on an object store; a dead one blocks nobody."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sentfeat import lock
from sentfeat.errors import BusyError, LakeError
from sentfeat.lock import only_writer
from sentfeat.store import Lake
from tests.s3 import lake_on

HOLD = (
    "import sys, time; from sentfeat.lock import only_writer; from sentfeat.store import Lake\n"
    "with only_writer(Lake(sys.argv[1]), 'nightly 2026-11-19', wait=0):\n"
    "    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture(params=["disk", "s3"])
def place(request, tmp_path) -> str:
    return str(tmp_path / "lake") if request.param == "disk" else lake_on(request.getfixturevalue("s3"))


@pytest.fixture
def holder(place):
    """Another process that holds the lake."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, place], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_who_the_first_is(place, holder):
    said = []
    with pytest.raises(BusyError, match=rf"is being written by nightly 2026-11-19 \(process {holder.pid} on "):
        only_writer(Lake(place), "ingest", wait=0.3, say=said.append).__enter__()
    assert len(said) == 1
    assert "waiting up to 0 s" in said[0]


def test_a_writer_that_was_killed_blocks_nobody_for_long(place, holder, monkeypatch):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    monkeypatch.setattr(lock, "LEASE", 1.0)  # only the object store has to wait for it to run out
    monkeypatch.setattr(lock, "RETRY", 0.3)
    with only_writer(Lake(place), "nightly again", wait=20):
        pass


def test_a_lock_is_free_again_after_an_error(place):
    lake = Lake(place)
    with pytest.raises(ZeroDivisionError), only_writer(lake, "first", wait=0):
        _ = 1 / 0
    with only_writer(lake, "second", wait=0):
        pass


def test_of_many_writers_at_once_never_two_hold_it(place, monkeypatch):
    """Eight threads, each with its own handle, a hundred milliseconds of work each."""
    monkeypatch.setattr(lock, "RETRY", 0.2)
    inside, most, done = [], [], []

    def write(number: int) -> None:
        with only_writer(Lake(place), f"writer {number}", wait=60):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.05)
            inside.remove(number)
            done.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(6))
    assert max(most) == 1


def test_a_claim_that_is_held_is_renewed(s3, monkeypatch):
    place = lake_on(s3)
    monkeypatch.setattr(lock, "LEASE", 2.0)
    with only_writer(Lake(place), "long scoring", wait=0):
        time.sleep(3.2)  # longer than a lease
        with pytest.raises(BusyError, match="long scoring"):
            only_writer(Lake(place), "ingest", wait=0).__enter__()


def test_a_lake_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "lake").write_text("a file where the folder should be")
    with pytest.raises(LakeError, match="cannot write to"):
        only_writer(Lake(Path(tmp_path / "lake")), "nightly", wait=0).__enter__()
