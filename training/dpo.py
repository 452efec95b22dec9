"""Direct preference optimisation: an SFT bundle's adapter, sharpened on the rows it finds hard, as a new bundle.

    python -m training.dpo training/configs/dpo_mistral7b.toml --bundle DIR --data DIR --out DIR
    python -m training.dpo training/configs/dpo_smoke.toml        # seconds; after the smoke SFT

A pair is one prompt with two answer words, so the reward margin is beta times the change of their logits' difference
against the SFT model, which stays on as a frozen second adapter. A killed run goes on from its last checkpoint.
"""

import argparse
import logging
import shutil
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset
from peft import PeftModel
from transformers import AutoTokenizer, set_seed
from trl import DPOConfig, DPOTrainer

from sentfeat.errors import ConfigError
from sentfeat.score.bundle import Passport, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS, TEMPLATES, PromptEncoder
from training.fit import fit, save_adapter
from training.guards import FiniteLoss, copied, trainable
from training.make_bundle import BundleFacts, make_bundle
from training.pairs import find_disputed, preference_pairs
from training.quantise import load_quantised
from training.recipe import DpoConfig, RunConfig, compute_dtype, find_device, trainer_settings
from training.sft import read_rows
from training.toml_config import read_toml

logger = logging.getLogger(__name__)


class PairTrainer(FiniteLoss, DPOTrainer):
    """TRL's trainer on rows that are token ids already.

    From text it would join prompt and answer before it tokenises, and teach an end mark that is never scored.
    """

    def _prepare_dataset(self, dataset, *_):
        return dataset


def train_bundle(config: DpoConfig, bundle: Path, data: Path, out: Path) -> Path:
    """The whole run: rows, pairs, adapter, bundle. Returns the new bundle's folder."""
    sft, passport = read_toml(Path(config.sft), RunConfig), open_bundle(bundle).passport
    if passport.template != sft.template:
        raise ConfigError(f"{bundle} was made with template {passport.template!r}, {config.sft} says {sft.template!r}")
    rows, card = read_rows(sft, data)
    if not (out / "adapter").exists():
        pairs = ambiguous(config, sft, rows, bundle, data)
        shutil.copytree(bundle / "base", out / "base", dirs_exist_ok=True)
        tokenizer = AutoTokenizer.from_pretrained(out / "base")
        encoder = PromptEncoder(TEMPLATES[passport.template], tokenizer, passport.max_tokens)
        train_adapter(config, encoder, pairs, bundle / "adapter", out)
    return make_bundle(facts_of(passport, config.name), passport.template, rows, card, out)


def ambiguous(config: DpoConfig, sft: RunConfig, rows: pd.DataFrame, bundle: Path, data: Path) -> pd.DataFrame:
    """The preference pairs of the training and validation rows, as the SFT model sees them."""
    asked = rows[(rows["task"] == "sentiment") & (rows["split"] != "test")]
    chances = Engine.load(bundle).probabilities(asked["text"].tolist(), asked["entity"].tolist())
    return preference_pairs(config.near_miss, asked, chances, find_disputed(asked, config.disputed, sft.data, data))


def train_adapter(config: DpoConfig, encoder: PromptEncoder, pairs: pd.DataFrame, adapter: Path, out: Path) -> None:
    """Train the SFT's `adapter` on, on the base in out/base; check it and save it to out/adapter."""
    set_seed(config.seed)
    device = find_device()
    network = load_quantised(out / "base", device, compute_dtype(config.train, device))
    model = PeftModel.from_pretrained(network, adapter, is_trainable=True)
    start = copied(trainable(model))
    trainer = PairTrainer(
        model=model,
        args=DPOConfig(
            **trainer_settings(config.train, config.seed, out), beta=config.beta, max_length=encoder.max_tokens + 1
        ),
        processing_class=AutoTokenizer.from_pretrained(out / "base"),
        train_dataset=tokenised(pairs[pairs["split"] == "train"], encoder),
        eval_dataset=tokenised(pairs[pairs["split"] == "validation"], encoder) if config.train.patience else None,
    )
    stay_on(trainer.model, start)
    fit(trainer, start, config.train.patience, out)
    save_adapter(trainer.model, out / "adapter")


def stay_on(model: PeftModel, start: dict[str, torch.Tensor]) -> None:
    """Give TRL's reference adapter the SFT's weights; TRL itself leaves out those of embeddings."""
    weights = dict(model.named_parameters())
    for name, weight in start.items():
        weights[name.replace(".default", ".ref")].data.copy_(weight)


def tokenised(pairs: pd.DataFrame, encoder: PromptEncoder) -> Dataset:
    """Prompts exactly as the engine makes them, and the two answer words."""
    prompts, cut = encoder.encode(pairs["text"].tolist(), pairs["entity"].tolist())
    logger.info("%d pairs, %d cut to %d tokens", len(pairs), cut, encoder.max_tokens)
    ids = dict(zip(LABELS, encoder.label_ids, strict=True))
    return Dataset.from_dict(
        {
            "prompt_ids": prompts,
            "chosen_ids": [[ids[label]] for label in pairs["chosen"]],
            "rejected_ids": [[ids[label]] for label in pairs["rejected"]],
        }
    )


def facts_of(passport: Passport, name: str) -> BundleFacts:
    """What the new bundle's passport takes over from the SFT's."""
    return BundleFacts(
        name=name,
        base_id=passport.base.id,
        base_seen_until=passport.base.text_seen_until,
        adapter_seen_until=passport.adapter.text_seen_until,
        max_tokens=passport.max_tokens,
        notice=passport.notice,
        base_data=[source for source in passport.training_data if source.use == "base"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--bundle", type=Path, help="the SFT's; default: the config's bundle")
    parser.add_argument("--data", type=Path, help="default: the config's data_folder")
    parser.add_argument("--out", type=Path, help="default: runs/NAME, NAME as the config's file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = read_toml(arguments.config, DpoConfig)
    bundle, data = arguments.bundle or config.bundle, arguments.data or config.data_folder
    if bundle is None or data is None:
        parser.error("this config names no bundle or data folder: give --bundle and --data")
    out = arguments.out or Path("runs") / arguments.config.stem
    out.mkdir(parents=True, exist_ok=True)
    print(train_bundle(config, Path(bundle), Path(data), out))


if __name__ == "__main__":
    main()
