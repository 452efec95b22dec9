import numpy as np
import pytest

from sentfeat.errors import DataError
from sentfeat.evaluate import evaluate
from sentfeat.evaluate.metrics import (
    classification_metrics,
    equal_mass_bins,
    expected_calibration_error,
    negative_log_likelihood,
)

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


def test_bins_are_of_equal_mass_and_part_no_rows_of_equal_confidence():
    apart = np.array([0.9, 0.5, 0.8, 0.6, 0.7])
    assert [part.tolist() for part in equal_mass_bins(apart, 2)] == [[1, 3, 4], [2, 0]]
    tied = np.array([0.4, 0.6, 0.6, 0.6, 0.9, 0.4])
    assert [sorted(part.tolist()) for part in equal_mass_bins(tied, 3)] == [[0, 5], [1, 2, 3], [4]]
    assert [len(part) for part in equal_mass_bins(np.full(40, 0.4))] == [40]
    assert equal_mass_bins(np.array([])) == []


def test_calibration_error_of_few_confidences_does_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    sure = rng.choice([0.4, 0.6, 0.9], 300)
    chances = np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)
    targets = np.where(rng.random(300) < 0.5, 0, 1)
    by_hand = sum(abs(value - (targets[sure == value] == 0).mean()) * (sure == value).mean()
                  for value in (0.4, 0.6, 0.9))  # fmt: skip
    for order in (np.arange(300), np.argsort(targets), rng.permutation(300)):
        assert expected_calibration_error(targets[order], chances[order]) == pytest.approx(by_hand)
