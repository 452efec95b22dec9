"""The one template and label set: training writes its rows through this module and the engine scores through it.

A prompt is [instruction][text][short question with the entity or none]. The three parts are tokenised apart and joined,
so the tokens of the instruction and of the text never depend on what follows: all entities of a text share its prefix.
"""

import hashlib
import html
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from sentfeat.errors import BundleError, DataError

LABELS = ("negative", "neutral", "positive")
"""The order of every array with a label axis, here and in all tables."""

ENTITY_TOKENS = 24
"""Longer names are cut: a question is short."""

_LINK = re.compile(r"(https?://|www\.)\S+")
_WIRE_PREFIX = re.compile(r"^((UPDATE|WRAPUP|PREVIEW|CORRECTED|REFILE|RPT|PRESS DIGEST)(\s*\d+)?\s*-\s*)+")
_BROKEN_ENTITY = re.compile(r"&(\w{1,3});")  # archives write "AT&T;" for "AT&T"
_SPACE = re.compile(r"\s+")
_LONELY_MARK = re.compile(r" (?=[.,;:!?%)](\s|$)|'s\b|n't\b)")


class Tokenizer(Protocol):
    """The part of a Transformers tokenizer that prompts need."""

    bos_token_id: int | None

    def __call__(self, text: list[str], *, add_special_tokens: bool) -> dict[str, list[list[int]]]: ...


@dataclass(frozen=True)
class Template:
    """What surrounds a text. `question` is asked of a text alone, `entity_question` with `{entity}` filled in."""

    name: str
    instruction: str
    question: str
    entity_question: str
    words: tuple[str, str, str]  # how the answer continues the question, in the order of LABELS
    cleaning: int = 1  # version of clean(): other cleaning is another template

    @property
    def hash(self) -> str:
        """sha256 of all that shapes a prompt."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def ask(self, entity: str | None) -> str:
        """The question about `entity`, or about the text as a whole."""
        return self.entity_question.format(entity=clean(entity)) if entity else self.question

    def prompt(self, text: str, entity: str | None = None) -> str:
        """The whole prompt as text, for reading and for other runtimes."""
        return f"{self.instruction}{clean(text)}{self.ask(entity)}"

    def completion(self, label: str) -> str:
        """The answer that training teaches for `label`."""
        return self.words[LABELS.index(label)]


PLAIN = Template(
    name="plain",
    instruction="",  # a tuned small model needs no instruction, and every token costs
    question=" - outlook",
    entity_question=" - {entity} outlook",
    words=(" negative", " neutral", " positive"),
)
MISTRAL_INSTRUCT = Template(
    name="mistral_instruct",
    instruction="[INST] You read financial news. Answer with one word: negative, neutral or positive.\nText: ",
    question="\nWhat is the sentiment for the company or market concerned? [/INST]",
    entity_question="\nWhat is the sentiment towards {entity}? [/INST]",
    words=(" negative", " neutral", " positive"),
)
TEMPLATES = {template.name: template for template in (PLAIN, MISTRAL_INSTRUCT)}


def clean(text: str) -> str:
    """The text as the model reads it: entities decoded, links and wire prefixes gone, marks joined to their words."""
    text = _LINK.sub(" ", _BROKEN_ENTITY.sub(r"&\1", html.unescape(text)))
    text = _WIRE_PREFIX.sub("", _SPACE.sub(" ", text).strip())
    return _LONELY_MARK.sub("", text).strip()


class PromptEncoder:
    """Turns (text, entity) into token ids of at most `max_tokens`; only the text is ever cut.

    Raises BundleError if a label word is not exactly one token of its own after either question.
    """

    def __init__(self, template: Template, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.template = template
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        self._head = begin + self._ids([template.instruction])[0]
        self.label_ids = self._find_label_ids()

    def encode(self, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[list[list[int]], int]:
        """Token ids of each prompt and the number of texts that had to be cut.

        An item whose text is empty once cleaned has no ids: there is nothing to read.
        """
        if len(texts) != len(entities):
            raise DataError(f"{len(texts)} texts but {len(entities)} entities: give one entity, or None, per text")
        bodies = self._ids_by_key({text: clean(text) for text in texts})
        tails = self._tails(entities)
        prompts, cut = [], 0
        for text, entity in zip(texts, entities, strict=True):
            body, tail = bodies[text], tails[entity]
            room = self.max_tokens - len(self._head) - len(tail)
            cut += len(body) > room
            prompts.append([*self._head, *body[:room], *tail] if body else [])
        return prompts, cut

    def _tails(self, entities: Sequence[str | None]) -> dict[str | None, list[int]]:
        names = {entity: entity and self._shorten(clean(entity)) for entity in entities}
        return self._ids_by_key({entity: self.template.ask(name) for entity, name in names.items()})

    def _shorten(self, entity: str) -> str:
        while len(self._ids([entity])[0]) > ENTITY_TOKENS:
            entity = entity[: len(entity) * 3 // 4]
        return entity

    def _ids_by_key(self, texts: dict) -> dict:
        return dict(zip(texts, self._ids(list(texts.values())), strict=True))

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self._tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []

    def _find_label_ids(self) -> tuple[int, ...]:
        """Ids of the label words, each looked up in its real context rather than alone."""
        found = []
        for word in self.template.words:
            ids = set()
            for question in (self.template.ask(None), self.template.ask("Apple")):
                asked, answered = self._ids([question, question + word])
                if len(answered) != len(asked) + 1 or answered[:-1] != asked:
                    raise BundleError(
                        f"label word {word!r} is not one token after {question!r} in this tokenizer; "
                        "choose other words in the template, or another tokenizer"
                    )
                ids.add(answered[-1])
            found.append(ids)
        if any(len(ids) != 1 for ids in found) or len(set.union(*found)) != len(LABELS):
            raise BundleError(f"label words {self.template.words} share token ids {found}: they cannot be told apart")
        return tuple(ids.pop() for ids in found)
