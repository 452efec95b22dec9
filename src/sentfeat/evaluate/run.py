"""One evaluation: every model and baseline on the same held-out rows, as one nested table of figures."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, r2_score

from sentfeat.errors import ConfigError, DataError
from sentfeat.evaluate import Scorer
from sentfeat.evaluate.audit import audit
from sentfeat.evaluate.calibration import calibration, reliability
from sentfeat.evaluate.cost import machine, score_timed
from sentfeat.evaluate.intervals import MEASURES, Bootstrap, interval, mcnemar_test, over_seeds
from sentfeat.evaluate.metrics import classification_metrics
from sentfeat.evaluate.protocols import near_duplicate_groups
from sentfeat.evaluate.sets import entities
from sentfeat.score.probability import tone
from sentfeat.score.prompt import LABELS

WORDS = (10, 20, 40)  # upper ends of the length buckets
SEED_MARK = " #"  # "mine #1", "mine #2": one recipe trained from several seeds
FEWEST_SCORES = 3  # for a line through them

Say = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """Figures (see `evaluate_models`), the test rows, and each model's probabilities (n, 3) on them."""

    metrics: dict[str, Any]
    rows: pd.DataFrame
    chances: dict[str, np.ndarray]


def evaluate_models(
    rows: pd.DataFrame,
    models: Mapping[str, Scorer],
    *,
    baselines: Mapping[str, Scorer],
    protocol: str,
    notes: Sequence[str] = (),
    say: Say = lambda line: None,
) -> Evaluation:
    """Score the test rows with all `models` and `baselines`, and compare.

    `rows` has text, entity (or None), label, source and split; those with split "test" are measured, those with "train"
    are what the audit looks through. `say` hears the audit before anything is scored. The metrics hold protocol,
    notes, n, audit, models (each with overall figures, intervals, sets, agreement, length, confusion, calibration,
    reliability, score regression and cost), baselines (names), comparisons, seeds and machine. Raises DataError without
    test rows, and ConfigError if a model has a baseline's name.
    """
    if clash := set(models) & set(baselines):
        raise ConfigError(
            f"a model and a baseline are both called {', '.join(sorted(clash))}: name the model otherwise"
        )
    test = _test_rows(rows)
    found = audit(rows.loc[rows["split"] == "train", "text"].tolist(), test["text"].tolist())
    say(audit_line(found))
    chances, results = {}, {}
    for name, scorer in (*models.items(), *baselines.items()):
        chances[name], cost = score_timed(scorer, test["text"].tolist(), entities(test))
        results[name] = describe(test, chances[name], score_scale(scorer, rows)) | {"cost": cost}
        say(f"{name}: macro-F1 {results[name]['macro_f1']:.3f}, accuracy {results[name]['accuracy']:.3f}")
    metrics = {
        "protocol": protocol,
        "notes": list(notes),
        "n": len(test),
        "labels": list(LABELS),
        "audit": found,
        "models": results,
        "baselines": list(baselines),
        "comparisons": compare(test, chances, list(models)),
        "seeds": _seeds(results),
        "machine": machine(),
    }
    return Evaluation(metrics, test, chances)


def describe(test: pd.DataFrame, chances: np.ndarray, scale: np.ndarray | None = None) -> dict[str, Any]:
    """All figures of one model: `test` has target, group and set; `chances` (n, 3) NaN where it gave no answer.

    `scale` is what `score_scale` found for the model.
    """
    targets = test["target"].to_numpy()
    described = _figures(test, chances) | {
        "confusion": confusion_matrix(targets, guesses(chances), labels=range(len(LABELS) + 1))[:-1].tolist(),
        "calibration": calibration(targets, chances),
        "reliability": reliability(targets, chances),
        "sets": _slices(test, chances, test["set"]),
        "length": _slices(test, chances, _length(test["text"])),
        "score_regression": _score_regression(test, chances, scale),
    }
    if test["agreement"].notna().any():
        described["agreement"] = _slices(test, chances, test["agreement"])
    return described


def compare(test: pd.DataFrame, chances: Mapping[str, np.ndarray], models: Sequence[str]) -> list[dict[str, Any]]:
    """Each of `models` with every other scorer: McNemar's test, and differences with intervals paired by group."""
    targets = test["target"].to_numpy()
    bootstrap = Bootstrap(targets, test["group"].to_numpy())
    answers = {name: guesses(found) for name, found in chances.items()}
    drawn = {name: bootstrap.draw(found, len(LABELS)) for name, found in answers.items()}
    observed = {name: classification_metrics(targets, found) for name, found in chances.items()}
    pairs = itertools.product(models, [name for name in chances if name not in models])
    return [
        {
            "model": first,
            "other": second,
            "mcnemar": mcnemar_test(answers[first] == targets, answers[second] == targets),
            "difference": {
                measure: {
                    "value": observed[first][measure] - observed[second][measure],
                    "interval": interval(drawn[first][measure] - drawn[second][measure]),
                }
                for measure in MEASURES
            },
        }
        for first, second in (*itertools.combinations(models, 2), *pairs)
    ]


def guesses(chances: np.ndarray) -> np.ndarray:
    """The position of the likeliest label, (n,); len(LABELS) where there is no answer."""
    answered = np.isfinite(chances).all(axis=1)
    return np.where(answered, np.nan_to_num(chances).argmax(axis=1), len(LABELS))


def audit_line(found: Mapping[str, Any]) -> str:
    """The audit in one sentence."""
    if not found["train"]:
        return f"audit: {found['test']:,} test rows; no training rows to compare them with"
    return (
        f"audit: of {found['test']:,} test rows {found['exact']:,} stand in the {found['train']:,} training rows "
        f"as they are, {found['near']:,} as they are or nearly"
    )


def _test_rows(rows: pd.DataFrame) -> pd.DataFrame:
    test = (
        rows[rows["split"] == "test"].reset_index(drop=True).reindex(columns=rows.columns.union(["agreement", "score"]))
    )
    if test.empty:
        raise DataError("nothing to evaluate: no row has split 'test'")
    test["target"] = [LABELS.index(label) for label in test["label"]]
    test["group"] = near_duplicate_groups(test["text"].tolist())
    test["set"] = test["source"].astype(str) + np.where(test["entity"].notna(), " by entity", "")
    return test


def _figures(test: pd.DataFrame, chances: np.ndarray) -> dict[str, Any]:
    targets = test["target"].to_numpy()
    drawn = Bootstrap(targets, test["group"].to_numpy()).draw(guesses(chances), len(LABELS))
    intervals = {measure: interval(values) for measure, values in drawn.items()}
    return classification_metrics(targets, chances) | {"intervals": intervals, "groups": int(test["group"].nunique())}


def _slices(test: pd.DataFrame, chances: np.ndarray, by: pd.Series) -> dict[str, dict[str, Any]]:
    """Figures by the value of `by` as text, numbers in their order and before words; rows without one are in none."""
    members = test.groupby(by.map(str, na_action="ignore")).indices
    return {
        name: _figures(test.loc[members[name]], chances[members[name]]) for name in sorted(members, key=_numbers_first)
    }


def _numbers_first(name: str) -> tuple[bool, float, str]:
    number = pd.to_numeric(name, errors="coerce")
    return (True, 0.0, name) if pd.isna(number) else (False, float(number), name)


def _length(texts: pd.Series) -> pd.Series:
    """The bucket of each text's number of words; empty texts are in the first."""
    edges = [-1, *WORDS, np.inf]
    names = [f"{low + 1:02d}-{high} words" for low, high in itertools.pairwise(edges[:-1])] + [
        f"over {WORDS[-1]} words"
    ]
    return pd.cut(texts.str.split().str.len(), edges, labels=names).astype(str)


def score_scale(scorer: Scorer, rows: pd.DataFrame) -> np.ndarray | None:
    """Slope and offset (2,) from tone to score, by least squares over the validation rows that have a score.

    None without three such rows, or if all have one tone.
    """
    held = rows[rows["split"] == "validation"].reindex(columns=rows.columns.union(["score"])).dropna(subset="score")
    if len(held) < FEWEST_SCORES:
        return None
    answer = tone(scorer(held["text"].tolist(), entities(held)))
    score, known = pd.to_numeric(held["score"]).to_numpy(dtype=float), np.isfinite(answer)
    usable = known.sum() >= FEWEST_SCORES and np.ptp(answer[known]) > 0
    return np.polyfit(answer[known], score[known], deg=1) if usable else None


def _score_regression(test: pd.DataFrame, chances: np.ndarray, scale: np.ndarray | None) -> dict[str, float] | None:
    """n, R2 of tone as the score itself and, with a `scale`, of scaled tone, and squared correlation; None for few."""
    score, answer = pd.to_numeric(test["score"]).to_numpy(dtype=float), tone(chances)
    known = np.isfinite(score) & np.isfinite(answer)
    if known.sum() < FEWEST_SCORES or np.ptp(score[known]) == 0 or np.ptp(answer[known]) == 0:
        return None
    correlation = np.corrcoef(score[known], answer[known])[0, 1]
    found = {"n": int(known.sum()), "r2": float(r2_score(score[known], answer[known])), "r_squared": correlation**2}
    if scale is not None:
        found["r2_scaled"] = float(r2_score(score[known], np.polyval(scale, answer[known])))
    return found


def _seeds(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    recipes: dict[str, list[Mapping[str, float]]] = {}
    for name, figures in results.items():
        recipe, mark, _ = name.rpartition(SEED_MARK)
        if mark:
            recipes.setdefault(recipe, []).append(figures)
    return {recipe: over_seeds(runs) for recipe, runs in recipes.items()}
