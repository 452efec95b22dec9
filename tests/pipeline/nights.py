"""A market day after day without a wall clock: a wire that is polled, nights that run, and faults on a schedule.

A day has four runs, by New York's clock: polls at 21:40 and 09:10, just before the cut-offs, and the nights at 22:05
and 09:16 that build what the cut-offs closed. Everything else is the real pipeline on a real lake.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sentfeat import read_table
from sentfeat.errors import SourceError
from sentfeat.ingest.source import FIRST_VISIT, Harvest, Visit, item_frame
from sentfeat.pipeline import (
    Plan,
    Project,
    build_features,
    idle_reason,
    ingest_window,
    open_project,
    plan_night,
    plan_poll,
    score_window,
    tidy,
)
from sentfeat.sessions import Window, sessions_between, shift
from sentfeat.store import Lake, sha256
from sentfeat.tables import SCORES

TICKERS = ("AAPL", "MSFT", "XOM", "JNJ", "KO")
VERBS = ("beats", "misses", "raises", "cuts", "rises after", "falls after")
NOUNS = ("estimates", "guidance", "its outlook", "the dividend", "a lawsuit", "strong demand", "weak sales")
POLL_MINUTES = 30
DELAY = pd.Timedelta(minutes=POLL_MINUTES)
STALENESS = 2 * DELAY
DEPTH = pd.Timedelta(days=3)

CONFIG = """
lake = "lake"
universe = "universe.csv"
bundle = "{bundle}"
[[sources]]
kind = "rss"
name = "wire"
delay_minutes = {minutes}
feeds = {{ wire = "http://127.0.0.1:9/nobody" }}
"""


@dataclass
class Wire:
    """A feed that shows all items of the last `depth`, or is down. The outside world's edge: a fake of it."""

    items: pd.DataFrame
    depth: pd.Timedelta = DEPTH
    is_down: Callable[[pd.Timestamp], bool] = lambda at: False
    name: str = "wire"
    required: bool = True
    live: bool = True
    delay: pd.Timedelta = DELAY
    past: "Wire | None" = None  # None: what it no longer shows cannot be read afterwards

    def fingerprint(self) -> str:
        return ""

    def fetch(self, window: Window, visit: Visit = FIRST_VISIT) -> Harvest:
        if self.is_down(window.until):
            raise SourceError("wire: HTTP 503")
        begin = max(window.after, window.until - self.depth)
        shown = self.items["published_at"].between(begin, window.until, inclusive="right")
        return Harvest(self.items[shown].reset_index(drop=True), Window(begin, window.until))


def make_items(first: pd.Timestamp, last: pd.Timestamp, a_day: int, seed: int) -> pd.DataFrame:
    """Headlines at any minute of any day from `first` to `last`, each about one company, no two alike."""
    rng, rows = random.Random(seed), []
    for day in pd.date_range(first, last, tz="UTC"):
        for _ in range(rng.randint(0, 2 * a_day)):
            at = day + pd.Timedelta(minutes=rng.randrange(24 * 60))
            ticker, number = rng.choice(TICKERS), len(rows)
            title = f"{ticker} {rng.choice(VERBS)} {rng.choice(NOUNS)} in report {number}"
            rows.append({"title": title, "text": title, "published_at": at, "tickers": (ticker,),
                         "url": f"http://wire/{number}", "publisher": "wire"})  # fmt: skip
    return item_frame(rows).sort_values("published_at", ignore_index=True)


def open_market(folder: Path, bundle: Path, wire: Wire, universe: Path) -> Project:
    """A project of its own in `folder` whose only source is `wire`."""
    folder.mkdir()
    (folder / "market.toml").write_text(CONFIG.format(bundle=bundle, minutes=POLL_MINUTES))
    names = pd.read_csv(universe, dtype=str)
    names[names["ticker"].isin(TICKERS)].to_csv(folder / "universe.csv", index=False)
    project = open_project(folder / "market.toml")
    project.__dict__["sources"] = [wire]
    return project


def times(day: pd.Timestamp) -> list[tuple[str, pd.Timestamp]]:
    """The evening of `day` and the morning of the session after it, as (what runs, when in UTC)."""
    clock = [(day, "poll", "21:40"), (day, "night", "22:05"), (shift(day, 1), "poll", "09:10"),
             (shift(day, 1), "night", "09:16")]  # fmt: skip
    zone = "America/New_York"
    return [(what, pd.Timestamp(f"{at.date()} {time}", tz=zone).tz_convert("UTC")) for at, what, time in clock]


def poll(project: Project, now: pd.Timestamp) -> None:
    """What flows.ingest does."""
    ingest_window(project, plan_poll(project, now).span, now)


def night(project: Project, now: pd.Timestamp) -> list[Plan]:
    """What flows.nightly does."""
    plans = plan_night(project, None, now)
    if idle_reason(project, plans, now) is not None:
        return []
    chunks = [chunk for plan in plans for chunk in plan.chunks]
    for chunk in chunks:
        ingest_window(project, chunk.span, now, poll=chunk.poll)
    for chunk in chunks:
        if chunk.score:
            score_window(project, chunk.span, kinds=chunk.score)
    for plan in plans:
        build_features(project, plan.first, plan.last, plan.cutoffs, now)
    tidy(project.lake, now)
    return plans


def run_days(
    project: Project, first: str, last: str, run: Callable[[Callable[[], object]], object] = lambda step: step()
) -> Iterator[pd.Timestamp]:
    """All runs of the sessions from `first` to `last`; gives each day when it is over. `run` runs one run."""
    for day in sessions_between(first, last):
        for what, now in times(day):
            run(lambda what=what, now=now: attempt(project, what, now))
        yield day


def attempt(project: Project, what: str, now: pd.Timestamp) -> None:
    """One run; that the only source is down is noted in the lake and ends it, as it ends a flow."""
    with suppress(SourceError):
        poll(project, now) if what == "poll" else night(project, now)


class Killed(BaseException):
    """kill -9, as seen by a lake in the same process."""


@dataclass
class Killer:
    """Kills runs at a share of their steps, a step being a file that is written: before it, or right after it."""

    share: float
    seed: int = 0
    kills: int = 0

    @contextmanager
    def armed(self, monkeypatch) -> Iterator[None]:
        put, rng = Lake.put, random.Random(self.seed)

        def deadly(lake: Lake, path: str, data: bytes) -> None:
            dies, before = rng.random() < self.share, rng.random() < 0.5
            if not (dies and before):
                put(lake, path, data)
            if dies:
                self.kills += 1
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Lake, "put", deadly)
            yield

    @staticmethod
    def run(step: Callable[[], object]) -> None:
        """Run `step` until it ends by itself."""
        while True:
            try:
                step()
                return
            except Killed:
                continue


def feature_hashes(lake: Lake) -> dict[str, str]:
    return {path: lake.get_json(path)["content_hash"] for path in lake.files("manifests", ".json")}


def assert_nothing_is_doubled_or_half(lake: Lake) -> None:
    """Every file reads, every manifest fits its file, no document and no score has two rows."""
    for name in ("documents", "links", "coverage", "quarantine", "scores"):
        read_table(name, lake=lake)
    documents = read_table("documents", lake=lake)
    assert not documents.duplicated(["url"]).any(), "one document, one row"
    assert not lake.read(SCORES).duplicated(["text_hash", "entity_hash", "task"]).any()
    for path in lake.files("manifests", ".json"):
        data = path.removeprefix("manifests/").removesuffix(".json") + "/part-0.parquet"
        assert sha256(lake.get(data)) == lake.get_json(path)["file_sha256"]
