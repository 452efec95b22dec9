import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentfeat.evaluate.protocols import grouped_split, near_duplicate_groups

LABELLED = Path(__file__).parents[3] / "shared" / "data" / "labelled"
SHARES = {"train": 0.7, "test": 0.3}
NAMES = ["Acme", "Globex", "Initech", "Umbrella", "Stark", "Wayne", "Tyrell", "Cyberdyne", "Soylent", "Hooli"]


def test_other_numbers_are_the_same_sentence():
    groups = near_duplicate_groups(
        [
            "Acme's operating profit rose to EUR 3.1 mn from EUR 2.4 mn in 2008",
            "Acme's operating profit rose to EUR 13 mn from EUR 10.9 mn in 2007",
            "Acme's operating profit rose to EUR 13 mn , from EUR 10.9 mn in 2007 .",
            "Globex recalls pumps in Norway",
            "",
            "",
        ]
    )
    assert groups[0] == groups[1] == groups[2] != groups[3]
    assert groups[4] == groups[5] not in groups[:4]


def test_groups_are_never_torn_apart_and_shares_are_kept():
    texts = [
        f"{name} {verb} plan number {number} for the {word} market"
        for name in NAMES
        for verb in ("drops", "backs", "reviews", "sells", "delays")
        for word in ("oil", "car", "bond", "phone", "steel", "wheat")
        for number in (1, 22)
    ]
    groups, parts = near_duplicate_groups(texts, near=0.99), grouped_split(texts, SHARES)
    assert pd.Series(parts).groupby(groups).nunique().max() == 1
    assert len(np.unique(groups)) == len(texts) // 2


def test_the_split_does_not_depend_on_the_order_of_rows():
    texts = [f"{name} reports {word}" for name in NAMES for word in ("gains", "losses", "a merger", "nothing")]
    parts = grouped_split(texts, SHARES)
    assert grouped_split(texts[::-1], SHARES)[::-1].tolist() == parts.tolist()
    assert grouped_split(texts, SHARES, seed=1).tolist() != parts.tolist()
    assert 0.4 < (parts == "train").mean() < 0.95


@pytest.mark.skipif(not LABELLED.exists(), reason=f"{LABELLED} is not there")
def test_no_near_twin_crosses_the_split_of_phrasebank():
    texts = pd.read_csv(LABELLED / "phrasebank_dev.csv")["text"].tolist()
    parts = grouped_split(texts, SHARES)
    bare = pd.Series(texts).str.replace(r"[\d.,\s]+", " ", regex=True).str.lower()
    assert pd.Series(parts).groupby(bare).nunique().max() == 1
    assert (parts == "test").mean() == pytest.approx(0.3, abs=0.04)


def test_texts_in_other_scripts_are_told_apart():
    texts = [
        "苹果公司业绩超预期",
        "特斯拉股价大跌",
        "Прибыль Сбербанка выросла",
        "Убытки банка выросли",
        "Прибыль Сбербанка выросла!",
    ]
    groups = near_duplicate_groups(texts).tolist()
    assert len(set(groups)) == 4
    assert groups[2] == groups[4]


def test_many_copies_of_a_sentence_cost_no_more_than_one():
    tracemalloc.start()
    groups = near_duplicate_groups([f"Acme sells {number} cars" for number in range(20_000)] + ["Globex sinks"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert groups.tolist() == [0] * 20_000 + [1]
    assert peak < 20_000 * 2_000  # all pairs would be 400 million
