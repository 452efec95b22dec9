"""A base with more words: what it knew it keeps, names stay spelt, and the base reads on with the new tokens."""

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, BertModel

from tests.training.small import make_encoder
from training.pretrain import ModelShape, build_model, train_tokenizer
from training.widen import Texts, corpus, count_words, further_merges, stream_of, widened, with_merges, word_embeddings

TITLES = ["Acme beats estimates", "Globex cuts jobs in Ohio", "Acme raises its outlook"] * 20
TWEETS = [("the bulls are relentless, says Wernigerode", 5), ("the relentless bulls at Wernigerode today", 5)] * 3


@pytest.fixture(scope="module")
def old():
    return train_tokenizer(TITLES, 300)


@pytest.fixture(scope="module")
def new(old):
    return with_merges(old, further_merges(old, count_words(TWEETS, old, min_count=10), len(old) + 20))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    words = ["acme", "beats", "bulls", "relent", "##less", "estimates"]
    return make_encoder(tmp_path_factory.mktemp("encoder"), words)


def test_common_words_count_as_often_as_their_texts_and_rare_words_and_names_do_not(old):
    words = count_words([*TWEETS, ("once", 100)], old, min_count=10)
    assert words["Ġbulls"] == 30
    assert not any("wernigerode" in word or "once" in word for word in words)


def test_old_tokens_keep_their_ids_and_common_words_become_one_token(old, new):
    before, after = old.get_vocab(), new.get_vocab()
    assert {token: after[token] for token in before} == before
    assert len(old.tokenize("a relentless")) > 3
    assert new.tokenize("a relentless")[-1] == "Ġrelentless"
    assert new.tokenize("acme raises wernigerode") == old.tokenize("acme raises wernigerode")
    assert new.decode(new("relentless bulls")["input_ids"]) == "relentless bulls"
    assert (new.bos_token_id, new.eos_token_id, new.pad_token_id) == (1, 2, 3)


def test_a_word_stands_where_its_pieces_in_the_encoder_stand(encoder):
    rows = word_embeddings(encoder, ["relentless", "", "bulls"])
    table = BertModel.from_pretrained(encoder).get_input_embeddings().weight.detach().numpy()
    assert rows[0] == pytest.approx((table[8] + table[9]) / 2)
    assert not rows[1].any()
    assert rows[2] == pytest.approx(table[7])


def test_old_rows_and_layers_stay_and_the_head_is_still_the_embedding(old, new, encoder, tmp_path):
    torch.manual_seed(0)
    model = build_model(ModelShape(len(old), 64, 2, 4, 2, 128, 64))
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    widened(model, new, encoder).save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    state = again.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in before.items() if "layers" in name)
    known = before["model.embed_tokens.weight"]
    assert torch.equal(state["model.embed_tokens.weight"][: len(known)], known)
    assert torch.isfinite(state["model.embed_tokens.weight"]).all()
    assert again.config.vocab_size == len(new) > len(old)
    assert again.lm_head.weight.data_ptr() == again.get_input_embeddings().weight.data_ptr()


def test_small_sets_count_as_often_as_the_config_says_and_repeats_of_a_text_do_not():
    titles, sentences = [f"Title {number}" for number in range(5)], ["We sold more pumps.", "We will open a plant."]
    rows = pd.DataFrame(
        {
            "text": ["a tweet https://t.co/x", "a tweet https://t.co/x", "a sentence", "a passage"],
            "task": ["sentiment", "sentiment", "sentiment", "risk"],
            "source": ["twitter", "twitter", "other", "risk_read"],
        }
    )
    counts = dict(corpus(Texts(3, 1, {"twitter": 4, "risk": 2}), titles, sentences, rows, seed=0))
    assert [counts[text] for text in ("a tweet", "a sentence", "a passage")] == [4, 1, 2]
    assert sum(text.startswith("Title") for text in counts) == 3
    assert len(counts) == 7


def test_the_stream_has_each_text_as_often_as_it_counts(old):
    stream = stream_of([("acme", 3), ("ohio", 1)], old, seed=0).tolist()
    acme, ohio = (old(word)["input_ids"] for word in ("acme", "ohio"))
    assert sorted(stream) == sorted([*acme, old.eos_token_id] * 3 + [*ohio, old.eos_token_id])
