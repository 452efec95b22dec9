import numpy as np
import pytest

from sentfeat.errors import DataError
from training.platt import choose_thresholds, fit_platt


def drawn(logits, cues, scale, cue, offset, seed=0):
    """Targets that hold with p = 1 / (1 + exp(-(scale x (logit + cue) + offset)))."""
    chances = 1 / (1 + np.exp(-((logits + cue * cues) * scale + offset)))
    return np.random.default_rng(seed).random(logits.shape) < chances


def made(rows, categories, seed):
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, categories)) * 3, random.random((rows, categories)) < 0.3


def test_hidden_scale_cue_and_offsets_are_found_again():
    logits, cues = made(20_000, 2, seed=1)
    scale, offset, cue = fit_platt(logits, cues, drawn(logits, cues, 0.5, 3.0, [-1.0, 2.0]))
    np.testing.assert_allclose(scale, [0.5, 0.5], rtol=0.06)
    np.testing.assert_allclose(offset, [-1.0, 2.0], atol=0.1)
    assert cue == pytest.approx(3.0, rel=0.06)


def test_keywords_that_tell_nothing_weigh_nothing():
    logits, cues = made(20_000, 2, seed=3)
    assert abs(fit_platt(logits, cues, drawn(logits, cues, 1.0, 0.0, [0.0, 0.0]))[2]) < 0.1


def test_a_rare_category_borrows_its_slope_and_stays_finite():
    logits, cues = made(2000, 3, seed=2)
    targets = drawn(logits, cues, 1.0, 0.0, [0.0, 0.0, -60.0])
    targets[:3, 2] = True
    scale, offset, _ = fit_platt(logits, cues, targets)
    assert scale[2] == pytest.approx(1.0, abs=0.3)
    assert -30 < offset[2] < -3


def test_alike_targets_cannot_be_calibrated():
    none = np.zeros((5, 2), dtype=bool)
    with pytest.raises(DataError, match="all alike"):
        fit_platt(np.zeros((5, 2)), none, none)


def test_thresholds_separate_what_can_be_separated():
    chances = np.linspace(0, 0.4, 401)[:, None]
    assert choose_thresholds(chances, chances > 0.1995) == pytest.approx([0.2], abs=1e-3)


def test_a_threshold_from_few_rows_is_drawn_towards_that_of_all():
    plenty, some, one = np.linspace(0, 0.4, 401), np.linspace(0, 0.6, 401), np.linspace(0, 0.3, 401)
    chances = np.column_stack([plenty, some, one])
    targets = np.column_stack([plenty >= 0.2, some >= 0.5855, one >= 0.3])  # 201, 10 and 1 positive rows
    first, second, third = choose_thresholds(chances, targets)
    pooled = third  # it has nothing of its own
    assert first == pytest.approx(0.2, abs=0.01)
    assert second == pytest.approx((10 * 0.5865 + 20 * pooled) / 30, abs=2e-3)
    assert choose_thresholds(chances, np.zeros_like(targets)).tolist() == [0.5] * 3
