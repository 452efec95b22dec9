import numpy as np
import pytest

from training.risks.compare import difference_interval, macro_f1, micro_f1


def answers(*columns):
    """(n, 12) with the first categories given, the rest empty."""
    found = np.zeros((len(columns[0]), 12), dtype=bool)
    found[:, : len(columns)] = np.array(columns, dtype=bool).T
    return found


def test_macro_f1_is_over_the_categories_that_occur():
    targets = answers([1, 1, 0, 0], [0, 0, 0, 1])
    named = answers([1, 0, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0])
    assert macro_f1(targets, named) == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_micro_f1_is_over_all_labels():
    targets = answers([1, 1, 0, 0], [0, 0, 0, 1])
    named = answers([1, 0, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0])
    assert micro_f1(targets, named) == pytest.approx(2 * 2 / (3 + 4))


def test_the_interval_of_a_clear_difference_is_above_zero_and_of_none_holds_it():
    random = np.random.default_rng(0)
    targets = random.random((300, 12)) < 0.2
    noisy = targets ^ (random.random((300, 12)) < 0.1)
    low, high = difference_interval(targets, targets, noisy, macro_f1)
    assert 0 < low < high
    same = difference_interval(targets, noisy, noisy, micro_f1)
    assert same.tolist() == [0, 0]
