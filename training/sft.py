"""Supervised fine-tuning: a LoRA adapter on an NF4 base (QLoRA), written as a checked bundle.

    python -m training.sft training/configs/embedded.toml --base DIR --data DIR --out DIR
    python -m training.sft training/configs/smoke.toml --out runs/smoke        # seconds; brings its own few rows

--base is a full-precision Transformers folder (it is quantised first) or an NF4 one. Everything lies in --out: base,
checkpoints, bundle. A killed run, started again with the same command, goes on from its last checkpoint.
"""

import argparse
import json
import logging
import math
import shutil
import tomllib
from pathlib import Path

import msgspec
import pandas as pd
import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.bundle import hash_files
from sentfeat.score.prompt import LABELS, TEMPLATES, PromptEncoder
from training.build_dataset import DataConfig, build
from training.make_bundle import BundleFacts, make_bundle
from training.quantise import load_quantised, quantise

logger = logging.getLogger(__name__)


class Lora(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rank: int
    alpha: int
    dropout: float
    targets: list[str]


class Train(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epochs: float
    batch_rows: int
    learning_rate: float
    warmup_share: float
    weight_decay: float
    save_steps: int
    max_steps: int = -1


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One experiment. Paths in it are relative to the working directory; the command line replaces them."""

    template: str
    seed: int
    facts: BundleFacts
    lora: Lora
    train: Train
    data: DataConfig
    base_folder: str | None = None
    data_folder: str | None = None


class AutocastTrainer(SFTTrainer):
    """Matrix products in bf16 (several times faster, on CPUs too), everything else and all weights in fp32.

    `bf16=True` of the trainer itself refuses a CPU.
    """

    def compute_loss(self, model, inputs, *args, **kwargs):
        with torch.autocast(self.args.device.type, dtype=torch.bfloat16):
            return super().compute_loss(model, inputs, *args, **kwargs)


def read_config(path: Path) -> RunConfig:
    """The experiment in a TOML file; raises ConfigError naming the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), RunConfig)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error


def train_bundle(config: RunConfig, base: Path, data: Path, out: Path) -> Path:
    """The whole run: rows, base, adapter, bundle. Returns the bundle's folder."""
    rows, card = build(config.data, data)
    prepare_base(base, out / "base")
    encoder = PromptEncoder(
        TEMPLATES[config.template], AutoTokenizer.from_pretrained(out / "base"), config.facts.max_tokens
    )
    train_adapter(config, encoder, tokenised(rows[rows["split"] == "train"], encoder), out)
    return make_bundle(config.facts, config.template, rows, card, out)


def prepare_base(base: Path, target: Path) -> None:
    """Put the NF4 base into `target`, quantising it if need be; a base that is there stays."""
    if target.exists():
        return
    settings = json.loads((base / "config.json").read_text())
    if "quantization_config" in settings:
        shutil.copytree(base, target)
    else:
        quantise(base, target)


def tokenised(rows: pd.DataFrame, encoder: PromptEncoder) -> Dataset:
    """Token ids exactly as the engine makes them, the label word after them, and a mask: loss on that word only."""
    prompts, cut = encoder.encode(rows["text"].tolist(), rows["entity"].tolist())
    logger.info("%d training rows, %d cut to %d tokens", len(rows), cut, encoder.max_tokens)
    answers = [encoder.label_ids[LABELS.index(label)] for label in rows["label"]]
    ids = [[*prompt, answer] for prompt, answer in zip(prompts, answers, strict=True)]
    masks = [[0] * len(prompt) + [1] for prompt in prompts]
    if not ids:
        raise DataError("no training rows: the split left nothing to train on")
    return Dataset.from_dict({"input_ids": ids, "completion_mask": masks, "length": [len(row) for row in ids]})


def train_adapter(config: RunConfig, encoder: PromptEncoder, rows: Dataset, out: Path) -> None:
    """Train, check and save the adapter to out/adapter; a finished one is kept."""
    if (out / "adapter").exists():
        return
    trainer = build_trainer(config, rows, out)
    before = {name: weight.detach().clone() for name, weight in trainable(trainer.model)}
    last = get_last_checkpoint(out / "checkpoints") if (out / "checkpoints").exists() else None
    trainer.train(resume_from_checkpoint=last)
    check_moved(before, dict(trainable(trainer.model)), resumed=last is not None)
    save_adapter(trainer.model, out / "adapter")
    (out / "curve.json").write_text(json.dumps(trainer.state.log_history))


def build_trainer(config: RunConfig, rows: Dataset, out: Path) -> SFTTrainer:
    """TRL's trainer with fp32 trainables: it casts adapters to bf16, where small steps are lost."""
    tokenizer = AutoTokenizer.from_pretrained(out / "base")
    trainer = AutocastTrainer(
        model=load_quantised(out / "base"),
        args=sft_arguments(config, out, len(rows)),
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=config.lora.rank,
            lora_alpha=config.lora.alpha,
            lora_dropout=config.lora.dropout,
            target_modules=config.lora.targets,
        ),
    )
    for _, weight in trainable(trainer.model):
        weight.data = weight.data.float()
    learnt = sum(sum(label != -100 for label in row) for row in trainer.train_dataset["labels"])
    if learnt != len(rows):
        raise DataError(f"{learnt} tokens under the loss for {len(rows)} rows; each row must have exactly one")
    return trainer


def sft_arguments(config: RunConfig, out: Path, rows: int) -> SFTConfig:
    """The trainer's settings: completion-only loss, rows of like length together, a cosine to zero."""
    train = config.train
    steps = train.max_steps if train.max_steps > 0 else math.ceil(rows / train.batch_rows * train.epochs)
    return SFTConfig(
        output_dir=str(out / "checkpoints"),
        max_length=config.facts.max_tokens + 1,
        completion_only_loss=True,
        num_train_epochs=train.epochs,
        max_steps=train.max_steps,
        per_device_train_batch_size=train.batch_rows,
        train_sampling_strategy="group_by_length",
        learning_rate=train.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(steps * train.warmup_share),
        weight_decay=train.weight_decay,
        save_steps=train.save_steps,
        save_total_limit=1,
        logging_steps=max(1, steps // 100),
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=False,
        seed=config.seed,
        report_to="none",
    )


def trainable(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    """The weights that training may change."""
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def check_moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor], *, resumed: bool) -> None:
    """Raises DataError if a weight is not finite, or none moved (a resumed run may have had nothing left to do)."""
    broken = [name for name, weight in after.items() if not torch.isfinite(weight).all()]
    if broken:
        raise DataError(f"weights that are not finite after training: {broken[:3]}; lower the learning rate")
    still = [name for name, weight in after.items() if torch.equal(weight, before[name])]
    if still and not resumed:
        raise DataError(f"{len(still)} of {len(after)} trained tensors did not move, {still[0]} for one")


def save_adapter(model: torch.nn.Module, target: Path) -> None:
    """Plain peft files; the base is named relative to the bundle, not by a path of this machine."""
    staged = target.with_name(f"{target.name}.tmp")
    model.save_pretrained(staged)
    settings = json.loads((staged / "adapter_config.json").read_text())
    (staged / "adapter_config.json").write_text(json.dumps({**settings, "base_model_name_or_path": "base"}, indent=2))
    (staged / "README.md").unlink(missing_ok=True)
    logger.info("adapter %s", hash_files(staged, ("adapter_model.safetensors",))[:12])
    staged.rename(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", type=Path, help="default: the config's base_folder")
    parser.add_argument("--data", type=Path, help="default: the config's data_folder")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = read_config(arguments.config)
    base, data = arguments.base or config.base_folder, arguments.data or config.data_folder
    if base is None or data is None:
        parser.error("this config names no base or data folder: give --base and --data")
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(train_bundle(config, Path(base), Path(data), arguments.out))


if __name__ == "__main__":
    main()
