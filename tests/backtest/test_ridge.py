"""The reference is scikit-learn, fitted fold by fold on the rows themselves."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from sentfeat.backtest.design import make_cross, make_design, make_gram
from sentfeat.backtest.ridge import fit_arms, predict
from sentfeat.backtest.walkforward import make_folds
from sentfeat.config import BacktestSettings

SETTINGS = BacktestSettings(train_sessions=60, refit_sessions=10, min_test_sessions=20)
BLOCKS = ("price", "price", "volume", "tone", "tone")
ARMS = {"B0": ("price",), "B1": ("price", "volume"), "B2": ("price", "volume", "tone")}
ALPHAS = (1.0, 30.0, 1000.0)


@pytest.fixture(scope="module")
def rows():
    """(values with nulls, target, present) of 100 sessions and 12 securities; one enters late."""
    random = np.random.default_rng(4)
    values = random.standard_normal((100, 12, 5)) * [1, 5, 2, 1, 0.1] + [0, 20, 3, 0, 1]
    values[..., 3:][random.random((100, 12)) < 0.6] = np.nan
    values[:30, :, 1] = np.nan
    present = random.random((100, 12)) < 0.9
    present[:50, 11] = False
    signal = 0.1 * values[..., 0] + 0.3 * np.nan_to_num(values[..., 3])
    target = np.where(present, signal + random.standard_normal((100, 12)), 0.0)
    return np.where(present[..., None], values, np.nan), target, present


def fitted(values, target, present, **known):
    folds = make_folds(len(target), SETTINGS)
    design = make_design(values, present, BLOCKS)
    gram = make_gram(design, folds)
    weights, penalties = fit_arms(gram, make_cross(design, gram, target, folds), ARMS, BLOCKS, ALPHAS, known or None)
    forecasts = {arm: predict(design, gram, w, folds) for arm, w in weights.items()}
    return folds, penalties, forecasts


def by_scikit_learn(values, target, present, fold, columns, penalties):
    """Forecasts of one fold for one arm: standardise, fill with 0, demean by session, fit, forecast."""
    scaler = StandardScaler().fit(values[: fold.train_stop][present[: fold.train_stop]][:, columns])

    def prepared(span):
        out = []
        for day in range(*span):
            block = np.nan_to_num(scaler.transform(values[day, present[day]][:, columns]))
            out.append(block - block.mean(axis=0))
        return out

    root = np.sqrt([penalties[column] for column in columns])  # one penalty per column, as scaled columns
    train = np.vstack(prepared((0, fold.train_stop))) / root
    y = np.concatenate([target[day, present[day]] for day in range(fold.train_stop)])
    weights = Ridge(alpha=1.0, fit_intercept=False).fit(train, y).coef_ / root
    return [block @ weights for block in prepared((fold.test_start, fold.test_stop))]


@pytest.mark.parametrize("arm", list(ARMS))
def test_forecasts_equal_scikit_learn_fitted_from_scratch(rows, arm):
    values, target, present = rows
    folds, penalties, forecasts = fitted(values, target, present)
    columns = [c for c, block in enumerate(BLOCKS) if block in ARMS[arm]]
    for number, fold in enumerate(folds):
        if fold.counts:
            per_column = [penalties[block][number] for block in BLOCKS]
            expected = by_scikit_learn(values, target, present, fold, columns, per_column)
            for offset, row in enumerate(expected):
                day = fold.test_start + offset
                np.testing.assert_allclose(forecasts[arm][day, present[day]], row, atol=1e-8)


def test_forecasts_do_not_depend_on_a_columns_unit(rows):
    values, target, present = rows
    _, penalties, forecasts = fitted(values, target, present)
    _, same, scaled = fitted(values * [1e-7, 1e-3, 1e9, 1e-7, 1e-20], target, present)
    assert {block: list(found) for block, found in same.items()} == {b: list(found) for b, found in penalties.items()}
    for arm in ARMS:
        np.testing.assert_allclose(scaled[arm], forecasts[arm], atol=1e-9)


def test_a_constant_column_counts_for_nothing(rows):
    values, target, present = rows
    _, _, without = fitted(np.where(np.arange(5) == 2, 0.0, values), target, present)
    _, _, constant = fitted(np.where(np.arange(5) == 2, 0.3, values), target, present)
    np.testing.assert_allclose(constant["B2"], without["B2"], atol=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value")  # scikit-learn meets a column still null in all training rows
def test_a_penalty_is_the_one_with_the_least_error_in_earlier_forecasts(rows):
    values, target, present = rows
    folds, penalties, _ = fitted(values, target, present)
    errors = dict.fromkeys(ALPHAS, 0.0)
    for number, fold in enumerate(folds):
        if number:
            assert penalties["price"][number] == min(errors, key=lambda alpha: errors[alpha])
        for alpha in ALPHAS:
            days = by_scikit_learn(values, target, present, fold, [0, 1], [alpha] * 5)
            for offset, row in enumerate(days[: fold.check_stop - fold.test_start]):
                day = fold.test_start + offset
                errors[alpha] += float(((target[day, present[day]] - row) ** 2).sum())


def test_a_penalty_given_is_kept(rows):
    _, penalties, _ = fitted(*rows, price=np.full(len(make_folds(100, SETTINGS)), 7.0))
    assert (penalties["price"] == 7.0).all()
    assert set(penalties) == {"price", "volume", "tone"}


def test_forecasts_are_demeaned_by_session_and_only_where_rows_are(rows):
    values, target, present = rows
    folds, _, forecasts = fitted(values, target, present)
    first = next(fold.test_start for fold in folds if fold.counts)
    for grid in forecasts.values():
        assert np.array_equal(np.isfinite(grid[first:]), present[first:])
        assert np.isnan(grid[:first]).all()
        np.testing.assert_allclose(np.nansum(grid[first:], axis=1), 0, atol=1e-9)


def test_later_targets_change_no_earlier_forecast(rows):
    values, target, present = rows
    folds, _, before = fitted(values, target, present)
    cut = folds[-2].test_start
    changed = target.copy()
    changed[cut:] = np.where(present[cut:], 9.0, 0.0)
    _, _, after = fitted(values, changed, present)
    np.testing.assert_array_equal(before["B2"][: cut + 1], after["B2"][: cut + 1])
