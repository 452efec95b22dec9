"""How sure a figure is: bootstrap by near-duplicate group, paired differences, McNemar's test, several seeds.

Rows of one group (the same sentence with other numbers) are drawn together: they are not independent evidence.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

DRAWS = 1000
MEASURES = ("accuracy", "macro_f1", "weighted_f1", "mcc")

Interval = tuple[float, float]


class Bootstrap:
    """The same redrawn groups for all models, so that their differences are paired.

    `targets` (n,) label positions, `groups` (n,) any group numbers; the last column of a confusion is "no answer".
    """

    def __init__(self, targets: np.ndarray, groups: np.ndarray, draws: int = DRAWS, seed: int = 0) -> None:
        self._targets = targets
        self._groups = np.unique(groups, return_inverse=True)[1]
        self._draws, self._seed = draws, seed

    def draw(self, guesses: np.ndarray, labels: int) -> dict[str, np.ndarray]:
        """Each of MEASURES in every redrawn sample, (draws,); `guesses` (n,), `labels` standing for no answer."""
        side, count = labels + 1, int(self._groups.max()) + 1
        cells = np.zeros((count, side * side))
        np.add.at(cells, (self._groups, self._targets * side + guesses), 1)
        rng = np.random.default_rng(self._seed)  # anew for each model: all see the same groups drawn
        drawn = (np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(self._draws))
        confusions = np.stack([times @ cells for times in drawn]).reshape(-1, side, side)
        return measures_of(confusions)


def measures_of(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """MEASURES of many confusion matrices at once, (draws, true, guessed).

    Macro-F1 is averaged over the classes that a matrix has rows of, as the estimate is over those of its targets.
    """
    hits = np.diagonal(confusions, axis1=1, axis2=2)
    true, guessed = confusions.sum(axis=2), confusions.sum(axis=1)
    total = true.sum(axis=1)
    f1 = 2 * hits / np.maximum(true + guessed, 1)
    spread = (total**2 - (true**2).sum(axis=1)) * (total**2 - (guessed**2).sum(axis=1))
    covariance = hits.sum(axis=1) * total - (true * guessed).sum(axis=1)
    return {
        "accuracy": hits.sum(axis=1) / total,
        "macro_f1": (f1 * (true > 0)).sum(axis=1) / (true > 0).sum(axis=1),
        "weighted_f1": (f1 * true).sum(axis=1) / total,
        "mcc": np.where(spread > 0, covariance / np.sqrt(np.where(spread > 0, spread, 1)), 0.0),
    }


def interval(draws: np.ndarray, level: float = 0.95) -> Interval:
    """The percentile interval of redrawn values."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mcnemar_test(right: np.ndarray, other_right: np.ndarray) -> dict[str, float]:
    """McNemar's exact test of two models on the same rows: only_first, only_second, p (two-sided).

    `right` and `other_right` are (n,) bool. The rows count as independent; the clustered interval does not.
    """
    first, second = int((right & ~other_right).sum()), int((~right & other_right).sum())
    table = [[int((right & other_right).sum()), first], [second, int((~right & ~other_right).sum())]]
    return {"only_first": first, "only_second": second, "p": float(mcnemar(table, exact=True).pvalue)}


def over_seeds(runs: Sequence[Mapping[str, float]], level: float = 0.95) -> dict[str, dict[str, float]]:
    """Mean, low and high (Student's t over runs) of each measure, for the same recipe trained from several seeds.

    Low and high are NaN with one run: nothing is known of the spread.
    """
    return {name: _mean_and_interval([run[name] for run in runs], level) for name in MEASURES}


def _mean_and_interval(values: Sequence[float], level: float) -> dict[str, float]:
    mean, n = float(np.mean(values)), len(values)
    reach = stats.t.ppf((1 + level) / 2, n - 1) * stats.sem(values) if n > 1 else float("nan")
    return {"mean": mean, "low": mean - reach, "high": mean + reach, "seeds": n}
