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
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer
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
    token_dropout: float = 0.0  # share of a prompt's tokens hidden in a training step, against learning rows by heart


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


class LabelTrainer(SFTTrainer):
    """TRL's trainer with the loss that the engine's scores imply: cross-entropy over the label words alone.

    The whole vocabulary would cost as much as a layer and teach nothing more: other words are never scored. Matrix
    products run in bf16 (faster, on CPUs too), weights stay fp32; `bf16=True` of the trainer itself refuses a CPU.
    """

    label_ids: torch.Tensor  # (3,) token ids of the label words
    token_dropout: float

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        ids = self.hide_tokens(inputs["input_ids"]) if model.training else inputs["input_ids"]
        with torch.autocast(self.args.device.type, dtype=torch.bfloat16):
            network = self.accelerator.unwrap_model(model).get_base_model()
            hidden = network.model(ids, attention_mask=inputs["attention_mask"], use_cache=False)
            rows, columns = (inputs["labels"] != -100).nonzero(as_tuple=True)
            asked = hidden.last_hidden_state[rows, columns - 1]
            logits = asked.float() @ network.lm_head.weight[self.label_ids].float().T
        answers = inputs["labels"][rows, columns]
        targets = (answers[:, None] == self.label_ids).long().argmax(dim=1)
        loss = torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum")
        loss = loss / (len(rows) if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": logits}) if return_outputs else loss

    def hide_tokens(self, ids: torch.Tensor) -> torch.Tensor:
        """The ids with some replaced by the unknown token."""
        hidden = torch.rand(ids.shape, device=ids.device) < self.token_dropout
        return ids.masked_fill(hidden, self.processing_class.unk_token_id or 0)


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
    chosen = rows[rows["split"] == "train"]
    repeats = chosen["source"].map({part.name: part.repeat for part in config.data.sets})
    train_adapter(config, encoder, tokenised(chosen.loc[chosen.index.repeat(repeats)], encoder), out)
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
    trainer = build_trainer(config, encoder, rows, out)
    before = {name: weight.detach().clone() for name, weight in trainable(trainer.model)}
    last = last_checkpoint(out / "checkpoints")
    if last:
        logger.info("resuming from %s", last.name)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    check_finite(dict(trainable(trainer.model)))
    if not last:  # a resumed run may have had nothing left to do
        check_moved(before, dict(trainable(trainer.model)))
    save_adapter(trainer.model, out / "adapter")
    (out / "curve.json").write_text(json.dumps(trainer.state.log_history))


def last_checkpoint(folder: Path) -> Path | None:
    """The newest finished checkpoint: the trainer writes its state last."""
    finished = [state.parent for state in folder.glob("checkpoint-*/trainer_state.json")]
    return max(finished, key=lambda checkpoint: int(checkpoint.name.split("-")[1]), default=None)


def build_trainer(config: RunConfig, encoder: PromptEncoder, rows: Dataset, out: Path) -> LabelTrainer:
    """TRL's trainer with fp32 trainables: it casts adapters to bf16, where small steps are lost."""
    tokenizer = AutoTokenizer.from_pretrained(out / "base")
    trainer = LabelTrainer(
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
    trainer.label_ids = torch.tensor(encoder.label_ids, device=trainer.args.device)
    trainer.token_dropout = config.train.token_dropout
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


def check_finite(weights: dict[str, torch.Tensor]) -> None:
    """Raises DataError naming tensors with NaN or infinity."""
    broken = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
    if broken:
        raise DataError(f"weights that are not finite after training: {broken[:3]}; lower the learning rate")


def check_moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> None:
    """Raises DataError if a trained tensor is what it was before."""
    still = [name for name, weight in after.items() if torch.equal(weight, before[name])]
    if still:
        raise DataError(f"{len(still)} of {len(after)} trained tensors did not move, {still[0]} for one")


def save_adapter(model: torch.nn.Module, target: Path) -> None:
    """Plain peft files, in fp16 to keep them small; the base is named relative to the bundle, not to this machine."""
    staged = target.with_name(f"{target.name}.tmp")
    model.save_pretrained(staged, save_embedding_layers=False)  # the bundle's base has them
    weights = load_file(staged / "adapter_model.safetensors")
    halved = {name: weight.half() for name, weight in weights.items()}
    check_finite(halved)
    save_file(halved, staged / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = json.loads((staged / "adapter_config.json").read_text())
    settings |= {"base_model_name_or_path": "base", "target_modules": sorted(settings["target_modules"])}
    (staged / "adapter_config.json").write_text(json.dumps(settings, indent=2))
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
