"""The engine's own forward pass against Transformers' forward of the whole sequence."""

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

from sentfeat.score.body import Decoder, HubBody, Past, body_of

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}
LLAMA3_ROTARY = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
MISTRAL = MistralConfig(**SMALL, sliding_window=None)
PREFIX, TEXTS, QUESTIONS = [1, 2, 3], [[4, 5, 6, 7], [8, 9], [10, 11, 12]], [[13, 14], [15, 16, 17], [13, 14]]


def build(config):
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(config).eval()
    for weight in network.parameters():  # norms too: weights of one would hide a forgotten one
        weight.data += 0.1 * torch.randn_like(weight)
    return network


def padded(rows):
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([len(row) for row in rows])


def staged(body):
    """The prefix once, the texts behind it, the questions behind each: hidden states (questions, hidden)."""
    prefix = Past(body.read(torch.tensor([PREFIX]), Past([], torch.zeros(1, dtype=torch.long))), torch.tensor([3]))
    ids, lengths = padded(TEXTS)
    past = Past(body.read(ids, prefix), prefix.lengths + lengths)
    ids, lengths = padded(QUESTIONS)
    about = past.of(torch.tensor([2, 0, 1]))
    return body.final(ids, about, lengths - 1)


def whole(network):
    """The same sequences, each alone and from its first token."""
    rows = [PREFIX + TEXTS[text] + question for text, question in zip([2, 0, 1], QUESTIONS, strict=True)]
    with torch.no_grad():
        return torch.cat([network.model(input_ids=torch.tensor([row])).last_hidden_state[:, -1] for row in rows])


@pytest.mark.parametrize("config", [MISTRAL, LlamaConfig(**SMALL), LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROTARY)])
def test_prefix_text_and_question_in_turn_give_what_the_whole_sequence_gives(config):
    network = build(config)
    expected = whole(network)
    assert isinstance(body_of(network), Decoder)
    torch.testing.assert_close(staged(body_of(network)), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(staged(HubBody(network)), expected, atol=1e-5, rtol=1e-5)


def test_the_network_is_as_usable_as_before_and_nothing_is_held_twice():
    network = build(MISTRAL)
    expected = whole(network)
    decoder = Decoder(network)
    torch.testing.assert_close(whole(network), expected)
    attention = network.model.layers[0].self_attn
    fused = decoder._layers[0].query_key_value
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj):
        assert projection.weight.untyped_storage().data_ptr() == fused.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "config",
    [
        MistralConfig(**SMALL, sliding_window=4),
        MistralConfig(**SMALL, sliding_window=None, hidden_act="gelu"),
        LlamaConfig(**SMALL, attention_bias=True),
        Qwen2Config(**SMALL),
        LlamaConfig(**SMALL, rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
    ],
)
def test_networks_of_another_make_run_as_transformers_runs_them(config):
    assert isinstance(body_of(build(config)), HubBody)


def test_another_architecture_is_staged_like_the_whole_sequence():
    network = build(Qwen2Config(**SMALL))
    torch.testing.assert_close(staged(body_of(network)), whole(network), atol=1e-5, rtol=1e-5)
