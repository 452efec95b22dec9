"""Feature rows equal an independent computation, from any start and in any input order."""

import random
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from sentfeat.config import FeatureSettings
from sentfeat.errors import SessionError
from sentfeat.features.coverage import Reading
from sentfeat.features.items import INPUT_COLUMNS, RISK_CHANCES, confidence
from sentfeat.features.table import MEMORY, Build, Inputs
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import Cutoff, calendar, sessions_between, window
from sentfeat.tables import FEATURES
from sentfeat.universe import Universe
from tests.features.oracle import Oracle

SETTINGS = FeatureSettings()
# spring DST change (03-08), Good Friday, Memorial Day; the lookback reaches over Thanksgiving's half day and autumn DST
FIRST, LAST = pd.Timestamp("2026-03-02"), pd.Timestamp("2026-05-29")
BEGIN = pd.Timestamp("2025-11-20")
SECTORS = {"A": "tech", "B": "tech", "C": "tech", "D": "tech", "E": "food"}
LISTED = {"E": ("2026-04-01", None), "D": ("1990-01-02", "2026-05-01")}
WORDS = "profit rises on strong demand for chips after recall of cars in europe this quarter says ceo".split()


def universe() -> Universe:
    rows = [
        {
            "security_id": name,
            "ticker": name * 2,
            "name": name,
            "aliases": None,
            "sector": sector,
            "cik": None,
            "valid_from": pd.Timestamp(LISTED.get(name, ("1990-01-02", None))[0]),
            "valid_to": pd.Timestamp(LISTED.get(name, (None, None))[1]),
        }
        for name, sector in SECTORS.items()
    ]
    return Universe(pd.DataFrame(rows))


def make_items(seed: int) -> pd.DataFrame:
    """Random items at awkward times, with repeats, unscored ones, ties in time, and weights of zero."""
    rng = random.Random(seed)
    rows, titles = [], ["Short one"]
    start = pd.Timestamp("2025-11-20 12:00", tz="UTC")
    for number in range(700):
        at = start + pd.Timedelta(minutes=rng.randrange(0, 191 * 24 * 60))
        if rng.random() < 0.1:
            at = at.tz_convert("America/New_York").normalize() + pd.Timedelta(hours=9, minutes=rng.choice([14, 15, 16]))
        title = " ".join(rng.choices(WORDS, k=rng.randrange(1, 9)))
        if rng.random() < 0.4:
            title = rng.choice(titles[-6:])
        titles.append(title)
        p = np.array([rng.random() ** 2 for _ in range(3)])
        p = np.array([1 / 3] * 3) if rng.random() < 0.05 else p / p.sum()
        scored = rng.random() > 0.1
        rows.append(
            {
                "document_id": f"d{rng.randrange(10**6):06d}{number}",
                "security_id": rng.choice("AAABBCDE"),
                "available_at": at.tz_convert("UTC").floor("us"),
                "publisher": rng.choice(["wire", "blog", None]),
                "title": title,
                "pit_grade": rng.choice("AAABC"),
                "relevance": rng.choice([1.0, 0.5]),
                "p_negative": p[0] if scored else np.nan,
                "p_neutral": p[1] if scored else np.nan,
                "p_positive": p[2] if scored else np.nan,
                **{name: rng.random() if scored and number % 4 else np.nan for name in RISK_CHANCES},
            }
        )
    frame = pd.DataFrame(rows)
    frame["available_at"] = frame["available_at"].astype("datetime64[us, UTC]")
    return frame.reindex(columns=list(INPUT_COLUMNS))


def spans() -> pd.DataFrame:
    """What was read: a hole of five days in April, another of an hour in May."""
    edges = [
        ("2025-11-19", "2026-04-10 15:00"),
        ("2026-04-15 15:00", "2026-05-12 16:00"),
        ("2026-05-12 17:00", "2027-01-01"),
    ]
    frame = pd.DataFrame(edges, columns=["covered_start", "covered_end"]).apply(
        pd.to_datetime, utc=True, format="ISO8601"
    )
    return frame.assign(source="wire")


def build(items: pd.DataFrame, first=FIRST, last=LAST, cutoff=Cutoff.PRE_OPEN) -> pd.DataFrame:
    return Build(inputs(items), first, last, cutoff, SETTINGS).frame


def inputs(items: pd.DataFrame) -> Inputs:
    return Inputs(items, spans(), {"wire": Reading(required=True)}, universe())


def oracle(items: pd.DataFrame, cutoff: Cutoff) -> Oracle:
    days = [day.date() for day in sessions_between(BEGIN, LAST)]
    schedule = calendar().schedule
    hours = {d: tuple(schedule.loc[pd.Timestamp(d), ["open", "close"]].dt.to_pydatetime()) for d in days}
    listing = {
        name: tuple(pd.Timestamp(at).date() for at in (LISTED.get(name, ("1990-01-02", None))[0],
                    LISTED.get(name, (None, None))[1] or "2100-01-01"))
        for name in SECTORS
    }  # fmt: skip
    plain = [
        row
        | {"p": None if np.isnan(row["p_negative"]) else (row["p_negative"], row["p_neutral"], row["p_positive"])}
        | {"risks": None if np.isnan(row["risk_climate_esg"]) else {f"news_{name}": row[name] for name in RISK_CHANCES}}
        for row in items.to_dict("records")
    ]
    covered = set()
    for day in days:
        reach = window(pd.Timestamp(day), pd.Timestamp(day), cutoff, SETTINGS.lag)
        if any(reach.after >= s.covered_start and reach.until <= s.covered_end for s in spans().itertuples()):
            covered.add(day)
    risks = [f"news_{name}" for name in RISK_CHANCES]
    return Oracle(plain, days, hours, covered, listing, SECTORS, str(cutoff), risks)


@pytest.mark.parametrize("cutoff", list(Cutoff))
def test_every_cell_equals_the_plain_loops(cutoff):
    items = make_items(seed=3)
    rows, reference = build(items, cutoff=cutoff), oracle(items, cutoff)
    assert len(rows) > 200
    null_seen = dict.fromkeys(FEATURES.names, 0)
    for row in rows.to_dict("records"):
        expected = reference.row(row["security_id"], row["session"].date())
        for name, value in expected.items():
            found = row[name]
            null_seen[name] += value is None
            where = f"{name} of {row['security_id']} on {row['session'].date()}: {found} for {value}"
            if value is None:
                assert pd.isna(found), where
            elif isinstance(value, float):
                assert found == pytest.approx(value, abs=1e-12), where
            else:
                assert found == value, where
    never_null = [name for name in expected if not null_seen[name] and name != "coverage_ok"]
    assert not never_null, f"the fixture leaves these null rules untested: {never_null}"


def test_a_row_exists_exactly_while_a_security_is_listed():
    days = build(make_items(seed=1)).groupby("security_id")["session"].agg(["min", "max", "count"])
    every = len(sessions_between(FIRST, LAST))
    assert days.loc["A", "count"] == every
    assert str(days.loc["E", "min"].date()) == "2026-04-01"
    assert str(days.loc["D", "max"].date()) == "2026-05-01"


@pytest.mark.parametrize("cutoff", list(Cutoff))
def test_any_range_and_any_input_order_give_the_same_rows(cutoff):
    items = make_items(seed=2)
    whole = build(items, cutoff=cutoff)
    middle = pd.Timestamp("2026-04-15")
    again = pd.concat(
        [
            build(items.sample(frac=1, random_state=1), FIRST, middle, cutoff),
            build(items.sample(frac=1, random_state=2), middle + pd.Timedelta(days=1), LAST, cutoff),
        ]
    )
    assert content_hash(conform(FEATURES, whole)) == content_hash(conform(FEATURES, again))


def test_nothing_available_later_changes_a_row():
    """Prefix invariance: rows known by T are the same with and without what became available after T."""
    items = make_items(seed=4)
    whole = build(items)
    for cut in ("2026-03-20 13:15", "2026-04-20 00:00", "2026-05-05 20:00"):
        at = pd.Timestamp(cut, tz="UTC")
        past = whole[whole["known_at"] <= at]
        again = build(items[items["available_at"] <= at])
        again = again[again["known_at"] <= at]
        assert content_hash(conform(FEATURES, past)) == content_hash(conform(FEATURES, again))


def test_input_hashes_follow_exactly_what_a_row_depends_on():
    items = make_items(seed=5)

    def hashes(frame):
        return Build(inputs(frame), FIRST, LAST, Cutoff.PRE_OPEN, SETTINGS).input_hashes()

    base = hashes(items)
    assert hashes(items.sample(frac=1, random_state=0)) == base
    touched = items.copy()
    at = touched.index[touched["available_at"] > pd.Timestamp("2026-05-01", tz="UTC")][0]
    touched.loc[at, "relevance"] = 0.25
    changed = [session for session, value in hashes(touched).items() if value != base[session]]
    first_row = window(changed[0], changed[0], Cutoff.PRE_OPEN, SETTINGS.lag)
    assert first_row.after < touched.loc[at, "available_at"] <= first_row.until
    assert changed == list(sessions_between(changed[0], LAST))


def one_item(day: str, title: str, p: tuple[float, ...] | None) -> dict:
    """An item of A at noon."""
    row = dict.fromkeys(INPUT_COLUMNS) | {"document_id": title + day, "security_id": "A", "title": title}
    row |= {"available_at": pd.Timestamp(f"{day} 12:00", tz="America/New_York").tz_convert("UTC").as_unit("us")}
    row |= {"publisher": "wire", "pit_grade": "A", "relevance": 1.0}
    chances = p or (np.nan, np.nan, np.nan)
    row |= dict(zip(("p_negative", "p_neutral", "p_positive"), chances, strict=True))
    return row | dict.fromkeys(RISK_CHANCES, np.nan)


def rows_of_a(*items: dict) -> pd.DataFrame:
    return build(pd.DataFrame(items)).query("security_id == 'A'").set_index("session")


def test_news_without_tone_carries_the_mean_over_and_no_news_lets_it_fade():
    """Certainly good news for the 5th; for the 6th a repeat, which weighs nothing, for the 9th one without a score."""
    rows = rows_of_a(
        one_item("2026-03-04", "Profit rises on strong demand", (0.0, 0.0, 1.0)),
        one_item("2026-03-05", "Profit rises on strong demand", (0.0, 0.0, 1.0)),
        one_item("2026-03-06", "Something else entirely", None),
    )
    quiet = sum(0.5**age for age in range(1, 63))
    for day in ("2026-03-05", "2026-03-06", "2026-03-09"):
        assert rows.loc[day, "n_news"] == 1
        assert rows.loc[day, "sent_ewma_1"] == pytest.approx(1 / (1 + quiet), abs=1e-9), day
    assert rows.loc[["2026-03-06", "2026-03-09"], "sent_mean"].isna().all()
    faded = rows.loc["2026-03-10", "sent_ewma_1"]
    assert faded == pytest.approx(0.5**3 / (1 + sum(0.5**age for age in range(3, 63))), abs=1e-9)


@pytest.mark.parametrize(
    ("p", "net"),
    [
        ((0.4, 0.2, 0.4), 0.0),
        ((0.4, 0.4, 0.2), 0.0),
        ((0.2, 0.4, 0.4), 0.0),
        ((1 / 3, 1 / 3, 1 / 3), 0.0),
        ((0.5, 0.3, 0.2), -1.0),
        ((0.2, 0.3, 0.5), 1.0),
    ],
)
def test_an_item_whose_likeliest_labels_tie_is_neutral(p, net):
    assert rows_of_a(one_item("2026-03-04", "Profit rises", p)).loc["2026-03-05", "sent_net_share"] == net


def test_a_session_whose_memory_begins_before_the_calendar_is_refused():
    news = make_items(seed=1).iloc[:0]
    made = Inputs(news, spans(), {"edgar": Reading(required=False, filings=True)}, universe())
    for day in ("1990-01-02", "1990-06-01"):
        with pytest.raises(SessionError, match=rf"{day} cannot be built: .* begin at 1991-\d\d-\d\d or later"):
            _ = Build(made, pd.Timestamp(day), pd.Timestamp(day), Cutoff.PRE_OPEN, SETTINGS).frame
    first = calendar().sessions[MEMORY]
    assert len(Build(made, first, first, Cutoff.PRE_OPEN, SETTINGS).frame) == 4


def test_confidence_is_zero_for_a_guess_and_one_for_certainty():
    p = np.array([[1 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 1.0], [np.nan] * 3])
    assert confidence(p)[:2] == pytest.approx([0.0, 1.0], abs=1e-15)
    assert np.isnan(confidence(p)[2])


def test_an_item_seen_after_an_outage_is_in_the_row_that_could_know_it():
    """Published on Tuesday 08:00, polled on Tuesday 12:00: Wednesday's row, at both cut-offs."""
    items = (
        make_items(seed=6)
        .iloc[:1]
        .assign(available_at=pd.Timestamp("2026-05-05 12:00", tz="America/New_York").tz_convert("UTC"), security_id="A")
    )
    for cutoff in Cutoff:
        rows = build(items, cutoff=cutoff)
        held = rows[(rows["n_news"] > 0) & (rows["security_id"] == "A")]
        assert [str(day.date()) for day in held["session"]] == ["2026-05-06"]
        assert (held["known_at"] - items["available_at"].iloc[0] > timedelta(0)).all()
