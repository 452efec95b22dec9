"""Near duplicates: the fast join equals comparing everything with everything."""

import random
import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentfeat.features.repeats import find_repeats

WORDS = st.sampled_from("profit rises falls on demand É ceo".split())
TITLES = st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=30)


def triples(title):
    words = re.findall(r"\w+", title.casefold())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} or {tuple(words)}


def plainly(titles, securities, sessions, reach, near):
    novelty, leads = [], []
    for i, title in enumerate(titles):
        earlier = [j for j in range(i) if securities[j] == securities[i] and sessions[i] - sessions[j] < reach]
        alike = {
            j: len(triples(title) & triples(titles[j])) / len(triples(title) | triples(titles[j])) for j in earlier
        }
        novelty.append(1 - max(alike.values(), default=0.0))
        leads.append(not any(leads[j] and alike[j] >= near and sessions[j] == sessions[i] for j in earlier))
    return novelty, leads


@settings(max_examples=60, deadline=None)
@given(TITLES, st.randoms(use_true_random=False))
def test_novelty_and_clusters_equal_those_of_all_pairs(titles, chance):
    securities = np.array([chance.randrange(2) for _ in titles], dtype=np.int64)
    sessions = np.array(sorted(chance.randrange(8) for _ in titles), dtype=np.int64)
    found = find_repeats(titles, securities, sessions, reach=3, near=0.8)
    assert (found.novelty.tolist(), found.leads.tolist()) == plainly(titles, securities, sessions, 3, 0.8)


def test_memory_is_cut_into_blocks_of_whole_securities(monkeypatch):
    rng = random.Random(0)
    titles = [" ".join(rng.choices("a b c d".split(), k=4)) for _ in range(200)]
    securities, sessions = np.arange(200) % 7, np.arange(200) // 40
    whole = find_repeats(titles, securities, sessions, reach=5, near=0.8)
    monkeypatch.setattr("sentfeat.features.repeats.ROWS_AT_ONCE", 20)
    cut = find_repeats(titles, securities, sessions, reach=5, near=0.8)
    assert (whole.novelty == cut.novelty).all()
    assert (whole.leads == cut.leads).all()
