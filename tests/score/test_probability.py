import numpy as np
import pytest

from sentfeat.score.probability import fit_temperature, probabilities, risk_probabilities, tone


def test_softmax_by_hand():
    np.testing.assert_allclose(probabilities(np.log([[1.0, 1.0, 2.0]])), [[0.25, 0.25, 0.5]])


def test_temperature_flattens():
    hot = probabilities(np.array([[0.0, 0.0, 2.0]], dtype=np.float32), temperature=2.0)
    np.testing.assert_allclose(hot, probabilities(np.array([[0.0, 0.0, 1.0]])))


def test_large_logits_do_not_overflow():
    np.testing.assert_allclose(probabilities(np.array([[-1e4, 0.0, 1e4]])), [[0, 0, 1]])


def test_tone_is_positive_minus_negative():
    assert tone(np.array([[0.1, 0.2, 0.7]])) == pytest.approx([0.6])


def test_fitted_temperature_recovers_the_one_that_was_hidden():
    random = np.random.default_rng(0)
    honest = random.normal(size=(20_000, 3)) * 2
    targets = (random.random((20_000, 1)) > probabilities(honest).cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(honest * 3.0, targets) == pytest.approx(3.0, rel=0.05)


def test_each_risk_is_scaled_and_shifted_by_itself():
    found = risk_probabilities(np.log([[3.0, 1.0], [3.0, 4.0]]), scale=[1.0, 0.5], offset=[0.0, np.log(2)])
    np.testing.assert_allclose(found, [[3 / 4, 2 / 3], [3 / 4, 4 / 5]])


def test_extreme_and_missing_risk_logits_stay_quiet():
    found = risk_probabilities(np.array([[-1e4, 1e4], [np.nan, np.nan]], dtype=np.float32), [1.0, 1.0], [0.0, 0.0])
    np.testing.assert_array_equal(found, [[0, 1], [np.nan, np.nan]])
