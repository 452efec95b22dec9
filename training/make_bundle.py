"""Turn a trained adapter into a bundle: calibrate it, measure it, write probes, passport and model card.

Rows have text, entity, label, source and split, and may have `task` (sentiment where absent; tasks that are answered in
words are not measured here) and `silver` (labels made by a rule). A bundle trained on risk rows gets a risk head.
"""

import logging
import shutil
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.categories import RISKS
from sentfeat.score.bundle import (
    ADAPTER_FILES,
    BASE_FILES,
    TOKENIZER_FILES,
    DataSource,
    Part,
    Passport,
    RiskHead,
    hash_files,
    write_passport,
)
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS, TEMPLATES, Template
from training.calibrate import calibrated, of_task
from training.model_card import licence_text, model_card
from training.quantise import QUANTISATION

logger = logging.getLogger(__name__)


class BundleFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a passport says that cannot be measured."""

    name: str
    base_id: str
    base_seen_until: str
    adapter_seen_until: str
    max_tokens: int
    notice: str
    base_data: list[DataSource] = []


def make_bundle(facts: BundleFacts, template: str, rows: pd.DataFrame, card: dict, out: Path) -> Path:
    """Assemble out/bundle from out/base and out/adapter; calibrated on the validation rows, measured on the test rows.

    `rows` are all that the adapter was trained on and held out from; `card` names the licence of each source.
    """
    target = out / "bundle"
    shutil.rmtree(target, ignore_errors=True)
    for part in ("base", "adapter"):
        shutil.copytree(out / part, target / part)
    passport = draft_passport(facts, template, rows, card, target)
    write_passport(target, passport)
    engine = Engine.load(target, device="cpu", check=False)
    passport = calibrated(passport, engine, rows)
    (target / "README.md").write_text(model_card(passport))
    (target / "LICENSE").write_text(licence_text(passport))
    write_passport(target, passport)
    Engine.load(target, device="cpu")
    logger.info("test metrics:\n%s", pd.DataFrame(passport.metrics).T.round(3).to_string())
    return target


def draft_passport(facts: BundleFacts, template: str, rows: pd.DataFrame, card: dict, target: Path) -> Passport:
    """The passport before anything is measured."""
    trained = rows.loc[rows["split"] == "train", "source"].value_counts()
    sources = [DataSource(name, card["licences"][name], int(count), "adapter") for name, count in trained.items()]
    return Passport(
        name=facts.name,
        base=Part(facts.base_id, hash_files(target / "base", BASE_FILES), facts.base_seen_until),
        adapter=Part(f"{facts.name}-lora", hash_files(target / "adapter", ADAPTER_FILES), facts.adapter_seen_until),
        tokenizer_hash=hash_files(target / "base", TOKENIZER_FILES),
        template=template,
        template_hash=TEMPLATES[template].hash,
        labels=LABELS,
        label_words=TEMPLATES[template].words,
        quantisation=QUANTISATION,
        max_tokens=facts.max_tokens,
        temperature=1.0,
        probes=(),
        training_data=(*facts.base_data, *sources),
        metrics={},
        notice=facts.notice,
        risk=draft_risk_head(TEMPLATES[template]) if (of_task(rows, "risk")["split"] == "train").any() else None,
    )


def draft_risk_head(template: Template) -> RiskHead:
    """The risk head before it is calibrated."""
    count = len(RISKS)
    return RiskHead(RISKS, template.risk_words, scale=(1.0,) * count, offset=(0.0,) * count, thresholds=(0.5,) * count)
