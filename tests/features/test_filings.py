"""Filing columns equal an independent computation; what a report says is what its texts say."""

import math
import random

import numpy as np
import pandas as pd
import pytest

from sentfeat.categories import RISKS
from sentfeat.config import FeatureSettings
from sentfeat.errors import ConfigError
from sentfeat.features.coverage import Reading
from sentfeat.features.filings import FACTS, FILING_COLUMNS, PASSAGE_COLUMNS
from sentfeat.features.items import INPUT_COLUMNS
from sentfeat.features.reports import measure, read_word_lists
from sentfeat.features.table import Build, Inputs
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import Cutoff, known_at, sessions_between
from sentfeat.tables import EVENTS, FEATURES
from tests.features.filings_oracle import FilingOracle
from tests.features.test_table import FIRST, LAST, universe

SETTINGS = FeatureSettings()
OLDEST = pd.Timestamp("2024-07-01")  # further back than any filing is remembered
FORMS = ["10-K", "10-Q", "10-Q", "8-K", "8-K", "8-K", "10-K/A", "10-Q/A", "8-K/A", "NT 10-K"]
READS = [("2024-01-01", "2026-04-10 15:00"), ("2026-04-13 15:00", "2027-01-01")]  # a hole of a weekend


def make_filings(seed: int) -> list[dict]:
    """Filings of awkward kinds: late, amended, without a period, unparsed, two at one time, at the cut-off's edge."""
    rng = random.Random(seed)
    rows = []
    for number in range(420):
        at = pd.Timestamp("2024-08-01 20:00", tz="UTC") + pd.Timedelta(minutes=rng.randrange(660 * 24 * 60))
        if rng.random() < 0.15:
            at = at.tz_convert("America/New_York").normalize() + pd.Timedelta(hours=9, minutes=rng.choice([14, 15, 16]))
            at = at.tz_convert("UTC")
        if rng.random() < 0.1 and rows:
            at = pd.Timestamp(rows[-1]["available_at"])
        form = rng.choice(FORMS)
        parsed = form[:4] in ("10-K", "10-Q") and rng.random() < (0.4 if form.endswith("/A") else 0.8)
        compared = parsed and rng.random() < 0.8
        row = {name: rng.random() if compared else None for name in FACTS}
        row |= {name: row[name] if parsed else None for name in FACTS if name.startswith(("rf_risk", "lm_"))}
        row |= {"rf_len": rng.random() * 9 if parsed else None}
        period = at.normalize().tz_localize(None) - pd.Timedelta(days=rng.randrange(20, 400))
        rows.append(
            row
            | {
                "accession": f"{rng.randrange(10**6):06d}-{number}",
                "security_id": rng.choice("AAABBCE"),
                "available_at": at.floor("us").to_pydatetime(),
                "form": form,
                "items": ",".join(rng.sample([*EVENTS, "9.01"], rng.randrange(1, 4))) if form[:3] == "8-K" else None,
                "period": period.to_pydatetime() if rng.random() < 0.9 else None,
                "pit_grade": rng.choice("AB"),
            }
        )
    return rows


def make_passages(seed: int) -> list[dict]:
    rng = random.Random(seed)
    rows = []
    for number in range(120):
        p = np.array([rng.random() ** 2 for _ in range(3)])
        at = pd.Timestamp("2025-10-01", tz="UTC") + pd.Timedelta(minutes=rng.randrange(240 * 24 * 60))
        rows.append(
            {
                "document_id": f"p{number}",
                "security_id": rng.choice("AAACE"),
                "available_at": at.to_pydatetime(),
                "p": tuple(p / p.sum()) if rng.random() < 0.9 else None,
            }
        )
    return rows


def build(filings: list[dict], passages: list[dict], first=FIRST, last=LAST, cutoff=Cutoff.PRE_OPEN) -> pd.DataFrame:
    frame = pd.DataFrame(filings, columns=list(FILING_COLUMNS)).astype(dict.fromkeys(FACTS, float))
    told = pd.DataFrame(passages, columns=["document_id", "security_id", "available_at", "p"])
    chances = np.array([p or (np.nan,) * 3 for p in told["p"]]).reshape(-1, 3)
    told = told.assign(p_negative=chances[:, 0], p_neutral=chances[:, 1], p_positive=chances[:, 2])
    for each in (frame, told):
        each["available_at"] = pd.to_datetime(each["available_at"], utc=True).astype("datetime64[us, UTC]")
    spans = pd.DataFrame(READS, columns=["covered_start", "covered_end"])
    spans = spans.apply(pd.to_datetime, utc=True, format="ISO8601").assign(source="edgar")
    news = pd.DataFrame(columns=list(INPUT_COLUMNS)).astype({"available_at": "datetime64[us, UTC]"})
    readings = {"edgar": Reading(required=False, filings=True)}
    inputs = Inputs(news, spans, readings, universe(), frame, told[list(PASSAGE_COLUMNS)])
    return Build(inputs, first, last, cutoff, SETTINGS).frame


@pytest.mark.parametrize("cutoff", list(Cutoff))
def test_every_filing_cell_equals_the_plain_loops(cutoff):
    filings, passages = make_filings(seed=5), make_passages(seed=6)
    sessions = sessions_between(OLDEST, LAST)
    known = dict(zip((day.date() for day in sessions), known_at(sessions, cutoff, SETTINGS.lag), strict=True))
    reads = [tuple(pd.Timestamp(edge, tz="UTC") for edge in read) for read in READS]
    reference = FilingOracle(filings, passages, list(known), known, reads, FACTS, EVENTS)
    empty, full = set(), set()
    for row in build(filings, passages, cutoff=cutoff).to_dict("records"):
        for name, value in reference.row(row["security_id"], row["session"].date()).items():
            (empty if value is None else full).add(name)
            where = f"{name} of {row['security_id']} on {row['session'].date()}: {row[name]} for {value}"
            if value is None:
                assert pd.isna(row[name]), where
            else:
                assert row[name] == pytest.approx(value, abs=1e-12), where
    assert empty == full, f"the fixture leaves a rule untested: {empty ^ full}"
    compared = {c.name for c in FEATURES.columns if c.name.startswith(("rf_", "lm_", "days_", "f8k_", "filing_"))}
    assert compared == full


def test_filing_columns_do_not_depend_on_the_range_nor_on_what_comes_later():
    filings, passages = make_filings(seed=7), make_passages(seed=8)
    whole = build(filings, passages)
    late = build(filings[::-1], passages[::-1], first=pd.Timestamp("2026-05-04"))
    same = whole[whole["session"] >= "2026-05-04"]
    assert content_hash(conform(FEATURES, late)) == content_hash(conform(FEATURES, same))
    at = pd.Timestamp("2026-04-20 20:00", tz="UTC")
    then = build([f for f in filings if f["available_at"] <= at], [p for p in passages if p["available_at"] <= at])
    past = [frame[frame["known_at"] <= at] for frame in (whole, then)]
    assert content_hash(conform(FEATURES, past[0])) == content_hash(conform(FEATURES, past[1]))


def one_filing(accession: str, form: str, at: str, **facts) -> dict:
    row = {"security_id": "A", "items": None, "period": pd.Timestamp("2025-12-31"), "pit_grade": "B"}
    row |= {"accession": accession, "form": form, "available_at": pd.Timestamp(at, tz="America/New_York")}
    return dict.fromkeys(FACTS) | row | facts


def test_an_amendment_counts_from_when_it_is_known_and_only_with_risk_factors_of_its_own():
    filings = [
        one_filing("original", "10-K", "2026-03-05 16:05", rf_len=9.0),
        one_filing("directors only", "10-K/A", "2026-03-12 08:00"),
        one_filing("corrected", "10-K/A", "2026-03-19 08:00", rf_len=8.0),
    ]
    rows = build(filings, []).query("security_id == 'A'").set_index("session")["rf_len"]
    assert math.isnan(rows["2026-03-05"])
    assert rows["2026-03-06":"2026-03-18"].tolist() == [9.0] * 9
    assert rows["2026-03-19"] == 8.0


def test_an_amendment_without_a_period_replaces_nothing():
    filings = [
        one_filing("annual", "10-K", "2026-03-05 16:05", rf_len=9.0),
        one_filing("quarter", "10-Q", "2026-04-09 16:05", rf_len=7.0, period=pd.Timestamp("2026-03-31")),
        one_filing("of which?", "10-K/A", "2026-04-15 16:05", rf_len=8.0, period=None),
    ]
    rows = build(filings, []).query("security_id == 'A'").set_index("session")["rf_len"]
    assert rows["2026-04-10":].tolist() == [7.0] * len(rows["2026-04-10":])


def test_a_report_without_usable_risk_factors_is_null_and_not_the_one_before():
    filings = [
        one_filing("parsed", "10-K", "2026-03-05 16:05", rf_len=9.0),
        one_filing("unparsed", "10-Q", "2026-05-05 16:05", period=pd.Timestamp("2026-03-31")),
    ]
    rows = build(filings, []).query("security_id == 'A'").set_index("session")["rf_len"]
    assert rows["2026-05-05"] == 9.0
    assert math.isnan(rows["2026-05-06"])


TEXT = "We may lose customers. Suppliers could fail in 2024.\n\nCosts might rise."
PRIOR = "We may lose customers. Suppliers could fail in 2023. Litigation is pending."


def test_measures_of_a_report_are_those_of_its_two_texts():
    lists = {
        "lm_neg": frozenset({"lose", "fail"}),
        "lm_unc": frozenset({"may", "might", "could"}),
        "lm_lit": frozenset(),
    }
    found = measure(TEXT, PRIOR, lists)
    first = "we may lose customers suppliers could fail in costs might rise".split()
    second = "we may lose customers suppliers could fail in litigation is pending".split()
    both = set(first) & set(second)
    assert (found["words"], found["prior_words"]) == (11, 11)
    assert found["change_cos"] == pytest.approx(1 - len(both) / 11)
    assert found["change_jac"] == pytest.approx(1 - len(both) / len(set(first) | set(second)))
    assert (found["added_share"], found["removed_share"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (found["lm_neg"], found["lm_unc"], found["lm_lit"]) == (2 / 11, 3 / 11, 0.0)


def test_nothing_to_compare_with_and_no_lists_are_none_and_the_same_text_is_no_change():
    found = measure(TEXT, None, {})
    assert {name for name, value in found.items() if value is not None} == {"words"}
    again = measure(TEXT, TEXT, {})
    assert [again[name] for name in ("change_cos", "change_jac", "added_share", "removed_share")] == [0, 0, 0, 0]
    assert measure("2024", TEXT, {})["words"] is None


def test_a_folder_without_a_list_is_named(tmp_path):
    (tmp_path / "lm_negative.csv").write_text("words\nLOSS\n")
    with pytest.raises(ConfigError, match=r"no \*uncertainty\*\.csv in"):
        read_word_lists(tmp_path)


def test_word_lists_are_read_as_they_are_handed_out(tmp_path):
    """With a byte order mark, Windows' line ends, quotes, and the year in which a word came in."""
    for kind in ("negative", "uncertainty", "litigious"):
        (tmp_path / f"lm_{kind}.csv").write_bytes(b'\xef\xbb\xbfABANDON,2009\r\n"LOSS",2011\r\nplain\r\n')
    lists = read_word_lists(tmp_path)
    assert set(lists.values()) == {frozenset({"abandon", "loss", "plain"})}
    assert measure("They abandon a plain loss", None, lists)["lm_neg"] == 3 / 5


def test_the_risks_of_the_tables_are_those_that_are_scored():
    for prefix in ("news_risk_", "rf_risk_", "rf_drisk_"):
        named = [
            name.removeprefix(prefix) for name in FEATURES.names if name.startswith(prefix) and name[-4:] != "_qdm"
        ]
        assert tuple(named) == RISKS
