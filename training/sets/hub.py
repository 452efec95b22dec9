"""Sets from the Hugging Face hub, by id, or from a local folder in a format that `datasets.load_dataset` reads."""

import msgspec
import pandas as pd
from datasets import load_dataset

from sentfeat.errors import DataError
from training.sets.rows import make_rows
from training.sets.sentences import cut_score
from training.tasks import Task, cut_text


class HubSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hub dataset and which of its columns are what. The text of a concept is the question about it."""

    name: str
    dataset: str  # id on the hub, or a folder
    licence: str
    task: Task
    text: str  # this and the next four name columns
    label: str
    entity: str | None = None
    question: str | None = None
    group: str | None = None  # rows with one value in it are never torn apart
    config: str | None = None
    split: str = "train"
    labels: dict[str, str] = {}  # the label that each value of the label column stands for
    rows: int | None = None  # at most so many, drawn by the seed
    characters: int = 12_000  # of the text
    silver: bool = False

    def __post_init__(self) -> None:
        if self.task == "question" and self.question is None:
            raise ValueError(f"{self.name}: a set for the task question must name its question column")
        if self.task == "risk":
            raise ValueError(f"{self.name}: no hub set has these risk categories; use data.risks")


def read_hub(chosen: HubSet, seed: int) -> pd.DataFrame:
    """The rows of one hub set. Raises DataError if it cannot be loaded or lacks a column."""
    frame = _load(chosen)
    columns = {field: getattr(chosen, field) for field in ("text", "label", "entity", "question", "group")}
    columns = {field: column for field, column in columns.items() if column}
    absent = set(columns.values()) - set(frame.columns)
    if absent:
        raise DataError(f"{chosen.dataset}: no column {', '.join(sorted(absent))}; it has {', '.join(frame.columns)}")
    if chosen.rows and len(frame) > chosen.rows:
        frame = frame.sample(chosen.rows, random_state=seed)
    found = pd.DataFrame({field: frame[column] for field, column in columns.items()}).reset_index(drop=True)
    found["text"] = found["text"].map(lambda text: cut_text(text, chosen.characters), na_action="ignore")
    found["label"] = _labels(found["label"], chosen)
    return make_rows(found, task=chosen.task, source=chosen.name, silver=chosen.silver)


def _load(chosen: HubSet) -> pd.DataFrame:
    try:
        return load_dataset(chosen.dataset, chosen.config, split=chosen.split).to_pandas()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(
            f"dataset {chosen.dataset} (split {chosen.split}) cannot be loaded: {error}; "
            "check its id, the network and whether the hub wants a login"
        ) from error


def _labels(values: pd.Series, chosen: HubSet) -> pd.Series:
    if chosen.labels:
        return values.astype(str).map(chosen.labels)
    if chosen.task == "sentiment" and pd.api.types.is_float_dtype(values):
        return cut_score(values)
    return values
