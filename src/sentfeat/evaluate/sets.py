"""Labelled rows from files: the public sets by name from a folder, or a file of one's own.

A row is `text`, `entity` (or None), `label`, `source`; `score` (FiQA's, in [-1, 1]), `agreement` (PhraseBank's) and
`split` where the file has them.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS, clean

FIQA_CUTS = (-0.1, 0.1)  # the usual cuts of its score
COLUMNS = ["text", "entity", "label", "source", "score", "agreement"]
FILES = "phrasebank*.csv, twitter*.csv, sentfin*.csv, fiqa*.csv, finentity*.json, twitter_valid*.csv, flare*.csv"


def read_sets(folder: Path) -> dict[str, pd.DataFrame]:
    """The sets found in `folder`, by name; several files of a set are joined. Raises DataError if there is none."""
    readers: dict[str, tuple[str, Callable[[Path], pd.DataFrame]]] = {
        "phrasebank": ("phrasebank*.csv", pd.read_csv),
        "twitter_valid": ("twitter_valid*.csv", pd.read_csv),
        "twitter": ("twitter*.csv", pd.read_csv),
        "sentfin": ("sentfin*.csv", pd.read_csv),
        "fiqa": ("fiqa*.csv", _read_fiqa),
        "finentity": ("finentity*.json", _read_spans),
        "flare_fpb": ("flare*fpb*.csv", _read_flare),
        "flare_fiqa": ("flare*fiqa*.csv", _read_flare),
    }
    found: dict[str, pd.DataFrame] = {}
    taken: set[Path] = set()
    for name, (pattern, read) in readers.items():
        files = sorted(set(Path(folder).glob(pattern)) - taken)
        taken.update(files)
        if files:
            joined = pd.concat([_checked(read(file), file) for file in files], ignore_index=True)
            found[name] = _usable(_rows(joined, name))
    if not found:
        raise DataError(f"{folder} holds none of the known sets ({FILES})")
    if "sentfin" in found:
        found["sentfin"] = _with_whole_texts(found["sentfin"])
    return found


def own_rows(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A user's own table as rows; `name` is the source where it has no such column.

    Rows of other tasks (a `task` column that is not "sentiment") are left out. An empty text stays: no model can answer
    it; how a label is capitalised does not matter. Raises DataError without text and label columns, without rows or for
    an unknown label.
    """
    if "task" in frame:
        frame = frame[frame["task"] == "sentiment"]
    frame = _checked(frame, Path(name))
    frame = frame.assign(label=frame["label"].astype(str).str.strip().str.lower())
    strange = sorted(set(frame["label"]) - set(LABELS))
    if strange or frame.empty:
        raise DataError(f"{name}: labels must be {', '.join(LABELS)}, got {strange[:5] or 'no rows'}")
    rows = _rows(frame.reset_index(drop=True), Path(name).name)
    if "source" in frame:
        rows["source"] = frame["source"].fillna(Path(name).name).astype(str).to_numpy()
    if "split" in frame:
        rows["split"] = frame["split"].astype(str).to_numpy()
    return rows


def entities(rows: pd.DataFrame) -> list[str | None]:
    """Whom each row asks about: a name or None, whatever pandas made of an empty cell."""
    return [name if isinstance(name, str) and name.strip() else None for name in rows["entity"]]


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    absent = [name for name in ("text", "label") if name not in frame]
    if absent:
        raise DataError(f"{path} has no column {', '.join(absent)}; it has {list(frame.columns)}")
    return frame


def _rows(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    rows = frame.reindex(columns=COLUMNS).assign(source=source)
    rows["text"] = rows["text"].fillna("").astype(str)
    return rows.assign(entity=pd.Series(entities(rows), index=rows.index, dtype=object))


def _usable(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with something to read and a known label, as training keeps them."""
    return rows[rows["label"].isin(LABELS) & (rows["text"].map(clean) != "")].reset_index(drop=True)


def _read_fiqa(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path)
    absent = {"text", "target", "score"} - set(frame)
    if absent:
        raise DataError(f"{path} has no column {', '.join(sorted(absent))}; it has {list(frame.columns)}")
    low, high = FIQA_CUTS
    label = pd.Series("neutral", index=frame.index).mask(frame["score"] < low, "negative")
    return frame.assign(entity=frame["target"], label=label.mask(frame["score"] > high, "positive"))


def _read_spans(path: Path) -> pd.DataFrame:
    """FinEntity: entity spans in paragraphs. A text in which a name gets two labels is ambiguous for it: no row."""
    found = [
        (paragraph["content"], span["value"], span["label"].lower())
        for paragraph in json.loads(path.read_text(encoding="utf-8"))
        for span in paragraph["annotations"]
    ]
    rows = pd.DataFrame(found, columns=["text", "entity", "label"]).drop_duplicates()
    return rows[~rows.duplicated(["text", "entity"], keep=False)]


def _read_flare(path: Path) -> pd.DataFrame:
    return pd.read_csv(path).rename(columns={"answer": "label"})


def _with_whole_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """And a row without entity for each text that has one label whomever one asks about."""
    labels = rows.groupby("text", sort=False)["label"].agg(["nunique", "first"])
    agreed = labels.loc[labels["nunique"] == 1, "first"]
    whole = pd.DataFrame({"text": agreed.index, "label": agreed.to_numpy(), "source": rows["source"].iloc[0]})
    whole = whole.reindex(columns=COLUMNS).astype({"entity": object})
    whole["entity"] = None
    return pd.concat([rows, whole], ignore_index=True)
