"""A bundle made in a few seconds from nothing: random weights, but real NF4 quantisation and a real LoRA adapter."""

import shutil
from pathlib import Path

import pandas as pd
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from sentfeat.score.prompt import PLAIN
from training.make_bundle import BundleFacts, make_bundle
from training.quantise import load_quantised, quantise
from training.sft import save_adapter

WORDS = "negative neutral positive outlook profit rises falls beats misses Acme Globex holds meeting shares the of"
VOCABULARY = f" {WORDS}{''.join(PLAIN.risk_words)} risks"
FACTS = BundleFacts(
    name="tiny",
    base_id="random",
    base_seen_until="2000-01-01",
    adapter_seen_until="2000-01-01",
    max_tokens=96,
    notice="for tests only",
)
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make_base(folder: Path) -> Path:
    """A full-precision random Mistral of 0.1M parameters with a byte-level tokenizer that knows VOCABULARY."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=["<unk>", "<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([VOCABULARY] * 50, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        sliding_window=None,
        initializer_range=0.2,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


def make_tiny_bundle(folder: Path) -> Path:
    """The base above quantised, an adapter that changes it for certain, and a passport with probes."""
    quantise(make_base(folder / "full"), folder / "base")
    torch.manual_seed(1)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=PROJECTIONS, init_lora_weights=False, task_type="CAUSAL_LM")
    save_adapter(get_peft_model(load_quantised(folder / "base"), lora), folder / "adapter")
    rows = pd.concat([labelled_rows(), risk_rows()], ignore_index=True)
    return make_bundle(FACTS, "plain", rows, {"licences": {"made up": "none"}}, folder)


def labelled_rows() -> pd.DataFrame:
    """A few rows for each split; with random weights only their shape matters."""
    texts = {"positive": "Acme profit rises", "negative": "Acme profit falls", "neutral": "Acme holds meeting"}
    rows = [
        {"task": "sentiment", "text": f"{text} {number}", "entity": None, "label": label, "split": split}
        for split in ("train", "validation", "test")
        for number in range(4)
        for label, text in texts.items()
    ]
    return pd.DataFrame(rows, dtype=object).assign(source="made up", silver=False)


def risk_rows() -> pd.DataFrame:
    """A few rows for each split, some with two risks, some with none."""
    texts = {
        "Acme sued": ("litigation_regulatory",),
        "Acme sued over debt": ("litigation_regulatory", "credit_liquidity"),
        "Acme holds meeting": (),
    }
    rows = [
        {"task": "risk", "text": f"{text} {number}", "entity": None, "label": label, "split": split}
        for split in ("train", "validation", "test")
        for number in range(4)
        for text, label in texts.items()
    ]
    return pd.DataFrame(rows, dtype=object).assign(source="made up", silver=True)


def copy_bundle(bundle: Path, target: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copytree(bundle, target))
