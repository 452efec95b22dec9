"""A base with more words: what it knew it keeps, what it had to spell becomes one token."""

import pandas as pd
import torch
from transformers import AutoModelForCausalLM

from tests.training.small import SHAPE
from tests.training.test_pool import make_calls
from training.pretrain import ModelShape, build_model, train_tokenizer
from training.widen import WidenConfig, carried_over, corpus, widened

TITLES = ["Acme beats estimates", "Globex cuts jobs in Ohio", "Acme raises its outlook"] * 20
TWEETS = ["$TSLA bulls are relentless"] * 20


def test_known_tokens_keep_their_embedding_and_new_ones_start_as_the_mean_of_their_pieces():
    old, new = train_tokenizer(TITLES, 300), train_tokenizer(TITLES + TWEETS, 340)
    embedding = torch.randn(len(old), 8)
    rows = carried_over(old, new, embedding)
    known, words = old.get_vocab(), new.get_vocab()
    shared = [token for token in words if token in known]
    assert len(shared) > 260
    assert all(torch.equal(rows[words[token]], embedding[known[token]]) for token in shared)
    fresh = next(token for token in words if token not in known and len(token) > 3)
    pieces = old(fresh.replace("Ġ", " "))["input_ids"]
    assert len(pieces) > 1
    assert torch.allclose(rows[words[fresh]], embedding[pieces].mean(dim=0))


def test_the_layers_stay_and_text_gets_shorter(tmp_path):
    old, new = train_tokenizer(TITLES, 300), train_tokenizer(TITLES + TWEETS, 340)
    shape = ModelShape(len(old), SHAPE["hidden_size"], 2, 4, 2, SHAPE["intermediate_size"], 64)
    model = build_model(shape)
    before = {name: weight.clone() for name, weight in model.state_dict().items() if "layers" in name}
    widened(model, old, new).save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.config.vocab_size == len(new)
    assert all(torch.equal(again.state_dict()[name], weight) for name, weight in before.items())
    assert again.lm_head.weight.data_ptr() == again.get_input_embeddings().weight.data_ptr()
    assert len(new(TWEETS[0])["input_ids"]) < len(old(TWEETS[0])["input_ids"])


def test_small_sets_count_as_often_as_the_config_says_and_repeats_of_a_text_do_not(tmp_path):
    for folder in ("calls", "headlines"):
        (tmp_path / folder).mkdir()
    make_calls(tmp_path / "calls")
    titles = pd.DataFrame({"ts_et": pd.date_range("2007-01-01", periods=5), "title": [f"Title {n}" for n in range(5)]})
    titles.to_parquet(tmp_path / "headlines" / "reuters_2007.parquet")
    rows = pd.DataFrame(
        {
            "text": ["a tweet", "a tweet", "a sentence", "a passage"],
            "task": ["sentiment", "sentiment", "sentiment", "risk"],
            "source": ["twitter", "twitter", "other", "risk_read"],
        }
    )
    config = WidenConfig("unused", 400, [2007], titles=3, repeats={"twitter": 4, "risk": 2})
    counts = pd.Series(list(corpus(config, rows, tmp_path))).value_counts()
    assert counts[["a tweet", "a sentence", "a passage"]].tolist() == [4, 1, 2]
    assert counts.index.str.startswith("Title").sum() == 3
