"""Explanations: occlusion against scores made by hand, generation against Transformers one at a time."""

import json
import subprocess
import sys

import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer

from sentfeat.errors import ConfigError
from sentfeat.score.engine import Engine
from sentfeat.score.explain import Rows, explain, question
from sentfeat.score.probability import tone
from sentfeat.score.prompt import LLAMA3, MISTRAL_INSTRUCT, PLAIN
from tests.conftest import ROOT
from tests.score.test_bundle import edit_passport
from tests.score.tiny import copy_bundle


@pytest.fixture(scope="module")
def tiny(tiny_bundle):
    return Engine.load(tiny_bundle, device="cpu")


@pytest.fixture(scope="module")
def writer(tiny_bundle, tmp_path_factory):
    """A bundle that says it can explain; what it writes has no sense, but it is text."""
    bundle = copy_bundle(tiny_bundle, tmp_path_factory.mktemp("writer") / "bundle")
    edit_passport(bundle, can_explain=True)
    return Engine.load(bundle, device="cpu")


def test_a_words_weight_is_the_tone_it_stands_for(tiny):
    text, entity = "Acme profit rises", "Acme"
    (found,) = explain(tiny, [text], [entity])
    whole, *without = tone(tiny.probabilities([text, "profit rises", "Acme rises", "Acme profit"], [entity] * 4))
    expected = dict(zip(text.split(), [whole - each for each in without], strict=True))
    assert found["method"] == "occlusion"
    assert {row["word"]: row["weight"] for row in found["words"]} == pytest.approx(expected, abs=1e-4)
    sizes = [abs(row["weight"]) for row in found["words"]]
    assert sizes == sorted(sizes, reverse=True)
    assert found["tone"] == pytest.approx(whole, abs=1e-4)


def test_empty_long_and_single_words_are_explained_too(tiny):
    none, single, long = explain(tiny, [" ", "rises", "Acme profit rises " * 200])
    assert none is None
    assert single["words"] == [{"word": "rises", "weight": single["tone"]}]
    assert all(row["word"].count(" ") > 1 for row in long["words"])


def test_a_reason_is_what_transformers_writes_alone(writer):
    texts, entities = ["Acme profit rises 12", "Acme falls"], [None, "Acme"]
    found = explain(writer, texts, entities)
    tokenizer = AutoTokenizer.from_pretrained(writer.bundle.base)
    for text, entity, answer in zip(texts, entities, found, strict=True):
        prompt = PLAIN.instruction + text + question(PLAIN, answer["label"], entity)
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(prompt, add_special_tokens=False)["input_ids"]]])
        network = writer._model.network
        written = network.generate(ids, max_new_tokens=48, do_sample=False, pad_token_id=0, eos_token_id=2)
        expected = tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()
        assert answer["method"] == "generated"
        assert answer["reason"] == expected


def test_numbers_that_the_text_does_not_have_are_named(writer, monkeypatch):
    monkeypatch.setattr(
        writer, "generate", lambda texts, tails, tokens: ["Profit rose 12% to $5 billion."] * len(texts)
    )
    first, second = explain(writer, ["Profit up 12%", "Profit up 12% to $5.0bn"])
    assert first["unsupported_numbers"] == ["$5 billion"]
    assert second["unsupported_numbers"] == []


@pytest.mark.parametrize("template", [PLAIN, MISTRAL_INSTRUCT, LLAMA3])
def test_the_question_ends_the_turn_as_the_templates_own_does(template):
    asked = question(template, "positive", "Acme")
    assert "why is the sentiment towards Acme positive?" in asked
    assert asked.rpartition("?")[2] == (template.question.rpartition("?")[2] if template.controls else "")


def test_rows_are_numbers_and_ranges_from_1():
    assert [row for row in range(12) if row in Rows("2-4,9")] == [2, 3, 4, 9]
    assert 10**9 in Rows("all")
    with pytest.raises(ConfigError, match="cannot tell which rows 'x' are"):
        Rows("1,x")


def test_the_command_explains_the_rows_asked_for(tmp_path):
    (tmp_path / "in.csv").write_text("text\nProfit beats estimates\nShares plunge\n\n" + "Profit warning\n")
    options = ["--input", tmp_path / "in.csv", "--output", tmp_path / "out.jsonl", "--explain", "--rows", "2-3"]
    command = [sys.executable, "-m", "sentfeat.cli", "score", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 explained, 0 with numbers that are not in the text" in done.stdout
    rows = pd.read_json(tmp_path / "out.jsonl", lines=True)["explanation"]
    assert rows.isna().tolist() == [True, False, False]
    assert {word["word"] for word in json.loads(rows[1])["words"]} == {"Shares", "plunge"}
