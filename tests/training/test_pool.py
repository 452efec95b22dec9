import gzip
import json

import numpy as np
import pandas as pd

from training.pool import PoolConfig, build_pool, call_sentences, some_name, variants

ROWS = pd.DataFrame(
    {
        "text": ["Acme beats estimates and raises its outlook", "Globex cuts jobs at its Ohio plant"],
        "entity": ["Acme", None],
    },
    dtype=object,
)


def make_calls(folder):
    call = {
        "transcript": "Sales rose five percent in the quarter.\nThank you.",
        "summary": "q1 sales rose 5 percent to $1 mln.",
    }
    with gzip.open(folder / "ectsum_train.jsonl.gz", "wt") as out:
        out.write(json.dumps(call) + "\n")


def test_sentences_of_calls_come_from_text_and_summary_and_are_neither_short_nor_endless(tmp_path):
    make_calls(tmp_path)
    assert call_sentences(tmp_path) == ["Sales rose five percent in the quarter.", "q1 sales rose 5 percent to $1 mln."]


def test_a_name_is_one_of_those_in_the_text():
    assert some_name("shares of Acme Corp rise", np.random.default_rng(0)) == "Acme Corp"
    assert some_name("shares rise", np.random.default_rng(0)) is None


def test_a_variant_differs_and_keeps_its_entity_only_while_it_names_it():
    many = pd.concat([ROWS] * 50, ignore_index=True)
    changed = variants(many, np.random.default_rng(0))
    assert len(changed) == 100
    assert (changed["text"] != many["text"]).mean() > 0.5
    asked = changed[changed["entity"].notna()]
    assert 0 < len(asked) < 50
    assert all("Acme" in text for text in asked["text"])


def test_the_pool_is_the_same_for_the_same_seed_and_has_all_kinds(tmp_path):
    make_calls(tmp_path)
    titles = pd.DataFrame(
        {"ts_et": pd.date_range("2007-01-01", periods=30), "title": [f"Title {n} of Acme" for n in range(30)]}
    )
    titles.to_parquet(tmp_path / "reuters_2007.parquet")
    config = PoolConfig([2007], titles=10, call_sentences=2, variants=2, named_share=0.5)
    pool = build_pool(config, ROWS, tmp_path, tmp_path)
    assert pool["kind"].value_counts()["title"] == 10
    assert set(pool["kind"]) == {"title", "call", "variant"}
    assert not pool.duplicated(["text", "entity"]).any()
    pd.testing.assert_frame_equal(pool, build_pool(config, ROWS, tmp_path, tmp_path))
