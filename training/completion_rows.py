"""Rows for the loss over whole answers, of any task: token ids of prompt and answer, the end mark after them.

Only the text is ever cut, never the question or the answer.
"""

import logging

import pandas as pd
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from sentfeat.errors import DataError
from sentfeat.score.prompt import PromptEncoder
from training.label_rows import SCORED
from training.tasks import Prompt, completion, make_prompt

logger = logging.getLogger(__name__)

MIN_TEXT_TOKENS = 16
MAX_REFUSED_SHARE = 0.02


class CompletionEncoder:
    """Fits prompt and answer into `sequence` tokens."""

    def __init__(self, encoder: PromptEncoder, tokenizer: PreTrainedTokenizerBase, sequence: int) -> None:
        self.sequence = sequence
        self._encoder = encoder
        self._tokenizer = tokenizer
        self._begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]

    def examples(self, rows: pd.DataFrame) -> Dataset:
        """input_ids, completion_mask (1 from the answer on) and length of each row that fits.

        Raises DataError if no row does, or if more than 2 % do not: their answers leave no room for a text.
        """
        pairs = [pair for task, part in rows.groupby("task", sort=False) for pair in self.encode(part, task)]
        fitting = [(prompt, answer) for prompt, answer in pairs if len(prompt) + len(answer) <= self.sequence]
        refused = len(pairs) - len(fitting)
        logger.info("%d rows by completion, %d refused as too long", len(fitting), refused)
        if not fitting or refused > MAX_REFUSED_SHARE * len(pairs):
            raise DataError(f"{refused} of {len(pairs)} rows do not fit {self.sequence} tokens; raise train.sequence")
        return Dataset.from_dict(
            {
                "input_ids": [[*prompt, *answer] for prompt, answer in fitting],
                "completion_mask": [[0] * len(prompt) + [1] * len(answer) for prompt, answer in fitting],
                "length": [len(prompt) + len(answer) for prompt, answer in fitting],
            }
        )

    def encode(self, rows: pd.DataFrame, task: str) -> list[tuple[list[int], list[int]]]:
        """Token ids of prompt and answer for rows of one task; some pairs may be longer than `sequence`."""
        template = self._encoder.template
        prompts = [make_prompt(template, task, r.text, entity=r.entity, question=r.question) for r in rows.itertuples()]
        labels = [completion(template, task, label) for label in rows["label"]]
        answers = self._answers([prompt.tail for prompt in prompts], labels)
        if task in SCORED:  # with the engine's own limit on the text and its way with long names
            found, cut = self._encoder.encode(rows["text"].tolist(), rows["entity"].tolist(), task)
        else:
            found, cut = self._in_words(prompts, answers)
        logger.info("%d %s rows, %d cut", len(rows), task, cut)
        return list(zip(found, answers, strict=True))

    def _in_words(self, prompts: list[Prompt], answers: list[list[int]]) -> tuple[list[list[int]], int]:
        found, cut = [], 0
        parts = [self._ids(list(part)) for part in zip(*prompts, strict=True)]
        for head, body, tail, answer in zip(*parts, answers, strict=True):
            room = self.sequence - len(self._begin) - len(head) - len(tail) - len(answer)
            cut += room < len(body)
            found.append([*self._begin, *head, *body[: max(room, MIN_TEXT_TOKENS)], *tail])
        return found, cut

    def _answers(self, tails: list[str], answers: list[str]) -> list[list[int]]:
        """Ids of the answers where they stand: alone, some tokenizers would put a space in front."""
        found = []
        whole = self._ids([tail + answer for tail, answer in zip(tails, answers, strict=True)])
        for asked, both in zip(self._ids(tails), whole, strict=True):
            if both[: len(asked)] != asked:
                raise DataError(f"question and answer share a token in {self._tokenizer.decode(both)!r}")
            found.append([*both[len(asked) :], self._tokenizer.eos_token_id])
        return found

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self._tokenizer(texts, add_special_tokens=False)["input_ids"]
