import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import norm, spearmanr

from sentfeat.backtest.inference import (
    clark_west_series,
    detectable_effect,
    hac_lags,
    mean_test,
    r2_gain_bp,
    rank_ic,
    session_means,
)


def newey_west_by_hand(values: list[float], lags: int) -> tuple[float, float]:
    """Mean and standard error with plain loops: Bartlett weights, n / (n - 1)."""
    n = len(values)
    mean = sum(values) / n
    long_run = sum((v - mean) ** 2 for v in values)
    for lag in range(1, lags + 1):
        products = sum((values[i] - mean) * (values[i - lag] - mean) for i in range(lag, n))
        long_run += 2 * (1 - lag / (lags + 1)) * products
    return mean, (long_run / n / n * n / (n - 1)) ** 0.5


def test_newey_west_agrees_with_plain_loops_and_with_a_regression_on_a_constant():
    random = np.random.default_rng(0)
    series = np.convolve(random.standard_normal(305), [1, 0.5, 0.2], mode="valid") + 0.05
    test = mean_test(series)
    mean, se = newey_west_by_hand(series.tolist(), test.lags)
    fit = sm.OLS(series, np.ones(len(series))).fit(
        cov_type="HAC", cov_kwds={"maxlags": test.lags, "use_correction": True}
    )
    assert test.mean == pytest.approx(mean, abs=1e-12)
    assert test.t == pytest.approx(mean / se, abs=1e-10)
    assert test.t == pytest.approx(fit.tvalues[0], abs=1e-10)
    assert test.p == pytest.approx(1 - norm.cdf(fit.tvalues[0]), abs=1e-10)


def test_lags_follow_the_rule_and_never_fall_below_the_horizon():
    assert [hac_lags(n) for n in (2, 100, 250, 469, 1000)] == [1, 4, 4, 5, 6]


def test_null_values_are_left_out_and_a_constant_is_no_evidence():
    assert mean_test(np.array([1.0, np.nan, 2.0, 4.0])).n == 3
    assert (mean_test(np.ones(50)).t, mean_test(np.ones(50)).p) == (0.0, 1.0)
    assert mean_test(np.array([np.nan])).n == 0


def test_clark_west_on_a_frame_worked_out_by_hand():
    target = np.array([[1.0, -1.0], [2.0, 0.0]])
    small = np.array([[0.0, 0.0], [1.0, 0.0]])
    large = np.array([[0.5, -0.5], [1.5, np.nan]])
    present = np.array([[True, True], [True, False]])
    # row 1: e0^2 = 1, e1^2 = .25, (difference)^2 = .25 -> 1 in both cells; row 2: 1 - (.25 - .25) = 1
    np.testing.assert_allclose(clark_west_series(target, small, large, present), [1.0, 1.0])


def test_clark_west_equals_the_textbook_form_on_random_forecasts():
    random = np.random.default_rng(1)
    target, small, large = random.standard_normal((3, 40, 7))
    ours = clark_west_series(target, small, large, np.ones((40, 7), bool))
    # the same statistic written as 2 (y - f0)(f1 - f0), averaged by session
    other = pd.DataFrame(2 * (target - small) * (large - small)).mean(axis=1)
    np.testing.assert_allclose(ours, other, atol=1e-12)


def test_rank_ic_is_spearman_over_the_rows_of_each_session():
    random = np.random.default_rng(2)
    forecast, outcome = random.standard_normal((2, 5, 9))
    present = random.random((5, 9)) < 0.8
    expected = [spearmanr(forecast[t, present[t]], outcome[t, present[t]]).statistic for t in range(5)]
    np.testing.assert_allclose(rank_ic(forecast, outcome, present), expected, atol=1e-12)


def test_rank_ic_of_a_constant_forecast_is_null():
    assert np.isnan(rank_ic(np.zeros((1, 4)), np.arange(4.0)[None], np.ones((1, 4), bool))).all()


def test_r2_gain_in_basis_points_by_hand():
    target, small, large = np.array([[2.0, -2.0]]), np.zeros((1, 2)), np.array([[0.2, -0.2]])
    # e0^2 = 4, e1^2 = 1.8^2 = 3.24, y^2 = 4
    assert r2_gain_bp(target, small, large, np.ones((1, 2), bool)) == pytest.approx((4 - 3.24) / 4 * 1e4)


def test_a_session_without_rows_has_no_mean():
    means = session_means(np.ones((2, 2)), np.array([[True, True], [False, False]]))
    assert means[0] == 1
    assert np.isnan(means[1])


def test_detectable_effect_shrinks_with_the_square_root_of_rows():
    assert detectable_effect(3600, 0.05) == pytest.approx((1.6449 + 0.8416) / 60, abs=1e-5)
    assert detectable_effect(14400, 0.05) == pytest.approx(detectable_effect(3600, 0.05) / 2)
