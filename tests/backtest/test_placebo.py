import numpy as np
import pandas as pd
import pytest

from sentfeat.backtest.intake import accept
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.placebo import PERMUTED, SHIFTED, dealt, make_deals, moved, placebo_p, run_placebos
from sentfeat.backtest.refit import Refitter, one_session_late, refitted_t
from sentfeat.backtest.walk import primary_t, walk_forward
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market

SETTINGS = BacktestSettings(train_sessions=126, placebos=19)


@pytest.fixture(scope="module")
def walk(planted_tables):
    return walk_forward(*planted_tables, SETTINGS)


@pytest.fixture(scope="module")
def refitter(walk):
    return Refitter.of(walk)


def test_each_kind_is_drawn_as_often_as_asked(walk, refitter):
    heard = []
    frame = run_placebos(
        walk.panel, refitter.text, lambda text: 0.0, SETTINGS, Pieces(), lambda *told: heard.append(told)
    )
    assert frame.groupby("kind").size().to_dict() == {PERMUTED: 19, SHIFTED: 19}
    assert heard[-1] == (38, 38)


def test_a_placebo_is_centred_as_if_it_had_been_built_from_scratch(walk, refitter):
    text, present = refitter.text, walk.panel.present
    for placebo in (dealt(text, make_deals(walk.panel, text), 0, 3), moved(text, 77), one_session_late(text)):
        means = placebo.raw.sum(axis=1) / present.sum(axis=1)[:, None]
        np.testing.assert_allclose(
            placebo.centred, np.where(present[..., None], placebo.raw - means[:, None], 0), atol=1e-12
        )


def test_permuting_keeps_who_had_news_and_each_sessions_rows_of_text(walk, refitter):
    text, covered = refitter.text, walk.panel.covered
    placebo = dealt(text, make_deals(walk.panel, text), 0, 1)
    assert np.array_equal(placebo.raw[~covered], text.raw[~covered])
    assert not np.array_equal(placebo.raw[covered], text.raw[covered])
    for day in range(0, len(covered), 40):
        ours, real = placebo.raw[day, covered[day]], text.raw[day, covered[day]]
        assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, real.tolist()))


def test_where_many_have_news_they_change_hands_within_turnover_terciles_only(tall_walk):
    refitter = Refitter.of(tall_walk)
    text, codes = refitter.text, tall_walk.panel.groups["turnover"].codes
    (deal,) = make_deals(tall_walk.panel, text)
    source = deal.shuffled(np.random.default_rng(0))
    assert np.array_equal(codes[deal.session, source], codes[deal.session, deal.security])
    assert (source != deal.security).mean() > 0.5


@pytest.fixture(scope="module")
def tall_walk():
    return walk_forward(*accept(*market(1, securities=60, sessions=260, coverage=0.5))[:2], SETTINGS)


def test_shifting_moves_all_securities_by_one_common_step(walk, refitter):
    text = refitter.text
    np.testing.assert_array_equal(moved(text, 61).raw, np.roll(text.raw, 61, axis=0))  # every cell is a row here


def test_a_refit_equals_a_walk_on_the_permuted_table_itself(walk, refitter, planted_tables):
    """The reference changes the feature table and starts over; penalties of the price block come out the same."""
    features, prices = planted_tables
    (deal,) = make_deals(walk.panel, refitter.text)
    source = deal.shuffled(np.random.default_rng([0, 0, 5]))
    panel = walk.panel
    columns = [name for name, block in zip(panel.columns, panel.block_of, strict=True) if block != "price"]
    keyed = features.set_index(["session", "security_id"])
    to = pd.MultiIndex.from_arrays([panel.sessions[deal.session], panel.securities[deal.security]])
    origin = pd.MultiIndex.from_arrays([panel.sessions[deal.session], panel.securities[source]])
    changed = keyed.copy()
    changed.loc[to, columns] = keyed.loc[origin, columns].set_axis(to)
    again = walk_forward(changed.reset_index(), prices, SETTINGS)
    ours = refitted_t(walk, refitter, dealt(refitter.text, [deal], 0, 5), SETTINGS)
    assert ours == pytest.approx(primary_t(again, again.panel.target, again.forecasts), abs=1e-8)


def test_the_real_text_gives_the_real_statistic(walk, refitter):
    real = primary_t(walk, walk.panel.target, walk.forecasts)
    assert refitted_t(walk, refitter, refitter.text, SETTINGS) == pytest.approx(real, abs=1e-8)


def test_the_p_value_counts_the_real_one_among_its_placebos():
    assert placebo_p(2.0, pd.Series([1.0, 1.5, 2.0, 3.0])) == pytest.approx(3 / 5)
    assert placebo_p(9.0, pd.Series(np.zeros(199))) == pytest.approx(1 / 200)
