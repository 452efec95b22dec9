"""The project's own texts: written by a language model in the manner of the training rows, with their labels.

Only to learn from: they are all in the training part, and none is kept that is like a held-out text.
"""

from pathlib import Path
from typing import Literal

import msgspec
import pandas as pd

from sentfeat.evaluate.protocols import near_duplicate_groups
from training.sets.rows import make_rows
from training.sets.sentences import with_whole_texts
from training.tasks import NO_RISK

FOLDER = Path(__file__).parents[1] / "written"


class WrittenSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of training/written: text, label and entity (or none); for risks text and labels, spaces between them."""

    name: str
    file: str
    task: Literal["sentiment", "risk"] = "sentiment"
    licence: str = "Apache-2.0, as the code"
    repeat: int = 1  # how often an epoch shows each of its rows


def read_written(chosen: WrittenSet) -> pd.DataFrame:
    """The rows of one file; a sentence whose entities all agree also makes a row without entity."""
    found = pd.read_csv(FOLDER / chosen.file, keep_default_na=False, na_values=[""])
    if chosen.task == "sentiment":
        return with_whole_texts(make_rows(found, task="sentiment", source=chosen.name))
    labels = found["labels"].map(lambda named: () if named == NO_RISK else tuple(named.split()), na_action="ignore")
    return make_rows(found[["text"]].assign(label=labels), task="risk", source=chosen.name)


def without_twins(rows: pd.DataFrame, written: pd.Series) -> pd.DataFrame:
    """The rows but for those `written` that are near duplicates of a text that is held out."""
    if not written.any():
        return rows
    compared = rows[written | (rows["split"] != "train")]
    groups = pd.Series(near_duplicate_groups(compared["text"].tolist()), index=compared.index)
    own = written[compared.index]
    twins = own & groups.isin(groups[~own])
    return rows.drop(index=twins.index[twins]).reset_index(drop=True)
