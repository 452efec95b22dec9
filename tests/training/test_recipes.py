"""Every shipped SFT and DPO recipe, a new one included, is stepped on a base of 0.1M parameters."""

import json
import math
import tomllib
from pathlib import Path

import msgspec
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoTokenizer

from sentfeat.errors import ConfigError
from sentfeat.score.prompt import TEMPLATES, PromptEncoder
from tests.training.small import CONFIGS, make_base, make_table, recipes
from training.dpo import train_adapter as train_dpo
from training.fit import save_adapter
from training.quantise import load_quantised, prepare_base
from training.recipe import DpoConfig, RunConfig, Train, device_settings, trainer_settings
from training.sft import train_adapter
from training.toml_config import read_toml

SHORT = {"max_steps": 4, "save_steps": 2}  # a first step has rate 0, a second moves the one half, a third the other

OTHER = {"positive": "neutral", "negative": "neutral", "neutral": "positive"}


def shortened(config):
    return msgspec.structs.replace(config, train=msgspec.structs.replace(config.train, **SHORT))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A quantised base by template, made once."""
    made = {}

    def of(template: str) -> Path:
        if template not in made:
            folder = tmp_path_factory.mktemp(template)
            prepare_base(make_base(folder / "full", template), folder / "base")
            made[template] = folder / "base"
        return made[template]

    return of


@pytest.mark.parametrize("file", recipes("lora"))
def test_every_sft_recipe_is_quantised_stepped_and_saved_with_its_own_settings(file, base, tmp_path):
    config = shortened(read_toml(file, RunConfig))
    (tmp_path / "base").symlink_to(base(config.template))
    train_adapter(config, make_table(), tmp_path)
    saved = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (saved["r"], saved["lora_alpha"], saved["lora_dropout"]) == (
        config.lora.rank,
        config.lora.alpha,
        config.lora.dropout,
    )
    assert saved["target_modules"] == sorted(config.lora.targets)
    steps = [entry["learning_rate"] for entry in json.loads((tmp_path / "curve.json").read_text()) if "loss" in entry]
    assert len(steps) == 4
    network = load_quantised(base(config.template))
    assert sum(isinstance(layer, Linear4bit) for layer in network.modules()) == 14
    assert_plain_peft_loads(network, tmp_path / "adapter", len(config.lora.targets))


def assert_plain_peft_loads(network: torch.nn.Module, adapter: Path, targets: int) -> None:
    weights = load_file(adapter / "adapter_model.safetensors")
    assert len({name.split(".lora_")[0].split(".")[-1] for name in weights}) == targets
    ids = torch.tensor([[1, 5, 6, 7]])
    plain = network(ids).logits
    tuned = PeftModel.from_pretrained(network, adapter)(ids).logits
    assert torch.isfinite(tuned).all()
    assert not torch.equal(plain, tuned)


@pytest.mark.parametrize("file", recipes("sft"))
def test_every_dpo_recipe_is_stepped_and_saved_with_its_own_settings(file, base, tmp_path):
    config = shortened(read_toml(file, DpoConfig))
    sft = read_toml(CONFIGS / Path(config.sft).name, RunConfig)
    (tmp_path / "base").symlink_to(base(sft.template))
    lora = msgspec.structs.replace(sft.lora, rank=4).peft()
    lora.init_lora_weights = False
    save_adapter(get_peft_model(load_quantised(base(sft.template)), lora), tmp_path / "sft")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    encoder = PromptEncoder(TEMPLATES[sft.template], tokenizer, sft.facts.max_tokens)
    rows = make_table().query("task == 'sentiment'")
    pairs = rows.assign(chosen=rows["label"], rejected=rows["label"].map(OTHER))
    train_dpo(config, encoder, pairs, tmp_path / "sft", tmp_path)
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert curve[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)  # the policy starts as its reference, to the bit
    before, after = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("sft", "adapter"))
    assert before.keys() == after.keys()
    assert not all(torch.equal(before[name], after[name]) for name in before)
    assert_plain_peft_loads(load_quantised(base(sft.template)), tmp_path / "adapter", len(sft.lora.targets))


def test_a_cpu_leaves_out_precision_and_the_paged_optimiser_and_nothing_else():
    train = read_toml(CONFIGS / "mistral7b_r16.toml", RunConfig).train
    gpu, cpu = device_settings(train, "cuda"), device_settings(train, "cpu")
    assert (gpu["fp16"], gpu["bf16"], gpu["optim"], gpu["use_cpu"]) == (True, False, "paged_adamw_8bit", False)
    assert (cpu["fp16"], cpu["bf16"], cpu["optim"], cpu["use_cpu"]) == (False, False, "adamw_torch", True)


def test_the_24_gb_recipe_is_what_its_source_says(tmp_path):
    config = read_toml(CONFIGS / "mistral7b_r32.toml", RunConfig)
    settings = trainer_settings(config.train, config.seed, tmp_path)
    assert (config.lora.rank, len(config.lora.targets)) == (32, 7)
    assert (settings["num_train_epochs"], settings["learning_rate"], settings["warmup_steps"]) == (3, 2e-4, 100)
    assert settings["per_device_train_batch_size"] * settings["gradient_accumulation_steps"] == 8
    assert (config.train.sequence, settings["lr_scheduler_type"]) == (1024, "cosine")
    assert settings["load_best_model_at_end"]


def test_llama_differs_from_mistral_by_base_template_and_name_only():
    mistral, llama = (tomllib.loads((CONFIGS / name).read_text()) for name in ("mistral7b_r32.toml", "llama3_8b.toml"))
    assert {key for key in mistral if mistral[key] != llama[key]} == {"template", "base", "facts"}


def test_a_base_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no-such-model"):
        prepare_base("nobody/no-such-model", tmp_path / "base")


def test_curves_that_cannot_be_drawn_are_left_out_with_advice(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    train = Train(epochs=1, batch_rows=1, learning_rate=1, weight_decay=0, save_steps=1, curves="tensorboard")
    assert trainer_settings(train, 0, tmp_path)["report_to"] == "none"
    assert "pip install tensorboard" in caplog.text
