"""Rows and loss over answer words; the losses are computed by hand in plain Python."""

import math

import pandas as pd
import pytest
import torch

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS, MISTRAL_INSTRUCT, PromptEncoder
from tests.training.small import make_table, make_tokenizer
from training.label_rows import label_examples
from training.label_trainer import answer_losses, collate


@pytest.fixture(scope="module")
def encoder():
    return PromptEncoder(MISTRAL_INSTRUCT, make_tokenizer(MISTRAL_INSTRUCT), 512)


def test_sentiment_is_a_softmax_over_three_words_and_may_be_soft():
    logits = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    targets = torch.tensor([[0.0, 0.0, 1.0], [0.25, 0.25, 0.5]])
    logs = [value - math.log(sum(math.exp(other) for other in (1, 2, 3))) for value in (1, 2, 3)]
    expected = [-logs[2], -(0.25 * logs[0] + 0.25 * logs[1] + 0.5 * logs[2])]
    assert answer_losses(logits, targets, torch.tensor([False, False])).tolist() == pytest.approx(expected)


def test_risks_are_a_sigmoid_each_and_stand_beside_sentiment_in_a_batch():
    logits, targets = torch.zeros(2, 15), torch.zeros(2, 15)
    logits[0, 3:] = torch.linspace(-2, 2, 12)
    targets[0, 3:6] = 1
    targets[1, 1] = 1
    chances = [1 / (1 + math.exp(-value)) for value in torch.linspace(-2, 2, 12).tolist()]
    terms = [-math.log(chance if at < 3 else 1 - chance) for at, chance in enumerate(chances)]
    losses = answer_losses(logits, targets, torch.tensor([True, False]))
    assert losses.tolist() == pytest.approx([sum(terms), math.log(3)], rel=1e-5)


def test_targets_come_from_the_label_unless_a_row_brings_its_own(encoder):
    rows = make_table().query("task != 'concept'").groupby("task").head(1).reset_index(drop=True)
    plain = list(label_examples(rows, encoder))
    assert plain[0]["targets"] == [float(label == rows.loc[0, "label"]) for label in LABELS]
    assert plain[1]["targets"] == [float(risk in ("litigation_regulatory", "credit_liquidity")) for risk in RISKS]
    assert [row["weight"] for row in plain] == [1, 1]
    soft = rows.assign(targets=pd.Series([[0.1, 0.2, 0.7], None]), weight=[0.5, None])
    own = list(label_examples(soft, encoder))
    assert own[0]["targets"] == pytest.approx([0.1, 0.2, 0.7])
    assert own[1]["targets"] == plain[1]["targets"]
    assert [row["weight"] for row in own] == [0.5, 1]


def test_a_batch_is_padded_on_the_right_and_knows_where_it_is_asked():
    sentiment = {"input_ids": [5, 6, 7], "targets": [0.0, 0.0, 1.0], "weight": 1.0}
    risk = {"input_ids": [8], "targets": [1.0] + [0.0] * 11, "weight": 2.0}
    batch = collate([sentiment, risk])
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch["last"].tolist() == [2, 0]
    assert batch["is_risk"].tolist() == [False, True]
    assert batch["targets"].nonzero().tolist() == [[0, 2], [1, 3]]
    assert batch["weight"].tolist() == [1, 2]


def test_no_row_is_an_error(encoder):
    with pytest.raises(DataError, match="nothing to train on"):
        label_examples(make_table().iloc[:0], encoder)
