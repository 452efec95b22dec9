import numpy as np
import pandas as pd
import pytest

from tests.training.small import make_encoder, write_call
from training import near_words
from training import pool as pool_module
from training.near_words import NearWords
from training.pool import PoolConfig, build_pool, call_sentences, other_passages, some_name, variants, variants_by_task
from training.risks.cut import Passage

ROWS = pd.DataFrame(
    {
        "text": ["Acme beats estimates and raises its outlook", "Globex cuts jobs at its Ohio plant"],
        "entity": ["Acme", None],
        "task": "sentiment",
        "source": "made up",
        "group": None,
    },
    dtype=object,
)


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    """A random one, to which all words are near; a word needs to occur only once."""
    monkeypatch.setattr(near_words, "LEAST_COSINE", -1.0)
    monkeypatch.setattr(near_words, "LEAST_COUNT", 1)
    return make_encoder(
        tmp_path / "encoder", ["beats", "raises", "estimates", "outlook", "cuts", "jobs", "plant", "ohio"]
    )


def make_calls(data):
    transcript = "Sales rose five percent in the quarter.\nThank you."
    return write_call(data, transcript, summary="q1 sales rose 5 percent to $1 mln.")


def test_sentences_of_calls_come_from_text_and_summary_and_are_neither_short_nor_endless(tmp_path):
    calls = make_calls(tmp_path)
    assert call_sentences(calls) == ["Sales rose five percent in the quarter.", "q1 sales rose 5 percent to $1 mln."]


def test_a_name_is_one_of_those_in_the_text():
    assert some_name("shares of Acme Corp rise", np.random.default_rng(0)) == "Acme Corp"
    assert some_name("shares rise", np.random.default_rng(0)) is None


def test_another_word_is_a_near_one_in_the_same_case_and_punctuation(encoder):
    near, random = NearWords(encoder, ["beats estimates", "Raises outlook"]), np.random.default_rng(0)
    assert {near.another("beats", random) for _ in range(60)} == {"estimates", "raises", "outlook"}
    assert {near.another("(Beats,", random) for _ in range(60)} == {"(Estimates,", "(Raises,", "(Outlook,"}
    assert {near.another("BEATS", random) for _ in range(60)} == {"ESTIMATES", "RAISES", "OUTLOOK"}
    assert near.another("Globex", random) == "Globex"
    assert near.another("--", random) == "--"


def test_words_far_from_all_others_and_rare_ones_stay(encoder, monkeypatch):
    monkeypatch.setattr(near_words, "LEAST_COUNT", 2)
    near, random = NearWords(encoder, ["beats cuts", "beats cuts jobs"]), np.random.default_rng(0)
    assert (near.another("beats", random), near.another("jobs", random)) == ("cuts", "jobs")
    monkeypatch.setattr(near_words, "LEAST_COSINE", 1.1)
    assert NearWords(encoder, ["beats cuts", "beats cuts jobs"]).another("beats", random) == "beats"


def test_a_variant_differs_and_keeps_its_entity_only_while_it_names_it(encoder):
    many = pd.concat([ROWS] * 50, ignore_index=True)
    changed = variants(many, NearWords(encoder, many["text"]), np.random.default_rng(0))
    assert len(changed) == 100
    assert (changed["text"] != many["text"]).mean() > 0.5
    asked = changed[changed["entity"].notna()]
    assert 0 < len(asked) < 50
    assert all("Acme" in text for text in asked["text"])


def test_the_pool_is_the_same_for_the_same_seed_and_has_all_kinds(tmp_path, encoder):
    (tmp_path / "headlines").mkdir()
    make_calls(tmp_path)
    titles = pd.DataFrame(
        {"ts_et": pd.date_range("2007-01-01", periods=30), "title": [f"Title {n} of Acme" for n in range(30)]}
    )
    titles.to_parquet(tmp_path / "headlines" / "reuters_2007.parquet")
    sizes = {"titles": 10, "call_sentences": 2, "risk_titles": 5, "variants": {"made up": 2, "passages": 3}}
    config = PoolConfig([2007], **sizes, near_words=str(encoder), named_share=0.5)
    passage = {"text": "We may be sued by all of our lenders", "task": "risk", "source": "passages", "group": "1"}
    rows = pd.concat([ROWS, pd.DataFrame([passage])], ignore_index=True).astype(object)
    rows = rows.where(rows.notna(), None)
    pool = build_pool(config, rows, tmp_path, tmp_path)
    counts = pool["kind"].value_counts()
    assert (counts["title"], counts["risk title"]) == (10, 5)
    assert set(pool["kind"]) == {"title", "call", "variant", "risk title"}
    assert set(pool.loc[pool["kind"] == "risk title", "task"]) == {"risk"}
    changed = pool[pool["kind"] == "variant"]
    assert set(zip(changed["source"], changed["task"], strict=True)) == {("made up", "sentiment"), ("passages", "risk")}
    assert not pool.duplicated(["text", "entity", "task"]).any()
    pd.testing.assert_frame_equal(pool, build_pool(config, rows, tmp_path, tmp_path))


def test_a_pool_without_variants_needs_no_encoder(tmp_path):
    config = PoolConfig([], titles=0, call_sentences=0, variants={}, near_words="", named_share=0)
    assert variants_by_task(config, ROWS, tmp_path, np.random.default_rng(0)) == []


def test_passages_come_from_the_training_rows_companies_and_are_none_of_the_rows(monkeypatch):
    def passage(company, text):
        return Passage("a", "10-K/x.json", "item_1A#0", company, "item_1A", "", text)

    found = (passage("1", "We may be sued."), passage("1", "We may fail."), passage("2", "We may melt."))
    monkeypatch.setattr(pool_module, "filing_passages", lambda data: found)
    rows = pd.DataFrame({"text": ["We may be sued."], "group": ["1"]})
    config = PoolConfig([2007], titles=0, call_sentences=0, variants={}, near_words="", named_share=0, risk_passages=9)
    assert other_passages(config, rows, None, np.random.default_rng(0)) == ["We may fail."]
