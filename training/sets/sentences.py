"""Labelled sentences: CSV files with a label column, and FinEntity's spans."""

import json
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.errors import DataError
from training.sets.rows import make_rows

FIQA_CUTS = (-0.1, 0.1)  # the usual cuts of its score in [-1, 1]


class LabelledSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of labelled sentences. With `entity` the label is towards the entity in that column."""

    name: str
    file: str
    licence: str
    label: str = "label"  # the column; a numeric one is cut at FIQA_CUTS
    entity: str | None = None
    whole_text: bool = False  # also one row without entity for each text whose entities all agree
    repeat: int = 1  # how often an epoch shows each of its training rows


def read_set(chosen: LabelledSet, data: Path) -> pd.DataFrame:
    """The rows of one set. Raises DataError if the file or a column is missing."""
    path = data / chosen.file
    if not path.exists():
        raise DataError(f"{path} is missing; --data must name the folder with the labelled sets")
    frame = _read_spans(path) if path.suffix == ".json" else pd.read_csv(path)
    absent = {"text", chosen.label, chosen.entity or "text"} - set(frame.columns)
    if absent:
        raise DataError(f"{path}: no column {', '.join(sorted(absent))}; it has {', '.join(frame.columns)}")
    label = frame[chosen.label]
    if pd.api.types.is_integer_dtype(label) and label.min() >= 0:
        raise DataError(f"{path}: {chosen.label} holds class ids; give the labels by name, or scores from -1 to 1")
    label = cut_score(label) if pd.api.types.is_numeric_dtype(label) else label
    found = pd.DataFrame({"text": frame["text"], "label": label}, dtype=object)
    found["entity"] = frame[chosen.entity].astype(object) if chosen.entity else None
    rows = make_rows(found, task="sentiment", source=chosen.name)
    return with_whole_texts(rows) if chosen.whole_text else rows


def cut_score(score: pd.Series) -> pd.Series:
    """Labels for scores; none outside of [-1, 1]."""
    low, high = FIQA_CUTS
    labels = pd.Series("neutral", index=score.index, dtype=object)
    return labels.mask(score < low, "negative").mask(score > high, "positive").where(score.between(-1, 1), None)


def _read_spans(path: Path) -> pd.DataFrame:
    """FinEntity: entity spans in paragraphs. A text in which a name gets two labels is ambiguous for it: no row."""
    found = [
        (paragraph["content"], span["value"], span["label"].lower())
        for paragraph in json.loads(path.read_text())
        for span in paragraph["annotations"]
    ]
    rows = pd.DataFrame(found, columns=["text", "entity", "label"]).drop_duplicates()
    return rows[~rows.duplicated(["text", "entity"], keep=False)]


def with_whole_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and one without entity for each text that has one label whomever one asks about."""
    labels = rows.groupby("text", sort=False)["label"].agg(["nunique", "first"])
    agreed = labels.loc[labels["nunique"] == 1, "first"]
    found = pd.DataFrame({"text": agreed.index, "label": agreed.to_numpy()})
    whole = make_rows(found, task="sentiment", source=rows["source"].iloc[0])
    return pd.concat([rows, whole], ignore_index=True)
