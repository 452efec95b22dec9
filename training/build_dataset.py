"""Labelled sets in, one table of training rows out: cleaned of poison, split by near-duplicate group.

    python -m training.build_dataset training/configs/embedded.toml --data DIR --out DIR

writes train.jsonl, validation.jsonl and test.jsonl (text, entity, label, source, prompt, completion) and
data_card.json (rows by set, label and split; what was refused and why; licences). training.sft builds the same rows.
"""

import argparse
import json
import tomllib
from collections import Counter
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.errors import DataError
from sentfeat.evaluate.protocols import grouped_split
from sentfeat.score.prompt import LABELS, TEMPLATES, Template, clean

MAX_CHARACTERS = 50_000
MAX_REFUSED_SHARE = 0.02
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


class DataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model learns from and how much is held out."""

    sets: list[LabelledSet]
    shares: dict[str, float]  # train, validation, test
    seed: int = 0


def build(config: DataConfig, data: Path) -> tuple[pd.DataFrame, dict]:
    """Rows (text, entity or None, label, source, split) of all sets and the data card.

    Raises DataError if more than 2 % of the rows are refused.
    """
    rows = pd.concat([read_set(chosen, data) for chosen in config.sets], ignore_index=True)
    rows, refused = refuse_poisoned(rows)
    rows = rows.drop_duplicates(["text", "entity", "label"]).reset_index(drop=True)
    rows["split"] = grouped_split(rows["text"].tolist(), config.shares, config.seed)
    return rows, data_card(config, rows, refused)


def read_set(chosen: LabelledSet, data: Path) -> pd.DataFrame:
    """One set as rows of text, entity, label, source. Raises DataError if the file or a column is missing."""
    path = data / chosen.file
    if not path.exists():
        raise DataError(f"{path} is missing; --data must name the folder with the labelled sets")
    frame = _read_spans(path) if path.suffix == ".json" else pd.read_csv(path)
    absent = {"text", chosen.label, chosen.entity or "text"} - set(frame.columns)
    if absent:
        raise DataError(f"{path}: no column {', '.join(sorted(absent))}; it has {', '.join(frame.columns)}")
    entity = frame[chosen.entity].astype(object) if chosen.entity else None
    label = frame[chosen.label]
    label = _cut(label) if pd.api.types.is_numeric_dtype(label) else label
    rows = pd.DataFrame({"text": frame["text"], "entity": entity, "label": label, "source": chosen.name}, dtype=object)
    rows["entity"] = rows["entity"].where(rows["entity"].notna(), None)
    return pd.concat([rows, _agreeing(rows)], ignore_index=True) if chosen.whole_text else rows


def refuse_poisoned(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The usable rows, and how many were refused by reason. Raises DataError above MAX_REFUSED_SHARE."""
    text = rows["text"].where(rows["text"].notna(), "").astype(str)
    reasons = pd.Series("", index=rows.index)
    reasons[~rows["label"].isin(LABELS)] = "unknown label"
    reasons[text.str.len() > MAX_CHARACTERS] = "too long"
    reasons[text.str.slice(0, MAX_CHARACTERS).map(clean) == ""] = "empty text"
    refused = dict(Counter(reasons[reasons != ""]))
    if sum(refused.values()) > MAX_REFUSED_SHARE * len(rows):
        raise DataError(f"{sum(refused.values())} of {len(rows)} rows refused: {refused}; is this the right file?")
    return rows[reasons == ""].reset_index(drop=True), refused


def data_card(config: DataConfig, rows: pd.DataFrame, refused: dict[str, int]) -> dict:
    """Counts and licences, for people and for the passport."""
    counts = rows.groupby(["source", "split", "label"]).size()
    return {
        "licences": {chosen.name: chosen.licence for chosen in config.sets},
        "refused": refused,
        "rows": {" / ".join(key): int(count) for key, count in counts.items()},
        "split": "by near-duplicate group",
    }


def write_rows(rows: pd.DataFrame, card: dict, template: Template, out: Path) -> None:
    """The rows as readable prompt and completion, a file per split."""
    out.mkdir(parents=True, exist_ok=True)
    pairs = zip(rows["text"], rows["entity"], strict=True)
    written = rows.assign(
        prompt=[template.prompt(text, entity) for text, entity in pairs],
        completion=[template.completion(label) for label in rows["label"]],
    )
    for split, part in written.groupby("split"):
        part.drop(columns="split").to_json(out / f"{split}.jsonl", orient="records", lines=True, force_ascii=False)
    (out / "data_card.json").write_text(json.dumps(card, indent=2) + "\n")


def _read_spans(path: Path) -> pd.DataFrame:
    """FinEntity: entity spans in paragraphs. A text in which a name gets two labels is ambiguous for it: no row."""
    found = [
        (paragraph["content"], span["value"], span["label"].lower())
        for paragraph in json.loads(path.read_text())
        for span in paragraph["annotations"]
    ]
    rows = pd.DataFrame(found, columns=["text", "entity", "label"]).drop_duplicates()
    return rows[~rows.duplicated(["text", "entity"], keep=False)]


def _cut(score: pd.Series) -> pd.Series:
    low, high = FIQA_CUTS
    return pd.Series("neutral", index=score.index).mask(score < low, "negative").mask(score > high, "positive")


def _agreeing(rows: pd.DataFrame) -> pd.DataFrame:
    """A row without entity for each text that has one label whomever one asks about."""
    labels = rows.groupby("text", sort=False)["label"].agg(["nunique", "first", "size"])
    agreed = labels[labels["nunique"] == 1]
    return pd.DataFrame(
        {"text": agreed.index, "entity": None, "label": agreed["first"].to_numpy(), "source": rows["source"].iloc[0]},
        dtype=object,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    chosen = tomllib.loads(arguments.config.read_text())
    rows, card = build(msgspec.convert(chosen["data"], DataConfig), arguments.data)
    write_rows(rows, card, TEMPLATES[chosen["template"]], arguments.out)
    print(json.dumps(card, indent=2))


if __name__ == "__main__":
    main()
