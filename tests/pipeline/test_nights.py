"""Many nights in a row, undisturbed, killed at random, and with a source that fails by a schedule."""

import os
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentfeat import read_features, read_table
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff, known_at, sessions_between, shift
from tests.conftest import ROOT
from tests.pipeline.nights import (
    STALENESS,
    TICKERS,
    Killer,
    Wire,
    assert_nothing_is_doubled_or_half,
    feature_hashes,
    make_items,
    open_market,
    run_days,
    times,
)

LAG = pd.Timedelta(minutes=15)
SHORT = ("2023-03-06", "2023-03-15")  # 16 nights; the clocks change on the 12th
LONG = ("2023-01-03", "2023-07-03")  # 250 nights: 125 evenings and 125 mornings


@pytest.fixture
def market(tmp_path, tiny_bundle):
    """Makes projects that share one wire's items and one loaded engine."""
    engines = {}

    def make(name: str, span: tuple[str, str], **wire: object):
        first, last = map(pd.Timestamp, span)
        items = make_items(first - pd.Timedelta(days=3), last + pd.Timedelta(days=5), a_day=6, seed=1)
        universe = ROOT / "data" / "universe.csv"
        project = open_market(tmp_path / name, tiny_bundle, Wire(items, **wire), universe)
        project.__dict__["engine"] = engines.setdefault("engine", engines.get("engine") or project.engine)
        return project

    return make


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def compare_with_killed(market, span: tuple[str, str], monkeypatch) -> None:
    whole, killed = market("whole", span), market("killed", span)
    for _ in run_days(whole, *span):
        pass
    killer = Killer(share=0.1, seed=4)
    with killer.armed(monkeypatch):
        for _ in run_days(killed, *span, run=killer.run):
            pass
    assert killer.kills > len(sessions_between(*span))
    assert feature_hashes(killed.lake) == feature_hashes(whole.lake)
    assert len(feature_hashes(whole.lake)) == 2 * len(sessions_between(*span))
    assert not killed.lake.files("superseded"), "nothing that stood was replaced"
    assert_nothing_is_doubled_or_half(killed.lake)


def test_nights_killed_in_the_middle_end_with_the_tables_of_undisturbed_ones(market, monkeypatch):
    compare_with_killed(market, SHORT, monkeypatch)


@pytest.mark.slow
def test_250_nights_killed_in_the_middle_end_with_the_tables_of_undisturbed_ones(market, monkeypatch):
    compare_with_killed(market, LONG, monkeypatch)


@pytest.mark.slow
def test_250_nights_leave_memory_open_files_and_the_lake_where_they_were(market):
    """Between the 50th and the 250th night: no file left open, little memory, and few files a night in the lake."""
    project, seen = market("growth", LONG), {}
    for number, _ in enumerate(run_days(project, *LONG)):
        seen[number] = (open_files(), resident_megabytes(), len(project.lake.files("", "")))
    (files, memory, stored), last = seen[25], len(seen) - 1
    assert seen[last][0] <= files + 2
    assert seen[last][1] - memory < 60
    assert (seen[last][2] - stored) / (last - 25) < 20, "files a day"


def oracle(items: pd.DataFrame, polls: dict[pd.Timestamp, bool], depth: pd.Timedelta, session, cutoff) -> pd.DataFrame:
    """By ticker what the row of `session` must say of an outside world in which the polls went as given.

    Worked out from the schedule alone, minute by minute, without a table of the lake: an item is known from the first
    successful poll that still shows it. A window is covered if its last poll is fresh and went well and every minute
    up to it was shown by some successful poll.
    """
    start, end = known_at(pd.DatetimeIndex([shift(session, -1), session]), cutoff, LAG)
    good = [at for at, ok in sorted(polls.items()) if ok]
    seen_at, shown, previous = pd.Series(pd.NaT, index=items.index, dtype="datetime64[us, UTC]"), [], None
    for at in good:
        begin = max(min(previous or at, at - pd.Timedelta(days=2)), at - depth)
        inside = items["published_at"].between(begin, at, inclusive="right") & seen_at.isna()
        seen_at[inside] = at
        shown.append((begin, at))
        previous = at
    known = seen_at.between(start, end, inclusive="right")
    counts = items.loc[known, "tickers"].map(lambda tickers: tickers[0]).value_counts().reindex(TICKERS, fill_value=0)
    before = [at for at in good if at <= end]
    covered = bool(before) and before[-1] >= end - STALENESS
    if covered:
        minutes = pd.date_range(start, before[-1], freq="min")[1:]
        told = np.zeros(len(minutes), dtype=bool)
        for begin, at in shown:
            told |= (minutes > begin) & (minutes <= at)
        covered = bool(told.all())
    return pd.DataFrame({"covered": covered, "n_news": counts if covered else -1}, index=counts.index)


def compare_with_oracle(market, span: tuple[str, str], faults: float, outage: tuple[str, str]) -> int:
    """Polls fail at random and, from one time to another, all of them; returns how many rows were blind."""
    rng, (begin, end) = random.Random(2), (pd.Timestamp(at, tz="UTC") for at in outage)
    polls = {
        at: not (begin <= at < end) and rng.random() >= faults
        for day in sessions_between(*span)
        for _, at in times(day)
    }
    project = market("faulty", span, is_down=lambda at: not polls[at])
    for _ in run_days(project, *span):
        pass
    (wire,) = project.sources
    blind = 0
    for cutoff in Cutoff:
        rows = read_features(lake=project.lake, cutoff=cutoff).set_index(["session", "ticker"])
        done = Shelf(project.lake, project.model, cutoff).sessions()
        for session in done:
            due = oracle(wire.items, polls, wire.depth, session, cutoff)
            for ticker, expected in due.iterrows():
                row = rows.loc[(session, ticker)]
                assert bool(row["coverage_ok"]) == expected["covered"], (cutoff, session)
                assert (-1 if row["n_news"] is pd.NA else row["n_news"]) == expected["n_news"], (
                    cutoff,
                    session,
                    ticker,
                )
                blind += not expected["covered"]
        assert (rows.groupby("session").size() == len(TICKERS)).all()
    assert_nothing_is_doubled_or_half(project.lake)
    return blind


def test_what_a_failing_source_leaves_in_the_rows_is_what_its_schedule_says(market):
    assert compare_with_oracle(market, SHORT, faults=0.2, outage=("2023-03-09 12:00", "2023-03-10 12:00")) > 0


@pytest.mark.slow
def test_over_250_nights_a_failing_source_and_an_outage_of_five_days_leave_what_the_schedule_says(market):
    """Longer than the feed reaches back: what it no longer showed is lost, and the rows say that they are blind."""
    assert compare_with_oracle(market, LONG, faults=0.1, outage=("2023-03-09 12:00", "2023-03-14 12:00")) > 0


def test_a_source_that_was_down_for_three_days_is_caught_up_without_a_lost_or_doubled_document(market):
    """The feed reaches back five days: all that it showed meanwhile is there, once, and every session was built."""
    begin, end = pd.Timestamp("2023-03-07 20:00", tz="UTC"), pd.Timestamp("2023-03-10 20:00", tz="UTC")
    project = market("outage", SHORT, depth=pd.Timedelta(days=5), is_down=lambda at: begin <= at < end)
    for _ in run_days(project, *SHORT):
        pass
    (wire,) = project.sources
    documents = read_table("documents", lake=project.lake)
    last = max(at for _, at in times(pd.Timestamp(SHORT[1])))
    first = min(at for _, at in times(pd.Timestamp(SHORT[0]))) - pd.Timedelta(days=2)
    due = wire.items[wire.items["published_at"].between(first, last, inclusive="right")]
    assert sorted(documents["title"]) == sorted(due["title"])
    for cutoff in Cutoff:
        rows = read_features(lake=project.lake, cutoff=cutoff)
        expected = sessions_between("2023-03-07", shift(pd.Timestamp(SHORT[1]), 1))
        assert set(rows["session"]) == set(expected), "every session was built, the missed ones afterwards"
