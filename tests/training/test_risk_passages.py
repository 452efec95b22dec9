from pathlib import Path

import pandas as pd
import pytest

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.risks import keyword_risks
from training.risks import passages as risk_passages
from training.risks.agreement import agreement, gold_labels, read_labels
from training.risks.cut import Passage, cut, distinct, html_items, near_key
from training.risks.passages import hand_passages, silver_passages
from training.risks.reading import FURTHER, FURTHER_LABELS, LABELS, draw_further, draw_reading, read_passages
from training.risks.sample import HAND_YEARS, READ, draw_sample, is_set_aside
from training.risks.silver import label_filing, label_headline

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(not (DATA / "edgar").exists(), reason="../shared/data is absent")

SENTENCE = "The company makes pumps and valves in three plants and sells them to many builders."  # 15 words


def passage(text, *, item="item_1A", heading="", member="10-K/x.json"):
    return Passage("edgar/a.tar.xz", member, f"{item}#0", "1", item, heading, text)


def labels(text, **where):
    found = label_filing(passage(text, **where))
    return None if found is None else set(found.labels)


def test_short_paragraphs_are_gathered_and_the_first_carries_the_heading():
    found = cut(["Our Pumps", SENTENCE, SENTENCE, SENTENCE, SENTENCE, SENTENCE, SENTENCE])
    assert found == [
        ("Our Pumps", f"Our Pumps. {SENTENCE} {SENTENCE} {SENTENCE}"),
        ("Our Pumps", f"{SENTENCE} {SENTENCE} {SENTENCE}"),
    ]


def test_a_long_paragraph_is_split_between_sentences_into_like_parts():
    parts = [text for _, text in cut([" ".join([SENTENCE] * 18)])]
    assert [len(part.split()) for part in parts] == [90, 90, 90]
    assert " ".join(parts) == " ".join([SENTENCE] * 18)


def test_a_paragraph_torn_by_a_page_break_is_whole_again():
    torn = [f"{SENTENCE} {SENTENCE} It also", "14", "Table of Contents", f"leases offices. {SENTENCE}"]
    assert cut(torn) == [("", f"{SENTENCE} {SENTENCE} It also leases offices. {SENTENCE}")]


def test_items_of_an_html_filing_are_found_and_tables_left_out():
    document = b"""<html><body><div>Front page</div><p>Item 1A. Risk Factors</p>
    <div><span>We may</span> fail.</div><table><tr><td>1,000</td></tr></table><p>See Item 7 for more on all of the risks
    that we have been writing about here.</p><table><tr><td>Item 3.</td></tr></table><p>We were sued.</p>
    </body></html>"""
    assert html_items(document) == {
        "item_1A": ["We may fail.", "See Item 7 for more on all of the risks that we have been writing about here."],
        "item_3": ["We were sued."],
    }


def test_passages_with_the_same_first_twelve_words_count_once():
    first, second = passage(f"{SENTENCE} Then this."), passage(f"{SENTENCE} Then that.")
    assert near_key(first.text) == "the company makes pumps and valves in three plants and sells them"
    assert distinct([first, second]) == [first]


def test_a_subject_counts_only_in_a_sentence_that_speaks_of_harm():
    assert labels("A shortage of chips could reduce our sales.") == {"supply_chain_inputs"}
    assert labels("We buy chips from many suppliers.", item="item_1") == set()
    assert labels("We buy chips from many suppliers. Sales may be lower in winter.", item="item_1") is None


def test_a_heading_labels_the_passage_under_it():
    found = label_filing(passage("Tariffs. They came in May.", heading="Tariffs"))
    assert (found.labels, found.origin, found.seed) == (("geopolitical_trade",), "heading", "Tariffs")


def test_an_officer_who_leaves_is_a_risk_and_an_appointment_is_none():
    where = {"item": "item_5.02", "member": "8-K.zip!x_8K.json"}
    assert labels("Ms. Roe resigned as treasurer on May 2.", **where) == {"management_labor"}
    assert labels("The board appointed Ms. Roe as treasurer.", **where) == set()


def test_an_enumeration_and_the_forward_looking_boilerplate_teach_nothing():
    many = "Risks include lawsuits, refinancing, recession, competitors, suppliers, ransomware and tariffs."
    assert labels(many) is None
    assert labels("Forward-looking statements may fail because of litigation.") is None


def test_a_headline_has_a_risk_none_or_cannot_tell():
    found = [label_headline(passage(title)) for title in ("Acme CFO resigns", "Acme opens shop", "Acme shop on fire")]
    assert [row and row.labels for row in found] == [("management_labor",), (), None]


def test_agreement_of_two_labellers_by_hand():
    a = pd.Series({"p": ("climate_esg",), "q": ("climate_esg",), "r": (), "s": ()})
    b = pd.Series({"s": (), "r": ("climate_esg",), "q": (), "p": ("climate_esg",)})
    table = agreement(a, b)
    assert table.loc["climate_esg"].tolist() == [0.0, 0.5, 2, 2]  # half agree, and half would by chance
    assert pd.isna(table.loc["cyber_technology", "kappa"])
    assert table.loc["all", "agreement"] == pytest.approx(46 / 48)


def test_gold_labels_are_tuples_in_the_order_of_the_categories(tmp_path):
    (tmp_path / "f.csv").write_text("id,labels,how\np,climate_esg credit_liquidity,agreed\nq,none,adjudicated\n")
    assert gold_labels(tmp_path / "f.csv").values.tolist() == [["p", ("credit_liquidity", "climate_esg")], ["q", ()]]


@pytest.mark.parametrize("row", ["p,weather", "p,", "p,none climate_esg", "p,none\np,none"])
def test_labels_that_cannot_be_used_are_refused_with_the_id(tmp_path, row):
    (tmp_path / "f.csv").write_text(f"id,labels\n{row}\n")
    with pytest.raises(DataError, match="p"):
        read_labels(tmp_path / "f.csv")


def test_two_labellings_of_different_passages_are_refused():
    with pytest.raises(DataError, match="'q'"):
        agreement(pd.Series({"p": ()}), pd.Series({"p": (), "q": ()}))


@pytest.fixture(scope="module")
def silver():
    return silver_passages(DATA / "edgar")


@needs_data
def test_the_hand_sample_is_the_one_that_its_rule_draws_and_at_least_half_is_blind():
    kept = pd.read_csv(risk_passages.HAND, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(draw_sample(DATA), kept, check_dtype=False)
    assert kept["stratum"].str.endswith("_blind").mean() >= 0.5
    assert hand_passages(DATA)["id"].tolist() == kept["id"].tolist()


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize(
    ("places", "labels", "rule"), [(READ, LABELS, draw_reading), (FURTHER, FURTHER_LABELS, draw_further)]
)
def test_the_passages_to_learn_from_are_the_ones_that_their_rule_draws_and_none_is_judged(places, labels, rule):
    kept = pd.read_csv(places, dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(rule(DATA), kept, check_dtype=False)
    rows, judged = read_passages(DATA, places, labels), hand_passages(DATA)
    assert len(rows) == len(kept)
    assert not set(rows["text"].map(near_key)) & set(judged["text"].map(near_key))
    companies = rows.loc[~rows["group"].str.startswith("reuters_"), "group"].str.split("_").str[0]
    assert not any(map(is_set_aside, companies))
    assert not set(rows["group"].str.extract(r"^reuters_(\d+)#", expand=False).dropna().astype(int)) & set(HAND_YEARS)


@pytest.mark.parametrize(("places", "labels"), [(READ, LABELS), (FURTHER, FURTHER_LABELS)])
def test_every_passage_to_learn_from_has_a_label_and_every_category_some(places, labels):
    found = gold_labels(labels)
    assert set(found["id"]) == set(pd.read_csv(places, dtype=str)["id"])
    assert found["labels"].explode().value_counts().min() >= 30


@needs_data
def test_a_text_that_is_not_the_labelled_one_is_named(tmp_path, monkeypatch):
    kept = pd.read_csv(risk_passages.HAND, dtype=str).tail(1).assign(id="odd", sha256="0" * 64)
    kept.to_csv(tmp_path / "p.csv", index=False)
    monkeypatch.setattr(risk_passages, "HAND", tmp_path / "p.csv")
    with pytest.raises(DataError, match="passage odd"):
        hand_passages(DATA)


@pytest.mark.slow
@needs_data
def test_no_company_year_or_beginning_of_the_hand_sample_is_in_the_silver_passages(silver):
    hand = hand_passages(DATA)
    assert not set(silver["text"].map(near_key)) & set(hand["text"].map(near_key))
    companies = silver["filing"].str.extract(r"^(\d+)_(?:10K|8K)_", expand=False).dropna().unique()
    assert len(companies) > 10
    assert not any(is_set_aside(company) for company in companies)
    years = silver["filing"].str.extract(r"^reuters_(\d+)#", expand=False).dropna().astype(int)
    assert not set(years) & set(HAND_YEARS)


@pytest.mark.slow
@needs_data
def test_every_category_has_silver_passages_and_they_are_not_the_keyword_rule(silver):
    counts = silver["labels"].explode().value_counts()
    assert set(counts.index) == set(RISKS)
    assert counts.min() >= 150
    found = keyword_risks(silver["text"])
    rule = pd.Series([tuple(risk for risk, holds in zip(RISKS, row, strict=True) if holds) for row in found])
    assert 0.2 < (silver["labels"] == rule).mean() < 0.8
