"""The one template and its answers: training writes its rows through this module and the engine scores through it.

A prompt is [instruction][text][short question]; the question is about the sentiment, of the text or towards an entity,
or about its risks. The three parts are tokenised apart and joined, so the tokens of the instruction and of the text
never depend on what follows: all questions about a text share its prefix.
"""

import hashlib
import html
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError, DataError

Task = Literal["sentiment", "risk"]
"""What is asked of a text: one of LABELS, or any number of RISKS."""

LABELS = ("negative", "neutral", "positive")
"""The order of every array with a label axis, here and in all tables."""

SYNONYMS = {"bearish": "negative", "neg": "negative", "bullish": "positive", "pos": "positive", "neu": "neutral"}
"""What others call the labels."""

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
    eos_token_id: int

    def __call__(self, text: list[str], *, add_special_tokens: bool) -> dict[str, list[list[int]]]: ...

    def decode(self, token_ids: list[int], skip_special_tokens: bool = ...) -> Any: ...


@dataclass(frozen=True)
class Template:
    """What surrounds a text. `question` is asked of a text alone, `entity_question` with `{entity}` filled in.

    A tokenizer's begin mark is in none of the parts: the encoder puts it in front.
    """

    name: str
    instruction: str
    question: str
    entity_question: str
    words: tuple[str, str, str]  # how the answer continues the question, in the order of LABELS
    risk_question: str | None = None  # of the text alone; None: a template that does not ask for risks
    risk_words: tuple[str, ...] = ()  # how the answer names each of RISKS, in their order
    controls: tuple[str, ...] = ()  # marks in the parts that a tokenizer must know as one token
    cleaning: int = 1  # version of clean(): other cleaning is another template

    @property
    def hash(self) -> str:
        """sha256 of all that shapes a prompt."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def ask(self, entity: str | None = None, task: Task = "sentiment") -> str:
        """The question about `entity`, or about the text as a whole; risks are asked of the whole text only.

        Raises BundleError if the template does not ask for risks.
        """
        if task == "sentiment":
            return self.entity_question.format(entity=clean(entity)) if entity else self.question
        if self.risk_question is None:
            raise BundleError(f"template {self.name!r} has no question about risks; use one that has")
        return self.risk_question

    def prompt(self, text: str, entity: str | None = None, task: Task = "sentiment") -> str:
        """The whole prompt as text, for reading and for other runtimes."""
        return f"{self.instruction}{clean(text)}{self.ask(entity, task)}"

    def completion(self, label: str) -> str:
        """The answer that training teaches for `label`."""
        return self.words[LABELS.index(label)]

    def risk_completion(self, risks: Collection[str]) -> str:
        """The answer that generative training teaches for a text with `risks`: their words in order, or none."""
        found = [word for risk, word in zip(RISKS, self.risk_words, strict=True) if risk in risks]
        return ",".join(found) or " none"


_WORDS = (" negative", " neutral", " positive")
_RISK_WORDS = (  # one token each in the embedded tokenizer, Mistral's (v3) and Llama 3's
    " legal",
    " credit",
    " rates",
    " demand",
    " supply",
    " safety",
    " technology",
    " accounting",
    " management",
    " trade",
    " climate",
    " guidance",
)
PLAIN = Template(
    name="plain",
    instruction="",  # a tuned small model needs no instruction, and every token costs
    question=" - outlook",
    entity_question=" - {entity} outlook",
    words=_WORDS,
    risk_question=" - risks",
    risk_words=_RISK_WORDS,
)


def _chat(name: str, begin: str, end: str, controls: tuple[str, ...]) -> Template:
    """The template of an instruction-tuned model whose user turn stands between `begin` and `end`."""
    labels, risks = ",".join(_WORDS), ",".join(_RISK_WORDS)
    return Template(
        name=name,
        instruction=f"{begin}You read financial news and answer with single words.\nText: ",
        question=f"\nWhat is the sentiment for the company or market concerned, of{labels}?{end}",
        entity_question=f"\nWhat is the sentiment towards {{entity}}, of{labels}?{end}",
        words=_WORDS,
        risk_question=f"\nWhich risks does it name, of{risks}, or none?{end}",
        risk_words=_RISK_WORDS,
        controls=controls,
    )


MISTRAL_INSTRUCT = _chat("mistral_instruct", "[INST] ", " [/INST]", ("[INST]", "[/INST]"))
LLAMA3 = _chat(
    "llama3",
    "<|start_header_id|>user<|end_header_id|>\n\n",
    "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
)
TEMPLATES = {template.name: template for template in (PLAIN, MISTRAL_INSTRUCT, LLAMA3)}


def label_positions(names: Mapping[int, str]) -> list[int]:
    """Where each of LABELS stands among a model's outputs, which `names` tells (id2label).

    Orders differ in the wild (ProsusAI: positive, negative, neutral; yiyanghkust: neutral, positive, negative), so none
    is assumed. Raises BundleError unless the names are just these three.
    """
    lower = {at: str(name).strip().lower() for at, name in names.items()}
    at_label = {SYNONYMS.get(name, name): at for at, name in lower.items()}
    if set(at_label) != set(LABELS) or len(names) != len(LABELS):
        raise BundleError(
            f"id2label is {dict(names)}: it must name {', '.join(LABELS)}; "
            "write them into config.json in the order in which the model was trained"
        )
    return [at_label[label] for label in LABELS]


def clean(text: str) -> str:
    """The text as the model reads it: entities decoded, links and wire prefixes gone, marks joined to their words."""
    text = _LINK.sub(" ", _BROKEN_ENTITY.sub(r"&\1", html.unescape(text)))
    text = _WIRE_PREFIX.sub("", _SPACE.sub(" ", text).strip())
    return _LONELY_MARK.sub("", text).strip()


class PromptEncoder:
    """Turns (text, entity) into token ids of at most `max_tokens`; only the text is ever cut.

    `label_ids` and `risk_ids` are the first ids of the words that answer, in the order of LABELS and RISKS; `risk_ids`
    is empty for a template that does not ask for risks. Where first ids are not enough to tell the labels apart, their
    whole words have to be scored: `label_words` has all ids of each. Raises BundleError if a word merges with the
    question before it, two labels are the same, or a control mark is not one token.
    """

    def __init__(self, template: Template, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.template = template
        self.max_tokens = max_tokens
        self._tokenizer = tokenizer
        self._check_controls()
        begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        self.head_ids = begin + self._ids([template.instruction])[0]
        self.label_words = self._find_words(template.words, [template.ask(None), template.ask("Apple")])
        self.label_ids = tuple(ids[0] for ids in self.label_words)
        asks_risks = template.risk_question is not None
        risks = self._find_words(template.risk_words, [template.ask(task="risk")]) if asks_risks else ()
        self.risk_ids = tuple(ids[0] for ids in risks)
        self._room = self._find_room()

    def encode(
        self, texts: Sequence[str], entities: Sequence[str | None], task: Task = "sentiment"
    ) -> tuple[list[list[int]], int]:
        """Token ids of each whole prompt and the number of distinct texts that had to be cut.

        An item whose text is empty once cleaned has no ids: there is nothing to read.
        """
        if len(texts) != len(entities):
            raise DataError(f"{len(texts)} texts but {len(entities)} entities: give one entity, or None, per text")
        distinct = list(dict.fromkeys(texts))
        found, cut = self.encode_texts(distinct)
        bodies, tails = dict(zip(distinct, found, strict=True)), self.encode_questions(entities, task)
        pairs = zip(texts, entities, strict=True)
        return [[*self.head_ids, *bodies[text], *tails[entity]] if bodies[text] else [] for text, entity in pairs], cut

    def encode_texts(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        """Token ids of each text by itself, cut to leave room for any question, and the number that had to be cut."""
        found = self._ids([clean(text) for text in texts])
        return [ids[: self._room] for ids in found], sum(len(ids) > self._room for ids in found)

    def encode_questions(self, entities: Iterable[str | None], task: Task = "sentiment") -> dict[str | None, list[int]]:
        """Token ids of the question about each entity, or None.

        Raises BundleError if the question is about risks and their words cannot be told apart by their first tokens.
        """
        if task == "risk" and len(set(self.risk_ids)) < len(self.risk_ids):
            raise BundleError(f"risk words {self.template.risk_words} share first tokens {self.risk_ids}: use others")
        names = {entity: entity and self._shorten(clean(entity)) for entity in entities}
        return self._ids_by_key({entity: self.template.ask(name, task) for entity, name in names.items()})

    def _shorten(self, entity: str) -> str:
        while len(self._ids([entity])[0]) > ENTITY_TOKENS:
            entity = entity[: len(entity) * 3 // 4]
        return entity

    def _ids_by_key(self, texts: dict) -> dict:
        return dict(zip(texts, self._ids(list(texts.values())), strict=True))

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return self._tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []

    def _find_room(self) -> int:
        """Tokens that a text may have beside the instruction and the longest question: its cut is the same for all."""
        asked = [self.template.question, self.template.risk_question or "", self.template.entity_question]
        longest = max(len(ids) for ids in self._ids(asked)) + ENTITY_TOKENS
        room = self.max_tokens - len(self.head_ids) - longest
        if room < 1:
            raise BundleError(
                f"max_tokens {self.max_tokens} leaves no room for a text beside {len(self.head_ids) + longest} tokens "
                f"of template {self.template.name!r}; raise it"
            )
        return room

    def _check_controls(self) -> None:
        for mark, ids in self._ids_by_key({mark: mark for mark in self.template.controls}).items():
            if len(ids) != 1:
                raise BundleError(
                    f"control mark {mark!r} is {len(ids)} tokens in this tokenizer; template {self.template.name!r} "
                    "needs a tokenizer that knows it as one: choose another template, or another tokenizer"
                )

    @property
    def labels_share_ids(self) -> bool:
        """Whether two labels begin with the same token."""
        return len(set(self.label_ids)) < len(self.label_ids)

    def continue_with(self, texts: Sequence[str], tails: Sequence[str]) -> list[list[int]]:
        """Token ids of whole prompts with any question behind each text."""
        bodies, _ = self.encode_texts(texts)
        return [[*self.head_ids, *body, *tail] for body, tail in zip(bodies, self._ids(list(tails)), strict=True)]

    @property
    def end_id(self) -> int:
        """The id with which the model ends what it writes."""
        return self._tokenizer.eos_token_id

    def decode(self, ids: list[int]) -> str:
        """What the model wrote, without control marks."""
        return self._tokenizer.decode(ids, skip_special_tokens=True).strip()

    def _find_words(self, words: Sequence[str], questions: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Ids of the words that answer `questions`, looked up in their real context rather than alone."""
        found = [{self._find_word(word, question) for question in questions} for word in words]
        if any(len(ids) != 1 for ids in found) or len(set.union(*found)) != len(words):
            raise BundleError(f"answer words {tuple(words)} share token ids {found}: they cannot be told apart")
        return tuple(ids.pop() for ids in found)

    def _find_word(self, word: str, question: str) -> tuple[int, ...]:
        """The word as written, unless it is one token only without its space, where a tokenizer adds its own."""
        spelled = [self._behind(question, written) for written in (word, word.lstrip())]
        found = sorted(filter(None, spelled), key=lambda ids: len(ids) > 1)
        if not found:
            raise BundleError(
                f"answer word {word!r} is not separate from {question!r} in this tokenizer; "
                "choose other words in the template, or another tokenizer"
            )
        return found[0]

    def _behind(self, question: str, written: str) -> tuple[int, ...]:
        asked, answered = self._ids([question, question + written])
        return tuple(answered[len(asked) :]) if answered[: len(asked)] == asked else ()
