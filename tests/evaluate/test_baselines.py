import numpy as np
import pandas as pd
import pytest

from sentfeat.evaluate import evaluate
from sentfeat.evaluate.baselines import baselines, majority, tfidf, word_list

TEXTS = ["Acme shares soar", "Acme shares tumble", "Acme holds meeting"] * 10
LABELS = ["positive", "negative", "neutral"] * 10
NOBODY = [None] * len(TEXTS)


def test_majority_gives_the_shares_of_training():
    np.testing.assert_allclose(
        majority(["positive", "positive", "negative", "neutral"])(["x"], [None]), [[0.25, 0.25, 0.5]]
    )


def test_word_list_reads_plain_words():
    assert evaluate(TEXTS, NOBODY, LABELS, word_list())["accuracy"] == 1


def test_tfidf_learns_its_training_rows():
    assert evaluate(TEXTS, NOBODY, LABELS, tfidf(TEXTS, NOBODY, LABELS))["accuracy"] == 1


def test_tfidf_sees_whom_the_question_is_about():
    texts = ["Acme beats Globex", "Globex beats Acme"] * 2 * 10
    entities = ["Acme", "Globex", "Globex", "Acme"] * 10
    labels = ["positive", "positive", "negative", "negative"] * 10
    assert evaluate(texts, entities, labels, tfidf(texts, entities, labels))["accuracy"] == 1


def test_baselines_are_those_that_the_training_rows_and_lists_allow(tmp_path):
    train = pd.DataFrame({"text": TEXTS, "entity": NOBODY, "label": LABELS})
    assert list(baselines(train).scorers) == ["majority", "word list", "TF-IDF + LR"]
    assert list(baselines(train.iloc[:0]).scorers) == ["word list"]
    for kind, word in (("positive", "MEETING"), ("negative", "SOAR")):
        (tmp_path / f"lm_{kind}.csv").write_text(f"words\n{word}\n")
    lists = baselines(train.iloc[:0], tmp_path).scorers["Loughran-McDonald"]
    assert lists(TEXTS[:3], NOBODY[:3]).argmax(axis=1).tolist() == [0, 1, 2]  # soar, nothing known, meeting


@pytest.mark.parametrize(
    ("texts", "labels", "why"),
    [
        ([chr(0x4E00 + 7 * at) * 3 for at in range(40)], LABELS + LABELS[:10], "no word stands in two"),
        ([""] * 40, LABELS + LABELS[:10], "no word stands in two"),
        (TEXTS[:29], LABELS[:29], "needs 30 training rows of two labels or more, and there are 29 of 3"),
        (TEXTS, ["neutral"] * 30, "there are 30 of 1"),
    ],
)
def test_rows_that_tfidf_cannot_learn_from_leave_it_out_and_say_why(texts, labels, why):
    found = baselines(pd.DataFrame({"text": texts, "entity": None, "label": labels}))
    assert list(found.scorers) == ["majority", "word list"]
    assert found.notes[0].startswith("without the baseline TF-IDF + LR")
    assert why in found.notes[0]
