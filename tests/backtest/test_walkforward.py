from itertools import pairwise

import pytest

from sentfeat.backtest.walkforward import delay_of, make_folds
from sentfeat.config import BacktestSettings
from sentfeat.errors import DataError

SETTINGS = BacktestSettings(train_sessions=252, refit_sessions=21)


def test_training_ends_two_sessions_before_the_forecasts_begin():
    folds = make_folds(753, SETTINGS)
    assert all(fold.test_start - fold.train_stop == 2 for fold in folds)


def test_folds_that_count_train_on_a_year_and_tile_the_rest_without_gaps():
    counted = [fold for fold in make_folds(753, SETTINGS) if fold.counts]
    assert counted[0].train_stop == 252
    assert counted[-1].test_stop == 753
    assert all(a.test_stop == b.test_start for a, b in pairwise(counted))


def test_forecasts_used_for_tuning_lie_inside_the_next_training_part():
    folds = make_folds(753, SETTINGS)
    assert all(a.check_stop <= b.train_stop for a, b in pairwise(folds))
    assert any(not fold.counts for fold in folds)


@pytest.mark.parametrize("horizon", [1, 20, 21, 63])
def test_longer_labels_are_purged_and_checked_only_once_they_are_over(horizon):
    folds, delay = make_folds(1000, SETTINGS, horizon), delay_of(horizon, SETTINGS)
    for fold, later in zip(folds, folds[delay:], strict=False):
        last_label_ends = fold.train_stop - 1 + horizon - 1
        assert last_label_ends < fold.test_start - 1
        assert fold.test_start <= fold.check_stop <= later.train_stop
    assert any(fold.check_stop > fold.test_start for fold in folds)


def test_more_sessions_only_add_folds():
    assert make_folds(700, SETTINGS)[:-1] == make_folds(753, SETTINGS)[: len(make_folds(700, SETTINGS)) - 1]


def test_too_little_data_says_how_much_there_is_and_how_much_is_needed():
    with pytest.raises(DataError, match="200 sessions with usable rows, 317 are needed"):
        make_folds(200, SETTINGS)
