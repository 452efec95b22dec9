"""The archive of raw payloads: nothing is lost, nothing is overwritten, whoever writes at the same time."""

import multiprocessing

import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.ingest.archive import RawArchive

NOON = pd.Timestamp("2026-11-19 12:00", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)


def test_payloads_come_back_in_the_order_first_seen(tmp_path):
    archive = RawArchive(tmp_path)
    archive.keep("wire", "http://x/b", b"second", NOON + MINUTE)
    archive.keep("wire", "http://x/a", b"first", NOON)
    archive.keep("other", "http://x/c", b"elsewhere", NOON)
    assert list(archive.replay("wire")) == [
        ("http://x/a", b"first", NOON),
        ("http://x/b", b"second", NOON + MINUTE),
    ]


def test_the_same_answer_keeps_the_time_it_was_first_seen(tmp_path):
    archive = RawArchive(tmp_path)
    names = [archive.keep("wire", "http://x/a", b"same", NOON + n * MINUTE) for n in range(3)]
    assert len(set(names)) == 1
    assert [seen for _, _, seen in archive.replay("wire")] == [NOON]


def test_an_altered_body_is_an_error_that_names_the_file(tmp_path):
    archive = RawArchive(tmp_path)
    archive.keep("wire", "http://x/a", b"original", NOON)
    path = next((tmp_path / "wire" / "bodies").rglob("*.zst"))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=path.name):
        list(archive.replay("wire"))


def test_a_time_without_a_zone_is_an_error(tmp_path):
    with pytest.raises(DataError, match="needs a zone"):
        RawArchive(tmp_path).keep("wire", "http://x/a", b"x", pd.Timestamp("2026-11-19"))


def _keep_all(root, offset: int) -> None:
    for n in range(20):
        RawArchive(root).keep("wire", f"http://x/{n}", b"body %d" % n, NOON + offset * MINUTE)


def test_processes_that_keep_the_same_answers_keep_each_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_keep_all, args=(tmp_path, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    kept = list(RawArchive(tmp_path).replay("wire"))
    assert sorted(url for url, _, _ in kept) == sorted(f"http://x/{n}" for n in range(20))
    assert all(body == b"body " + url.rsplit("/", 1)[1].encode() for url, body, _ in kept)
    assert not list(tmp_path.rglob(".*"))
