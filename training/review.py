"""A person goes through a sample of the rows: accept, fix or reject each.

    python -m training.review RUN/train.jsonl --out review.jsonl --sample 500

Each decision is a line added to --out at once, under the row's key, so that a review can be stopped at any point and
goes on with the same command. `review = "review.jsonl"` in the [data] part of a config applies the decisions.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
import pandas as pd
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from sentfeat.errors import DataError
from training.sets.rows import TAUGHT, row_key
from training.tasks import allowed_answers, parse_answer

KEYS = "[b]a[/b]ccept  [b]f[/b]ix  [b]r[/b]eject  [b]b[/b]ack  [b]q[/b]uit"


class Decision(msgspec.Struct, frozen=True):
    """What a person decided on the row with this key; `answer` is the fixed one, as typed."""

    key: str
    verdict: Literal["accept", "fix", "reject"]
    answer: str = ""


def read_decisions(path: Path) -> dict[str, Decision]:
    """The last decision on each key. A line torn by a kill counts as not decided.

    Raises DataError for a whole line that is no decision.
    """
    decisions = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            decision = msgspec.json.decode(line, type=Decision)
        except msgspec.ValidationError as error:
            raise DataError(f"{path}: {error} in {line[:80]!r}; correct that line or take it out") from error
        except msgspec.DecodeError:
            continue
        decisions[decision.key] = decision
    return decisions


def add_decision(path: Path, decision: Decision) -> None:
    """One line at the end of the file, on a line of its own whatever stands before it."""
    before = path.read_bytes() if path.exists() else b""
    torn = before != b"" and not before.endswith(b"\n")
    with path.open("ab") as file:
        file.write(b"\n" * torn + msgspec.json.encode(decision) + b"\n")


def draw_sample(rows: pd.DataFrame, size: int) -> pd.DataFrame:
    """`size` rows: equal parts of each task, in it of each source and sentiment, as far as there are; always the same.

    They come task by task, so that one question stays in mind.
    """
    kind = rows["task"] + rows["source"] + rows["completion"].where(rows["task"] == "sentiment", "")
    mixed = rows.assign(kind=kind).sort_values("key")
    mixed = mixed.assign(turn=mixed.groupby("kind").cumcount()).sort_values(["turn", "kind"])
    drawn = mixed.assign(turn=mixed.groupby("task").cumcount()).sort_values(["turn", "task"]).head(size)
    return drawn.sort_values(["task", "turn"]).reset_index(drop=True)


def walk(rows: pd.DataFrame, path: Path, console: Console) -> None:
    """Ask for a verdict on each row that has none yet; back goes to the row before, decided or not."""
    decisions = read_decisions(path)
    place = 0
    while place < len(rows):
        row = rows.iloc[place]
        if row["key"] in decisions:
            place += 1
            continue
        show(row, place, len(rows), console)
        step = ask(row, console)
        if step == "quit":
            break
        if step == "back":
            place = max(0, place - 1)
            decisions.pop(rows.iloc[place]["key"], None)
            continue
        add_decision(path, step)
        decisions[step.key] = step
        place += 1
    done = rows["key"].isin(read_decisions(path)).sum()
    console.print(f"{done} of {len(rows)} reviewed, decisions in {path}")


def show(row: pd.Series, place: int, size: int, console: Console) -> None:
    """Where one is, the prompt, and the completion under review."""
    label = "silver" if row["silver"] else "a person's label"
    console.rule(f"{place + 1}/{size}  {row['task']}, {row['source']}, {label}")
    console.print(Panel(Text(row["prompt"]), title="prompt"))
    console.print(Panel(Text(row["completion"].strip(), style="bold"), title="completion"))


def ask(row: pd.Series, console: Console) -> Decision | Literal["back", "quit"]:
    """The verdict from the keyboard or a pipe; its end is quit."""
    verdicts = {"a": "accept", "r": "reject"}
    try:
        while True:
            pressed = console.input(f"{KEYS} > ").strip().lower()
            if pressed in verdicts:
                return Decision(row["key"], verdicts[pressed])
            if pressed in ("b", "q"):
                return "back" if pressed == "b" else "quit"
            if pressed == "f" and (answer := ask_answer(row["task"], console)):
                return Decision(row["key"], "fix", answer)
    except EOFError:
        return "quit"


def ask_answer(task: str, console: Console) -> str:
    """The new completion, which ends with an empty line; empty if it is no answer for the task, which is said."""
    console.print(f"type {allowed_answers(task)}; an empty line ends it")
    answer = "\n".join(iter(console.input, ""))
    try:
        parse_answer(task, answer)
    except DataError as error:
        console.print(str(error), style="red", markup=False)
        return ""
    return answer


def apply_review(rows: pd.DataFrame, path: Path | None) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows without the rejected and with the fixed answers, and how many of each.

    `unmatched` counts decisions on rows that are not here: others of their set, or changed since. Raises DataError if
    the file is missing.
    """
    if path is None:
        return rows, {}
    if not path.exists():
        raise DataError(f"{path} is missing; training.review writes it, or take `review` out of the config")
    decisions = read_decisions(path)
    found = pd.Series([decisions.get(row_key(row)) for row in rows[TAUGHT].to_dict("records")], index=rows.index)
    verdicts = found.map(lambda decision: decision.verdict, na_action="ignore")
    fixed = rows.index[verdicts == "fix"]
    labels = rows["label"].copy()
    for place in fixed:
        labels.at[place] = parse_answer(rows.at[place, "task"], found[place].answer)
    counts = Counter(verdicts.dropna())
    counted = {verdict: counts[verdict] for verdict in ("accept", "fix", "reject")}
    counted["unmatched"] = len(decisions) - sum(counted.values())
    return rows.assign(label=labels)[verdicts != "reject"].reset_index(drop=True), counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, help="a file of training.build_dataset")
    parser.add_argument("--out", type=Path, required=True, help="decisions; added to if it is there")
    parser.add_argument("--sample", type=int, default=500)
    arguments = parser.parse_args()
    rows = pd.read_json(arguments.rows, lines=True, dtype={"key": str})
    walk(draw_sample(rows, arguments.sample), arguments.out, Console())


if __name__ == "__main__":
    main()
