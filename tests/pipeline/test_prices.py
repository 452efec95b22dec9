"""A live source of prices: asked for what is new, and for the whole past of what was split since."""

import pandas as pd

from sentfeat import read_table
from sentfeat.errors import SourceError
from sentfeat.ingest.source import Harvest
from sentfeat.pipeline import open_project, update_prices
from sentfeat.pipeline.prices import OVERLAP, PRICE_MEMORY
from sentfeat.sessions import sessions_between, shift
from tests.conftest import ROOT

DAYS = sessions_between("2010-01-04", "2012-06-29")


class Live:
    """Two securities on a slow walk; after `split` the past of AAPL is told at a quarter, as Yahoo does."""

    name, live = "live", True

    def __init__(self) -> None:
        self.split, self.down, self.asked = False, False, []

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        if self.down:
            raise SourceError("source live: down")
        frames = []
        for ticker in sorted(set(universe["ticker"]) & {"AAPL", "INTC"}):
            days = DAYS[(first <= DAYS) & (last >= DAYS)]
            self.asked.append((ticker, len(days)))
            number = DAYS.get_indexer(days)
            close = pd.Series(100.0 + number % 5)
            close = close / 4 if self.split and ticker == "AAPL" else close
            frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close))
            frames.append(frame.assign(ticker=ticker, session=days, volume=number + 1.0))
        items = pd.concat(frames, ignore_index=True)
        return Harvest(items.assign(price_basis="adjusted_asof", adjusted_asof_date=None), None)


def project_with(tmp_path, source: Live):
    (tmp_path / "mine.toml").write_text(f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\nsources = []\n')
    project = open_project(tmp_path / "mine.toml")
    project.__dict__["price_source"] = source
    return project


def test_a_split_since_the_last_night_has_the_whole_history_asked_for_and_kept_beside_the_old(tmp_path):
    source = Live()
    project = project_with(tmp_path, source)
    first, last = DAYS[-3], DAYS[-2]
    report = update_prices(project, first, last, pd.Timestamp("2012-06-28 22:00", tz="UTC"))
    whole = len(DAYS[(shift(first, -PRICE_MEMORY) <= DAYS) & (last >= DAYS)])
    assert report.new == 2 * whole
    source.split, source.asked = True, []
    report = update_prices(project, first, DAYS[-1], pd.Timestamp("2012-06-29 22:00", tz="UTC"))
    assert source.asked == [("AAPL", OVERLAP + 2), ("INTC", OVERLAP + 2), ("AAPL", whole + 1)]
    prices = read_table("prices", lake=project.lake)
    newest = prices.sort_values("revision_seen_at").drop_duplicates(["security_id", "session"], keep="last")
    apple = newest[newest["security_id"] == "320193-A"]
    assert len(apple) == whole + 1
    assert apple["close"].max() < 30
    assert len(prices[prices["security_id"] == "320193-A"]) == 2 * whole + 1, "what was told before is still there"


def test_a_source_that_is_down_leaves_the_bars_that_are_held(tmp_path):
    source = Live()
    project = project_with(tmp_path, source)
    update_prices(project, DAYS[-3], DAYS[-2], pd.Timestamp("2012-06-28 22:00", tz="UTC"))
    held = len(read_table("prices", lake=project.lake))
    source.down = True
    report = update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 22:00", tz="UTC"))
    assert (report.new, report.reason) == (0, "source live: down")
    assert len(read_table("prices", lake=project.lake)) == held
