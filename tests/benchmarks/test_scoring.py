"""The bench itself, small: that it runs, that both sides answer the same, that its parts count what they say."""

import re

import pytest
import torch

from benchmarks.rivals import Generation
from benchmarks.rounds import interleave, table
from benchmarks.scoring import flops_of, main
from sentfeat.score.engine import Engine
from sentfeat.score.load import load_network


def test_the_bench_prints_a_row_for_each_side_and_what_the_engine_needs(capsys):
    main(["--count", "40", "--few", "8", "--rounds", "1", "--threads", "1"])
    printed = capsys.readouterr().out
    for side in ("this engine", "`generate`, one at a time", "`generate`, batch 32", "`pipeline`", "not measured"):
        assert side in printed
    assert re.search(r"GFLOP/s, \d+% of it", printed)
    assert re.search(r"peak memory .* [\d,]+ MB", printed)


def test_sides_take_turns_and_the_first_round_is_not_counted():
    order = []
    seconds = interleave({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2)
    assert order == ["a", "b"] * 3
    assert set(seconds) == {"a", "b"}


def test_a_table_is_markdown():
    assert table([{"x": 1, "y": "a"}]) == "| x | y |\n| --- | --- |\n| 1 | a |"


@pytest.fixture(scope="module")
def tiny(tiny_bundle):
    return Engine.load(tiny_bundle, device="cpu")


def test_executed_operations_are_at_least_those_of_the_words_read(tiny):
    texts = ["Acme profit rises", "Acme profit falls again and again"]
    layer = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)  # FLOPs a token, of the linear parts
    read = sum(len(ids) for ids in tiny._encoder.encode_texts(texts)[0])
    counted = flops_of(tiny, texts)
    assert counted > read * layer
    assert flops_of(tiny, texts) == counted  # the engine is as it was


def test_generation_pads_on_the_left_and_answers_in_order(tiny):
    network = load_network(tiny.bundle, tiny.precision)
    generation = Generation(network, pad=tiny._encoder.label_ids[0])
    prompts = tiny._encoder.encode(["Acme", "Acme profit rises and rises", "shares of Globex"], [None] * 3)[0]
    expected = [int(network(torch.tensor([prompt])).logits[0, -1].argmax()) for prompt in prompts]
    assert generation.one_at_a_time(prompts) == expected
    assert generation.batched(prompts, size=2) == expected
    assert generation.write(prompts, 3).shape == (3, 3)
