"""Any base, any adapter: small models made here in the forms in which others publish theirs."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentfeat.errors import BundleError
from sentfeat.score.find import UNKNOWN, find_model, load_model
from sentfeat.score.prompt import PLAIN, TEMPLATES
from tests.conftest import ROOT
from tests.score.tiny import PROJECTIONS
from tests.training.small import make_base, make_tokenizer
from training.quantise import quantise

TEXTS = ["Acme profit rises", "Acme misses by 3%", "Acme holds a meeting"]
CHAT = {"plain": None, "mistral_instruct": "{{ '[INST] ' }}", "llama3": "{{ '<|start_header_id|>user' }}"}


def publish_base(folder, template):
    """A full-precision base whose tokenizer has the chat template of its family."""
    make_base(folder, template)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    if CHAT[template]:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"chat_template": CHAT[template]}))
    return folder


def publish_adapter(base, folder, card=""):
    """An adapter as plain peft writes it."""
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=PROJECTIONS, init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    (folder / "README.md").write_text(card)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    base = publish_base(folder / "base", "mistral_instruct")
    return base, publish_adapter(base, folder / "adapter")


@pytest.fixture
def copies(published, tmp_path):
    """A base and an adapter to damage."""
    return [shutil.copytree(part, tmp_path / part.name) for part in published]


def plain_logits(base, adapter, template):
    """Another way to the same numbers: peft unmerged, one prompt at a time, the whole vocabulary."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    network = AutoModelForCausalLM.from_pretrained(base)
    network = PeftModel.from_pretrained(network, adapter) if adapter else network
    words = [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in TEMPLATES[template].words]
    rows = []
    for text in TEXTS:
        ids = tokenizer(TEMPLATES[template].prompt(text), add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            rows.append(network(torch.tensor([[tokenizer.bos_token_id, *ids]])).logits[0, -1, words].numpy())
    return np.stack(rows)


@pytest.mark.parametrize("template", ["plain", "mistral_instruct", "llama3"])
def test_a_base_and_a_peft_adapter_score_as_peft_itself_does(template, tmp_path):
    base = publish_base(tmp_path / "base", template)
    adapter = publish_adapter(base, tmp_path / "adapter")
    for chosen in (adapter, None):
        found = find_model(base, chosen)
        assert found.passport.template == template
        logits = load_model(found, "cpu").score(TEXTS)
        np.testing.assert_allclose(logits, plain_logits(base, chosen, template), atol=1e-4)


def test_labels_of_several_tokens_that_begin_alike_are_scored_whole(tmp_path):
    base = make_base(tmp_path / "base", "plain")
    make_tokenizer(replace(PLAIN, words=(" x",), risk_words=())).save_pretrained(base)  # knows no label as one token
    network, tokenizer = AutoModelForCausalLM.from_pretrained(base), AutoTokenizer.from_pretrained(base)
    expected = np.zeros((3, 3))
    for row, text in enumerate(TEXTS):
        prompt = [1, *tokenizer(PLAIN.prompt(text), add_special_tokens=False)["input_ids"]]
        for label, word in enumerate(PLAIN.words):
            answer = tokenizer(word, add_special_tokens=False)["input_ids"]
            assert len(answer) > 5
            with torch.no_grad():
                chances = network(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
            places = range(len(prompt) - 1, len(prompt) + len(answer) - 1)
            expected[row, label] = sum(chances[at, token] for at, token in zip(places, answer, strict=True))
    np.testing.assert_allclose(load_model(find_model(base), "cpu").score(TEXTS), expected, atol=1e-3)


def test_an_adapter_alone_names_its_base(published):
    base, adapter = published
    found = find_model(adapter)
    assert (found.base, found.adapter) == (base, adapter)
    assert found.model_id() == find_model(base, adapter).model_id()


def test_the_identity_is_that_of_the_files_and_the_template(published, copies):
    base, adapter = published
    found = find_model(base, adapter)
    assert find_model(*copies).model_id() == found.model_id()
    assert find_model(base).model_id() != found.model_id()
    assert find_model(base, adapter, template="plain").model_id() != found.model_id()
    weights = load_file(copies[1] / "adapter_model.safetensors")
    save_file({name: weight * 2 for name, weight in weights.items()}, copies[1] / "adapter_model.safetensors")
    assert find_model(*copies).model_id() != found.model_id()
    assert found.passport.base.text_seen_until == UNKNOWN
    assert found.tasks == ("sentiment",)


def test_an_adapter_trained_on_4_bit_weights_is_merged_into_such(published, tmp_path):
    base, _ = published
    card = "## Training procedure\n\nThe following config was used:\n- load_in_4bit: True\n"
    adapter = publish_adapter(base, tmp_path / "adapter", card)
    quantise(base, tmp_path / "nf4")
    found = load_model(find_model(base, adapter), "cpu").score(TEXTS)
    expected = load_model(find_model(tmp_path / "nf4", adapter), "cpu").score(TEXTS)
    plain = plain_logits(base, adapter, "mistral_instruct")
    assert np.abs(found - expected).max() < 0.2 * np.abs(found - plain).max()


def test_pickled_weights_are_refused_unread(copies):
    base, adapter = copies
    for folder, kept in ((adapter, "adapter_model"), (base, "model")):
        (folder / f"{kept}.safetensors").rename(folder / f"{kept}.bin")
        with pytest.raises(BundleError, match=rf"{kept}\.bin, pickled weights"):
            find_model(base, adapter)
        (folder / f"{kept}.bin").rename(folder / f"{kept}.safetensors")


def test_code_that_comes_with_a_model_is_not_run(copies):
    base, _ = copies
    config = json.loads((base / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (base / "config.json").write_text(json.dumps(config))
    (base / "own.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(BundleError, match="no usable"):
        load_model(find_model(base), "cpu")


def test_an_adapter_of_another_base_is_refused(copies):
    base, adapter = copies
    weights = load_file(adapter / "adapter_model.safetensors")
    for changed, named in (
        (dict(list(weights.items())[:-2]), "2 weights are missing and 0 belong to nothing"),
        (weights | {"base_model.model.model.layers.9.mlp.up_proj.lora_A.weight": torch.ones(4, 64)}, "1 belong to"),
        ({name: weight.repeat(2, 1) for name, weight in weights.items()}, "does not fit the base"),
    ):
        save_file(changed, adapter / "adapter_model.safetensors")
        with pytest.raises(BundleError, match=named):
            load_model(find_model(base, adapter), "cpu")


@pytest.mark.parametrize("part", ["base", "adapter"])
def test_truncated_and_broken_weights_are_refused_without_a_passport_too(part, copies):
    base, adapter = copies
    file = base / "model.safetensors" if part == "base" else adapter / "adapter_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1000])
    with pytest.raises(BundleError, match="no usable causal language model|does not fit the base"):
        load_model(find_model(base, adapter), "cpu")
    file.write_bytes(whole)
    weights = load_file(file)
    weights[next(reversed(weights))].view(-1)[0] = float("nan")
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(BundleError, match="not finite"):
        load_model(find_model(base, adapter), "cpu")


def test_a_base_that_lacks_weights_is_refused(copies):
    base, _ = copies
    weights = load_file(base / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BundleError, match=r"model\.layers\.1\.mlp\.up_proj\.weight are missing"):
        load_model(find_model(base), "cpu")


def test_a_tokenizer_that_takes_control_marks_apart_is_refused(tmp_path):
    base = publish_base(tmp_path / "base", "plain")
    settings = json.loads((base / "tokenizer_config.json").read_text())
    settings["chat_template"] = CHAT["mistral_instruct"]
    (base / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(BundleError, match=r"control mark '\[INST\]' is \d+ tokens"):
        load_model(find_model(base), "cpu")
    assert load_model(find_model(base, template="plain"), "cpu").score(TEXTS).shape == (3, 3)


def test_what_is_no_model_is_named(tmp_path, published):
    with pytest.raises(BundleError, match="neither passport.json nor config.json"):
        find_model(tmp_path)
    with pytest.raises(BundleError, match="no such folder, and no hub id"):
        find_model("./missing")
    with pytest.raises(BundleError, match="no template 'chatty'; there are llama3"):
        find_model(published[0], template="chatty")


def predict(model, **environment):
    command = [sys.executable, "-m", "sentfeat.cli", "predict", "Acme rises", "--model", model]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment, timeout=300)


def test_a_hub_id_is_read_from_the_hubs_cache_and_a_missing_one_says_what_to_do(published, tmp_path):
    snapshot = tmp_path / "hub" / "models--acme--Small-7B" / "snapshots" / ("0" * 40)
    shutil.copytree(published[0], snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0" * 40)
    done = predict("acme/Small-7B", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"] in ("negative", "neutral", "positive")
    done = predict("acme/Absent-7B", HF_HOME=str(tmp_path), HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "error: acme/Absent-7B is neither a folder here nor in the hub's cache" in done.stderr
    assert "hf download acme/Absent-7B" in done.stderr
