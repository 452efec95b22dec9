import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest.design import make_design
from sentfeat.backtest.placebo import PERMUTED, SHIFTED, placebo_p, run_placebos
from sentfeat.config import BacktestSettings

SETTINGS = BacktestSettings(placebos=19)
BLOCKS = ("price", "volume", "tone")


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(8)
    values = random.standard_normal((150, 6, 3))
    values[..., 2][random.random((150, 6)) < 0.5] = np.nan
    present = np.ones((150, 6), bool)
    present[:20, 5] = False
    return np.where(present[..., None], values, np.nan), present


@pytest.fixture(scope="module")
def drawn(rows):
    """(kind, design) of every placebo, and the real design."""
    values, present = rows
    design = make_design(values, present, BLOCKS)
    seen = []
    covered = np.isfinite(values[..., 2])
    frame = run_placebos(design, covered, lambda placebo: seen.append(placebo) or 0.0, SETTINGS, lambda *_: None)
    return design, covered, frame, seen


def test_each_kind_is_drawn_as_often_as_asked(drawn):
    assert drawn[2].groupby("kind").size().to_dict() == {PERMUTED: 19, SHIFTED: 19}


def test_no_placebo_touches_a_price_column(drawn):
    design, _, _, seen = drawn
    price = design.block_of == "price"
    assert all(np.array_equal(placebo.raw[..., price], design.raw[..., price]) for placebo in seen)


def test_a_placebo_is_centred_as_if_it_had_been_built_from_scratch(drawn, rows):
    for placebo in drawn[3]:
        means = placebo.raw.sum(axis=1) / rows[1].sum(axis=1)[:, None]
        expected = np.where(rows[1][..., None], placebo.raw - means[:, None, :], 0)
        np.testing.assert_allclose(placebo.centred, expected, atol=1e-12)


def test_permuting_keeps_who_had_news_and_each_sessions_values(drawn):
    design, covered, _, seen = drawn
    kept = [placebo for placebo in seen if np.array_equal(placebo.raw[..., 3] != 0, covered)]
    assert len(kept) >= 19
    for placebo in kept[:3]:
        for day in range(150):
            ours, real = placebo.raw[day, covered[day]], design.raw[day, covered[day]]
            assert sorted(map(tuple, ours[:, 1:3].tolist())) == sorted(map(tuple, real[:, 1:3].tolist()))


def test_shifting_moves_all_securities_by_one_common_step_of_at_least_sixty(drawn):
    design, covered, _, seen = drawn
    moved = [placebo for placebo in seen if not np.array_equal(placebo.raw[..., 3] != 0, covered)]
    assert len(moved) == 19
    for placebo in moved:
        by = next(s for s in range(150) if np.array_equal(np.roll(design.raw[:, 0, 1], s), placebo.raw[:, 0, 1]))
        assert 60 <= by <= 90
        np.testing.assert_array_equal(np.roll(design.raw[:, 1:5, 1:], by, axis=0), placebo.raw[:, 1:5, 1:])


def test_the_p_value_counts_the_real_one_among_its_placebos():
    assert placebo_p(2.0, pd.Series([1.0, 1.5, 2.0, 3.0])) == pytest.approx(3 / 5)
    assert placebo_p(9.0, pd.Series(np.zeros(199))) == pytest.approx(1 / 200)
