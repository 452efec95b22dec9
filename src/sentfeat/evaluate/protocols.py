"""What is held out, by name. `grouped` is the honest default: near-duplicates never stand on both sides.

The same sentence occurs under slightly different numbers in the public sets (12 % of a random quarter of PhraseBank
has a near twin in the rest), so a random split by row rewards memory. `fingpt` and `flare` split as others did, to
compare with their figures.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, vstack
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from sentfeat.errors import DataError
from sentfeat.score.prompt import clean

SHARES = {"train": 0.8, "validation": 0.08, "test": 0.12}
"""Of the shipped bundles, over all sets together: the test part is what they were never shown."""

FINGPT_SHARES = {"phrasebank": 0.25, "fiqa": 0.226}
FINGPT_SEED = 42
FINGPT_POSITIVE = 0.1  # from here on, this score included
PHRASEBANK_ROWS = 4846  # of the whole 50Agree file

PUBLISHED = {
    "fingpt": {
        "FinGPT v3, Llama2-13B LoRA": {"phrasebank": 0.882, "fiqa": 0.874, "twitter": 0.903},
        "FinGPT v3, QLoRA": {"phrasebank": 0.777, "fiqa": 0.752, "twitter": 0.828},
        "GPT-4, zero-shot": {"phrasebank": 0.833, "fiqa": 0.630, "twitter": 0.808},
        "FinBERT (trained on PhraseBank)": {"phrasebank": 0.880, "fiqa": 0.596, "twitter": 0.733},
    }
}
"""Weighted F1 that others published, by protocol; not computed here."""

NEAR = 0.5
"""Word-pair sets that share this much (Jaccard) are taken for the same sentence."""

_WORD = re.compile(r"[a-z]+|#|[^\W\d_\x00-\u024f]+")  # words of other scripts are whole runs of letters
_NUMBER = re.compile(r"\d[\d.,]*")


def near_duplicate_groups(texts: Sequence[str], near: float = NEAR) -> np.ndarray:
    """A group number for each text (n,), the same for texts that are alike, directly or through others.

    Alike: the sets of neighbouring word pairs, numbers masked, overlap by at least `near` (Jaccard).
    """
    # the same words are one sentence at once: every copy beside every other would not fit
    group_of, distinct = pd.factorize(np.array([_words(text) for text in texts], dtype=object))
    return _alike(distinct, near)[group_of]


def _alike(sentences: Sequence[str], near: float) -> np.ndarray:
    """As near_duplicate_groups, of what `_words` makes of texts."""
    vectorizer = CountVectorizer(analyzer=_word_pairs, binary=True, dtype=np.int32)
    pairs = vectorizer.fit_transform(sentences).tocsr()
    sizes = np.asarray(pairs.sum(axis=1)).ravel()
    rows = []
    for start in range(0, len(sentences), 2000):  # in slices: the full product would not fit
        shared = (pairs[start : start + 2000] @ pairs.T).tocoo()
        union = sizes[shared.row + start] + sizes[shared.col] - shared.data
        alike = shared.data >= near * union
        index = (shared.row[alike], shared.col[alike])
        rows.append(coo_array((np.ones(alike.sum(), dtype=np.int8), index), shape=shared.shape))
    return connected_components(vstack(rows), directed=False)[1]


def grouped_split(texts: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> np.ndarray:
    """The part (a key of `shares`) that each text falls into, (n,) str; groups are never torn apart.

    A group's part follows from a hash of its first text and `seed`, so that adding texts moves few of the others.
    """
    groups = near_duplicate_groups(texts)
    edges = np.cumsum(list(shares.values())) / sum(shares.values())
    first: dict[int, str] = {}
    for group, text in zip(groups.tolist(), texts, strict=True):
        first[group] = min(text, first.get(group, text))
    part_of = {group: int(np.searchsorted(edges, _uniform(text, seed))) for group, text in first.items()}
    return np.array(list(shares))[[part_of[group] for group in groups.tolist()]]


class HeldOut(NamedTuple):
    """Rows with a `split` column, and what a reader must know about how they came about."""

    rows: pd.DataFrame
    notes: list[str]


def grouped(sets: Mapping[str, pd.DataFrame]) -> HeldOut:
    """All sets together by near-duplicate group, as the shipped bundles were trained (seed 0, SHARES)."""
    used = {name: rows for name, rows in sets.items() if not name.startswith(("twitter_valid", "flare"))}
    if not used:
        raise DataError("the protocol grouped needs one of phrasebank, twitter, sentfin, fiqa or finentity")
    rows = pd.concat(used.values(), ignore_index=True)
    rows = rows.drop_duplicates(["text", "entity", "label"]).reset_index(drop=True)
    rows["split"] = grouped_split(rows["text"].tolist(), SHARES)
    absent = sorted({"phrasebank", "twitter", "sentfin", "fiqa", "finentity"} - set(used))
    note = f"without {', '.join(absent)}: groups may fall into other parts than when the shipped bundle was trained"
    return HeldOut(rows, [note] if absent else [])


def fingpt(sets: Mapping[str, pd.DataFrame]) -> HeldOut:
    """FinGPT v3: PhraseBank 50Agree a random 25 %, FiQA merged 22.6 % (seed 42, by row), Twitter's valid part.

    A FiQA score of just 0.1 is positive, as in its code. Texts are asked about as a whole. The drawing is that of
    Hugging Face `train_test_split`, so complete files in their original order give the original rows.
    """
    if "fiqa" in sets:
        sets = {**sets, "fiqa": _cut_as_fingpt(sets["fiqa"])}
    parts = [_random_split(sets[name], share) for name, share in FINGPT_SHARES.items() if name in sets]
    for name, split in (("twitter", "train"), ("twitter_valid", "test")):
        if name in sets:
            parts.append(sets[name].assign(source="twitter", split=split))
    absent = [name for name in (*FINGPT_SHARES, "twitter_valid") if name not in sets]
    if len(absent) == len(FINGPT_SHARES) + 1:
        raise DataError(f"the protocol fingpt needs one of {', '.join(absent)}; found only {', '.join(sets)}")
    notes = ["split by row: near-duplicates stand on both sides (see the audit)"]
    notes += [f"{name} was not found and is left out" for name in absent]
    if 0 < len(sets.get("phrasebank", ())) != PHRASEBANK_ROWS:
        notes.append(
            f"PhraseBank has {len(sets['phrasebank']):,} rows here, not the {PHRASEBANK_ROWS:,} of 50Agree: "
            "the same recipe, other rows, so published figures compare loosely"
        )
    return HeldOut(pd.concat(parts, ignore_index=True).assign(entity=None), notes)


def flare(sets: Mapping[str, pd.DataFrame]) -> HeldOut:
    """FLARE (PIXIU): its published test files alone; how they were drawn is not known, so they cannot be rebuilt."""
    found = [rows for name, rows in sets.items() if name.startswith("flare")]
    if not found:
        raise DataError(
            "the protocol flare needs its own test files: put flare_fpb_test.csv and flare_fiqasa_test.csv "
            "(columns text, label) into the folder; they cannot be rebuilt from PhraseBank and FiQA"
        )
    return HeldOut(pd.concat(found, ignore_index=True).assign(split="test", entity=None), ["test files only"])


PROTOCOLS: dict[str, Callable[[Mapping[str, pd.DataFrame]], HeldOut]] = {
    "grouped": grouped,
    "fingpt": fingpt,
    "flare": flare,
}


def _cut_as_fingpt(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(label=rows["label"].mask(rows["score"] >= FINGPT_POSITIVE, "positive"))


def _random_split(rows: pd.DataFrame, share: float) -> pd.DataFrame:
    drawn = np.random.default_rng(FINGPT_SEED).permutation(len(rows))[: int(np.ceil(share * len(rows)))]
    return rows.assign(split=np.where(np.isin(np.arange(len(rows)), drawn), "test", "train"))


def _words(text: str) -> str:
    return " ".join(["^", *_WORD.findall(_NUMBER.sub("#", clean(text).lower())), "$"])


def _word_pairs(words: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(words.split(" ")))


def _uniform(text: str, seed: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:6]) / 2**48
