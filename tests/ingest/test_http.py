"""Fetching from a server on loopback that fails in every way a real one does."""

import gzip
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from sentfeat.errors import AbsentError, SourceError
from sentfeat.ingest.http import Fetcher, Limits, retry_after
from sentfeat.ingest.web.pace import counted_host
from tests.replay import RATE_PAGE, TOOL_PAGE, Replay, captures

QUICK = Limits(interval=0.0, deadline=20.0, max_bytes=3_000_000)


@pytest.fixture
def replay() -> Iterator[Replay]:
    with Replay().serving() as replay:
        yield replay


@pytest.fixture
def fetcher(tmp_path) -> Fetcher:
    return Fetcher("wire", base_wait=0.01, limits=QUICK, folder=tmp_path)


def test_the_declared_identity_is_sent(replay, tmp_path):
    Fetcher("edgar", user_agent="Jane jane@example.com", limits=QUICK, folder=tmp_path).get(replay.say("/a", "x"))
    assert replay.seen[0]["user-agent"] == "Jane jane@example.com"


def test_an_unchanged_answer_is_sent_once_also_to_another_process(replay, tmp_path):
    url = replay.say("/a", "the feed", ETag='"7"')
    bodies = [Fetcher("wire", limits=QUICK, folder=tmp_path).get(url) for _ in range(2)]
    assert bodies == [b"the feed", b"the feed"]
    assert [seen.get("if-none-match") for seen in replay.seen] == [None, '"7"']


def test_a_changed_answer_replaces_the_remembered_one(replay, fetcher):
    url = replay.say("/a", "old", ETag='"1"')
    replay.say("/a", "new", ETag='"2"')
    assert [fetcher.get(url) for _ in range(3)] == [b"old", b"new", b"new"]


def test_a_damaged_memory_is_a_download_not_an_error(replay, fetcher, tmp_path):
    url = replay.say("/a", "the feed", ETag='"7"')
    fetcher.get(url)
    for path in (tmp_path / "answers").iterdir():
        path.write_bytes(path.read_bytes()[:9])
    assert fetcher.get(url) == b"the feed"


@pytest.mark.parametrize("status", [200, 403])
def test_the_secs_rate_page_is_a_wait_with_any_status(replay, fetcher, status):
    url = replay.say("/a", RATE_PAGE, status)
    replay.say("/a", "the filing")
    assert fetcher.get(url) == b"the filing"


def test_an_undeclared_reader_is_told_to_declare_himself_and_does_not_ask_again(replay, fetcher):
    with pytest.raises(SourceError, match=r"source wire: .*/a could not be read .*set user_agent ="):
        fetcher.get(replay.say("/a", TOOL_PAGE, 403))
    assert len(replay.requests) == 1


def test_a_wait_beyond_the_longest_is_not_waited_for(replay, fetcher):
    with pytest.raises(SourceError, match="HTTP 503; ask again in 3600 seconds"):
        fetcher.get(replay.say("/a", "closed", 503, **{"Retry-After": "3600"}))
    assert len(replay.requests) == 1


def test_retry_after_is_seconds_or_a_date():
    assert retry_after("7") == 7.0
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0.0
    assert retry_after("soon") is None
    assert retry_after("") is None


def test_a_cut_connection_is_tried_again(replay, fetcher):
    url = replay.say("/a", "the whole feed")
    replay.cut("/a", after=5)
    assert fetcher.get(url) == b"the whole feed"
    assert len(replay.requests) == 2


def test_bytes_that_drip_end_at_the_deadline(replay, tmp_path):
    url = replay.say("/a", "x" * 1000)
    replay.slow("/a", seconds=0.05)
    began = time.monotonic()
    with pytest.raises(SourceError, match="too slow: .* bytes came before the deadline"):
        Fetcher("wire", limits=Limits(interval=0.0, deadline=0.5), folder=tmp_path).get(url)
    assert time.monotonic() - began < 5


def test_a_body_over_the_limit_is_refused_before_it_is_whole(replay, fetcher):
    with pytest.raises(SourceError, match="larger than 3,000,000 bytes"):
        fetcher.get(replay.say("/a", b"x" * 3_000_001))


def test_a_feed_of_a_gigabyte_is_refused_after_a_few_megabytes(replay, fetcher):
    url = replay.flood("/feed", size=1_000_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="larger than 3,000,000 bytes"):
        fetcher.get(url)
    assert replay.flooded < 50_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_packed_answers_are_unpacked_also_in_several_members(replay, fetcher):
    packed = gzip.compress(b"first ") + gzip.compress(b"second")
    assert fetcher.get(replay.say("/a", packed, **{"Content-Encoding": "gzip"})) == b"first second"


def test_a_gzip_bomb_is_refused_at_thirty_times_its_size(replay, fetcher):
    bomb = gzip.compress(bytes(2_000_000))
    with pytest.raises(SourceError, match="more than 30 times its size"):
        fetcher.get(replay.say("/a", bomb, **{"Content-Encoding": "gzip"}))


def test_gzip_data_that_end_early_are_asked_for_again(replay, fetcher):
    whole = gzip.compress(b"the filing")
    url = replay.say("/a", whole[:-9], **{"Content-Encoding": "gzip"})
    replay.say("/a", whole, **{"Content-Encoding": "gzip"})
    assert fetcher.get(url) == b"the filing"


def test_broken_gzip_data_are_an_error_that_says_so(replay, fetcher):
    with pytest.raises(SourceError, match="broken gzip"):
        fetcher.get(replay.say("/a", b"plain text", **{"Content-Encoding": "gzip"}))


def test_all_hosts_of_the_sec_share_one_limit():
    assert counted_host("data.sec.gov") == counted_host("www.sec.gov") == "sec.gov"
    assert counted_host("notsec.gov") == "notsec.gov"


def _ask_often(url: str, folder, times: int) -> None:
    fetcher = Fetcher("edgar", folder=folder)
    for _ in range(times):
        fetcher.get(url)


def test_four_processes_together_never_send_more_than_nine_requests_in_a_second(replay, tmp_path):
    url = replay.say("/a", "x")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_ask_often, args=(url, tmp_path, 8)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    at = sorted(replay.arrivals)
    assert len(at) == 32
    assert max(sum(start <= other < start + 1 for other in at) for start in at) <= 9


def test_every_recorded_answer_of_the_sec_is_read_or_refused(real_data, replay, tmp_path):
    """Its documents come back byte for byte; its 403, 404 and 503 are errors that name the status."""
    once = Fetcher("edgar", limits=Limits(interval=0.0, attempts=1), folder=tmp_path)
    outcomes: Counter[str] = Counter()
    recorded = [(entry, body) for entry, body in captures(real_data) if entry["status"] != 304]
    odd = [pair for pair in recorded if pair[0]["status"] != 200]
    for number, (entry, body) in enumerate(odd + recorded[:40]):
        url = replay.say(f"/{number}", body, entry["status"])
        if entry["status"] == 200:
            assert once.get(url) == body
        else:
            with pytest.raises(SourceError, match=f"HTTP {entry['status']}"):
                once.get(url)
        outcomes[entry["status"]] += 1
    assert {200, 403, 404, 503} <= set(outcomes)


@pytest.mark.parametrize(
    ("status", "page"),
    [(404, "nothing here"), (410, ""), (403, '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>')],
)
def test_what_the_server_does_not_have_is_not_asked_for_again(replay, fetcher, status, page):
    """The SEC's file store says 403 of an index that was never made; its rate limit says 403 too, in HTML."""
    with pytest.raises(AbsentError, match=f"HTTP {status}"):
        fetcher.get(replay.say("/a", page, status))
    assert len(replay.requests) == 1
