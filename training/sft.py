"""Supervised fine-tuning: a LoRA adapter on an NF4 base (QLoRA), written as a checked bundle.

    python -m training.sft training/configs/embedded.toml --base DIR --data DIR --out DIR
    python -m training.sft training/configs/smoke.toml        # seconds; brings its own few rows

--base is a full-precision Transformers folder or hub id (it is quantised first), or an NF4 folder. Everything lies in
--out: base, checkpoints, bundle. A killed run, started again with the same command, goes on from its last checkpoint.
"""

import argparse
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pandas as pd
from datasets import Dataset
from peft import PeftModel, get_peft_model
from transformers import AutoTokenizer, Trainer, TrainingArguments, set_seed
from trl import SFTConfig, SFTTrainer

from sentfeat.errors import DataError
from sentfeat.score.prompt import TEMPLATES, PromptEncoder
from training.build_dataset import build
from training.completion_rows import CompletionEncoder
from training.fit import fit, save_adapter
from training.guards import FiniteLoss, check_learnt, copied, trainable
from training.label_rows import SCORED, label_examples
from training.label_trainer import LabelTrainer
from training.make_bundle import make_bundle
from training.quantise import load_quantised, prepare_base
from training.recipe import RunConfig, compute_dtype, find_device, trainer_settings
from training.toml_config import read_toml

logger = logging.getLogger(__name__)

LABEL_SETTINGS = {"remove_unused_columns": False, "train_sampling_strategy": "group_by_length"}
COMPLETION_SETTINGS = {"completion_only_loss": True, "packing_strategy": "bfd", "eval_packing": False}


class CompletionTrainer(FiniteLoss, SFTTrainer):
    """TRL's trainer, stopping at a loss that is no number."""


def train_bundle(config: RunConfig, base: str | Path, data: Path, out: Path, targets: Path | None = None) -> Path:
    """The whole run: rows, base, adapter, bundle. Returns the bundle's folder.

    `targets` is what training.distil wrote: probabilities that training rows are to answer with, instead of a label.
    """
    rows, card = read_rows(config, data)
    if targets:
        rows = with_targets(rows, pd.read_parquet(targets))
    prepare_base(base, out / "base", find_device())
    train_adapter(config, rows, out)
    return make_bundle(config.facts, config.template, rows, card, out)


def read_rows(config: RunConfig, data: Path) -> tuple[pd.DataFrame, dict]:
    """The rows that the recipe's loss can learn from, of all splits, and their data card."""
    rows, card = build(config.data, data)
    usable = rows[rows["task"].isin(SCORED)] if config.loss == "labels" else rows
    if len(usable) < len(rows):
        logger.info("%d rows are answered in words: a loss over labels leaves them out", len(rows) - len(usable))
    require_validation(usable)
    return usable.reset_index(drop=True), card


def require_validation(rows: pd.DataFrame) -> None:
    """Raises DataError where a scored task has no row to calibrate it on; sentiment always needs some."""
    held_out = set(rows.loc[rows["split"] == "validation", "task"])
    for task in SCORED:
        if task not in held_out and (task == "sentiment" or (rows["task"] == task).any()):
            raise DataError(f"no {task} row is in the validation part, to calibrate it: add rows, or raise that share")


def with_targets(rows: pd.DataFrame, soft: pd.DataFrame) -> pd.DataFrame:
    """The rows with a column `targets`, none where `soft` (text, entity, task, targets) has no such training row."""
    entities = soft["entity"].astype(object).where(soft["entity"].notna(), None)  # read from Parquet, None is NaN
    found = dict(zip(zip(soft["text"], entities, soft["task"], strict=True), soft["targets"], strict=True))
    usable = rows["split"] == "train"
    asked = zip(zip(rows["text"], rows["entity"], rows["task"], strict=True), usable, strict=True)
    targets = pd.Series([found.get(row) if use else None for row, use in asked], dtype=object)
    logger.info("%d of %d training rows have soft targets", targets.notna().sum(), usable.sum())
    return rows.assign(targets=targets.to_numpy())


def train_adapter(config: RunConfig, rows: pd.DataFrame, out: Path) -> None:
    """Train, check and save the adapter to out/adapter; a finished one is kept."""
    if (out / "adapter").exists():
        return
    set_seed(config.seed)
    device = find_device()
    network = load_quantised(out / "base", device, compute_dtype(config.train, device))
    model = get_peft_model(network, config.lora.peft())
    start = copied(trainable(model))
    trainer = build_trainer(config, model, rows, out)
    fit(trainer, start, config.train.patience, out)
    save_adapter(trainer.model, out / "adapter")


def build_trainer(config: RunConfig, model: PeftModel, rows: pd.DataFrame, out: Path) -> Trainer:
    """The trainer of the config's loss, with the rows of split "train" and, if it may stop early, of "validation"."""
    tokenizer = AutoTokenizer.from_pretrained(out / "base")
    encoder = PromptEncoder(TEMPLATES[config.template], tokenizer, config.facts.max_tokens)
    sequence = config.train.sequence or config.facts.max_tokens + 2  # the answer and the end mark
    encode: Callable[[pd.DataFrame], Dataset] = (
        partial(label_examples, encoder=encoder)
        if config.loss == "labels"
        else CompletionEncoder(encoder, tokenizer, sequence).examples
    )
    parts = {
        "model": model,
        "processing_class": tokenizer,
        "train_dataset": encode(repeated(rows[rows["split"] == "train"], config)),
        "eval_dataset": encode(rows[rows["split"] == "validation"]) if config.train.patience else None,
    }
    settings = trainer_settings(config.train, config.seed, out)
    if config.loss == "labels":
        arguments = TrainingArguments(**settings, **LABEL_SETTINGS)
        return LabelTrainer(encoder=encoder, token_dropout=config.train.token_dropout, args=arguments, **parts)
    arguments = SFTConfig(**settings, **COMPLETION_SETTINGS, max_length=sequence, packing=config.train.packing)
    trainer = CompletionTrainer(args=arguments, **parts)
    check_learnt(trainer.train_dataset, parts["train_dataset"])
    return trainer


def repeated(rows: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """The training rows, those of a set with `repeat` that often."""
    repeats = {part.name: getattr(part, "repeat", 1) for part in config.data.every_set}
    return rows.loc[rows.index.repeat(rows["source"].map(repeats).fillna(1).astype(int))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", help="default: the config's base")
    parser.add_argument("--data", type=Path, help="default: the config's data_folder")
    parser.add_argument("--seed", type=int, help="instead of the config's: of the adapter, not of the split")
    parser.add_argument("--targets", type=Path, help="soft targets from training.distil")
    parser.add_argument("--out", type=Path, help="default: runs/NAME, NAME as the config's file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = read_toml(arguments.config, RunConfig)
    config = config if arguments.seed is None else msgspec.structs.replace(config, seed=arguments.seed)
    base, data = arguments.base or config.base, arguments.data or config.data_folder
    if base is None or data is None:
        parser.error("this config names no base or data folder: give --base and --data")
    out = arguments.out or Path("runs") / arguments.config.stem
    out.mkdir(parents=True, exist_ok=True)
    print(train_bundle(config, base, Path(data), out, arguments.targets))


if __name__ == "__main__":
    main()
