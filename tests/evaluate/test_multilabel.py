import numpy as np
import pytest

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.evaluate.multilabel import risk_metrics, risk_table, risk_targets

HALF = [0.5] * len(RISKS)


def rows(*named):
    return risk_targets([tuple(RISKS[at] for at in row) for row in named])


def test_f1_by_hand():
    targets = rows([0, 1], [0], [])
    named = rows([0], [1], [])  # 0: one hit, one miss; 1: one miss, one false alarm
    found = risk_metrics(targets, named.astype(float), HALF)
    assert found[f"f1_{RISKS[0]}"] == pytest.approx(2 / 3)
    assert found[f"f1_{RISKS[1]}"] == 0
    assert found["macro_f1"] == pytest.approx(1 / 3)
    assert found["micro_f1"] == pytest.approx(2 * 1 / (2 * 1 + 1 + 2))
    assert (found["n"], found["categories"], found["missing"]) == (3, 2, 0)
    assert found[f"positives_{RISKS[0]}"] == 2
    assert f"f1_{RISKS[2]}" not in found
    assert found["brier"] == pytest.approx(3 / 36)


def test_thresholds_are_reached_by_equality():
    chances = rows([0]) * 0.3
    assert risk_metrics(rows([0]), chances, [0.3] * len(RISKS))["macro_f1"] == 1
    assert risk_metrics(rows([0]), chances, HALF)["macro_f1"] == 0


def test_a_missing_answer_names_nothing():
    chances = np.vstack([rows([0]).astype(float), np.full((1, len(RISKS)), np.nan)])
    found = risk_metrics(rows([0], [0]), chances, HALF)
    assert found["missing"] == 1
    assert found["macro_f1"] == pytest.approx(2 / 3)
    assert found["brier"] == 0


def test_unknown_names_and_no_rows_are_refused():
    with pytest.raises(DataError, match="unknown risks"):
        risk_targets([("gravity",)])
    with pytest.raises(DataError, match="nothing to evaluate"):
        risk_metrics(rows(), np.zeros((0, len(RISKS))), HALF)


def test_each_risk_has_its_own_line():
    targets, named = rows([0, 1], [0], []), rows([0], [0, 1], [0])
    found = risk_table(targets, named.astype(float))
    assert found[RISKS[0]] == {"n": 2, "named": 3, "precision": pytest.approx(2 / 3), "recall": 1, "f1": 0.8}
    assert found[RISKS[1]] == {"n": 1, "named": 1, "precision": 0, "recall": 0, "f1": 0}
    assert len(found) == len(RISKS)
