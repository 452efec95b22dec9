"""Prompt and completion of every task, around the template that the engine scores with.

Sentiment and risk are the template's own prompts. Tasks that are answered in words keep its order, [instruction][text]
[question], inside its own marks, so that one adapter can serve all of them.
"""

from typing import Literal, NamedTuple

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS, Template, clean

Task = Literal["sentiment", "risk", "summary", "question", "concept"]

Label = str | tuple[str, ...]
"""What a row teaches: a sentiment, the risks that hold (maybe none), or an answer in words."""

NO_RISK = "none"

_ASKED = {
    "summary": "You read the transcript of an earnings call.",
    "question": "You read a passage from a company. Answer from the passage alone.",
    "concept": "You explain finance in two to four plain sentences.",
}
_SUMMARISE = "Sum up the key figures and the outlook, one short line each."


class Prompt(NamedTuple):
    """A prompt in three parts: only `text` may be cut to fit a context."""

    head: str
    text: str
    tail: str

    def __str__(self) -> str:
        return "".join(self)


def make_prompt(
    template: Template, task: Task, text: str, *, entity: str | None = None, question: str | None = None
) -> Prompt:
    """What the model reads before it answers. `text` of a concept is the question about it."""
    if task == "sentiment":
        return Prompt(template.instruction, clean(text), template.ask(entity))
    if task == "risk":
        return Prompt(template.instruction, clean(text), template.ask(task="risk"))
    begin, end = _turn(template)
    if task == "concept":
        return Prompt(f"{begin}{_ASKED[task]}\n", clean(text), end)
    asked = _SUMMARISE if task == "summary" else clean(question or "")
    return Prompt(f"{begin}{_ASKED[task]}\nText: ", clean(text), f"\n{asked}{end}")


def _turn(template: Template) -> tuple[str, str]:
    """What stands before the instruction and after the question: the marks of a user's turn, if there are any."""
    begin, found, _ = template.instruction.partition("You read")
    return (begin, template.question.rpartition("?")[2]) if found else ("", "\nAnswer:")


def completion(template: Template, task: Task, label: Label) -> str:
    """The answer that training teaches."""
    if task == "sentiment":
        return template.completion(label)
    return template.risk_completion(label) if task == "risk" else f" {label}"


def parse_answer(task: Task, typed: str) -> Label:
    """The label that a person typed. Raises DataError if the task cannot have it."""
    typed = typed.strip()
    if task == "risk":
        named = {name.strip() for name in typed.split(",")} - {NO_RISK}
        label: Label = tuple(risk for risk in RISKS if risk in named)
        allowed = typed != "" and named <= set(RISKS)
    else:
        label, allowed = typed, can_answer(task, typed)
    if not allowed:
        raise DataError(f"{typed!r} is no answer for {task}: give {allowed_answers(task)}")
    return label


def allowed_answers(task: Task) -> str:
    """What `parse_answer` takes, for people."""
    choices = {"sentiment": f"one of {', '.join(LABELS)}", "risk": f"{NO_RISK}, or some of {', '.join(RISKS)}"}
    return choices.get(task, "some words")


def can_answer(task: Task, label: object) -> bool:
    """Whether `label` is one that the task can have."""
    if task == "sentiment":
        return label in LABELS
    if task == "risk":
        return isinstance(label, tuple) and set(label) <= set(RISKS)
    return isinstance(label, str) and label.strip() != ""


def cut_text(text: str, characters: int) -> str:
    """The sentences of `text` that fit into `characters`; a first sentence that is longer is cut."""
    if len(text) <= characters:
        return text
    kept = text[:characters]
    end = max(kept.rfind(". "), kept.rfind(".\n"), kept.rfind("\n"))
    return kept[: end + 1].strip() if end > 0 else kept
