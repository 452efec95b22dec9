"""What is asked of which text: each text is read once, each question about it put once.

Items are (text, entity) pairs as a caller gives them, with repetitions. A sentiment question is about the pair, a risk
question about the text, whatever the entity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sentfeat.errors import DataError
from sentfeat.score.batches import Shapes
from sentfeat.score.prompt import PromptEncoder, Task


@dataclass(frozen=True)
class Asked:
    """The distinct questions of a task, in the order of their texts."""

    text_of: np.ndarray  # (questions,) position of the text, ascending
    tails: list[list[int]]  # token ids of each question
    answer_of: np.ndarray  # (items,) the question that each item asks

    def about(self, members: np.ndarray) -> np.ndarray:
        """The questions about the texts at positions `members`."""
        begin, end = np.searchsorted(self.text_of, members), np.searchsorted(self.text_of, members, side="right")
        return np.concatenate([np.arange(*span) for span in zip(begin, end, strict=True)])


@dataclass(frozen=True)
class Questions:
    """Distinct texts as token ids (none where nothing is left after cleaning), and what is asked about them."""

    texts: list[list[int]]
    cut: int  # texts that were too long
    asked: dict[Task, Asked]
    text_of: np.ndarray  # (items,) position of each item's text

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, (texts,)."""
        return lengths_of(self.texts)

    def widths_asked(self, shapes: Shapes) -> np.ndarray:
        """The widths of the questions about each text, summed, (texts,): equals are best read together."""
        sums = np.zeros(len(self.texts), dtype=np.int64)
        for asked in self.asked.values():
            np.add.at(sums, asked.text_of, shapes.widths(lengths_of(asked.tails)))
        return sums

    @cached_property
    def _by_text(self) -> tuple[np.ndarray, np.ndarray]:
        items = np.argsort(self.text_of, kind="stable")
        return items, np.searchsorted(self.text_of[items], np.arange(len(self.texts) + 1))

    def items_of(self, members: np.ndarray) -> np.ndarray:
        """The items about the texts at positions `members`."""
        items, starts = self._by_text
        return np.concatenate([items[starts[text] : starts[text + 1]] for text in members] or [items[:0]])

    def collect(self, items: np.ndarray, answers: dict[Task, np.ndarray]) -> tuple[np.ndarray, dict[Task, np.ndarray]]:
        """`items` (m,) with the rows (m, answers) of each task's `answers` (questions, answers) that belong to them."""
        return items, {task: answers[task][asked.answer_of[items]] for task, asked in self.asked.items()}

    @classmethod
    def of(
        cls, texts: Sequence[str], entities: Sequence[str | None], tasks: Sequence[Task], encoder: PromptEncoder
    ) -> "Questions":
        """The questions of `tasks` about each (text, entity). Raises DataError for what is no string."""
        check_items(texts, entities)
        found: dict[str, int] = {}
        text_of = np.array([found.setdefault(text, len(found)) for text in texts], dtype=np.int64)
        encoded, cut = encoder.encode_texts(list(found))
        names = [entity or None for entity in entities]
        asked = {
            task: _ask(text_of, names if task == "sentiment" else [None] * len(names), task, encoder) for task in tasks
        }
        return cls(encoded, cut, asked, text_of)


def lengths_of(token_ids: Sequence[Sequence[int]]) -> np.ndarray:
    """How many tokens each has, (n,) int64."""
    return np.array([len(ids) for ids in token_ids], dtype=np.int64)


def _ask(text_of: np.ndarray, entities: Sequence[str | None], task: Task, encoder: PromptEncoder) -> Asked:
    tails = encoder.encode_questions(dict.fromkeys(entities), task)
    number = {entity: at for at, entity in enumerate(tails)}
    asked = np.array([number[entity] for entity in entities], dtype=np.int64)
    pairs, answer_of = np.unique(np.stack([text_of, asked]), axis=1, return_inverse=True)
    every = list(tails.values())
    return Asked(pairs[0], [every[at] for at in pairs[1]], answer_of)


def check_items(texts: Sequence[str], entities: Sequence[str | None]) -> None:
    """Raises DataError unless there is one entity, or None, for each text, and all are strings."""
    if len(texts) != len(entities):
        raise DataError(f"{len(texts)} texts but {len(entities)} entities: give one entity, or None, per text")
    for text, entity in zip(texts, entities, strict=True):
        if not isinstance(text, str) or not isinstance(entity, str | None):
            raise DataError(f"a text must be a string and an entity a string or None, got {text!r} and {entity!r}")
