"""Each planted leak is caught by its own detector, and honest clocks by none."""

import numpy as np
import pandas as pd
import pytest

from sentfeat.features import leaks
from sentfeat.sessions import Cutoff, calendar, session_of

NEW_YORK = "America/New_York"


def working_days_news(zone: str, count: int = 6000, seed: int = 0) -> pd.DataFrame:
    """A source whose people write from 07:00 to 18:00 New York, its naive times read as `zone`'s."""
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2021-01-04", "2023-12-29")
    hours = np.concatenate([rng.normal(7.5, 0.4, count // 2), rng.normal(16.2, 0.5, count - count // 2)])
    naive = rng.choice(days, count) + pd.to_timedelta(hours, unit="h").floor("min")
    times = pd.DatetimeIndex(naive).tz_localize(zone, ambiguous="NaT", nonexistent="NaT").tz_convert("UTC")
    return pd.DataFrame({"source": "wire", "published_at": times}).dropna()


def test_a_clock_in_the_wrong_zone_moves_at_dst_changes():
    assert not list(leaks.clock_moves(working_days_news(NEW_YORK)))
    (sign,) = leaks.clock_moves(working_days_news("UTC"))
    assert sign.subject == "wire"
    assert "+60 minutes" in sign.detail
    assert not list(leaks.clock_moves(working_days_news("UTC", count=60))), "too little to tell"


def test_the_real_archive_read_as_utc_is_found_and_as_new_york_is_not(real_data):
    """The vendor's own label says UTC, and is wrong."""
    naive = pd.read_parquet(real_data / "market" / "headlines_linked_2007_2013.parquet")["ts_et"]
    for zone, found in ((NEW_YORK, 0), ("UTC", 1)):
        times = naive.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
        documents = pd.DataFrame({"source": "reuters", "published_at": times}).dropna()
        assert len(list(leaks.clock_moves(documents))) == found


@pytest.mark.parametrize(("hours_early", "found"), [(0, 0), (5, 1)])
def test_news_that_the_open_ignores_and_the_day_follows_was_written_later_than_it_says(hours_early, found):
    """The market reacts at the next price after the news: to 08:00 at the open, to 13:00 by the close."""
    rng = np.random.default_rng(1)
    sessions = pd.bdate_range("2023-01-03", periods=300)
    securities = [f"S{number}" for number in range(10)]
    grid = pd.MultiIndex.from_product([securities, sessions], names=["security_id", "session"])
    tone = pd.Series(rng.choice([-0.9, 0.9], len(grid)), index=grid)
    noise = rng.normal(0, 0.01, (2, len(grid)))
    written = 13.0 if hours_early else 8.0
    gap = noise[0] + (0 if hours_early else 0.005) * np.sign(tone)
    day = noise[1] + (0.005 if hours_early else 0) * np.sign(tone)
    bars = pd.DataFrame({"gap": gap, "day": day}).reset_index()
    bars["close"] = (
        bars.groupby("security_id")[["gap", "day"]]
        .apply(lambda g: ((1 + g["gap"]) * (1 + g["day"])).cumprod())
        .to_numpy()
    )
    bars["open"] = bars["close"] / (1 + bars["day"])
    opens = pd.Series((sessions + pd.Timedelta(hours=9.5)).tz_localize(NEW_YORK).tz_convert("UTC"), index=sessions)
    stamped = (bars["session"] + pd.Timedelta(hours=written - hours_early)).dt.tz_localize(NEW_YORK)
    items = bars[["security_id", "session"]].assign(source="wire", tone=tone.to_numpy(), available_at=stamped)
    items["available_at"] = items["available_at"].dt.tz_convert("UTC")
    assert len(list(leaks.reacts_early(items, bars, opens))) == found


def filing(raw: str, published: str, basis: str, **more) -> pd.DataFrame:
    row = {"accession": "0000320193-22-000061", "published_raw": raw, "published_basis": basis} | more
    return pd.DataFrame([row]).assign(published_at=pd.to_datetime([published], utc=True))


def test_a_z_that_is_new_york_time_read_as_utc_is_earlier_than_the_header_allows():
    """SEC's SGML header of this filing says 18:30:57 Eastern; one capture of its JSON says 18:30:57Z."""
    wrong = filing("2022-04-28T18:30:57.000Z", "2022-04-28T18:30:57Z", "late_bound")
    (sign,) = leaks.before_header(wrong)
    assert "0000320193-22-000061" in sign
    right = filing("2022-04-28T18:30:57.000Z", "2022-04-28T22:30:57Z", "header")
    truly_utc = filing("2022-04-28T22:30:57.000Z", "2022-04-28T22:30:57Z", "header")
    assert not list(leaks.before_header(pd.concat([right, truly_utc])))
    (sign,) = leaks.before_header(filing("2022-04-28T06:10:00.000Z", "2022-04-28T06:10:00Z", "header"))
    assert "02:10 New York" in sign.detail, "EDGAR is closed at that hour, whatever the record says it rests on"


def test_items_with_a_time_that_nobody_wrote_are_found():
    rng = np.random.default_rng(2)
    seen = pd.Timestamp("2024-06-03 15:02:11", tz="UTC")
    honest = pd.Timestamp("2024-05-01", tz="UTC") + pd.to_timedelta(rng.integers(1, 30 * 86400, 200), unit="s")
    documents = pd.DataFrame({"source": "wire", "published_at": honest, "first_seen_at": seen, "pit_grade": "B"})
    assert not list(leaks.undated(documents))
    fetched = documents.assign(published_at=documents["published_at"].where(documents.index >= 10, seen))
    assert [sign.detail for sign in leaks.undated(fetched)] == [
        "5.0% of its items are dated the moment of fetching, which no one wrote"
    ]
    midnight = documents.assign(published_at=documents["published_at"].where(documents.index >= 10, seen.normalize()))
    assert [sign.detail for sign in leaks.undated(midnight)] == [
        "5.0% of its items are dated midnight, which no one wrote"
    ]
    assert not list(leaks.undated(midnight.assign(pit_grade="C"))), "a bare date that counts from the end of its day"


def test_a_period_end_taken_for_the_filing_date_is_found():
    row = {"form": "10-K", "period": pd.Timestamp("2023-12-31")}
    at = {
        name: pd.to_datetime([day], utc=True) for name, day in (("early", "2023-12-31 22:00"), ("fair", "2024-01-22"))
    }
    frame = pd.DataFrame([{"accession": name, "available_at": times[0], **row} for name, times in at.items()])
    assert [sign.subject for sign in leaks.filed_at_period_end(frame)] == ["early"]
    current = frame.assign(form="8-K")  # reports what happened on the day
    assert not list(leaks.filed_at_period_end(current))


def test_the_real_archives_prices_tell_that_its_clock_is_not_utc(real_data):
    """By a word rule for the tone: it needs no model."""
    rises = r"\b(?:beats?|raises?|upgrade[sd]?|rises?|jumps?|soars?|surges?|gains?|tops?|strong|record|wins?|boosts?)\b"
    falls = (
        r"\b(?:misses|cuts?|downgrade[sd]?|falls?|drops?|plunges?|slumps?|weak|loss|warns?|recalls?|sues?|slides?)\b"
    )
    news = pd.read_parquet(real_data / "market" / "headlines_linked_2007_2013.parquet")
    says = [news["title"].str.contains(words, case=False).astype(float) for words in (rises, falls)]
    bars = pd.read_parquet(real_data / "market" / "ohlcv_2006_2013.parquet").query("kind == 'Stocks'")
    bars = bars.rename(columns={"ticker": "security_id", "date": "session"})
    bars["session"] = pd.to_datetime(bars["session"])
    for zone, found in ((NEW_YORK, 0), ("UTC", 1)):
        times = news["ts_et"].dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
        items = pd.DataFrame({"source": "reuters", "security_id": news["ticker"], "available_at": times})
        items = items.assign(tone=0.9 * (says[0] - says[1])).dropna()
        items["session"] = session_of(items["available_at"], Cutoff.PRE_OPEN, pd.Timedelta(minutes=15))
        assert len(list(leaks.reacts_early(items, bars, calendar().opens))) == found
