"""What is held out. `grouped` is the honest default: near-duplicates never stand on both sides.

The same sentence occurs under slightly different numbers in the public sets (12 % of a random quarter of PhraseBank
has a near twin in the rest), so a random split by row rewards memory.
"""

import hashlib
import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array, vstack
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from sentfeat.score.prompt import clean

NEAR = 0.5
"""Word-pair sets that share this much (Jaccard) are taken for the same sentence."""

_WORD = re.compile(r"[a-z]+|#")
_NUMBER = re.compile(r"\d[\d.,]*")


def near_duplicate_groups(texts: Sequence[str], near: float = NEAR) -> np.ndarray:
    """A group number for each text (n,), the same for texts that are alike, directly or through others.

    Alike: the sets of neighbouring word pairs, numbers masked, overlap by at least `near` (Jaccard).
    """
    vectorizer = CountVectorizer(analyzer=_word_pairs, binary=True, dtype=np.int32)
    pairs = vectorizer.fit_transform(texts).tocsr()
    sizes = np.asarray(pairs.sum(axis=1)).ravel()
    rows = []
    for start in range(0, len(texts), 2000):  # in slices: the full product would not fit
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


def _word_pairs(text: str) -> list[tuple[str, str]]:
    words = ["^", *_WORD.findall(_NUMBER.sub("#", clean(text).lower())), "$"]
    return list(itertools.pairwise(words))


def _uniform(text: str, seed: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:6]) / 2**48
