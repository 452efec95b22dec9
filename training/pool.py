"""Unlabelled text for distillation: what the teacher labels and the small model then learns from.

Three kinds: headlines of the base's own years, sentences of earnings calls, and variants of the training rows (words
dropped, swapped or cut, two texts joined), which show the teacher's judgement in the neighbourhood of each row.
"""

import gzip
import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from sentfeat.score.prompt import clean
from training.pretrain import load_titles

SENTENCE_WORDS = (5, 60)  # shorter ones say nothing, longer ones are transcription errors
NAME = re.compile(r"[A-Z][\w&.'-]+(?: [A-Z][\w&.'-]+){0,2}")  # up to three capitalised words: often a company
DROPPED, SWAPPED = 0.1, 0.1  # shares of a variant's words


class PoolConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of each kind."""

    years: list[int]  # of the headlines: the base's own
    titles: int
    call_sentences: int
    variants: int  # of each training row
    named_share: float  # of titles and sentences: asked about a name that occurs in them
    seed: int = 0


def build_pool(config: PoolConfig, rows: pd.DataFrame, headlines: Path, calls: Path) -> pd.DataFrame:
    """Distinct texts (text, entity or None, kind), shuffled; `rows` (text, entity) are training rows."""
    random = np.random.default_rng(config.seed)
    found = {
        "title": pick(load_titles(headlines, config.years), config.titles, random),
        "call": pick(call_sentences(calls), config.call_sentences, random),
    }
    plain = pd.concat([pd.DataFrame({"text": texts, "kind": kind}) for kind, texts in found.items()])
    asked = random.random(len(plain)) < config.named_share
    plain["entity"] = [some_name(text, random) if ask else None for text, ask in zip(plain["text"], asked, strict=True)]
    pool = pd.concat([plain, *(variants(rows, random) for _ in range(config.variants))], ignore_index=True)
    pool = pool[pool["text"].map(clean) != ""].drop_duplicates(["text", "entity"]).astype(object)
    return pool.where(pool.notna(), None).iloc[random.permutation(len(pool))].reset_index(drop=True)


def pick(texts: list[str], count: int, random: np.random.Generator) -> list[str]:
    """`count` of the texts at random; all of them, if there are fewer."""
    return [texts[at] for at in random.permutation(len(texts))[:count]]


def call_sentences(calls: Path) -> list[str]:
    """Sentences and summary bullets of the training calls (ECTSum), one a line in its files."""
    with gzip.open(calls / "ectsum_train.jsonl.gz", "rt") as lines:
        found = [json.loads(line) for line in lines]
    sentences = [line for call in found for part in ("transcript", "summary") for line in call[part].split("\n")]
    low, high = SENTENCE_WORDS
    return [sentence for sentence in sentences if low <= len(sentence.split()) <= high]


def some_name(text: str, random: np.random.Generator) -> str | None:
    """One of the capitalised names in `text`, None if there is none."""
    names = NAME.findall(text)
    return str(random.choice(names)) if names else None


def variants(rows: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """One changed copy of each row. Its label is for the teacher to give: the change may have turned it."""
    words = np.array([word for text in rows["text"] for word in clean(text).split()], dtype=object)
    others = rows["text"].to_numpy()[random.permutation(len(rows))]
    changed = [
        change(clean(text).split(), clean(other).split(), words, random)
        for text, other in zip(rows["text"], others, strict=True)
    ]
    entities = [
        entity if entity is None or entity in text else None
        for text, entity in zip(changed, rows["entity"], strict=True)
    ]
    return pd.DataFrame({"text": changed, "entity": entities, "kind": "variant"}, dtype=object)


def change(text: list[str], other: list[str], words: np.ndarray, random: np.random.Generator) -> str:
    """Words of `text` dropped or swapped for frequent ones; then perhaps cut short, perhaps joined to `other`'s end."""
    kept = [word for word in text if random.random() >= DROPPED] or text
    swapped = [str(words[random.integers(len(words))]) if random.random() < SWAPPED else word for word in kept]
    cut, joined = random.random(2) < (0.25, 0.25)
    if cut:
        start = random.integers(0, max(1, len(swapped) // 2))
        swapped = swapped[start : start + max(4, int(len(swapped) * 0.6))]
    if joined:
        swapped = swapped[: max(3, len(swapped) // 2)] + other[len(other) // 2 :]
    return " ".join(swapped)
