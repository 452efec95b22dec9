import numpy as np
import pytest

from sentfeat.backtest.costs import book_returns, break_even_bp, bucket_returns, cost_table, net_returns, sharpe

PRESENT = np.ones((2, 5), bool)
FORECAST = np.array([[5.0, 4, 3, 2, 1], [0, 0, 0, 0, 0]])
RETURNS = np.array([[0.02, 0, 0, 0, -0.01], [0.5, 0.5, 0.5, 0.5, 0.5]])


def test_the_book_is_half_long_the_best_and_half_short_the_worst():
    gross = book_returns(FORECAST, RETURNS, PRESENT, 0.2)
    assert gross.tolist() == pytest.approx([(0.02 + 0.01) / 2, 0.0])


def test_entering_and_leaving_are_both_paid_for_and_no_position_costs_nothing():
    assert net_returns(np.array([0.01, 0.0]), 5).tolist() == pytest.approx([0.01 - 2 * 0.0005, 0.0])


def test_break_even_is_the_cost_that_leaves_nothing():
    gross = np.array([0.002, 0.001, 0.003])
    assert net_returns(gross, break_even_bp(gross)).mean() == pytest.approx(0.0)


def test_sharpe_is_annual_and_zero_for_a_flat_book():
    assert sharpe(np.array([0.01, 0.03])) == pytest.approx(0.02 / (0.02 / 2**0.5) * 252**0.5)
    assert sharpe(np.zeros(5)) == 0.0


def test_the_cost_table_has_a_line_per_arm_and_cost():
    table = cost_table({"B0": np.array([0.001, 0.002, 0.004]), "B2": np.array([0.002, 0.001, 0.002])}, (0.0, 5.0))
    assert list(zip(table["arm"], table["cost_bp"], strict=True)) == [("B0", 0), ("B0", 5), ("B2", 0), ("B2", 5)]
    assert table["net_bp"].diff().iloc[[1, 3]].tolist() == pytest.approx([-10, -10])


def test_buckets_show_the_return_above_the_sessions_mean():
    frame = bucket_returns(FORECAST[:1].repeat(3, 0), RETURNS[:1].repeat(3, 0), PRESENT[:1].repeat(3, 0), 5)
    assert frame["mean_bp"].tolist() == pytest.approx([-120, -20, -20, -20, 180])
    assert (frame["n_sessions"] == 3).all()
