"""Rows for the loss over answer words: token ids of the prompt exactly as the engine reads it, and its targets."""

import logging

import pandas as pd
from datasets import Dataset

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS, PromptEncoder
from training.tasks import Label

logger = logging.getLogger(__name__)

SCORED = ("sentiment", "risk")  # tasks that are answered with one word each, at one position


def label_examples(rows: pd.DataFrame, encoder: PromptEncoder) -> Dataset:
    """input_ids (the prompt), targets (3 floats, or 12 for risks), weight and length of each sentiment or risk row.

    `targets` and `weight` are taken from columns of that name where a row has them; else from its label, and 1.
    Raises DataError if there is no row.
    """
    parts = [_label_part(part, encoder, task) for task, part in rows.groupby("task", sort=False)]
    if not parts:
        raise DataError("no sentiment or risk rows: the split, or the sets, left nothing to train on")
    return Dataset.from_list([example for part in parts for example in part])


def _label_part(rows: pd.DataFrame, encoder: PromptEncoder, task: str) -> list[dict]:
    prompts, cut = encoder.encode(rows["text"].tolist(), rows["entity"].tolist(), task)
    logger.info("%d %s rows, %d cut to %d tokens", len(rows), task, cut, encoder.max_tokens)
    columns = rows.reindex(columns=["label", "targets", "weight"]).astype(object)
    columns = columns.where(columns.notna(), None)
    return [
        {
            "input_ids": prompt,
            "targets": targets_of(task, row.label) if row.targets is None else [float(value) for value in row.targets],
            "weight": 1.0 if row.weight is None else float(row.weight),
            "length": len(prompt),
        }
        for prompt, row in zip(prompts, columns.itertuples(), strict=True)
    ]


def targets_of(task: str, label: Label) -> list[float]:
    """One-hot over LABELS, or 1 for each of RISKS that holds."""
    if task == "sentiment":
        return [float(name == label) for name in LABELS]
    return [float(risk in label) for risk in RISKS]
