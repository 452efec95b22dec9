import numpy as np
import pandas as pd

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
    assert list(baselines(train)) == ["majority", "word list", "TF-IDF + LR"]
    assert list(baselines(train.iloc[:0])) == ["word list"]
    for kind, word in (("positive", "MEETING"), ("negative", "SOAR")):
        (tmp_path / f"lm_{kind}.csv").write_text(f"words\n{word}\n")
    lists = baselines(train.iloc[:0], tmp_path)["Loughran-McDonald"]
    assert lists(TEXTS[:3], NOBODY[:3]).argmax(axis=1).tolist() == [0, 1, 2]  # soar, nothing known, meeting
