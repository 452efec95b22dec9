import tracemalloc

import numpy as np
import pytest

from sentfeat.evaluate.calibration import calibration, reliability


def confident(sure: np.ndarray) -> np.ndarray:
    """Probabilities whose likeliest label is the first one, with the given confidence."""
    return np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)


def test_a_hand_table_of_two_bins():
    chances = confident(np.array([0.6, 0.6, 0.9, 0.9]))
    targets = np.array([0, 1, 0, 0])  # half of the unsure ones right, all of the sure ones
    found = reliability(targets, chances, bins=2)
    assert [(part["n"], part["accuracy"]) for part in found] == [(2, 0.5), (2, 1.0)]
    assert [part["confidence"] for part in found] == pytest.approx([0.6, 0.9])


def test_a_perfectly_calibrated_model_lies_in_its_band_and_has_little_left():
    rng = np.random.default_rng(1)
    chances = confident(rng.uniform(0.5, 1, 780))
    targets = np.where(rng.random(780) < chances[:, 0], 0, 1)
    found = calibration(targets, chances)
    assert found["band_low"] < found["ece"] < found["band_high"]
    assert 0.03 < found["band_mean"] < 0.05  # what such a model shows at n = 780
    assert found["ece_debiased"] < 0.015


def test_an_overconfident_model_lies_above_its_band():
    targets = np.array([0, 1] * 200)  # right half of the time, 0.9 sure
    found = calibration(targets, confident(np.full(400, 0.9)))
    assert found["ece"] == pytest.approx(0.4, abs=0.02)
    assert found["ece"] > found["band_high"]
    assert found["ece_debiased"] == pytest.approx(found["ece"] - found["band_mean"])


def test_missing_answers_are_left_out():
    chances = confident(np.array([0.6, np.nan, 0.9]))
    assert calibration(np.array([0, 0, 0]), chances)["n"] == 2
    assert sum(part["n"] for part in reliability(np.array([0, 0, 0]), chances)) == 2
    assert np.isnan(calibration(np.array([0]), chances[1:2])["ece"])


def test_a_scorer_of_one_confidence_has_one_bin_and_the_band_of_a_binomial():
    found = calibration(np.array([0, 1] * 200), confident(np.full(400, 0.5)), draws=2000)
    assert len(reliability(np.array([0, 1] * 200), confident(np.full(400, 0.5)))) == 1
    assert found["ece"] == 0
    assert found["band_mean"] == pytest.approx((2 / np.pi * 0.25 / 400) ** 0.5, rel=0.05)  # mean |x| of a normal


def test_the_band_of_many_rows_needs_little_memory():
    rows = 20_000
    chances = confident(np.random.default_rng(0).uniform(0.5, 1, rows))
    tracemalloc.start()
    calibration(np.zeros(rows, int), chances)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 8 * rows  # and not a number for each of 500 draws
