import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from sentfeat.errors import BundleError
from sentfeat.score.find import find_model, load_model
from sentfeat.score.prompt import label_positions

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "profit", "rises", "falls", "acme"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A random BERT of a few thousand weights whose output order is that of ProsusAI's FinBERT."""
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=16
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        initializer_range=0.5,
        id2label={0: "positive", 1: "negative", 2: "neutral"},
        label2id={"positive": 0, "negative": 1, "neutral": 2},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def rename(folder, names):
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": names, "label2id": {name: int(at) for at, name in names.items()}}
    (folder / "config.json").write_text(json.dumps(config))


def test_columns_come_in_our_order_whatever_the_models_is(bert):
    texts = ["profit rises", "profit falls acme", "acme"]
    found = load_model(find_model(bert)).probabilities(texts, [None] * 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    model = BertForSequenceClassification.from_pretrained(bert).eval()
    for text, row in zip(texts, found, strict=True):
        ids = torch.tensor([[WORDS.index(word) for word in text.split()]])
        positive, negative, neutral = model(ids).logits.softmax(-1)[0].tolist()
        assert row.tolist() == pytest.approx([negative, neutral, positive], abs=1e-5)


def test_swapped_names_swap_the_columns(bert):
    before = load_model(find_model(bert)).probabilities(["profit rises"], [None])
    rename(bert, {"0": "Bearish", "1": "Bullish", "2": "Neutral"})
    after = load_model(find_model(bert)).probabilities(["profit rises"], [None])
    rename(bert, {"0": "positive", "1": "negative", "2": "neutral"})
    np.testing.assert_allclose(after, before[:, [2, 1, 0]])


def test_an_empty_text_has_no_answer(bert):
    found = load_model(find_model(bert)).probabilities(["", "profit"], [None, None])
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    "names",
    [
        {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"},
        {0: "positive", 1: "negative"},
        {0: "positive", 1: "pos", 2: "negative", 3: "neutral"},
    ],
)
def test_an_order_that_the_model_does_not_tell_is_refused(names):
    with pytest.raises(BundleError, match="id2label"):
        label_positions(names)
