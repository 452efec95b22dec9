"""The doctor, on sound and on broken bundles: each refusal names what differs."""

import json

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from sentfeat.cli import app
from sentfeat.score.bundle import ADAPTER_FILES, BASE_FILES, hash_files
from tests.score.test_bundle import edit_passport
from tests.score.tiny import copy_bundle


def doctor(bundle):
    return CliRunner().invoke(app, ["doctor", "--model", str(bundle)], env={"COLUMNS": "200"})


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return copy_bundle(tiny_bundle, tmp_path / "bundle")


def test_a_sound_bundle_passes_and_the_machine_is_described(bundle):
    done = doctor(bundle)
    assert done.exit_code == 0, done.output
    for told in ("torch", "float32: no GPU was found", "hashes and golden probes agree", "tiny", "for tests only"):
        assert told in done.output


def swap_labels(bundle):
    edit_passport(bundle, labels=["positive", "neutral", "negative"])


def change_tokenizer(bundle):
    file = bundle / "base" / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"truncation": None, "version": "1.1"}))


def change_template(bundle):
    edit_passport(bundle, template="llama3")


def truncate_adapter(bundle):
    file = bundle / "adapter" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def break_weights(bundle):
    """NaN in the adapter, and a passport made to agree with it: hashes alone would not see it."""
    file = bundle / "adapter" / "adapter_model.safetensors"
    weights = load_file(file)
    weights[next(iter(weights))].view(-1)[0] = float("nan")
    save_file(weights, file)
    edit_passport(bundle, adapter={"id": "x", "hash": hash_files(file.parent, ADAPTER_FILES), "text_seen_until": "-"})


def exchange_weights(bundle):
    """Another base of the same shape, its hash in the passport: only the golden probes know."""
    file = bundle / "base" / "model.safetensors"
    weights = load_file(file)
    weights["model.embed_tokens.weight"] = weights["model.embed_tokens.weight"].flip(0).contiguous()
    save_file(weights, file, metadata={"format": "pt"})
    edit_passport(bundle, base={"id": "x", "hash": hash_files(file.parent, BASE_FILES), "text_seen_until": "-"})


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (swap_labels, "label order ('positive', 'neutral', 'negative')"),
        (change_tokenizer, "the tokenizer differs"),
        (change_template, "the template differs"),
        (truncate_adapter, "the adapter differs"),
        (break_weights, "weights that are not finite"),
        (exchange_weights, "golden probe"),
    ],
)
def test_what_differs_is_named(bundle, damage, named):
    damage(bundle)
    done = doctor(bundle)
    assert done.exit_code == 1
    assert f"refused: {bundle}" in done.output
    assert named in done.output
