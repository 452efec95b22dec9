"""Earnings calls (ECTSum): a summary of each transcript, and questions whose answer stands in a few sentences of it.

The summaries are people's. Their bullets also give questions: "q1 adjusted earnings per share $3.34." answers what the
company reported for adjusted earnings per share. The question is a rule's, so these rows are silver, and a bullet gets
one only if a sentence of the call speaks of the quantity and has every figure of the bullet.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pandas as pd

from sentfeat.errors import DataError
from training.sets.rows import make_rows
from training.tasks import cut_text

AROUND = 2
"""Sentences shown before and after the one that answers."""

_METRIC = (
    r"(?P<metric>(?:[a-z&-]+ ){0,3}?(?:(?:earnings|loss|ffo|book value) per share|net (?:interest )?income|ebitda"
    r"|same[- ]store sales|free cash flow|capital expenditures|revenues?|sales))\b"
)
_PERIOD = r"(?P<period>fy(?: \d{4})?|q[1-4](?: \d{4})?|\d{4})"
_REPORTED = re.compile(rf"(?:q[1-4]|qtrly|quarterly) {_METRIC}")
_EXPECTED = re.compile(rf"sees {_PERIOD} {_METRIC}")
_SPEAKER = re.compile(r"^compname (?:reports|posts|announces) ")
_DATE = re.compile(r"\b(?:q[1-4]|fy|20\d\d)\b")
_FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ALIKE = (  # words of which a sentence must have one if the quantity has one
    ("earnings", "loss", "income", "eps", "profit"),
    ("ffo", "funds from operations"),
    ("sales", "revenue"),
    ("capital expenditures", "capital spending", "capex"),
)


class CallSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A .jsonl.gz of calls with id, transcript and summary, both a sentence a line."""

    name: str
    file: str
    licence: str
    characters: int = 12_000  # of a transcript shown for its summary; some 3,000 tokens
    questions: bool = True


def read_calls(chosen: CallSet, data: Path) -> pd.DataFrame:
    """A summary row for each call and, if asked for, its question rows. Raises DataError if the file is missing."""
    path = data / chosen.file
    if not path.exists():
        raise DataError(f"{path} is missing; --data must name the folder that holds the calls")
    with gzip.open(path, "rt") as lines:
        calls = [json.loads(line) for line in lines]
    summaries = [
        {"text": cut_text(c["transcript"], chosen.characters), "label": c["summary"].strip(), "group": c["id"]}
        for c in calls
    ]
    rows = [make_rows(summaries, task="summary", source=chosen.name)]
    if chosen.questions:
        asked = [{**row, "group": call["id"]} for call in calls for row in _questions(call)]
        rows.append(make_rows(asked, task="question", source=chosen.name, silver=True))
    return pd.concat(rows, ignore_index=True)


def figures(text: str) -> set[str]:
    """The numbers in a text, without thousands separators; years and quarters are no figures."""
    return {number.replace(",", "") for number in _FIGURE.findall(_DATE.sub("", text))}


def _questions(call: dict) -> Iterator[dict]:
    """text, question and label of each bullet that the call itself answers; one row a question."""
    sentences = call["transcript"].strip().split("\n")
    asked: set[str] = set()
    for bullet in call["summary"].strip().split("\n"):
        answer = _SPEAKER.sub("", bullet)
        found = _REPORTED.match(answer) or _EXPECTED.match(answer)
        place = _answered(sentences, answer, found["metric"]) if found else None
        if place is None or (question := _ask(found)) in asked:
            continue
        asked.add(question)
        shown = sentences[max(0, place - AROUND) : place + AROUND + 1]
        yield {"text": " ".join(shown), "question": question, "label": answer}


def _ask(found: re.Match) -> str:
    if found.re is _EXPECTED:
        return f"What does the company expect for {found['metric']} in {found['period'].upper()}?"
    return f"What did the company report for {found['metric']} in the quarter?"


def _answered(sentences: list[str], answer: str, metric: str) -> int | None:
    """Where the first sentence is that speaks of `metric` and has all figures of `answer`."""
    words = next((group for group in _ALIKE if any(word in metric for word in group)), (metric.split()[-1],))
    needed = figures(answer)
    places = (
        place
        for place, sentence in enumerate(sentences)
        if needed and needed <= figures(sentence) and any(word in sentence.lower() for word in words)
    )
    return next(places, None)
