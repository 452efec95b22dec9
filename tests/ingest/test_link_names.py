"""Names in context: damaged entities, namesakes, words, quoted banks, longer names, names of another time."""

import pandas as pd
import pytest

from benchmarks.linking import LABELS, against_labels, figures, found, row_hashes
from sentfeat.ingest.link import NameMatcher
from sentfeat.universe import Universe, read_universe
from tests.conftest import ROOT

UNIVERSE = read_universe(str(ROOT / "data" / "universe.csv"))
MATCHER = NameMatcher(UNIVERSE)


@pytest.mark.parametrize(
    ("title", "tickers"),
    [
        ("AT&T; up after Q3 results", {"T"}),
        ("AT&amp;T up after Q3 results", {"T"}),
        ("McDonald\u2019s to shut business in Iceland", {"MCD"}),
        ("Shares of the oil major rise <XOM.N>", {"XOM"}),
        ("The oil major (NYSE: XOM) rises", {"XOM"}),
        ("Apple International <2788.T>-9-mth group results", set()),
        ("Harrison Ford rises early", set()),
        ("Retailers target ford crossings", set()),
        ("Target price range raised", set()),
        ("EU upholds right to ban GM crops", set()),
        ("Apple Hospitality REIT raises dividend", set()),
        ("Goldman cuts Intel to sell; shares fall", {"INTC"}),
        ("RESEARCH ALERT-JP Morgan raises GM, Ford to overweight", {"GM", "F"}),
        ("Oil to fall by a third next year -Citigroup", set()),
        ("BofA analysts say growth will slow", set()),
        ("MOVES-Goldman Sachs", {"GS"}),
        ("Citigroup sells Japan HQ to Morgan Stanley", {"C", "MS"}),
        ("Goldman cuts staff", {"GS"}),
    ],
)
def test_the_words_around_a_name_decide(title, tickers):
    assert MATCHER.tickers(title, pd.Timestamp("2012-06-01")) == tickers


def test_the_first_company_is_the_subject_and_a_speaker_counts_half():
    assert MATCHER.relevance("Apple, Google bid on Kodak, says Intel lawyer") == {
        "AAPL": 1.0,
        "GOOGL": 1.0,
        "INTC": 0.8,
    }
    assert MATCHER.relevance("Output at field restarts slowly - BP") == {"BP": 0.5}


def test_longer_names_win_suffixes_are_stripped_and_names_have_their_time():
    rows = pd.DataFrame(
        {
            "security_id": ["1-A", "2-A", "3-A", "3-A"],
            "ticker": ["AMX", "BAC", "GOOGL", "GOOGL"],
            "name": ["America", "Bank of America Corp.", "Google Inc", "Alphabet Inc."],
            "aliases": None,
            "sector": "Other",
            "cik": pd.array([1, 2, 3, 3], dtype="Int64"),
            "valid_from": pd.to_datetime(["1990-01-02", "1990-01-02", "2004-08-19", "2015-10-05"]),
            "valid_to": pd.to_datetime([None, None, "2015-10-02", None]),
        }
    )
    matcher = NameMatcher(Universe(rows))
    assert matcher.tickers("Bank of America adds directors") == {"BAC"}
    assert matcher.tickers("Alphabet rises", pd.Timestamp("2012-01-03")) == set()
    assert matcher.tickers("Alphabet rises", pd.Timestamp("2016-01-04")) == {"GOOGL"}


def word_names() -> NameMatcher:
    """A universe of companies whose names are words, none of which the rules know by name."""
    names = "Block|Carnival|Monster|Square|Crown|Regions|Ball|Snap|Limited|Progressive".split("|")
    rows = pd.DataFrame({"security_id": names, "ticker": [name.upper()[:5] for name in names], "name": names})
    rows = rows.assign(aliases=None, sector="Other", cik=pd.array([None] * len(names), dtype="Int64"))
    return NameMatcher(Universe(rows.assign(valid_from=pd.Timestamp("1990-01-02"), valid_to=pd.NaT)))


@pytest.mark.parametrize(
    ("title", "ticker"),
    [
        ("Block raises its outlook", "BLOCK"),
        ("Block trades were seen in Milan", None),
        ("Carson Block says the accounts are wrong", None),
        ("Brazil kicks off the season of Carnival", "CARNI"),  # a capital inside
        ("Carnival season opens in Rio", None),
        ("UPDATE 2-Carnival gives weak forecast", "CARNI"),
        ("Square feet of office space fall", None),
        ("Pershing Square's Ackman shorts a rival", None),
        ("Starbucks to take payments by Square", "SQUAR"),
        ("Snap elections loom in Greece", None),
        ("Snap to cut a tenth of its staff", "SNAP"),
        ("Markets Snap Losing Streak As Oil Recovers", None),
        ("Ball's profit misses estimates", "BALL"),
        ("Australia's Crown posts higher profit", "CROWN"),
        ("Spanish Regions' payment delays", None),
        ("Agency rates Schahin Limited's notes", None),
        ("Orient-Monster talks fail", None),
    ],
)
def test_a_name_that_is_an_ordinary_word_needs_more_than_a_capital(title, ticker):
    assert word_names().tickers(title) == ({ticker} if ticker else set())


def test_titles_labelled_by_hand_are_linked_right(real_data):
    titles = pd.read_parquet(real_data / "market" / "headlines_linked_2007_2013.parquet")
    labelled = pd.read_csv(ROOT / LABELS)["row"]
    titles = titles[pd.Series(row_hashes(titles), index=titles.index).isin(labelled)]
    precision, recall = figures(against_labels(titles.assign(found=found(titles, MATCHER)), UNIVERSE))
    assert len(titles) == 500
    assert precision >= 0.97
    assert recall >= 0.95
