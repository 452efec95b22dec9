"""A real vLLM server with the exported bundle, where benchmarks/vllm/setup.sh has been run; and export by itself."""

import os
import socket
import subprocess
import time

import httpx
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentfeat.errors import BundleError, ConfigError
from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.export import export
from sentfeat.score.on_vllm import VllmScorer
from sentfeat.score.probability import probabilities
from sentfeat.score.prompt import PLAIN
from tests.conftest import ROOT

VLLM = ROOT / "benchmarks" / "vllm" / ".venv" / "bin" / "vllm"
TEXTS = [f"Acme profit rises {number} percent" for number in range(150)] + ["Globex recalls pumps, faces a fine", " "]


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("merged") / "embedded"
    export(open_bundle(embedded_path()), folder, "float32")
    return folder


def test_the_exported_checkpoint_is_plain_and_scores_the_same(merged):
    network, tokenizer = AutoModelForCausalLM.from_pretrained(merged), AutoTokenizer.from_pretrained(merged)
    assert not hasattr(network.config, "quantization_config")
    words = [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in PLAIN.words]
    ids = tokenizer(PLAIN.prompt(TEXTS[0]), add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = network(torch.tensor([[tokenizer.bos_token_id, *ids]])).logits[0, -1, words].numpy()
    np.testing.assert_allclose(logits, Engine.load(embedded_path(), device="cpu").score(TEXTS[:1])[0], atol=1e-3)


def test_export_overwrites_nothing(merged):
    with pytest.raises(ConfigError, match="is there already"):
        export(open_bundle(embedded_path()), merged)


def test_where_no_server_answers_it_says_what_to_start():
    with pytest.raises(ConfigError, match="vllm serve FOLDER"):
        VllmScorer(open_bundle(embedded_path()), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def server(merged):
    if not VLLM.exists():
        pytest.skip("vLLM is not installed here: sh benchmarks/vllm/setup.sh")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--logprobs-mode", "processed_logprobs", "--max-model-len", "256", "--dtype", "float32"]
    command = [VLLM, "serve", merged, "--host", "127.0.0.1", "--port", str(port), "--enforce-eager", *options]
    environment = os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "PYTHONPATH": ""}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 600
    while True:
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        try:
            httpx.get(f"{address}/health").raise_for_status()
            break
        except httpx.HTTPError:
            time.sleep(1)
    yield address
    process.terminate()
    process.wait(timeout=60)


@pytest.mark.slow
def test_a_real_server_gives_the_engines_probabilities(server):
    entities = ["Acme" if at % 2 else None for at in range(len(TEXTS))]
    scorer = VllmScorer(open_bundle(embedded_path()), server)
    found = probabilities(scorer.score(TEXTS, entities), scorer.temperature)
    expected = Engine.load(embedded_path(), device="cpu").probabilities(TEXTS, entities)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert np.isnan(found[-1]).all()


@pytest.mark.slow
def test_a_server_with_another_model_is_refused(server, tiny_bundle):
    with pytest.raises(BundleError, match="golden probe"):
        VllmScorer(open_bundle(tiny_bundle), server)
