"""Public sets in, instruction rows out: cleaned of poison, split without leaks, formatted by the engine's template.

    python -m training.build_dataset training/configs/instructions.toml --data DIR --out DIR

writes train.jsonl, validation.jsonl and test.jsonl (what a row is: training.sets.rows; with key, prompt, completion)
and data_card.json and data_card.md (rows by task, source, label and split; refusals; licences). training.sft builds
the same rows. A person can go through them with training.review; `review` in the config applies what was decided.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.errors import DataError
from sentfeat.score.prompt import TEMPLATES, Template, clean
from training.review import apply_review
from training.sets.calls import CallSet, read_calls
from training.sets.card import make_card, write_card
from training.sets.filings import (
    FilingSet,
    RiskSet,
    read_filings,
    read_further_risks,
    read_hand_risks,
    read_reading_risks,
    read_risks,
)
from training.sets.hub import HubSet, read_hub
from training.sets.rows import TAUGHT, make_rows, row_key
from training.sets.sentences import LabelledSet, read_set
from training.sets.split import split_rows
from training.sets.written import WrittenSet, read_written, without_twins
from training.tasks import can_answer, completion, make_prompt
from training.toml_config import read_toml

CONCEPTS = Path(__file__).with_name("concepts.jsonl")
MAX_CHARACTERS = 50_000
MAX_REFUSED_SHARE = 0.02


class ConceptSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project's own questions and answers, training/concepts.jsonl."""

    name: str = "concepts"
    licence: str = "Apache-2.0, as the code"


PARTS = ("train", "validation", "test")


class DataConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the model learns from and how much is held out."""

    shares: dict[str, float]  # of PARTS
    sets: list[LabelledSet] = []
    calls: list[CallSet] = []
    filings: list[FilingSet] = []
    risks: list[RiskSet] = []
    read_risks: list[RiskSet] = []  # none in the test part, for which there are
    further_risks: list[RiskSet] = []  # with their company, where the sets before have it; else in the training part
    hand_risks: list[RiskSet] = []  # all in the test part
    concepts: list[ConceptSet] = []
    written: list[WrittenSet] = []  # all in the training part
    hub: list[HubSet] = []
    seed: int = 0
    review: str | None = None  # decisions of training.review, relative to the working directory

    def __post_init__(self) -> None:
        names = Counter(chosen.name for chosen in self.every_set)
        twice = [name for name, count in names.items() if count > 1]
        if twice or not names:
            raise ValueError(f"each set needs a name of its own, twice: {twice}" if twice else "no set is named")
        if set(self.shares) != set(PARTS):
            raise ValueError(f"shares must give {', '.join(PARTS)}; got {', '.join(self.shares)}")

    @property
    def every_set(self) -> list[LabelledSet | CallSet | FilingSet | RiskSet | ConceptSet | WrittenSet | HubSet]:
        risks = [*self.risks, *self.read_risks, *self.further_risks, *self.hand_risks]
        return [*self.sets, *self.calls, *self.filings, *risks, *self.concepts, *self.written, *self.hub]


class BuildConfig(msgspec.Struct, frozen=True):
    """The part of an experiment that this module reads; the rest is training.sft's."""

    template: str
    data: DataConfig

    def __post_init__(self) -> None:
        if self.template not in TEMPLATES:
            raise ValueError(f"template {self.template!r} is none of {', '.join(TEMPLATES)}")


def read_config(path: Path) -> BuildConfig:
    """The data part of a TOML file; raises ConfigError naming the key that is wrong."""
    return read_toml(path, BuildConfig)


def build(config: DataConfig, data: Path) -> tuple[pd.DataFrame, dict]:
    """Rows (training.sets.rows.COLUMNS and split) of all sets and the data card.

    Raises DataError if more than 2 % of a set's rows are refused.
    """
    usable = {source: refuse_poisoned(rows) for source, rows in read_all(config, data).items()}
    refused = {source: reasons for source, (_, reasons) in usable.items() if reasons}
    rows = pd.concat([rows for rows, _ in usable.values()], ignore_index=True)
    further = in_sets(rows, config.further_risks)
    rows = pd.concat([rows[~further].drop_duplicates(TAUGHT), rows[further]], ignore_index=True)
    rows["split"] = parts_of(rows, config)
    further = in_sets(rows, config.further_risks)
    guessed = rows["silver"] & rows["text"].isin(rows.loc[further, "text"])  # what was read needs no rule
    rows = rows[~guessed]
    rows = without_twins(rows, in_sets(rows, [*config.written, *config.further_risks]) & (rows["split"] == "train"))
    rows, reviewed = apply_review(rows, Path(config.review) if config.review else None)
    licences = {chosen.name: chosen.licence for chosen in config.every_set}
    return rows, make_card(rows, licences, refused, reviewed)


def in_sets(rows: pd.DataFrame, sets: Sequence[RiskSet | WrittenSet]) -> pd.Series:
    """Whether each row is of one of the sets."""
    return rows["source"].isin([chosen.name for chosen in sets])


def parts_of(rows: pd.DataFrame, config: DataConfig) -> pd.Series:
    """The part of each row: as `shares` says, except where DataConfig gives a set a place of its own."""
    by_hand, further, written = (
        in_sets(rows, sets) for sets in (config.hand_risks, config.further_risks, config.written)
    )
    part = pd.Series("test", index=rows.index)
    part[written] = "train"
    shared = ~(by_hand | further | written)
    part[shared] = split_rows(rows[shared], config.shares, config.seed)
    of_group = part[shared].groupby(rows.loc[shared, "group"]).first()
    part[further] = rows.loc[further, "group"].map(of_group).fillna("train")
    read = in_sets(rows, [*config.read_risks, *config.further_risks])
    return part.mask(read & (part == "test"), "validation")


def read_all(config: DataConfig, data: Path) -> dict[str, pd.DataFrame]:
    """The rows of each set by its name."""
    return {
        **{chosen.name: read_set(chosen, data) for chosen in config.sets},
        **{chosen.name: read_calls(chosen, data) for chosen in config.calls},
        **{chosen.name: read_filings(chosen, data) for chosen in config.filings},
        **{chosen.name: read_risks(chosen, data) for chosen in config.risks},
        **{chosen.name: read_reading_risks(chosen, data) for chosen in config.read_risks},
        **{chosen.name: read_further_risks(chosen, data) for chosen in config.further_risks},
        **{chosen.name: read_hand_risks(chosen, data) for chosen in config.hand_risks},
        **{chosen.name: read_concepts(chosen) for chosen in config.concepts},
        **{chosen.name: read_written(chosen) for chosen in config.written},
        **{chosen.name: read_hub(chosen, config.seed) for chosen in config.hub},
    }


def read_concepts(chosen: ConceptSet) -> pd.DataFrame:
    """The project's own explanations of financial concepts."""
    found = pd.read_json(CONCEPTS, lines=True).rename(columns={"question": "text", "answer": "label"})
    return make_rows(found[["text", "label"]], task="concept", source=chosen.name)


def refuse_poisoned(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The usable rows of a set, and how many were refused by reason. Raises DataError above MAX_REFUSED_SHARE."""
    text = rows["text"].where(rows["text"].notna(), "").astype(str)
    answered = [can_answer(task, label) for task, label in zip(rows["task"], rows["label"], strict=True)]
    reasons = pd.Series("", index=rows.index)
    reasons[[not known for known in answered]] = "unknown label"
    reasons[text.str.len() > MAX_CHARACTERS] = "too long"
    reasons[text.str.slice(0, MAX_CHARACTERS).map(clean) == ""] = "empty text"
    refused = dict(Counter(reasons[reasons != ""]))
    if sum(refused.values()) > MAX_REFUSED_SHARE * len(rows):
        raise DataError(
            f"{sum(refused.values())} of {len(rows)} rows of {rows['source'].iloc[0]} refused: {refused}; "
            "is this the right file?"
        )
    return rows[reasons == ""].reset_index(drop=True), refused


def write_rows(rows: pd.DataFrame, card: dict, template: Template, out: Path) -> None:
    """The rows with key, prompt and completion, a file per split, and the card."""
    out.mkdir(parents=True, exist_ok=True)
    written = rows.assign(
        key=[row_key(row) for row in rows[TAUGHT].to_dict("records")],
        prompt=[
            str(make_prompt(template, row.task, row.text, entity=row.entity, question=row.question))
            for row in rows.itertuples()
        ],
        completion=[completion(template, row.task, row.label) for row in rows.itertuples()],
    )
    for split, part in written.groupby("split"):
        part.drop(columns="split").to_json(out / f"{split}.jsonl", orient="records", lines=True, force_ascii=False)
    write_card(card, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, default=Path(), help="the folder of the sets that are files")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    rows, card = build(config.data, arguments.data)
    write_rows(rows, card, TEMPLATES[config.template], arguments.out)
    print((arguments.out / "data_card.md").read_text())


if __name__ == "__main__":
    main()
