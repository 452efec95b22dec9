"""References: plain loops and closed forms, worked out apart from the libraries that the code calls."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from scipy.stats import t as student

from sentfeat.backtest.secondary import (
    bootstrap_gains,
    deflated_sharpe,
    diebold_mariano,
    expected_best,
    superior_ability,
)


@pytest.fixture(scope="module")
def losses() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    common = np.convolve(random.standard_normal(304), [1, 0.6, 0.3], mode="valid") ** 2
    return common + 0.1, common + 0.2 * random.standard_normal(302)


@pytest.mark.parametrize("horizon", [1, 5])
def test_diebold_mariano_agrees_with_plain_loops(losses, horizon):
    a, b = losses
    test = diebold_mariano(a, b, horizon)
    d = [float(x - y) for x, y in zip(a, b, strict=True)]
    n, mean, lags = len(d), math.fsum(d) / len(d), test.lags
    long_run = math.fsum((v - mean) ** 2 for v in d)
    for lag in range(1, lags + 1):
        products = math.fsum((d[i] - mean) * (d[i - lag] - mean) for i in range(lag, n))
        long_run += 2 * (1 - lag / (lags + 1)) * products
    plain = mean / math.sqrt(long_run / n / n)
    correction = math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    assert lags >= horizon
    assert test.gain == pytest.approx(mean, abs=1e-12)
    assert test.t == pytest.approx(plain * correction, abs=1e-10)
    assert test.p == pytest.approx(1 - student.cdf(plain * correction, n - 1), abs=1e-10)


def test_equal_losses_are_no_evidence_and_missing_sessions_are_left_out(losses):
    a, b = losses
    assert (diebold_mariano(a, a).t, diebold_mariano(a, a).p) == (0.0, 1.0)
    holes = a.copy()
    holes[:50] = np.nan
    assert diebold_mariano(holes, b) == diebold_mariano(a[50:], b[50:])


def test_the_best_of_useless_books_follows_the_closed_form():
    variance, trials = 0.0004, 40
    gamma = -quad(lambda x: math.exp(-x) * math.log(x), 0, np.inf)[0]  # Euler's constant, from its integral
    high, higher = norm.isf(1 / trials), norm.isf(1 / (trials * math.e))
    by_hand = math.sqrt(variance) * ((1 - gamma) * high + gamma * higher)
    assert expected_best(variance, trials) == pytest.approx(by_hand, abs=1e-10)
    assert expected_best(variance, 1) == 0


def test_the_deflated_sharpe_agrees_with_moments_by_hand():
    random = np.random.default_rng(1)
    returns = 0.001 + 0.01 * random.standard_t(6, 500)
    others = [0.01, -0.02, 0.05, 0.03]
    n, mean = len(returns), math.fsum(returns) / len(returns)
    m2, m3, m4 = (math.fsum((r - mean) ** k for r in returns) / n for k in (2, 3, 4))
    ratio = mean / math.sqrt(m2 * n / (n - 1))
    average = sum(others) / 4
    bar = expected_best(sum((o - average) ** 2 for o in others) / 3, 12)
    shape = 1 - m3 / m2**1.5 * ratio + (m4 / m2**2 - 1) / 4 * ratio**2
    expected = 0.5 * math.erfc(-(ratio - bar) * math.sqrt(n - 1) / math.sqrt(shape) / math.sqrt(2))
    found = deflated_sharpe(returns, others, 12)
    assert found["probability"] == pytest.approx(expected, abs=1e-10)
    assert found["sharpe"] == pytest.approx(ratio, abs=1e-10)


def test_more_trials_raise_the_bar():
    random = np.random.default_rng(2)
    returns, others = 0.001 + 0.01 * random.standard_normal(500), [0.01, 0.02, 0.0]
    few, many = (deflated_sharpe(returns, others, trials)["probability"] for trials in (3, 300))
    assert many < few


def test_bootstrap_intervals_cover_the_standard_error_of_independent_sessions():
    random = np.random.default_rng(3)
    ic = random.standard_normal((2, 600)) * 0.1
    net = random.standard_normal((2, 600)) * 0.01
    drawn = bootstrap_gains((ic[0], ic[1] + 0.02), (net[0], net[1]), 1000, seed=0)["ic"]
    reach = 1.96 * np.std(ic[1] - ic[0]) / math.sqrt(600)
    assert drawn.value == pytest.approx((ic[1] + 0.02 - ic[0]).mean())
    assert (drawn.high - drawn.low) / 2 == pytest.approx(reach, rel=0.15)
    assert drawn.n == 600


def test_the_same_seed_gives_the_same_bootstrap():
    series = np.random.default_rng(4).standard_normal((4, 200))
    draw = lambda seed: bootstrap_gains((series[0], series[1]), (series[2], series[3]), 50, seed)  # noqa: E731
    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_superior_ability_sees_a_better_model_and_not_a_worse_one():
    random = np.random.default_rng(5)
    base = pd.Series(1 + 0.1 * random.standard_normal(300))
    better, worse = (pd.DataFrame({"m": base + s + 0.05 * random.standard_normal(300)}) for s in (-0.03, 0.03))
    assert superior_ability(base, better, 200, 0) < 0.05
    assert superior_ability(base, worse, 200, 0) > 0.3


def test_holm_multiplies_the_smallest_p_by_their_number(planted):
    rows = planted.verdict["comparisons"][1:]
    raw = [row["clark_west"]["p"] for row in rows]
    expected, running = {}, 0.0
    for rank, at in enumerate(sorted(range(len(raw)), key=raw.__getitem__)):
        running = max(running, min(1.0, (len(raw) - rank) * raw[at]))
        expected[at] = running
    assert [row["p_holm"] for row in rows] == pytest.approx([expected[at] for at in range(len(raw))], abs=1e-10)
