"""How long a lake takes to be built again from its raw archive, and whether memory grows with it.

    python -m benchmarks.replay [--items 100000]

Polls of one feed, 50 items each, 40 of them new, 96 polls a day; the texts name the universe's companies in turn.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import pandas as pd

from sentfeat.ingest.archive import Attempt
from sentfeat.pipeline import Project, open_project, replay

ROOT = Path(__file__).parents[1]
SHOWN, NEW = 50, 40
BEGAN = pd.Timestamp("2026-01-05", tz="UTC")
EVERY = pd.Timedelta(minutes=15)
REACH = pd.Timedelta(days=2)
VERBS = ("beats estimates with", "recalls", "settles a lawsuit over", "cuts prices of", "expands its plant for")


def main() -> None:
    """Make an archive, replay it into an empty lake, print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000, help="distinct items in the archive")
    wanted = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "live.toml")
        config.write_text(
            f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n'
            '[[sources]]\nkind = "rss"\nname = "rss"\nfeeds = { wire = "http://wire.example/feed" }\n'
        )
        polls = -(-wanted // NEW)
        source = open_project(config)
        record(source, polls)
        rebuild(source, open_project(config, [f"lake={folder}/rebuilt"]), polls)


def record(project: Project, polls: int) -> None:
    """Polls as an ingest would have left them in the archive."""
    names = project.universe.frame["name"].tolist()
    for poll in range(polls):
        now = BEGAN + poll * EVERY
        after, until = (now - REACH).isoformat(), now.isoformat()
        with project.archive.recording(Attempt("rss", until, after, until, polled=True)) as tape:
            body = feed(poll * NEW, now, names)
            tape.play("http://wire.example/feed", lambda body=body: body)


def feed(first: int, now: pd.Timestamp, names: list[str]) -> bytes:
    """A feed whose oldest items were in the one before."""
    items = (
        f"<item><title>{names[n % len(names)]} {VERBS[n % len(VERBS)]} product {n}</title><link>http://wire.example/{n}"
        f"</link><pubDate>{now - EVERY * ((first + NEW - n) / NEW):%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for n in range(max(0, first + NEW - SHOWN), first + NEW)
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>wire</title>{"".join(items)}</channel></rss>'.encode()
    )


def rebuild(source: Project, target: Project, polls: int) -> None:
    """Replay, with the memory's peak at each quarter."""
    peaks, done = [], 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        if done * 4 // polls > len(peaks):
            peaks.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}")

    began, worked = time.perf_counter(), time.process_time()
    (report,) = replay(target, source.archive, progress)
    took, used = time.perf_counter() - began, time.process_time() - worked
    print(f"{report.documents:,} documents of {report.items:,} items in {polls:,} polls")
    print(f"{took:.1f} s, of these {used:.1f} s of a core; peak memory after each quarter: {', '.join(peaks)} MiB")


if __name__ == "__main__":
    main()
