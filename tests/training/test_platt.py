import numpy as np
import pytest

from sentfeat.errors import DataError
from training.platt import choose_thresholds, fit_platt


def drawn(logits, scale, offset, seed=0):
    """Targets that hold with p = 1 / (1 + exp(-(scale x logit + offset)))."""
    chances = 1 / (1 + np.exp(-(logits * scale + offset)))
    return np.random.default_rng(seed).random(logits.shape) < chances


def test_hidden_scales_and_offsets_are_found_again():
    logits = np.random.default_rng(1).normal(size=(20_000, 2)) * 3
    scale, offset = fit_platt(logits, drawn(logits, [0.5, 1.5], [-1.0, 2.0]))
    np.testing.assert_allclose(scale, [0.5, 1.5], rtol=0.06)
    np.testing.assert_allclose(offset, [-1.0, 2.0], atol=0.1)


def test_a_rare_category_borrows_its_slope_and_stays_finite():
    logits = np.random.default_rng(2).normal(size=(2000, 3)) * 3
    targets = drawn(logits, [1.0, 1.0, 1.0], [0.0, 0.0, -60.0])
    targets[:3, 2] = True
    scale, offset = fit_platt(logits, targets)
    assert scale[2] == pytest.approx(1.0, abs=0.3)
    assert -30 < offset[2] < -3


def test_alike_targets_cannot_be_calibrated():
    with pytest.raises(DataError, match="all alike"):
        fit_platt(np.zeros((5, 2)), np.zeros((5, 2), dtype=bool))


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
