"""The archive of raw payloads: nothing is lost, nothing is overwritten, whoever writes at the same time."""

import multiprocessing

import pandas as pd
import pytest

from sentfeat.errors import AbsentError, DataError, SourceError
from sentfeat.ingest.archive import Attempt, RawArchive
from sentfeat.store import Lake

NOON = pd.Timestamp("2026-11-19 12:00", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture
def archive(tmp_path) -> RawArchive:
    return RawArchive(Lake(tmp_path))


def attempt(at: pd.Timestamp = NOON, source: str = "wire") -> Attempt:
    return Attempt(source, at.isoformat(), (at - MINUTE).isoformat(), at.isoformat(), polled=True)


def answering(body: bytes):
    return lambda: body


def fails(error: Exception):
    def ask() -> bytes:
        raise error

    return ask


def nobody() -> bytes:
    raise AssertionError("the network was asked")


def test_an_attempt_answers_again_what_it_was_answered(archive):
    with archive.recording(attempt()) as tape:
        assert tape.play("http://x/a", answering(b"body")) == b"body"
        with pytest.raises(SourceError):
            tape.play("http://x/b", fails(SourceError("HTTP 503")))
        with pytest.raises(AbsentError):
            tape.play("http://x/c", fails(AbsentError("HTTP 404")))
    (kept,) = archive.attempts("wire")
    assert (kept.now, kept.polled) == (NOON, True)
    again = archive.replaying(kept)
    assert again.play("http://x/a", nobody) == b"body"
    with pytest.raises(SourceError, match="HTTP 503"):
        again.play("http://x/b", nobody)
    with pytest.raises(AbsentError, match="HTTP 404"):
        again.play("http://x/c", nobody)
    with pytest.raises(SourceError, match="not on record"):
        again.play("http://x/d", nobody)


def test_attempts_come_back_in_time_order_and_each_with_its_own_answer(archive):
    for n in (2, 0, 1):
        with archive.recording(attempt(NOON + n * 24 * 60 * MINUTE)) as tape:
            tape.play("http://x/a", answering(b"%d" % n))
    found = [archive.replaying(kept).play("http://x/a", nobody) for kept in archive.attempts("wire")]
    assert found == [b"0", b"1", b"2"]


def test_the_same_body_is_kept_once(archive, tmp_path):
    for n in range(3):
        with archive.recording(attempt(NOON + n * MINUTE)) as tape:
            tape.play("http://x/a", answering(b"same" * 1000))
    assert len(list((tmp_path / "raw" / "wire" / "bodies").rglob("*.zst"))) == 1
    assert len(list(archive.attempts("wire"))) == 3


def test_what_is_final_is_asked_once_for_ever(archive):
    with archive.recording(attempt()) as tape:
        tape.play("http://x/filing", answering(b"10-K"), final=True)
    with archive.recording(attempt(NOON + MINUTE)) as tape:
        assert tape.play("http://x/filing", nobody, final=True) == b"10-K"


def test_an_attempt_that_fails_in_the_middle_is_on_record(archive):
    def read_in_part() -> None:
        with archive.recording(attempt()) as tape:
            tape.play("http://x/a", answering(b"read"))
            raise SourceError("no more")

    with pytest.raises(SourceError, match="no more"):
        read_in_part()
    assert [exchange.url for exchange in next(archive.attempts("wire")).exchanges] == ["http://x/a"]


def test_an_altered_body_is_an_error_that_names_the_file(archive, tmp_path):
    with archive.recording(attempt()) as tape:
        tape.play("http://x/a", answering(b"original"))
    path = next((tmp_path / "raw" / "wire" / "bodies").rglob("*.zst"))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=path.name):
        archive.replaying(next(archive.attempts("wire"))).play("http://x/a", nobody)


def _keep_all(root, offset: int) -> None:
    archive = RawArchive(Lake(root))
    with archive.recording(attempt(NOON + offset * MINUTE)) as tape:
        for n in range(20):
            tape.play(f"http://x/{n}", answering(b"body %d" % n), final=True)


def test_processes_that_keep_the_same_answers_keep_each_once(archive, tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_keep_all, args=(tmp_path, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    kept = list(archive.attempts("wire"))
    assert [one.now for one in kept] == [NOON + n * MINUTE for n in range(3)]
    assert len(list((tmp_path / "raw" / "wire" / "bodies").rglob("*.zst"))) == 20
    for one in kept:
        tape = archive.replaying(one)
        assert all(tape.play(f"http://x/{n}", nobody) == b"body %d" % n for n in range(20))
