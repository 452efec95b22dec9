"""Pretrain the embedded bundle's base: a small Mistral, from scratch, on a few years of headlines.

    python -m training.pretrain training/configs/embedded_base.toml --data DIR --out DIR [--minutes 60]

DIR of --data holds reuters_YYYY.parquet files with a `title` column. Every stage resumes from what lies in --out: the
tokenizer, the token file, and the last checkpoint. `--minutes` plans the run to end in that time instead of after
`epochs`. The result in --out/base is an ordinary Transformers folder (config, safetensors, tokenizer).
"""

import argparse
import html
import json
import math
import re
import time
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import pandas as pd
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

from sentfeat.whole import replacing
from training import parallel
from training.toml_config import read_toml

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
BOS, EOS, PAD = 1, 2, 3
VALIDATION_SHARE = 0.005


class ModelShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vocab_size: int
    hidden_size: int
    layers: int
    heads: int
    kv_heads: int
    intermediate_size: int
    max_positions: int


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    context: int
    batch_rows: int
    epochs: float
    lr_matrix: float
    lr_other: float
    warmup_steps: int
    cooldown_share: float
    checkpoint_minutes: float


class Rates(Protocol):
    """Full learning rates of the two optimizers."""

    lr_matrix: float
    lr_other: float


class PretrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    years: list[int]
    seed: int
    model: ModelShape
    train: Schedule


def load_titles(data: Path, years: list[int]) -> list[str]:
    """Titles in time order: neighbours tell the same story, which teaches the model to connect them."""
    frames = [pd.read_parquet(data / f"reuters_{year}.parquet", columns=["ts_et", "title"]) for year in sorted(years)]
    titles = pd.concat(frames).sort_values("ts_et", kind="stable")["title"]
    return [repair(title) for title in titles]


def repair(title: str) -> str:
    """Undo the archive's entity damage: "AT&T;" and "S&P;" stand for "AT&T" and "S&P"."""
    return re.sub(r"&(\w{1,3});", r"&\1", html.unescape(title)).strip()


def train_tokenizer(titles: list[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE, lower-cased, single digits: a small vocabulary is best spent on words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(titles, trainer)
    return with_marks(tokenizer)


def with_marks(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """The tokenizer as Transformers takes it, which of its tokens are SPECIAL said."""
    unknown, begin, end, pad = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=unknown, bos_token=begin, eos_token=end, pad_token=pad
    )


def encode_titles(tokenizer: PreTrainedTokenizerFast, titles: list[str]) -> np.ndarray:
    """All titles as one uint16 stream, `</s>` after each."""
    encoded = tokenizer.backend_tokenizer.encode_batch_fast(titles, add_special_tokens=False)
    return np.concatenate([np.array([*row.ids, EOS], dtype=np.uint16) for row in encoded])


def as_rows(stream: np.ndarray, context: int) -> torch.Tensor:
    """(rows, context) int64, each row led by `<s>`; the ragged tail is left out."""
    width = context - 1
    body = stream[: len(stream) // width * width].reshape(-1, width).astype(np.int64)
    return torch.from_numpy(np.concatenate([np.full((len(body), 1), BOS), body], axis=1))


def build_model(shape: ModelShape) -> MistralForCausalLM:
    config = MistralConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.hidden_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=shape.max_positions,
        sliding_window=None,
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    return MistralForCausalLM(config)


def build_optimizers(model: torch.nn.Module, schedule: Rates) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks (it needs about half the tokens), AdamW for the rest."""
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    return [
        torch.optim.Muon(matrices, lr=schedule.lr_matrix, momentum=0.95, weight_decay=0.01),
        torch.optim.AdamW(others, lr=schedule.lr_other, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def rate(step: int, total: int, schedule: Schedule) -> float:
    """Share of the full learning rate: warm-up, plateau, linear fall (a plateau makes an early stop cheap)."""
    warm = min(1.0, (step + 1) / schedule.warmup_steps)
    return min(warm, max(0.0, (total - step) / max(1.0, total * schedule.cooldown_share)), 1.0)


@torch.compile
def loss_of(model: MistralForCausalLM, rows: torch.Tensor) -> torch.Tensor:
    with torch.autocast(rows.device.type, dtype=torch.bfloat16):
        logits = model(input_ids=rows[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())


def save_checkpoint(path: Path, model, optimizers, progress: dict) -> None:
    """Keep the state in `path`; of several processes the first one's."""
    if not parallel.is_first():
        return
    with replacing(path) as staged:
        torch.save(
            {"model": model.state_dict(), "optimizers": [o.state_dict() for o in optimizers], **progress}, staged
        )


def load_checkpoint(path: Path, model, optimizers) -> dict | None:
    """What `save_checkpoint` kept in `path`, loaded into model and optimizers; the progress, None without a file."""
    if not path.exists():
        return None
    kept = torch.load(path, weights_only=True)
    model.load_state_dict(kept["model"])
    for optimizer, state in zip(optimizers, kept["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    return kept


def prepare(config: PretrainConfig, data: Path, out: Path) -> tuple[PreTrainedTokenizerFast, np.ndarray]:
    """Tokenizer and token stream, made once and kept in `out`."""
    tokens = out / "tokens.npy"
    if tokens.exists():
        return PreTrainedTokenizerFast.from_pretrained(out / "base"), np.load(tokens, mmap_mode="r")
    titles = load_titles(data, config.years)
    tokenizer = train_tokenizer(titles, config.model.vocab_size)
    tokenizer.save_pretrained(out / "base")
    stream = encode_titles(tokenizer, titles)
    with replacing(tokens) as staged, open(staged, "wb") as file:  # by a name without .npy, NumPy would add one
        np.save(file, stream)
    return tokenizer, stream


def train(
    model: MistralForCausalLM,
    schedule: Schedule,
    stream: np.ndarray,
    out: Path,
    seed: int,
    minutes: float | None = None,
) -> MistralForCausalLM:
    """Train to the planned end; loss and rate go to out/curve.jsonl, a checkpoint every few minutes."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = model.to(device)
    optimizers = build_optimizers(model, schedule)
    rows = as_rows(stream, schedule.context)
    held = max(1, int(len(rows) * VALIDATION_SHARE / schedule.batch_rows)) * schedule.batch_rows
    rows, validation = rows[:-held], rows[-held:]
    step, spent, total = 0, 0.0, int(len(rows) / schedule.batch_rows * schedule.epochs)
    checkpoint = out / "checkpoint.pt"
    if kept := load_checkpoint(checkpoint, model, optimizers):
        step, spent, total = kept["step"], kept["spent"], kept["total"]
    last_saved = last_tick = time.monotonic()
    while step < total:
        if minutes and step == 150:
            total = parallel.agreed(min(total, int(step * minutes * 60 / spent)))
        per_epoch = len(rows) // schedule.batch_rows
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed + step // per_epoch))
        at = step % per_epoch * schedule.batch_rows
        batch = rows[order[at : at + schedule.batch_rows]].to(device)
        mine, weight = parallel.share(len(batch))
        loss = loss_of(model, batch[mine])
        (weight * loss).backward()
        parallel.average_gradients(model.parameters())
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"the loss became {loss.item()} at step {step}; lower the rates and resume")
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, full in zip(optimizers, (schedule.lr_matrix, schedule.lr_other), strict=True):
            optimizer.param_groups[0]["lr"] = full * rate(step, total, schedule)
            optimizer.step()
            optimizer.zero_grad()
        step, now = step + 1, time.monotonic()
        spent, last_tick = spent + now - last_tick, now
        if step % 50 == 0 or step == total:
            record(out, step=step, total=total, loss=loss.item(), seconds=spent, tokens=step * batch.numel())
        if parallel.is_first() and (now - last_saved > schedule.checkpoint_minutes * 60 or step == total):
            record(out, step=step, total=total, validation=validate(model, validation, schedule.batch_rows))
            save_checkpoint(checkpoint, model, optimizers, {"step": step, "spent": spent, "total": total})
            last_saved = time.monotonic()
    return model


def validate(model, rows: torch.Tensor, batch_rows: int) -> float:
    """Mean loss, nats a token, on the last rows of the stream (the latest titles, never trained on)."""
    with torch.no_grad():
        losses = [loss_of(model, batch.to(model.device)).item() for batch in rows.split(batch_rows)]
    return float(np.mean(losses))


def record(out: Path, **values) -> None:
    """A line of out/curve.jsonl; of several processes the first one's."""
    if not parallel.is_first():
        return
    with open(out / "curve.jsonl", "a") as curve:
        curve.write(json.dumps(values) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float)
    arguments = parser.parse_args()
    config = read_toml(arguments.config, PretrainConfig)
    arguments.out.mkdir(parents=True, exist_ok=True)
    parallel.join()
    with parallel.first_alone():
        _, stream = prepare(config, arguments.data, arguments.out)
    torch.manual_seed(config.seed)
    model = train(build_model(config.model), config.train, stream, arguments.out, config.seed, arguments.minutes)
    if parallel.is_first():
        model.save_pretrained(arguments.out / "base")


if __name__ == "__main__":
    main()
