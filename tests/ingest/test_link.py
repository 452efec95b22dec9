"""Who is a text about: tags, names, filer, as of its day."""

import pandas as pd
import pytest

from sentfeat.errors import ConfigError, DataError
from sentfeat.ingest.link import NameMatcher, link
from sentfeat.ingest.prices import clean_bars, new_revisions
from sentfeat.schema import conform
from sentfeat.tables import LINKS, PRICES
from sentfeat.universe import Universe, read_universe
from tests.conftest import ROOT

UNIVERSE = read_universe(str(ROOT / "data" / "universe.csv"))


def links(title: str, day: str = "2012-06-01", universe: Universe = UNIVERSE, **values) -> pd.DataFrame:
    at = pd.Timestamp(f"{day} 15:00", tz="UTC")
    row = {
        "document_id": "d",
        "title": title,
        "available_at": at,
        "first_seen_at": at,
        "tags": None,
        "cik": None,
    } | values
    found = link(pd.DataFrame([row]).astype({"available_at": "datetime64[us, UTC]"}), universe)
    conform(LINKS, found.links)
    return found


def linked(title: str, **values) -> dict[str, float]:
    return links(title, **values).links.set_index("ticker")["relevance"].to_dict()


def test_names_aliases_and_cashtags_are_found_as_whole_words():
    assert linked("Apple beats Intel in chips") == {"AAPL": 1.0, "INTC": 0.8}
    assert linked("Wal-Mart Stores lifts view") == {"WMT": 1.0}
    assert linked("$TSLA jumps") == {"TSLA": 1.0}
    assert linked("Pineapples and intelligence") == {}
    assert linked("a target was set on the f train") == {}


def test_a_tag_that_the_text_does_not_name_counts_half():
    assert linked("Apple sues over phones", tags="AAPL|INTC") == {"AAPL": 1.0, "INTC": 0.5}


def test_attention_is_shared_beyond_two():
    assert linked("Apple, Intel, Cisco and Oracle rise") == dict.fromkeys(("AAPL", "INTC", "CSCO", "ORCL"), 0.5)


def test_a_filing_is_linked_by_its_filer():
    found = links("10-K", cik=320193).links
    assert found[["security_id", "method"]].values.tolist() == [["320193-A", "cik"]]


def test_a_filing_is_not_linked_to_whom_its_filers_symbol_belonged_before():
    rows = pd.DataFrame(
        {
            "security_id": ["old", "sbc", "sbc"],
            "ticker": ["T", "SBC", "T"],
            "name": ["AT&T Corp.", "SBC Communications", "AT&T Inc."],
            "aliases": None,
            "sector": "Other",
            "cik": pd.array([5907, 732717, 732717], dtype="Int64"),
            "valid_from": pd.to_datetime(["1990-01-02", "1990-01-02", "2005-12-01"]),
            "valid_to": pd.to_datetime(["2005-11-18", "2005-11-30", None]),
        }
    )
    for day, security, ticker in (("2004-03-11", "sbc", "SBC"), ("2006-03-10", "sbc", "T")):
        found = links("10-K", day=day, universe=Universe(rows), cik=732717).links
        assert found[["security_id", "ticker"]].values.tolist() == [[security, ticker]]
    assert links("10-K", day="2004-03-11", universe=Universe(rows), cik=5907).links["security_id"].tolist() == ["old"]


def test_a_universe_may_know_no_ciks():
    rows = UNIVERSE.frame[UNIVERSE.frame["ticker"].isin(["AAPL", "INTC"])].assign(
        cik=pd.array([None] * 2, dtype="Int64")
    )
    unnumbered = Universe(rows.assign(valid_to=None))
    assert links("Apple rises", universe=unnumbered).links["ticker"].tolist() == ["AAPL"]
    assert links("Chips", universe=unnumbered, tags="INTC").links["ticker"].tolist() == ["INTC"]
    assert links("10-K", universe=unnumbered, cik=320193).links.empty


def test_symbols_mean_what_they_meant_on_the_day():
    assert linked("Facebook", day="2012-05-17", tags="FB") == {}
    assert linked("Facebook", day="2012-05-18", tags="FB") == {"FB": 1.0}
    meta = links("Facebook", day="2023-01-03").links
    assert meta[["security_id", "ticker", "entity"]].values.tolist() == [["1326801-A", "META", "Meta Platforms"]]


def renamed() -> Universe:
    """Block as SQ until Friday 2025-01-17, as XYZ from Tuesday on: Monday was a holiday."""
    rows = pd.DataFrame(
        {
            "security_id": "S",
            "ticker": ["SQ", "XYZ"],
            "name": ["Square Inc", "Blockwise"],
            "aliases": "Squarely",
            "sector": "Financials",
            "cik": pd.array([1512673] * 2, dtype="Int64"),
            "valid_from": pd.to_datetime(["2015-11-19", "2025-01-21"]),
            "valid_to": pd.to_datetime(["2025-01-17", None]),
        }
    )
    return Universe(rows)


@pytest.mark.parametrize(
    ("day", "ticker"),
    [
        ("2015-11-18", None),
        ("2015-11-19", "SQ"),
        ("2025-01-17", "SQ"),
        ("2025-01-18", "SQ"),
        ("2025-01-20", "SQ"),
        ("2025-01-21", "XYZ"),
    ],
)
def test_a_symbol_change_leaves_no_day_without_the_security(day, ticker):
    expected = [] if ticker is None else [["S", ticker]]
    for title, values in (("Squarely raises outlook", {}), ("10-K", {"cik": 1512673}), ("x", {"tags": "SQ|XYZ"})):
        found = links(title, day=day, universe=renamed(), **values).links
        assert found[["security_id", "ticker"]].values.tolist() == expected


def test_news_of_days_without_trading_is_about_what_is_listed_in_the_next_session():
    alphabet = [["1652044-A", "GOOGL"]]
    for day, security in (("2015-10-02", "1288776-A"), ("2015-10-03", "1652044-A"), ("2015-10-04", "1652044-A")):
        for title, values in (("Google raises its outlook for cloud", {}), ("x", {"tags": "GOOGL"})):
            found = links(title, day=day, **values)
            assert found.links[["security_id", "ticker"]].values.tolist() == [[security, "GOOGL"]]
            assert found.rejected.empty
    assert links("10-K", day="2015-10-03", cik=1652044).links[["security_id", "ticker"]].values.tolist() == alphabet


def test_news_after_a_last_session_is_about_nothing_listed():
    assert linked("Monsanto shareholders are paid", day="2018-06-06") == {"MON": 1.0}
    assert linked("Monsanto shareholders are paid", day="2018-06-07") == {}
    assert linked("U.S. Steel is bought", day="2025-06-18") == {"X": 1.0}
    assert linked("U.S. Steel is bought", day="2025-06-19") == {}, "a holiday"


def test_an_unknown_symbol_is_reported_once_with_its_count():
    rejected = links("Something", tags="ZZZZ").rejected
    assert rejected["reason"].tolist() == ["unknown_ticker"]
    assert rejected["detail"][0].startswith("ZZZZ: not in the universe at the time of 1 tagged")


def test_real_links_of_the_archive_are_found_by_name(real_data):
    """Every linked headline names its company in some form: most must be found by the shipped names alone."""
    sample = pd.read_parquet(real_data / "market" / "headlines_linked_2007_2013.parquet").sample(3000, random_state=0)
    matcher = NameMatcher(UNIVERSE)
    hit = [row.ticker in matcher.tickers(row.title) for row in sample.itertuples()]
    assert sum(hit) / len(hit) > 0.85


def bars(**values) -> pd.DataFrame:
    good = {
        "ticker": "FB",
        "session": pd.Timestamp("2012-05-18"),
        "open": 42.0,
        "high": 45.0,
        "low": 38.0,
        "close": 38.2,
    }
    return pd.DataFrame([good | {"volume": 1.0, "price_basis": "raw", "adjusted_asof_date": None} | values])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"session": pd.Timestamp("2012-05-17")}, "bar_outside_listing"),
        ({"session": pd.Timestamp("2012-05-19")}, "not_a_session"),
        ({"low": 39.0}, "impossible_prices"),
        ({"open": 0.0, "low": 0.0}, "impossible_prices"),
        ({"close": None}, "impossible_prices"),
        ({"ticker": "ZZZZ"}, "unknown_ticker"),
    ],
)
def test_faulty_bars_are_turned_away_by_reason(values, reason):
    good, rejected = clean_bars(bars(**values), UNIVERSE)
    assert good.empty
    assert rejected["reason"].tolist() == [reason]


def test_only_changed_bars_are_new_revisions():
    good, _ = clean_bars(bars(), UNIVERSE)
    first = pd.Timestamp("2012-05-18 22:00", tz="UTC")
    held = new_revisions(good, PRICES.empty(), "files", first)
    assert len(held) == 1
    assert new_revisions(good, held, "files", first + pd.Timedelta(days=1)).empty
    revised = new_revisions(good.assign(close=38.3), held, "files", first + pd.Timedelta(days=1))
    assert revised["close"].tolist() == [38.3]
    conform(PRICES, pd.concat([held, revised]))


def test_the_universe_answers_as_of_a_session_and_names_near_misses(tmp_path):
    assert len(UNIVERSE.listed(pd.Timestamp("2012-05-17"))) == 84
    assert len(UNIVERSE.listed(pd.Timestamp("2012-05-18"))) == 85
    with pytest.raises(DataError, match="unknown ticker 'APPL'.*AAPL"):
        UNIVERSE.require_tickers(["APPL"])
    with pytest.raises(ConfigError, match="no universe file"):
        read_universe(str(tmp_path / "none.csv"))
    broken = tmp_path / "broken.csv"
    broken.write_text("ticker,name\nA,B\n")
    with pytest.raises(ConfigError, match="broken.csv"):
        read_universe(str(broken))
    assert isinstance(UNIVERSE, Universe)
