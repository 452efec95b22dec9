"""What is measured of a trained adapter: calibration on validation rows, metrics on test rows, golden probes.

What rows look like: see training.make_bundle.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import pandas as pd

from sentfeat.evaluate.metrics import classification_metrics
from sentfeat.evaluate.multilabel import risk_metrics, risk_targets
from sentfeat.score.bundle import Passport, Probe, RiskHead, RiskProbe
from sentfeat.score.engine import Engine
from sentfeat.score.probability import fit_temperature, probabilities, risk_probabilities
from sentfeat.score.prompt import LABELS, Task
from sentfeat.score.risks import KEYWORDS_HASH, keyword_risks
from training.model_card import RISK_SET
from training.platt import choose_thresholds, fit_platt

PROBES = (
    ("Acme beats profit estimates and raises its outlook for the year", None),
    ("Acme shares plunge after it cuts its forecast and suspends the dividend", None),
    ("Acme to hold its annual meeting on Tuesday", None),
    ("Acme wins the patent case against Globex, whose shares fall", "Acme"),
    ("Acme wins the patent case against Globex, whose shares fall", "Globex"),
    ("Operating profit fell to EUR 3.1 mn from EUR 5.6 mn a year earlier", None),
    ("Analysts see little change in net sales after the merger", None),
)

RISK_PROBES = (
    "Acme is sued by regulators over what it told investors",
    "Acme recalls 20,000 pumps after a fire at a customer",
    "Acme cuts its forecast for the year and writes down goodwill",
    "Acme is in talks with lenders as it may miss a debt payment",
    "Chief financial officer of Acme resigns after accounting errors",
    "Acme to hold its annual meeting on Tuesday",
)


def calibrated(passport: Passport, engine: Engine, rows: pd.DataFrame) -> Passport:
    """The passport with all that is measured, for both tasks."""
    passport = with_sentiment(passport, engine, of_task(rows, "sentiment"))
    return with_risks(passport, engine, of_task(rows, "risk")) if passport.risk else passport


def with_sentiment(passport: Passport, engine: Engine, rows: pd.DataFrame) -> Passport:
    """Temperature, metrics by set (entity rows apart) and probes."""
    validation, test = rows[rows["split"] == "validation"], rows[rows["split"] == "test"]
    temperature = fit_temperature(score_rows(engine, validation), targets_of(validation))
    chances, targets = probabilities(score_rows(engine, test), temperature), targets_of(test)
    kinds = test["source"] + np.where(test["entity"].notna(), " by entity", "")
    metrics = {
        kind: classification_metrics(targets[kinds == kind], chances[kinds == kind]) for kind in sorted(kinds.unique())
    }
    texts, entities = zip(*PROBES, strict=True)
    expected = probabilities(engine.score(texts, entities), temperature).round(6)
    probes = tuple(Probe(*pair, tuple(row)) for pair, row in zip(PROBES, expected.tolist(), strict=True))
    return msgspec.structs.replace(passport, temperature=round(temperature, 4), metrics=metrics, probes=probes)


def with_risks(passport: Passport, engine: Engine, rows: pd.DataFrame) -> Passport:
    """The fitted risk head, and metrics by set beside those that are there (silver labels apart).

    It is fitted on validation rows that were read; on a rule's, if there are no others.
    """
    validation = rows[rows["split"] == "validation"]
    read = validation[~is_silver(validation)]
    head = fitted_risk_head(passport.risk, engine, read if len(read) else validation)
    test = rows[rows["split"] == "test"]
    targets = risk_targets(test["label"].tolist())
    chances = risk_probabilities(cued_logits(engine, test["text"].tolist(), head.cue), head.scale, head.offset)
    kinds = RISK_SET + test["source"] + np.where(is_silver(test), " (silver)", "")
    metrics = {
        kind: risk_metrics(targets[kinds == kind], chances[kinds == kind], head.thresholds)
        for kind in sorted(kinds.unique())
    }
    return msgspec.structs.replace(passport, risk=head, metrics=passport.metrics | metrics)


def fitted_risk_head(draft: RiskHead, engine: Engine, rows: pd.DataFrame) -> RiskHead:
    """The head with Platt scaling, cue and thresholds fitted on `rows`, and probes; the engine's head is a draft."""
    texts, targets = rows["text"].tolist(), risk_targets(rows["label"].tolist())
    scale, offset, cue = fit_platt(engine.risk_logits(texts), keyword_risks(texts), targets)
    scale, offset, cue = scale.round(4), offset.round(4), round(cue, 4)
    chances = risk_probabilities(cued_logits(engine, texts, cue), scale, offset)
    thresholds = choose_thresholds(chances, targets).round(4)
    expected = risk_probabilities(cued_logits(engine, RISK_PROBES, cue), scale, offset).round(6)
    return msgspec.structs.replace(
        draft,
        scale=tuple(scale.tolist()),
        offset=tuple(offset.tolist()),
        cue=cue,
        keywords_hash=KEYWORDS_HASH,
        thresholds=tuple(thresholds.tolist()),
        probes=tuple(RiskProbe(text, tuple(row)) for text, row in zip(RISK_PROBES, expected.tolist(), strict=True)),
    )


def cued_logits(engine: Engine, texts: Sequence[str], cue: float) -> np.ndarray:
    """The risk logits as an engine with this `cue` gives them."""
    return engine.risk_logits(texts) + cue * keyword_risks(texts)


def of_task(rows: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The rows of one task; without a `task` column all are for sentiment."""
    if "task" not in rows:
        return rows if task == "sentiment" else rows.iloc[:0]
    return rows[rows["task"] == task]


def is_silver(rows: pd.DataFrame) -> np.ndarray:
    return rows["silver"].to_numpy(dtype=bool) if "silver" in rows else np.zeros(len(rows), dtype=bool)


def score_rows(engine: Engine, rows: pd.DataFrame) -> np.ndarray:
    return engine.score(rows["text"].tolist(), rows["entity"].tolist())


def targets_of(rows: pd.DataFrame) -> np.ndarray:
    return np.array([LABELS.index(label) for label in rows["label"]], dtype=np.int64)
