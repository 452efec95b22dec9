"""Unlabelled text for distillation: what the teacher labels and the small model then learns from.

To be asked about sentiment: headlines of the base's own years and sentences of earnings calls. To be asked about risks:
other headlines, and passages of filings by companies that have training rows. To be asked about either: variants of the
training rows (words said anew, dropped or swapped, texts cut or joined), which show the teachers' judgement in the
neighbourhood of each row.
"""

import gzip
import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from sentfeat.score.prompt import clean
from training.encoders import encoder_path
from training.near_words import NearWords
from training.pretrain import load_titles
from training.risks.cut import filing_passages

SENTENCE_WORDS = (5, 60)  # shorter ones say nothing, longer ones are transcription errors
NAME = re.compile(r"[A-Z][\w&.'-]+(?: [A-Z][\w&.'-]+){0,2}")  # up to three capitalised words: often a company
DROPPED, SWAPPED, SAID_ANEW = 0.05, 0.05, 0.35  # shares of a variant's words
CUT, JOINED = 0.15, 0.15  # shares of the variants


class PoolConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of each kind."""

    years: list[int]  # of the headlines: the base's own
    titles: int
    call_sentences: int
    variants: dict[str, int]  # of each training row, by set; none of a set that is not named
    near_words: str  # the encoder that says which words are near, as in training.encoders
    named_share: float  # of titles and sentences: asked about a name that occurs in them
    risk_titles: int = 0
    risk_passages: int = 0
    seed: int = 0


def build_pool(config: PoolConfig, rows: pd.DataFrame, data: Path, out: Path) -> pd.DataFrame:
    """Distinct texts (text, entity or None, task, source or None, kind), shuffled; `rows` are training rows.

    A variant has the source of its row. `data` holds headlines/, calls/ and edgar/; an encoder is unpacked to `out`.
    """
    random = np.random.default_rng(config.seed)
    titles = pick(load_titles(data / "headlines", config.years), config.titles + config.risk_titles, random)
    risks = rows[rows["task"] == "risk"]
    parts = [
        asked_about_names("title", titles[: config.titles], config.named_share, random),
        asked_about_names(
            "call", pick(call_sentences(data / "calls"), config.call_sentences, random), config.named_share, random
        ),
        *variants_by_task(config, rows, out, random),
        pd.DataFrame({"text": titles[config.titles :], "kind": "risk title", "task": "risk"}),
        pd.DataFrame({"text": other_passages(config, risks, data, random), "kind": "risk passage", "task": "risk"}),
    ]
    pool = pd.concat(parts, ignore_index=True).reindex(columns=["text", "entity", "task", "source", "kind"])
    pool = pool[pool["text"].map(clean) != ""].drop_duplicates(["text", "entity", "task"]).astype(object)
    return pool.where(pool.notna(), None).iloc[random.permutation(len(pool))].reset_index(drop=True)


def asked_about_names(kind: str, texts: list[str], share: float, random: np.random.Generator) -> pd.DataFrame:
    """The texts with, for `share` of them, a name that occurs in them as entity."""
    asked = random.random(len(texts)) < share
    names = [some_name(text, random) if ask else None for text, ask in zip(texts, asked, strict=True)]
    return pd.DataFrame({"text": texts, "entity": names, "kind": kind, "task": "sentiment"}, dtype=object)


def other_passages(config: PoolConfig, rows: pd.DataFrame, data: Path, random: np.random.Generator) -> list[str]:
    """Passages that are none of the training `rows`, of companies (their `group`) that have such rows."""
    if not config.risk_passages:
        return []
    companies, known = set(rows["group"]), set(rows["text"])
    texts = [p.text for p in filing_passages(data) if p.company in companies and p.text not in known]
    return pick(list(dict.fromkeys(texts)), config.risk_passages, random)


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


def variants_by_task(
    config: PoolConfig, rows: pd.DataFrame, out: Path, random: np.random.Generator
) -> list[pd.DataFrame]:
    """Variants of each task's rows, as many as `config` says of their set; for none of them no encoder is loaded."""
    chosen = rows.loc[rows.index.repeat(rows["source"].map(config.variants).fillna(0).astype(int))]
    if chosen.empty:
        return []
    near = NearWords(encoder_path(config.near_words, out), chosen["text"].unique())
    return [variants(of_task, near, random) for _, of_task in chosen.groupby("task")]


def variants(rows: pd.DataFrame, near: NearWords, random: np.random.Generator) -> pd.DataFrame:
    """One changed copy of each row. Its label is for the teacher to give: the change may have turned it."""
    words = np.array([word for text in rows["text"] for word in clean(text).split()], dtype=object)
    others = rows["text"].to_numpy()[random.permutation(len(rows))]
    changed = [
        change(clean(text).split(), clean(other).split(), words, near, random)
        for text, other in zip(rows["text"], others, strict=True)
    ]
    entities = [
        entity if entity is None or entity in text else None
        for text, entity in zip(changed, rows["entity"], strict=True)
    ]
    found = {"text": changed, "entity": entities, "source": rows["source"].tolist(), "task": rows["task"].tolist()}
    return pd.DataFrame(found, dtype=object).assign(kind="variant")


def change(text: list[str], other: list[str], words: np.ndarray, near: NearWords, random: np.random.Generator) -> str:
    """Words of `text` dropped, said anew or swapped for others; then perhaps cut, perhaps joined to `other`'s end."""
    kept = [word for word in text if random.random() >= DROPPED] or text
    said = [near.another(word, random) if random.random() < SAID_ANEW else word for word in kept]
    swapped = [str(words[random.integers(len(words))]) if random.random() < SWAPPED else word for word in said]
    cut, joined = random.random(2) < (CUT, JOINED)
    if cut:
        start = random.integers(0, max(1, len(swapped) // 2))
        swapped = swapped[start : start + max(4, int(len(swapped) * 0.6))]
    if joined:
        swapped = swapped[: max(3, len(swapped) // 2)] + other[len(other) // 2 :]
    return " ".join(swapped)
