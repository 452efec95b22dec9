"""Labelled rows from files: the public sets by name from a folder, or a file of one's own.

A row is `text`, `entity` (or None), `label`, `source`; `score` (a number that tone is compared with, as FiQA's in
[-1, 1]), `agreement` (PhraseBank's) and `split` where the file has them. Cells of text are kept as they are written, as
`sentfeat score` keeps them: the entity "0700" is no number and "NA" is a word.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pandas as pd
import pyarrow as pa

from sentfeat.errors import DataError
from sentfeat.frames import is_csv, is_jsonl, read_csv, read_json_lines
from sentfeat.score.files import CHUNK, read_slices, scan
from sentfeat.score.prompt import LABELS, clean

FIQA_CUTS = (-0.1, 0.1)  # the usual cuts of its score
COLUMNS = ["text", "entity", "label", "source", "score", "agreement"]
TEXT = ("text", "entity", "label", "source", "split", "task", "target", "answer")
SPLITS = ("train", "validation", "test")
FILES = "phrasebank*.csv, twitter*.csv, sentfin*.csv, fiqa*.csv, finentity*.json, twitter_valid*.csv, flare*.csv"


def read_sets(folder: Path) -> dict[str, pd.DataFrame]:
    """The sets found in `folder`, by name; several files of a set are joined.

    Rows without a text or without one of LABELS (however it is capitalised) are left out. Raises DataError if there is
    no set, and for a file that cannot be read or has no row to use.
    """
    readers: dict[str, tuple[str, Callable[[Path], pd.DataFrame]]] = {
        "phrasebank": ("phrasebank*.csv", _read_rows),
        "twitter_valid": ("twitter_valid*.csv", _read_rows),
        "twitter": ("twitter*.csv", _read_rows),
        "sentfin": ("sentfin*.csv", _read_rows),
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
            parts = [_usable(_rows(_checked(read(file), file), name), file) for file in files]
            found[name] = pd.concat(parts, ignore_index=True)
    if not found:
        raise DataError(f"{folder} holds none of the known sets ({FILES})")
    if "sentfin" in found:
        found["sentfin"] = _with_whole_texts(found["sentfin"])
    return found


def read_own(path: Path) -> pd.DataFrame:
    """A user's own table, its columns of TEXT as they are written: CSV, JSON lines (both also .gz, .zst) or Parquet.

    Raises ConfigError for another format, DataError for a file that cannot be read.
    """
    if is_csv(path):
        return read_csv(path, TEXT)
    if is_jsonl(path):
        return pd.DataFrame(read_json_lines(path, dict), dtype=object)
    schema = pa.schema([field.with_type(pa.string()) if field.name in TEXT else field for field in scan(path).schema])
    return pa.concat_tables([schema.empty_table(), *read_slices(path, CHUNK, schema)]).to_pandas()


def own_rows(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A user's own table as rows; `name` is the source where it has no such column.

    Rows of other tasks (a `task` column that is not "sentiment") are left out. An empty text stays: no model can answer
    it; how labels and splits are capitalised does not matter. Raises DataError without text and label columns, without
    rows, for a label that is none of LABELS, a split that is none of SPLITS and a score that is no number.
    """
    if "task" in frame:
        frame = frame[frame["task"] == "sentiment"]
    frame = _checked(frame, Path(name)).reset_index(drop=True)
    rows = _rows(frame, Path(name).name)
    _require_known(rows["label"], LABELS, f"{name}: labels")
    if "source" in frame:
        rows["source"] = [_name(cell) or Path(name).name for cell in frame["source"]]
    if "split" in frame:
        rows["split"] = _plain(frame["split"])
        _require_known(rows["split"], SPLITS, f"{name}: values of the column split")
    rows["score"] = _numbers(rows["score"], Path(name))
    return rows


def entities(rows: pd.DataFrame) -> list[str | None]:
    """Whom each row asks about: a name or None, whatever pandas made of an empty cell."""
    return [_name(cell) for cell in rows["entity"]]


def _name(cell: object) -> str | None:
    missing = pd.api.types.is_scalar(cell) and pd.isna(cell)
    return None if missing or not str(cell).strip() else str(cell)


def _plain(cells: pd.Series) -> pd.Series:
    """Words in lower case without spaces around them, "" for an empty cell."""
    return pd.Series([(_name(cell) or "").strip().lower() for cell in cells], index=cells.index, dtype=str)


def _require_known(cells: pd.Series, known: tuple[str, ...], what: str) -> None:
    strange = sorted(set(cells) - set(known))
    if strange or cells.empty:
        raise DataError(f"{what} must be {', '.join(known)}, got {strange[:5] or 'no rows'}")


def _numbers(cells: pd.Series, path: Path) -> pd.Series:
    """As floats, NaN where a cell is empty. Raises DataError for what is no number."""
    numbers = pd.to_numeric(cells, errors="coerce").astype(float)
    strange = [cell for cell in cells[numbers.isna()] if _name(cell)]
    if strange:
        raise DataError(
            f"{path}: the column score must hold numbers that tone is compared with, got {strange[:5]}; name it "
            "otherwise if it holds something else"
        )
    return numbers


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    absent = [name for name in ("text", "label") if name not in frame]
    if absent:
        raise DataError(f"{path} has no column {', '.join(absent)}; it has {list(frame.columns)}")
    return frame


def _rows(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    rows = frame.reindex(columns=COLUMNS).assign(source=source)
    rows["text"] = rows["text"].fillna("").astype(str)
    rows["label"] = _plain(rows["label"])
    return rows.assign(entity=pd.Series(entities(rows), index=rows.index, dtype=object))


def _usable(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows with something to read and a known label, as training keeps them."""
    usable = rows[rows["label"].isin(LABELS) & (rows["text"].map(clean) != "")].reset_index(drop=True)
    if usable.empty:
        raise DataError(
            f"{path}: none of {len(rows)} rows has a text and a label {', '.join(LABELS)}; the labels there are "
            f"{sorted(set(rows['label']))[:5]}"
        )
    return usable


def _read_rows(path: Path) -> pd.DataFrame:
    return read_csv(path, TEXT)


def _read_fiqa(path: Path) -> pd.DataFrame:
    """FiQA: what is said of a target, with a score instead of a label. A row without a score has no label."""
    frame = _read_rows(path)
    absent = {"text", "target", "score"} - set(frame)
    if absent:
        raise DataError(f"{path} has no column {', '.join(sorted(absent))}; it has {list(frame.columns)}")
    score, (low, high) = _numbers(frame["score"], path), FIQA_CUTS
    label = pd.Series("neutral", index=frame.index).mask(score < low, "negative").mask(score > high, "positive")
    return frame.assign(entity=frame["target"], score=score, label=label.where(score.notna()))


class _Span(msgspec.Struct, frozen=True):
    value: str
    label: str


class _Paragraph(msgspec.Struct, frozen=True):
    content: str
    annotations: list[_Span]


def _read_spans(path: Path) -> pd.DataFrame:
    """FinEntity: entity spans in paragraphs. A text in which a name gets two labels is ambiguous for it: no row."""
    try:
        paragraphs = msgspec.json.decode(path.read_text(encoding="utf-8-sig"), type=list[_Paragraph])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot read {path}: {error}; it must be FinEntity's JSON in UTF-8: a list of content and annotations, "
            "each of these with value and label"
        ) from error
    found = [
        (paragraph.content, span.value, span.label.strip().lower())
        for paragraph in paragraphs
        for span in paragraph.annotations
    ]
    rows = pd.DataFrame(found, columns=["text", "entity", "label"]).drop_duplicates()
    return rows[~rows.duplicated(["text", "entity"], keep=False)]


def _read_flare(path: Path) -> pd.DataFrame:
    return _read_rows(path).rename(columns={"answer": "label"})


def _with_whole_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """And a row without entity for each text that has one label whomever one asks about."""
    labels = rows.groupby("text", sort=False)["label"].agg(["nunique", "first"])
    agreed = labels.loc[labels["nunique"] == 1, "first"]
    whole = pd.DataFrame({"text": agreed.index, "label": agreed.to_numpy(), "source": rows["source"].iloc[0]})
    whole = whole.reindex(columns=COLUMNS).astype({"entity": object})
    whole["entity"] = None
    return pd.concat([rows, whole], ignore_index=True)
