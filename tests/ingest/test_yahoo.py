"""Yahoo's news in both shapes and its bars: what is empty, late, too fast or wrong is said, never passed on."""

import json
import tarfile
from typing import ClassVar

import pandas as pd
import pytest
import yfinance
from yfinance.exceptions import YFPricesMissingError, YFRateLimitError

from sentfeat.config import YahooPrices, YahooSource
from sentfeat.errors import SourceError
from sentfeat.ingest.yahoo import YahooBars, YahooNews, asking, read_story
from sentfeat.ingest.yahoo.bars import on_basis
from sentfeat.sessions import Window
from sentfeat.universe import Universe, read_universe
from tests.conftest import ROOT

WHOLE = read_universe(str(ROOT / "data" / "universe.csv"))
NOON = pd.Timestamp("2026-11-19 17:00", tz="UTC")
POLL = Window(NOON - pd.Timedelta(days=2), NOON)
FLAT = {"uuid": "u", "title": "Apple rises", "publisher": "P", "link": "http://x", "providerPublishTime": 1763561400}
NESTED = {
    "id": "u",
    "content": {
        "title": "Apple rises",
        "pubDate": "2025-11-19T14:10:00Z",
        "provider": {"displayName": "P"},
        "canonicalUrl": {"url": "http://x"},
    },
}


def universe(*tickers: str) -> Universe:
    part = Universe.__new__(Universe)
    part.frame, part.hash = WHOLE.frame[WHOLE.frame["ticker"].isin(tickers)], "few"
    return part


class FakeTicker:
    """yfinance.Ticker, as far as it is used: answers by symbol are values, or errors to be raised."""

    news: ClassVar[dict] = {}
    history_of: ClassVar[dict] = {}
    asked: ClassVar[list] = []

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol

    def get_news(self, count: int) -> list:
        FakeTicker.asked.append((self.symbol, count))
        return [story for story in self._answer(self.news)[:count] if not story.get("ad")]

    def history(self, **options) -> pd.DataFrame:
        assert (options["auto_adjust"], options["actions"]) == (False, True)
        return self._answer(self.history_of)

    def _answer(self, answers: dict):
        found = answers[self.symbol]
        found = found.pop(0) if isinstance(found, tuple | list) and found and isinstance(found[0], Exception) else found
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def yahoo(monkeypatch):
    monkeypatch.setattr(yfinance, "Ticker", FakeTicker)
    monkeypatch.setattr(asking, "WAITS", (0.0, 0.0))
    FakeTicker.news, FakeTicker.history_of, FakeTicker.asked = {}, {}, []
    return FakeTicker


def story(title: str, hours_ago: float) -> dict:
    at = NOON - pd.Timedelta(hours=hours_ago)
    return {"id": f"{title} {hours_ago}", "content": {"title": title, "pubDate": at.strftime("%Y-%m-%dT%H:%M:%SZ")}}


def news(*tickers: str, count: int = 50):
    return YahooNews(YahooSource(name="yahoo", count=count), universe(*tickers)).fetch(POLL)


def test_both_shapes_give_the_same_item():
    (flat, _), (nested, _) = read_story(FLAT), read_story(NESTED)
    assert flat["published_at"] == nested["published_at"] == pd.Timestamp("2025-11-19 14:10", tz="UTC")
    for name in ("item_id", "title", "publisher", "url"):
        assert flat[name] == nested[name]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"shouldNot": 1}, "undated"),
        ({"content": {"title": "No date"}}, "undated"),
        ({"content": {"title": "t", "pubDate": "2025-11-19T14:10:00"}}, "no_zone"),
        ({"content": {"title": "t", "pubDate": "2025-11-19"}}, "date_only"),
        ({"content": {"title": " ", "pubDate": "2025-11-19T14:10:00Z"}}, "untitled"),
        (FLAT | {"providerPublishTime": 1e30}, "unreadable_date"),
        (FLAT | {"providerPublishTime": True}, "undated"),
        ("a string", "undated"),
        ({"content": "a string", "title": "t"}, "undated"),
    ],
)
def test_a_story_without_a_moment_is_turned_away_by_reason(wrong, reason):
    assert read_story(wrong) == (None, reason)


def test_milliseconds_markup_and_marks_are_read_through():
    odd = FLAT | {"providerPublishTime": 1763561400000, "title": "<b>Apple</b> \u202e&amp; Co"}
    item, _ = read_story(odd)
    assert (item["published_at"], item["title"]) == (pd.Timestamp("2025-11-19 14:10", tz="UTC"), "Apple & Co")


def test_every_recorded_story_is_read_as_its_own_numbers_say(real_data):
    stories = []
    with tarfile.open(real_data / "yahoo" / "http_captures.tar.xz") as tar:
        for member in tar.getmembers():
            if "/search-" in member.name:
                answer = json.load(tar.extractfile(member))["response"]["bodyJson"]
                stories += answer.get("news", [])
    read = [(raw, *read_story(raw)) for raw in stories]
    good = [(raw, item) for raw, item, _ in read if item]
    assert len(stories) == 180
    assert len(good) == 179
    assert [reason for _, item, reason in read if not item] == ["undated"]  # it is {"shouldNot": ...}
    for raw, item in good:
        assert item["published_at"].timestamp() == raw["providerPublishTime"]
        assert (item["url"], item["publisher"], item["item_id"]) == (raw["link"], raw["publisher"], raw["uuid"])


def test_stories_are_taken_by_time_and_the_limit_only_says_how_many_are_asked_for(yahoo):
    yahoo.news["AAPL"] = [story("new", 1 + n / 60) for n in range(30)] + [story("old", 47), story("older", 49)]
    harvest = news("AAPL", count=10)
    assert [count for _, count in yahoo.asked] == [10, 20, 40]
    assert len(harvest.items) == 31
    assert harvest.items["title"].tolist().count("old") == 1
    assert harvest.covered == POLL


def test_what_yahoo_no_longer_shows_is_not_vouched_for(yahoo):
    yahoo.news["AAPL"] = [story("new", n / 60) for n in range(1, 1000)]
    assert news("AAPL").covered == Window(NOON - pd.Timedelta(minutes=200), NOON)
    yahoo.news["AAPL"] = [{"content": {"title": "undated"}} for _ in range(500)]
    assert news("AAPL").covered is None


def test_advertisements_do_not_make_an_answer_look_whole(yahoo):
    shown = [story("new", 1 + n / 60) | {"ad": [1] * (n % 5 == 0)} for n in range(60)]
    yahoo.news["AAPL"] = [*shown, story("old", 47), story("older", 49)]
    harvest = news("AAPL", count=20)
    assert [count for _, count in yahoo.asked] == [20, 40, 80]
    assert "old" in harvest.items["title"].tolist()
    assert harvest.covered == POLL


def test_one_story_told_of_two_tickers_is_one_item(yahoo):
    yahoo.news = {"AAPL": [story("Apple sues Intel", 1)], "INTC": [story("Apple sues Intel", 1)]}
    assert len(news("AAPL", "INTC").items) == 1


def test_a_rate_limit_is_waited_out_and_then_it_is_no_empty_answer(yahoo):
    yahoo.news = {"INTC": []}
    yahoo.news["AAPL"] = [YFRateLimitError(), YFRateLimitError(), story("Apple", 1)]
    assert news("AAPL", "INTC").items["title"].tolist() == ["Apple"]
    yahoo.news = {"AAPL": [story("Apple", 1)], "GE": YFRateLimitError(), "INTC": [story("Intel", 1)]}
    yahoo.asked.clear()
    harvest = news("AAPL", "GE", "INTC")
    assert harvest.items["title"].tolist() == ["Apple"]
    assert harvest.covered is None
    assert "2 of 3 tickers could not be read: news of GE: Yahoo is asked too often" in harvest.problem
    assert "INTC" not in {symbol for symbol, _ in yahoo.asked}, "after that nobody else is asked for"
    yahoo.news = {"AAPL": YFRateLimitError()}
    with pytest.raises(SourceError, match="Yahoo is asked too often"):
        news("AAPL")


def test_an_answer_that_is_no_json_is_an_error_not_an_empty_list(yahoo):
    yahoo.news = {"AAPL": json.JSONDecodeError("Expecting value", "<html>", 0)}
    with pytest.raises(SourceError, match="news of AAPL: Expecting value"):
        news("AAPL")


DAYS = pd.bdate_range("2026-11-02", "2026-11-19", tz="America/New_York")


def table(**columns) -> pd.DataFrame:
    flat = dict.fromkeys(("Open", "High", "Low", "Close", "Adj Close"), 100.0)
    frame = pd.DataFrame({**flat, "Volume": 1000.0, "Dividends": 0.0, "Stock Splits": 0.0}, index=DAYS)
    wobble = pd.Series([0.0, 0.4, -0.3, 0.5, -0.2] * 4, index=None)[: len(frame)].to_numpy()
    for name in flat:
        frame[name] += wobble
    frame["Volume"] += range(len(frame))
    return frame.assign(**columns)


def bars(*tickers: str, basis: str = "raw"):
    days = pd.Timestamp("2026-11-02"), pd.Timestamp("2026-11-18")
    return YahooBars(YahooPrices(basis=basis)).bars(universe(*tickers).frame, *days)


def test_an_empty_table_is_a_failure_that_names_its_ticker(yahoo):
    yahoo.history_of = {"AAPL": table(), "INTC": pd.DataFrame(), "GE": YFPricesMissingError("GE", "(1d)")}
    harvest = bars("AAPL", "INTC", "GE")
    assert set(harvest.items["ticker"]) == {"AAPL"}
    assert harvest.items["session"].max() == pd.Timestamp("2026-11-18")
    assert harvest.rejected["reason"].tolist() == ["no_bars", "no_bars"]
    assert "bars of INTC: Yahoo answered with an empty table" in harvest.rejected["detail"].tolist()
    assert harvest.problem == "2 of 3 tickers gave no bars"
    yahoo.history_of = {"AAPL": pd.DataFrame()}
    with pytest.raises(SourceError, match="no bars for any of 1 tickers"):
        bars("AAPL")


def test_a_table_without_adjusted_closes_is_a_failure(yahoo):
    yahoo.history_of = {"AAPL": table().drop(columns="Adj Close")}
    with pytest.raises(SourceError, match="Adj Close did not come"):
        bars("AAPL")


def test_the_rate_limit_stops_the_round_and_keeps_what_came(yahoo):
    yahoo.history_of = {"AAPL": table(), "GE": YFRateLimitError(), "INTC": table()}
    harvest = bars("AAPL", "GE", "INTC")
    assert set(harvest.items["ticker"]) == {"AAPL"}
    assert len(harvest.rejected) == 2


def test_traded_prices_have_their_splits_undone_and_adjusted_ones_follow_the_adjusted_close():
    frame = pd.DataFrame(
        {
            **{name: [10.0, 11.0, 12.0] for name in ("open", "high", "low", "close")},
            "adjusted_close": [9.0, 9.9, 12.0],
            "volume": [400.0, 400.0, 100.0],
            "split": [0.0, 4.0, 0.0],
        }
    )
    raw = on_basis(frame, "raw")
    assert raw["close"].tolist() == [40.0, 11.0, 12.0]
    assert raw["volume"].tolist() == [100.0, 400.0, 100.0]
    assert raw["price_basis"].unique().tolist() == ["raw"]
    adjusted = on_basis(frame, "adjusted_asof")
    assert adjusted["open"].tolist() == pytest.approx([9.0, 9.9, 12.0])
    assert adjusted["adjusted_asof_date"].notna().all()


def test_a_wrong_unit_is_marked_on_its_bar_and_a_wrong_dividend_only_where_it_matters(yahoo):
    pence = table()
    pence.iloc[7, :5] *= 100
    dividend = table()
    dividend.iloc[5, dividend.columns.get_loc("Dividends")] = 30.0
    yahoo.history_of = {"AAPL": pence, "INTC": dividend}
    raw = bars("AAPL", "INTC").items
    assert raw.dropna(subset="fault")[["ticker", "fault"]].values.tolist() == [["AAPL", "scale_break"]]
    adjusted = bars("AAPL", "INTC", basis="adjusted_asof").items.dropna(subset="fault")
    assert adjusted["ticker"].tolist() == ["AAPL", "INTC"]
