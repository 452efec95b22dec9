"""A live source of prices: asked for what is new, and for the whole past of what was split since."""

import pandas as pd

from sentfeat import read_table
from sentfeat.errors import SourceError
from sentfeat.ingest.source import Harvest
from sentfeat.pipeline import PriceReport, open_project, update_prices
from sentfeat.pipeline.prices import OVERLAP, PRICE_MEMORY
from sentfeat.pipeline.summary import RunSummary
from sentfeat.sessions import sessions_between, shift
from tests.conftest import ROOT

DAYS = sessions_between("2010-01-04", "2012-06-29")


class Live:
    """Two securities on a slow walk; after `split` the past of AAPL is told at a quarter, as Yahoo does."""

    name, live = "live", True

    def __init__(self) -> None:
        self.split, self.down, self.asked = False, False, []
        self.silent: set[str] = set()

    def bars(self, universe: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Harvest:
        if self.down:
            raise SourceError("source live: down")
        frames = []
        for ticker in sorted(set(universe["ticker"]) & {"AAPL", "INTC"} - self.silent):
            days = DAYS[(first <= DAYS) & (last >= DAYS)]
            self.asked.append((ticker, len(days)))
            number = DAYS.get_indexer(days)
            close = pd.Series(100.0 + number % 5)
            close = close / 4 if self.split and ticker == "AAPL" else close
            frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close))
            frames.append(frame.assign(ticker=ticker, session=days, volume=number + 1.0))
        if not frames:
            raise SourceError("source live: no bars for any ticker")
        items = pd.concat(frames, ignore_index=True)
        return Harvest(items.assign(price_basis="adjusted_asof", adjusted_asof_date=None), None)


def project_with(tmp_path, source: Live):
    sources = 'sources = [{ kind = "yahoo", name = "news" }]'
    (tmp_path / "mine.toml").write_text(f'lake = "lake"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n{sources}\n')
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


def test_a_ticker_without_its_history_is_asked_for_it_and_the_others_for_what_is_new(tmp_path):
    """INTC gave no answer on the first night; on the second it comes with its whole past."""
    source = Live()
    project = project_with(tmp_path, source)
    source.silent = {"INTC"}
    update_prices(project, DAYS[-3], DAYS[-2], pd.Timestamp("2012-06-28 22:00", tz="UTC"))
    source.silent, source.asked = set(), []
    report = update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 22:00", tz="UTC"))
    whole = len(DAYS[shift(DAYS[-3], -PRICE_MEMORY) <= DAYS])
    assert source.asked == [("AAPL", OVERLAP + 2), ("INTC", whole)]
    assert report.new == 1 + whole
    source.asked = []
    update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 23:00", tz="UTC"))
    assert source.asked == [("AAPL", OVERLAP + 1), ("INTC", OVERLAP + 1)]


def test_a_ticker_that_gave_no_bars_for_longer_than_the_overlap_leaves_no_gap(tmp_path):
    source = Live()
    project = project_with(tmp_path, source)
    update_prices(project, DAYS[-40], DAYS[-40], pd.Timestamp("2012-05-03 22:00", tz="UTC"))
    source.silent = {"INTC"}
    update_prices(project, DAYS[-3], DAYS[-2], pd.Timestamp("2012-06-28 22:00", tz="UTC"))
    source.silent = set()
    update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 22:00", tz="UTC"))
    prices = read_table("prices", lake=project.lake)
    held = prices[prices["security_id"] == "50863-A"]["session"]
    assert set(DAYS[-60:]) <= set(held)


def test_a_session_that_has_not_closed_has_no_bar(tmp_path):
    """2012-06-29 closes at 16:00 New York, 20:00 UTC."""
    project = project_with(tmp_path, Live())
    update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 19:59", tz="UTC"))
    assert read_table("prices", lake=project.lake)["session"].max() == DAYS[-2]
    update_prices(project, DAYS[-3], DAYS[-1], pd.Timestamp("2012-06-29 20:00", tz="UTC"))
    assert read_table("prices", lake=project.lake)["session"].max() == DAYS[-1]


def test_prices_that_could_not_be_read_are_told_by_the_run(tmp_path):
    source = Live()
    source.down = True
    report = update_prices(project_with(tmp_path, source), DAYS[-3], DAYS[-2], pd.Timestamp("2012-06-28", tz="UTC"))
    assert RunSummary("lake", prices=report).line().endswith("FAILED prices of live: source live: down")
    half = PriceReport("live", reason="3 of 5 tickers gave no bars")
    assert "IN PART prices of live: 3 of 5 tickers gave no bars" in RunSummary("lake", prices=half).line()
    assert "nothing was new" in RunSummary("lake", prices=PriceReport()).line(), "no source of prices is no failure"
