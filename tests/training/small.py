"""What recipes are tested on: a base of 0.1M parameters that knows a template's marks and words, and a few rows."""

import gzip
import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
)

from sentfeat.score.prompt import TEMPLATES, Template
from training.sets.rows import make_rows

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SHAPE = {  # widths are multiples of 64, or bitsandbytes cannot pack them for a CPU
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "initializer_range": 0.2,
}


def recipes(key: str) -> list:
    """The shipped configs that have `key`, a new one included, as a test's parameters."""
    files = [file for file in sorted(CONFIGS.glob("*.toml")) if key in tomllib.loads(file.read_text())]
    return [pytest.param(file, id=file.stem) for file in files]


def make_base(folder: Path, template: str) -> Path:
    """A full-precision random Mistral, or Llama for its template."""
    tokenizer = make_tokenizer(TEMPLATES[template])
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    if template == "llama3":
        LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **SHAPE)).save_pretrained(folder)
    else:
        MistralForCausalLM(MistralConfig(vocab_size=len(tokenizer), sliding_window=None, **SHAPE)).save_pretrained(
            folder
        )
    return folder


def make_tokenizer(template: Template) -> PreTrainedTokenizerFast:
    """Bytes, the template's answer words, and its control marks; no padding token, as in the real ones."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    marks = ["<unk>", "<s>", "</s>", *template.controls]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["".join([*template.words, *template.risk_words])] * 50, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def make_encoder(folder: Path, words: list[str]) -> Path:
    """A random BERT of one layer that knows `words`, their ids following those of five marks."""
    folder.mkdir(exist_ok=True)
    (folder / "words.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    BertTokenizer(str(folder / "words.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertModel(shape).save_pretrained(folder)
    return folder


def make_table() -> pd.DataFrame:
    """Rows of every task in each split; the first word tells the sentiment."""
    moods = {"positive": "Gains", "negative": "Losses", "neutral": "Meetings"}
    parts = []
    for split, count in {"train": 6, "validation": 2, "test": 2}.items():
        parts += [
            make_rows(
                [
                    {"text": f"{word} at Acme {number}", "entity": entity, "label": label}
                    for number in range(count)
                    for label, word in moods.items()
                    for entity in (None, "Acme")
                ],
                task="sentiment",
                source="made up",
            ).assign(split=split),
            make_rows(
                [
                    {
                        "text": f"Acme is sued, and its lenders worry {number}",
                        "label": ("litigation_regulatory", "credit_liquidity"),
                    }
                    for number in range(count)
                ],
                task="risk",
                source="made up",
            ).assign(split=split),
            make_rows(
                [
                    {"text": f"What is a yield of {number} percent?", "label": "Income over price."}
                    for number in range(count)
                ],
                task="concept",
                source="made up",
            ).assign(split=split),
        ]
    return pd.concat(parts, ignore_index=True)


def write_headlines(data: Path, years: list[int]) -> Path:
    """The folder data/headlines with a file for each year, as training.pretrain reads them."""
    folder = data / "headlines"
    folder.mkdir()
    words = np.array(["acme", "globex", "beats", "misses", "estimates", "sues", "shares", "rise", "fall", "on"])
    random = np.random.default_rng(0)
    for year in years:
        titles = [" ".join(random.choice(words, 8)) for _ in range(1000)]
        times = pd.Timestamp(f"{year}-01-01") + pd.to_timedelta(np.arange(1000), unit="h")
        pd.DataFrame({"ts_et": times, "title": titles}).to_parquet(folder / f"reuters_{year}.parquet")
    return folder


def write_call(data: Path, transcript: str, summary: str = "") -> Path:
    """The folder data/calls with one training call, a sentence a line, as training.pool reads them."""
    folder = data / "calls"
    folder.mkdir()
    with gzip.open(folder / "ectsum_train.jsonl.gz", "wt") as file:
        file.write(json.dumps({"transcript": transcript, "summary": summary}) + "\n")
    return folder
