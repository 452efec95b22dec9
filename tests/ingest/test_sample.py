"""The sample market: the same for everyone, like a real one on its surface, and with a truth that can be measured."""

import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sentfeat import schema, sessions, tables
from sentfeat.config import SampleSource
from sentfeat.errors import ConfigError
from sentfeat.ingest.sample import SampleMarket
from sentfeat.ingest.sample.market import build
from sentfeat.ingest.source import ITEM_COLUMNS
from sentfeat.sessions import Window

EVERYTHING = Window(pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2030-01-01", tz="UTC"))
STANDARD_ERRORS = 3.5  # of a correlation, (1 - effect^2) / sqrt(rows): a false alarm in 2,000 seeds
GOOD = "beats? wins? raises rises? upgrades jump boosts gains lifts improves record rallies climbs surges cheer strong"
BAD = "cuts falls? warns misses downgrades plunge loses slump recalls sued fined slashes weak halts hurts? drops probe"


def market(**settings) -> SampleMarket:
    return SampleMarket(SampleSource(name="sample", **settings))


@pytest.fixture(scope="module")
def sample() -> SampleMarket:
    return market()


@pytest.fixture(scope="module")
def items(sample) -> pd.DataFrame:
    return sample.fetch(EVERYTHING).items


@pytest.fixture(scope="module")
def headlines(items) -> pd.DataFrame:
    return items[items["kind"] == "headline"]


@pytest.fixture(scope="module")
def filings(items) -> pd.DataFrame:
    return items[items["kind"] != "headline"]


def bars_of(sample: SampleMarket) -> pd.DataFrame:
    """All bars with their security_id and y1, the standardised open-to-close return."""
    universe = sample.universe()
    bars = sample.bars(universe, pd.Timestamp("2000-01-03"), pd.Timestamp("2030-01-01")).items
    bars = bars.merge(universe[["ticker", "security_id", "valid_from", "valid_to"]], on="ticker")
    returns = np.log(bars["close"] / bars["open"])
    by_date = returns.groupby(bars["session"])
    return bars.assign(y1=(returns - by_date.transform("mean")) / by_date.transform("std"))


def correlation(left: pd.DataFrame, bars: pd.DataFrame, value: str) -> tuple[float, int]:
    joined = left.merge(bars, on=["session", "security_id"])
    return joined[value].corr(joined["y1"]), len(joined)


def read_tone(items: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    """A crude reader: words counted in tagged single-company headlines, averaged by the row they reach."""
    single = items[[isinstance(tags, tuple) and len(tags) == 1 for tags in items["tickers"]]]
    good, bad = (re.compile(rf"\b({words.replace(' ', '|')})\b") for words in (GOOD, BAD))
    tone = [np.sign(len(good.findall(title)) - len(bad.findall(title))) for title in single["title"]]
    lag = pd.Timedelta(minutes=15)
    rows = sessions.session_of(single["published_at"] + lag, sessions.Cutoff.PRE_OPEN, lag)
    ids = universe.set_index("ticker")["security_id"]
    frame = pd.DataFrame({"session": rows, "security_id": [ids[tags[0]] for tags in single["tickers"]], "read": tone})
    return frame.groupby(["session", "security_id"], as_index=False)["read"].mean()


# --- the same for everyone


def test_the_same_settings_give_the_same_market():
    settings = SampleSource(name="sample", end=dt.date(2022, 6, 30))
    one, other = build.__wrapped__(settings), build.__wrapped__(settings)
    for name in ("universe", "items", "bars", "latent"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


def test_another_process_generates_the_same_bytes(items):
    code = (
        "import hashlib; from tests.ingest.test_sample import market, EVERYTHING\n"
        "print(hashlib.sha256(market().fetch(EVERYTHING).items.to_csv().encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "99", "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == hashlib.sha256(items.to_csv().encode()).hexdigest()


def test_another_seed_gives_another_market():
    short = {"end": dt.date(2022, 3, 31)}
    one, other = (market(seed=seed, **short).fetch(EVERYTHING).items for seed in (1, 2))
    assert set(one["title"]) != set(other["title"])


def test_the_effect_changes_prices_but_no_document(items):
    pd.testing.assert_frame_equal(market(effect=0.3).fetch(EVERYTHING).items, items)


def test_a_caller_cannot_change_the_market(sample):
    items, universe = sample.fetch(EVERYTHING).items, sample.universe()
    items["title"] = universe["name"] = "changed"
    assert not (sample.fetch(EVERYTHING).items["title"] == "changed").any()
    assert not (sample.universe()["name"] == "changed").any()


# --- schema


def test_items_and_universe_are_what_their_declarations_say(sample, items):
    assert tuple(items.columns) == ITEM_COLUMNS
    assert items["published_at"].dtype == "datetime64[us, UTC]"
    assert items["item_id"].is_unique
    assert items[items["kind"] == "headline"]["url"].is_unique
    assert (pd.to_datetime(items["published_raw"]) == items["published_at"]).all()
    assert schema.conform(tables.UNIVERSE, sample.universe()).num_rows == 24


def test_bars_can_become_the_price_table(sample):
    bars = bars_of(sample).drop(columns=["ticker", "valid_from", "valid_to", "y1"])
    bars = bars.assign(revision_seen_at=pd.Timestamp("2025-01-01", tz="UTC"), source="sample")
    assert schema.conform(tables.PRICES, bars).num_rows == len(bars)


def test_six_sectors_have_at_least_four_companies(sample):
    assert sample.universe()["sector"].value_counts().min() >= 4
    assert sample.universe()["sector"].nunique() == 6


@pytest.mark.parametrize(
    "settings",
    [{"companies": 3}, {"companies": 99}, {"effect": 1.0}, {"start": dt.date(2024, 7, 6), "end": dt.date(2024, 7, 7)}],
)
def test_settings_that_describe_no_market_are_refused(settings):
    with pytest.raises(ConfigError):
        market(**settings).universe()


def test_a_small_short_market_works():
    small = market(companies=4, start=dt.date(2024, 3, 2), end=dt.date(2024, 3, 29))
    assert len(small.fetch(EVERYTHING).items) > 20
    assert bars_of(small)["session"].nunique() == 19  # without Good Friday


# --- what the news looks like


def test_headlines_are_as_many_as_stated(sample, headlines):
    assert 13_000 <= len(headlines) <= 16_000
    assert 0.6 <= len(headlines) / len(bars_of(sample)) <= 0.85
    per_company = headlines["tickers"].dropna().explode().value_counts()
    assert per_company.max() > 3 * per_company.min()


def test_clocks_are_spread_over_the_day_as_on_a_real_wire(headlines):
    local = headlines["published_at"].dt.tz_convert(sessions.NEW_YORK)
    minute = local.dt.hour * 60 + local.dt.minute
    days = local.dt.tz_localize(None).dt.normalize()
    off = ~days.isin(sessions.sessions_between("2022-01-01", "2024-12-31"))
    assert 0.28 <= (minute >= 16 * 60).mean() <= 0.42
    assert 0.25 <= minute.between(9 * 60 + 30, 16 * 60 - 1).mean() <= 0.42
    assert 0.15 <= minute.between(6 * 60, 9 * 60 + 29).mean() <= 0.32
    assert 0.03 <= (minute < 6 * 60).mean() <= 0.10
    assert 0.04 <= off.mean() <= 0.13
    assert (off & (days.dt.dayofweek < 5)).sum() > 20  # holidays
    assert all((minute == 9 * 60 + at).sum() > 30 for at in (14, 15, 16))


def test_earnings_days_are_busy(sample, headlines, filings):
    ids = sample.universe().set_index("cik")["ticker"]
    released = filings[filings["section"] == "2.02"]
    busy = set(zip(released["cik"].map(ids), released["published_at"].dt.date, strict=True))
    tagged = headlines.dropna(subset="tickers").explode("tickers").dropna(subset="tickers")
    on_release = [pair in busy for pair in zip(tagged["tickers"], tagged["published_at"].dt.date, strict=True)]
    assert np.sum(on_release) / len(busy) > 4 * (len(tagged) - np.sum(on_release)) / len(bars_of(sample))


def test_about_half_of_the_publishers_tag(headlines):
    tagging = headlines.groupby("publisher")["tickers"].apply(lambda tags: tags.notna().mean())
    assert set(tagging) == {0.0, 1.0}
    assert 0.4 <= tagging.mean() <= 0.6
    assert 0.35 <= headlines["tickers"].notna().mean() <= 0.65


def test_copies_peers_and_off_topic_items_occur(headlines):
    named = headlines["tickers"].dropna().map(len)
    assert 0.04 <= (named >= 2).mean() <= 0.12
    assert 0.02 <= (named == 0).mean() <= 0.10
    assert headlines["title"].str.contains("UPDATE 1-").sum() > 50
    same = headlines.sort_values(["title", "published_at"])
    again = (same["title"] == same["title"].shift()) & (same["published_at"].diff() <= pd.Timedelta(minutes=20))
    assert 0.07 <= again.mean() <= 0.14
    assert (same["publisher"] != same["publisher"].shift())[again].mean() > 0.95
    assert headlines["title"].nunique() > 0.75 * len(headlines)


def test_no_company_is_tagged_before_its_listing_or_after_its_delisting(sample, headlines):
    tagged = headlines.dropna(subset="tickers").explode("tickers").dropna(subset="tickers")
    listing = sample.universe().set_index("ticker").loc[tagged["tickers"]]
    day = tagged["published_at"].dt.tz_convert(sessions.NEW_YORK).dt.tz_localize(None).to_numpy()
    assert (day >= listing["valid_from"].to_numpy()).all()
    late = day > (listing["valid_to"].fillna(pd.Timestamp("2030-01-01")) + pd.Timedelta(days=1, hours=2)).to_numpy()
    assert not late.any()  # copies may straggle in shortly after midnight


# --- asking for a part


def test_adjacent_windows_bring_what_their_union_brings(sample, items):
    cut = items["published_at"].iloc[5000]  # an item on the edge belongs to the window that ends there
    start, end = items["published_at"].iloc[4000], items["published_at"].iloc[6000]
    parts = [sample.fetch(Window(start, cut)).items, sample.fetch(Window(cut, end)).items]
    assert parts[0]["published_at"].iloc[-1] == cut
    both = sample.fetch(Window(start, end)).items
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), both)
    assert both["published_at"].min() > start


def test_only_the_market_s_own_span_is_covered(sample):
    first, last = pd.Timestamp("2022-01-03 05:00", tz="UTC"), pd.Timestamp("2025-01-01 05:00", tz="UTC")
    assert sample.fetch(EVERYTHING).covered == Window(first, last)
    inside = Window(first + pd.Timedelta(days=9), first + pd.Timedelta(days=10))
    assert sample.fetch(inside).covered == inside
    outside = sample.fetch(Window(last, last + pd.Timedelta(days=1)))
    assert outside.covered is None
    assert outside.items.empty


def test_every_item_lies_in_the_covered_span(sample, items):
    covered = sample.fetch(EVERYTHING).covered
    assert (items["published_at"] > covered.after).all()
    assert (items["published_at"] <= covered.until).all()


def test_bars_are_those_of_the_sessions_and_tickers_asked_for(sample):
    some = sample.universe().iloc[:2]
    bars = sample.bars(some, pd.Timestamp("2022-03-01"), pd.Timestamp("2022-03-02")).items
    assert set(bars["ticker"]) == set(some["ticker"])
    assert sorted(set(bars["session"])) == [pd.Timestamp("2022-03-01"), pd.Timestamp("2022-03-02")]


# --- bars


def test_every_listed_session_has_a_bar_and_no_other(sample):
    bars = bars_of(sample)
    universe = sample.universe()
    assert (bars["session"] >= bars["valid_from"]).all()
    assert not (bars["session"] > bars["valid_to"]).any()
    days = sessions.sessions_between("2022-01-01", "2024-12-31")
    ends = universe["valid_to"].fillna(days[-1])
    expected = sum(len(sessions.sessions_between(a, b)) for a, b in zip(universe["valid_from"], ends, strict=True))
    assert len(bars) == expected
    assert universe["valid_to"].notna().sum() == 1
    assert (universe["valid_from"] > days[0]).sum() == 1


def test_prices_are_positive_and_ordered(sample):
    bars = bars_of(sample)
    assert (bars["low"] > 0).all()
    assert (bars["low"] <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars["high"] >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars["volume"] > 0).all()
    assert set(bars["price_basis"]) == {"raw"}


# --- filings


def test_each_form_comes_with_its_sections(filings):
    whole = filings[filings["kind"].isin(["filing_section", "filing_item"])]
    sections = whole.groupby("form")["section"].unique().map(set)
    assert sections["10-K"] == {"1A", "7"}
    assert sections["10-Q"] == {"1A", "2"}
    assert {"2.02", "5.02", "3.01"} <= sections["8-K"]
    assert filings["tickers"].isna().all()
    assert (filings["cik"] > 9_000_000).all()
    assert set(whole["section_verdict"]) == {"ok"}
    assert not whole.duplicated(["accession", "section"]).any()
    yearly = whole[(whole["form"] == "10-K") & (whole["section"] == "1A")].groupby("cik").size()
    assert (yearly >= 2).mean() > 0.85


def test_every_filing_has_a_row_of_its_own_and_passages_out_of_its_sections(filings):
    by_kind = dict(iter(filings.groupby("kind")))
    assert set(by_kind) == {"filing", "filing_section", "filing_item", "filing_passage"}
    assert by_kind["filing"]["accession"].is_unique
    assert set(by_kind["filing"]["accession"]) == set(filings["accession"])
    whole = pd.concat([by_kind["filing_section"], by_kind["filing_item"]])
    cut = by_kind["filing_passage"].merge(whole, on=["accession", "section"], suffixes=("", "_whole"), how="outer")
    assert cut["text"].notna().all()
    assert all(part in text for part, text in zip(cut["text"], cut["text_whole"], strict=True))


def test_a_filing_names_its_period_and_the_filers_filing_before(filings):
    one = filings[filings["kind"] == "filing"].set_index("accession")
    reports = one[one["form"] != "8-K"]
    assert (
        (pd.to_datetime(reports["period"]) + pd.Timedelta(days=15))
        .lt(reports["published_at"].dt.tz_localize(None))
        .all()
    )
    linked = reports.dropna(subset="prior_accession")
    assert len(linked) >= 0.75 * len(reports)
    before = one.loc[linked["prior_accession"]]
    assert (before["form"].to_numpy() == linked["form"].to_numpy()).all()
    assert (before["cik"].to_numpy() == linked["cik"].to_numpy()).all()
    assert (before["period"].to_numpy() < linked["period"].to_numpy()).all()


def test_most_filings_are_accepted_after_the_close(filings):
    hour = filings["published_at"].dt.tz_convert(sessions.NEW_YORK).dt.hour
    assert 0.6 <= (hour >= 16).mean() <= 0.9


def test_risk_factors_change_but_mostly_stay(filings):
    sections = filings[filings["kind"] == "filing_section"]
    risks = sections[(sections["section"] == "1A") & (sections["form"] == "10-K")]
    assert risks["text"].str.split().str.len().between(300, 900).all()
    assert (risks["text"].str.count("\n\n") >= 5).all()
    kept = []
    for _, texts in risks.groupby("cik")["text"]:
        sentences = [set(re.split(r"(?<=\.)\s+", text)) for text in texts]
        for before, after in pairwise(sentences):
            assert after - before
            assert before - after
            kept.append(len(before & after) / len(before))
    assert 0.5 <= np.mean(kept) <= 0.95


# --- the truth


@pytest.mark.parametrize("effect", [0.0, 0.1, 0.3])
def test_latent_tone_has_the_planted_correlation_with_the_next_open_to_close_return(effect):
    planted = market(effect=effect)
    found, rows = correlation(planted.latent_tone(), bars_of(planted), "tone")
    assert rows > 6000
    assert found == pytest.approx(effect, abs=STANDARD_ERRORS * (1 - effect**2) / np.sqrt(rows))


def test_the_planted_correlation_is_right_on_average_over_seeds():
    found = []
    for seed in range(6):
        planted = market(seed=seed, effect=0.2, companies=12)
        found.append(correlation(planted.latent_tone(), bars_of(planted), "tone")[0])
    assert np.mean(found) == pytest.approx(0.2, abs=STANDARD_ERRORS * np.std(found, ddof=1) / np.sqrt(len(found)))


@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_a_reader_of_the_headlines_finds_the_effect_only_where_there_is_one(effect):
    planted = market(effect=effect)
    read = read_tone(planted.fetch(EVERYTHING).items, planted.universe())
    found, rows = correlation(read, bars_of(planted), "read")
    error = STANDARD_ERRORS / np.sqrt(rows)
    assert abs(found) < error if effect == 0 else found > 0.1 + error


def test_words_carry_the_latent_tone(sample, items):
    both = read_tone(items, sample.universe()).merge(sample.latent_tone(), on=["session", "security_id"])
    assert both["read"].corr(both["tone"]) > 0.55


def test_news_moves_the_session_it_comes_out_in(sample):
    """The next row's news came out largely in this session: a feature shifted by one session looks spectacular."""
    bars = bars_of(sample).sort_values("session")
    bars["session"] = bars.groupby("security_id")["session"].shift(-1)
    found, _ = correlation(sample.latent_tone(), bars.dropna(subset="session"), "tone")
    assert found > 0.15
