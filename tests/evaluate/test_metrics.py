import numpy as np
import pytest

from sentfeat.errors import DataError
from sentfeat.evaluate import evaluate
from sentfeat.evaluate.metrics import classification_metrics, expected_calibration_error, negative_log_likelihood

SURE = np.eye(3)


def test_metrics_by_hand():
    found = classification_metrics(np.array([0, 1, 2, 2]), SURE[[0, 1, 2, 0]])
    assert found["n"] == 4
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert found["weighted_f1"] == pytest.approx((2 / 3 + 1 + 2 * 2 / 3) / 4)


def test_a_missing_answer_counts_as_wrong_but_not_in_calibration():
    chances = np.vstack([SURE, [[np.nan] * 3]])
    found = classification_metrics(np.array([0, 1, 2, 1]), chances)
    assert found["missing"] == 1
    assert found["accuracy"] == 0.75
    assert found["nll"] == pytest.approx(0)


def test_nothing_to_evaluate_is_an_error():
    with pytest.raises(DataError, match="no labelled rows"):
        classification_metrics(np.array([], dtype=int), np.empty((0, 3)))


def test_calibration_error_by_hand():
    chances = np.tile([0.8, 0.1, 0.1], (10, 1))
    half_right = np.array([0, 1] * 5)
    assert expected_calibration_error(half_right, chances, bins=1) == pytest.approx(0.3)


def test_log_likelihood_by_hand():
    found = negative_log_likelihood(np.array([0, 2]), np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.25)) / 2)


def test_evaluate_asks_the_scorer_about_texts_and_entities():
    asked = []

    def scorer(texts, entities):
        asked.append((texts, entities))
        return SURE[[2, 0]]

    found = evaluate(["up", "down"], [None, "Acme"], ["positive", "negative"], scorer)
    assert asked == [(["up", "down"], [None, "Acme"])]
    assert found["accuracy"] == 1
