"""Turn a trained adapter into a bundle: calibrate it, measure it, write probes, passport and model card."""

import logging
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from sentfeat.evaluate.metrics import classification_metrics
from sentfeat.score.bundle import (
    ADAPTER_FILES,
    BASE_FILES,
    TOKENIZER_FILES,
    DataSource,
    Part,
    Passport,
    Probe,
    hash_files,
    write_passport,
)
from sentfeat.score.engine import Engine
from sentfeat.score.probability import fit_temperature, probabilities
from sentfeat.score.prompt import LABELS, TEMPLATES
from training.quantise import QUANTISATION

logger = logging.getLogger(__name__)

PROBES = (
    ("Acme beats profit estimates and raises its outlook for the year", None),
    ("Acme shares plunge after it cuts its forecast and suspends the dividend", None),
    ("Acme to hold its annual meeting on Tuesday", None),
    ("Acme wins the patent case against Globex, whose shares fall", "Acme"),
    ("Acme wins the patent case against Globex, whose shares fall", "Globex"),
    ("Operating profit fell to EUR 3.1 mn from EUR 5.6 mn a year earlier", None),
    ("Analysts see little change in net sales after the merger", None),
)


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
    """Assemble out/bundle from out/base and out/adapter; temperature from the validation rows, metrics from test."""
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
    )


def calibrated(passport: Passport, engine: Engine, rows: pd.DataFrame) -> Passport:
    """The passport with temperature, metrics by set (entity rows apart) and golden probes."""
    validation, test = rows[rows["split"] == "validation"], rows[rows["split"] == "test"]
    temperature = fit_temperature(score_rows(engine, validation), targets_of(validation))
    logits = score_rows(engine, test)
    chances, targets = probabilities(logits, temperature), targets_of(test)
    kinds = test["source"] + np.where(test["entity"].notna(), " by entity", "")
    metrics = {
        kind: classification_metrics(targets[kinds == kind], chances[kinds == kind]) for kind in sorted(kinds.unique())
    }
    texts, entities = zip(*PROBES, strict=True)
    expected = probabilities(engine.score(texts, entities), temperature).round(6)
    probes = tuple(Probe(*pair, tuple(row)) for pair, row in zip(PROBES, expected.tolist(), strict=True))
    return msgspec.structs.replace(passport, temperature=round(temperature, 4), metrics=metrics, probes=probes)


def score_rows(engine: Engine, rows: pd.DataFrame) -> np.ndarray:
    return engine.score(rows["text"].tolist(), rows["entity"].tolist())


def targets_of(rows: pd.DataFrame) -> np.ndarray:
    return np.array([LABELS.index(label) for label in rows["label"]], dtype=np.int64)


def model_card(passport: Passport) -> str:
    """README.md of a bundle, from its passport alone."""
    data = "".join(f"| {s.name} | {s.use} | {s.rows:,} | {s.licence} |\n" for s in passport.training_data)
    columns = ("n", "accuracy", "macro_f1", "mcc", "ece", "nll")
    results = "".join(
        f"| {name} | " + " | ".join(f"{values[c]:.3f}".removesuffix(".000") for c in columns) + " |\n"
        for name, values in passport.metrics.items()
    )
    return f"""# {passport.name}

Reads a financial headline or sentence and says how positive, neutral or negative it is, for the text as a whole or for
one company named in it. A small Mistral ({passport.base.id}; {passport.quantisation}) with a LoRA adapter.

It is {passport.notice}.

## Limits
English, one or a few sentences (at most {passport.max_tokens} tokens; longer texts are cut). It knows words, not
businesses: irony, numbers that need a calculation and news about rivals are read poorly. It gives no explanations in
words. The base has seen text until {passport.base.text_seen_until}, the adapter until
{passport.adapter.text_seen_until}: tests on earlier text are not free of look-ahead by the model.

## Data
| set | used for | rows | licence |
|---|---|---|---|
{data}
## Results on held-out near-duplicate groups
| set | {" | ".join(columns)} |
|---|{"---|" * len(columns)}
{results}
Probabilities are calibrated with temperature {passport.temperature} on other held-out rows.
"""


def licence_text(passport: Passport) -> str:
    """LICENSE of a bundle: the code's licence does not cover weights made from such data."""
    sources = "\n".join(f"  - {source.name}: {source.licence}" for source in passport.training_data)
    return f"""The model weights in this folder ({passport.name}) are {passport.notice}.

They were trained on:
{sources}

They may be used for research and other non-commercial purposes only, with attribution to these sources, and shared
under the same terms. No warranty of any kind is given. The code of sentfeat has its own licence (Apache-2.0), which
does not extend to this folder.
"""
