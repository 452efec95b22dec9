"""What an experiment says: the TOML of an SFT or DPO run as frozen structs, and the trainer's settings that follow.

A recipe is written for the device it is meant for. What a plain CPU cannot do is left out there by `device_settings`,
in one place; all other values hold anywhere.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from peft import LoraConfig

from training.build_dataset import DataConfig
from training.make_bundle import BundleFacts

logger = logging.getLogger(__name__)


class Lora(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rank: int
    alpha: int
    dropout: float
    targets: list[str]

    def peft(self) -> LoraConfig:
        return LoraConfig(
            task_type="CAUSAL_LM",
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=self.targets,
        )


class Train(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an adapter is trained. One optimiser step sees batch_rows * accumulate rows."""

    epochs: float
    batch_rows: int  # on the device at once
    learning_rate: float
    weight_decay: float
    save_steps: int  # a checkpoint, and with `patience` a look at the validation rows
    accumulate: int = 1
    warmup_share: float = 0.0
    warmup_steps: int = 0  # instead of the share
    max_steps: int = -1
    patience: int = 0  # evaluations without a better loss until the run stops; 0: no evaluation, the last weights count
    token_dropout: float = 0.0  # share of a prompt's tokens hidden in a step, against rows learnt by heart ("labels")
    sequence: int | None = None  # tokens of prompt and answer together ("completion"); default: the prompt's and one
    packing: bool = False  # several rows in one sequence ("completion")
    precision: Literal["bf16", "fp16"] = "bf16"  # of matrix products; a T4 has no bf16
    optimiser: Literal["adamw_torch", "paged_adamw_8bit"] = "adamw_torch"
    checkpoint_activations: bool = False  # a quarter slower, a fraction of the memory
    curves: Literal["none", "tensorboard"] = "none"


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An SFT experiment. Paths in it are relative to the working directory; the command line replaces them."""

    template: str
    seed: int
    facts: BundleFacts
    lora: Lora
    train: Train
    data: DataConfig
    loss: Literal["labels", "completion"] = "labels"
    base: str | None = None  # a folder, or an id on the hub
    data_folder: str | None = None


class Disputed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of a set whose annotators disagreed: those with one of `values` in `column` of the set's file."""

    set: str
    column: str
    values: list[str]


class DpoConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A DPO experiment on top of an SFT bundle, on the rows and the split of the recipe that made it."""

    name: str  # of the new bundle
    seed: int
    sft: str  # path of the SFT recipe
    beta: float  # how dear it is to leave the SFT's answers
    near_miss: float  # rows whose label leads the best other one by less than this probability are taken
    train: Train
    disputed: list[Disputed] = []
    bundle: str | None = None
    data_folder: str | None = None


def find_device() -> str:
    """Where training runs: a GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_settings(train: Train, device: str) -> dict[str, Any]:
    """The trainer's arguments that hold on `device` only: on a CPU no mixed precision and no paged optimiser."""
    on_gpu = device != "cpu"
    return {
        "use_cpu": not on_gpu,
        "bf16": on_gpu and train.precision == "bf16",
        "fp16": on_gpu and train.precision == "fp16",
        "optim": train.optimiser if on_gpu else "adamw_torch",
        "dataloader_pin_memory": on_gpu,
    }


def compute_dtype(train: Train, device: str) -> torch.dtype | None:
    """In what the NF4 layers multiply: half precision on a GPU; on a CPU whatever goes in."""
    if device == "cpu":
        return None
    return torch.float16 if train.precision == "fp16" else torch.bfloat16


def trainer_settings(train: Train, seed: int, out: Path) -> dict[str, Any]:
    """Arguments that all three trainers share: warm-up and a cosine to zero, checkpoints, early stopping, curves."""
    watched = {
        "eval_strategy": "steps",
        "eval_steps": train.save_steps,
        "per_device_eval_batch_size": train.batch_rows,
        "load_best_model_at_end": True,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
    }
    return {
        "output_dir": str(out / "checkpoints"),
        "num_train_epochs": train.epochs,
        "max_steps": train.max_steps,
        "per_device_train_batch_size": train.batch_rows,
        "gradient_accumulation_steps": train.accumulate,
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": train.warmup_steps or train.warmup_share,  # below 1 it is a share
        "weight_decay": train.weight_decay,
        "save_steps": train.save_steps,
        "save_total_limit": 1,
        "logging_steps": 0.01,
        "logging_nan_inf_filter": False,  # it would show the last finite loss instead
        "activation_checkpointing": train.checkpoint_activations,
        "activation_checkpointing_kwargs": {"use_reentrant": False} if train.checkpoint_activations else None,
        "report_to": _curves(train.curves),
        "seed": seed,
        **device_settings(train, find_device()),
        **(watched if train.patience else {}),
    }


def _curves(wanted: str) -> str:
    if wanted == "none" or importlib.util.find_spec(wanted):
        return wanted
    logger.warning("no curves but curve.json: %s is not installed (pip install %s)", wanted, wanted)
    return "none"
