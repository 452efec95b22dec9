import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from sentfeat.evaluate.intervals import Bootstrap, interval, mcnemar_test, measures_of, over_seeds

RNG = np.random.default_rng(0)


def test_figures_of_a_confusion_are_those_of_scikit_learn():
    targets, guesses = RNG.integers(0, 3, 200), RNG.integers(0, 4, 200)  # 3: no answer
    confusion = np.zeros((4, 4))
    np.add.at(confusion, (targets, guesses), 1)
    found = {name: values[0] for name, values in measures_of(confusion[None]).items()}
    labels: list[int] = [0, 1, 2]
    assert found["accuracy"] == pytest.approx(accuracy_score(targets, guesses))
    assert found["macro_f1"] == pytest.approx(f1_score(targets, guesses, labels=labels, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(targets, guesses, labels=labels, average="weighted"))
    assert found["mcc"] == pytest.approx(matthews_corrcoef(targets, guesses))


def test_the_interval_covers_the_true_accuracy_about_as_often_as_it_says():
    hits = 0
    for trial in range(100):
        right = np.random.default_rng(trial).random(150) < 0.7
        guesses = np.where(right, 0, 1)
        low, high = interval(Bootstrap(np.zeros(150, int), np.arange(150), 300, trial).draw(guesses, 3)["accuracy"])
        hits += low <= 0.7 <= high
    assert 88 <= hits <= 100


def test_copies_of_a_sentence_are_not_evidence_of_their_own():
    targets, guesses = np.zeros(400, int), np.repeat(RNG.integers(0, 2, 40), 10)
    alone = interval(Bootstrap(targets, np.arange(400)).draw(guesses, 3)["accuracy"])
    grouped = interval(Bootstrap(targets, np.repeat(np.arange(40), 10)).draw(guesses, 3)["accuracy"])
    assert grouped[1] - grouped[0] > 2.5 * (alone[1] - alone[0])  # about the root of ten


def test_a_model_does_not_differ_from_itself_in_any_draw():
    targets, guesses = RNG.integers(0, 3, 60), RNG.integers(0, 3, 60)
    bootstrap = Bootstrap(targets, np.arange(60))
    assert (bootstrap.draw(guesses, 3)["mcc"] == bootstrap.draw(guesses, 3)["mcc"]).all()


def test_mcnemar_of_a_known_table():
    first = np.array([True] * 50 + [True] * 10 + [False] * 3 + [False] * 7)
    second = np.array([True] * 50 + [False] * 10 + [True] * 3 + [False] * 7)
    found = mcnemar_test(first, second)
    assert (found["only_first"], found["only_second"]) == (10, 3)
    assert found["p"] == pytest.approx(2 * binom.cdf(3, 13, 0.5))


def test_seeds_are_a_mean_and_a_students_t_interval():
    runs = [dict.fromkeys(("accuracy", "macro_f1", "weighted_f1", "mcc"), value) for value in (0.7, 0.8, 0.9)]
    found = over_seeds(runs)["accuracy"]
    assert found["mean"] == pytest.approx(0.8)
    assert found["high"] - found["mean"] == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    assert np.isnan(over_seeds(runs[:1])["accuracy"]["low"])


def test_a_label_that_a_redraw_lacks_is_not_counted_as_missed():
    """A model that is always right is always right, whichever rows are drawn."""
    targets = np.array([0] * 30 + [1] * 30 + [2])
    found = Bootstrap(targets, np.arange(61)).draw(targets, 3)["macro_f1"]
    assert (found == 1).all()
