import pandas as pd
import pytest

from sentfeat.backtest.power import interpolated_effect


def test_the_detectable_effect_lies_between_the_simulated_ones():
    curve = pd.DataFrame({"effect": [0.02, 0.04], "power": [0.6, 1.0], "draws": 50})
    assert interpolated_effect(curve, 0.05) == pytest.approx(0.03)


def test_it_is_unknown_when_even_the_largest_effect_is_missed():
    assert interpolated_effect(pd.DataFrame({"effect": [0.02], "power": [0.5], "draws": 50}), 0.05) is None


def test_an_effect_that_is_always_found_reads_from_the_start_of_the_curve():
    curve = pd.DataFrame({"effect": [0.02], "power": [1.0], "draws": 50})
    assert interpolated_effect(curve, 0.05) == pytest.approx(0.02 * 0.75 / 0.95)


def test_power_rises_with_the_effect(planted):
    assert planted.tables["power"]["power"].is_monotonic_increasing
    assert planted.verdict["detectable_effect"]["simulated"] < 0.15
