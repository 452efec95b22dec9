"""What a data set is made of: data_card.json for programs, data_card.md for people."""

import json
from pathlib import Path

import pandas as pd

from training.sets.calls import figures
from training.tasks import NO_RISK, Label, Task

IN_WORDS = "(in words)"


def make_card(rows: pd.DataFrame, licences: dict[str, str], refused: dict, reviewed: dict[str, int]) -> dict:
    """Counts by task, source, label and split; licences; what was refused and what a person reviewed.

    Under `labels` a row with two risks counts for both.
    """
    names = [label_names(task, label) for task, label in zip(rows["task"], rows["label"], strict=True)]
    summaries = rows[rows["task"] == "summary"]
    return {
        "licences": licences,
        "refused": refused,
        "reviewed": reviewed,
        "rows": _counts(rows, ["task", "source"]),
        "labels": _counts(rows.assign(label=names).explode("label"), ["task", "source", "label"]),
        "silver": {
            " / ".join(key): int(n) for key, n in rows[rows["silver"]].groupby(["task", "source"]).size().items()
        },
        "summaries": len(summaries),
        "summaries_with_every_figure_in_the_text": sum(
            figures(label) <= figures(text) for label, text in zip(summaries["label"], summaries["text"], strict=True)
        ),
        "split": "by near-duplicate group; the rows of a call, and of a company's filings, stay together",
    }


def label_names(task: Task, label: Label) -> list[str]:
    """The names under which a row's label is counted."""
    if task == "risk":
        return list(label) or [NO_RISK]
    return [label] if task == "sentiment" else [IN_WORDS]


def write_card(card: dict, out: Path) -> None:
    (out / "data_card.json").write_text(json.dumps(card, indent=2) + "\n")
    (out / "data_card.md").write_text(card_text(card))


def card_text(card: dict) -> str:
    """The card as Markdown."""
    splits = list(next(iter(card["rows"].values())))
    total = sum(sum(counts.values()) for counts in card["rows"].values())
    refused = {f"{source} / {reason}": n for source, found in card["refused"].items() for reason, n in found.items()}
    return f"""# Data card

{total:,} rows. Silver ones have a label made by a rule, not by a person. Split {card["split"]}.
{card["summaries_with_every_figure_in_the_text"]:,} of {card["summaries"]:,} summaries have all their figures in the
text that is shown.

## Rows
{_table(["task", "source", *splits, "silver"], _with_silver(card))}
## Labels
{_table(["task", "source", "label", *splits], {key: counts.values() for key, counts in card["labels"].items()})}
## Refused
{_table(["source", "reason", "rows"], {key: [n] for key, n in refused.items()})}
## Reviewed by a person
{_table(["verdict", "rows"], {verdict: [n] for verdict, n in card["reviewed"].items()})}
## Licences
{_table(["source", "licence"], {source: [licence] for source, licence in card["licences"].items()})}"""


def _counts(rows: pd.DataFrame, by: list[str]) -> dict[str, dict[str, int]]:
    counts = rows.groupby([*by, "split"]).size().unstack("split", fill_value=0)
    return {" / ".join(key): {split: int(n) for split, n in row.items()} for key, row in counts.iterrows()}


def _with_silver(card: dict) -> dict[str, list[int]]:
    return {key: [*counts.values(), card["silver"].get(key, 0)] for key, counts in card["rows"].items()}


def _table(head: list[str], body: dict) -> str:
    """A Markdown table; the keys of `body` are its first cells."""
    lines = [head, ["---"] * len(head), *([*key.split(" / "), *map(str, rest)] for key, rest in body.items())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) if body else "None.\n"
