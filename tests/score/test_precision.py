from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import AutoConfig, MistralConfig

from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.load import load_network, load_tokenizer
from sentfeat.score.model import LabelModel
from sentfeat.score.precision import Precision, choose_precision, count_parameters, token_budget
from sentfeat.score.prompt import PromptEncoder

TEXTS = ["Acme beats estimates, shares soar", "Acme cuts its outlook", "Globex holds a meeting", "Up"]
SEVEN = MistralConfig(vocab_size=32768)  # the defaults are Mistral-7B's


@pytest.fixture
def gpu(monkeypatch):
    """A GPU as far as its description goes."""

    def describe(gigabytes, has_bfloat16=True):
        properties = SimpleNamespace(total_memory=gigabytes * 1e9)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)

    return describe


@pytest.fixture(scope="module")
def seven(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seven")
    SEVEN.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("gigabytes", "has_bfloat16", "mode"),
    [(15.8, False, "nf4_float16"), (25.3, True, "bfloat16"), (85.0, True, "bfloat16"), (8.0, True, "nf4_bfloat16")],
)
def test_seven_billion_weights_are_merged_where_they_fit(seven, gpu, gigabytes, has_bfloat16, mode):
    gpu(gigabytes, has_bfloat16)
    chosen = choose_precision(seven)
    assert chosen.mode == mode
    assert f"of {gigabytes:.1f} GB" in chosen.reason


def test_a_cpu_merges_in_full_precision(seven, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_precision(seven).mode == "float32"


def test_the_caller_may_decide(seven, gpu):
    gpu(85.0)
    assert choose_precision(seven, merge=False).mode == "nf4_bfloat16"
    assert choose_precision(seven, device="cpu").mode == "float32"


def test_weights_are_counted_without_being_read(seven, tiny_bundle):
    assert count_parameters(seven) == 7_248_023_552  # the published number
    config = AutoConfig.from_pretrained(tiny_bundle / "base")
    layer = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128 + 2 * 64
    assert count_parameters(tiny_bundle / "base") == config.vocab_size * 64 + 2 * layer + 64


def test_batches_follow_the_free_memory_within_bounds():
    budgets = [token_budget(SEVEN, free * 1e9, itemsize=2) for free in (0.1, 3, 10, 60)]
    assert budgets == [1024, 2048, 8192, 16384]


@pytest.mark.parametrize("which", ["tiny", "shipped"])
def test_an_adapter_beside_nf4_weights_answers_as_a_merged_one(which, tiny_bundle):
    bundle = tiny_bundle if which == "tiny" else embedded_path()
    merged, beside = (Engine.load(bundle, device="cpu", merge=merge) for merge in (True, False))
    assert merged.model_id != beside.model_id
    np.testing.assert_allclose(beside.probabilities(TEXTS), merged.probabilities(TEXTS), atol=1e-4)
    np.testing.assert_allclose(beside.risks(TEXTS), merged.risks(TEXTS), atol=1e-4)


@pytest.mark.parametrize("merged", [True, False])
def test_half_precision_stays_near_full_precision(merged, tiny_bundle):
    bundle = open_bundle(tiny_bundle)
    precision = Precision("cpu", torch.bfloat16, merged, "for this test")
    encoder = PromptEncoder(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
    half = Engine(bundle, encoder, LabelModel(load_network(bundle, precision), encoder), precision)
    full = Engine.load(tiny_bundle, device="cpu")
    assert half._model.network.model.embed_tokens.weight.dtype == torch.bfloat16
    np.testing.assert_allclose(half.probabilities(TEXTS), full.probabilities(TEXTS), atol=0.05)


def test_merged_weights_come_from_the_cache_the_second_time(tiny_bundle, tmp_path, monkeypatch):
    first = Engine.load(tiny_bundle, device="cpu", cache=tmp_path)
    assert (tmp_path / first.model_id / "model.safetensors").exists()
    monkeypatch.setattr("sentfeat.score.load._adapt", lambda *asked: pytest.fail("merged again"))
    second = Engine.load(tiny_bundle, device="cpu", cache=tmp_path)
    np.testing.assert_array_equal(second.score(TEXTS), first.score(TEXTS))
    assert second.model_id == first.model_id
