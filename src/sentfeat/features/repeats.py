"""Which titles repeat earlier ones of the same security: exact Jaccard similarity of word 3-shingles, fast.

Every shingle gets a number, and a join on (security, number) proposes the pairs: two titles that share none are not
alike and never meet. Only the proposed pairs are compared, by the exact similarity of their sets. The work grows with
the number of titles and of pairs, not with the square of the titles.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

SHINGLE = 3
ROWS_AT_ONCE = 400_000  # bounds the memory of one join
_WORD = re.compile(r"\w+")


class Repeats(NamedTuple):
    """Per item: novelty, 1 - the largest similarity to an earlier item; leads, whether it begins a cluster."""

    novelty: np.ndarray
    leads: np.ndarray


class _Shingles(NamedTuple):
    """The distinct shingles of each title, one after the other: `ids[start[t] : start[t] + size[t]]` are those of t."""

    ids: np.ndarray
    start: np.ndarray
    size: np.ndarray


class _Pairs(NamedTuple):
    earlier: np.ndarray
    later: np.ndarray
    similarity: np.ndarray


def find_repeats(
    titles: Sequence[str], securities: np.ndarray, sessions: np.ndarray, *, reach: int, near: float
) -> Repeats:
    """Compare each item with the earlier ones of its security within `reach` sessions, its own included.

    The items are in time order; `securities` are numbers from 0, `sessions` positions in the calendar, both (n,). A
    cluster is one of a security's items in one session: an item joins the first leader it is near to (similarity
    >= near), else it leads a new one.
    """
    novelty, leads = np.ones(len(titles)), np.ones(len(titles), dtype=bool)
    which, distinct = pd.factorize(np.asarray(titles, dtype=object))
    shingles = _shingles(distinct)
    for items in _blocks(securities, shingles.size[which]):
        pairs = _similar_pairs(items, shingles, which, securities, sessions, reach)
        np.minimum.at(novelty, pairs.later, 1.0 - pairs.similarity)
        together = (pairs.similarity >= near) & (sessions[pairs.earlier] == sessions[pairs.later])
        for earlier, later in zip(pairs.earlier[together].tolist(), pairs.later[together].tolist(), strict=True):
            if leads[earlier]:  # decided: the pairs come in the order of the later item
                leads[later] = False
    return Repeats(novelty, leads)


def _shingles(titles: Sequence[str]) -> _Shingles:
    """Case-folded word triples as numbers, equal exactly where the triples are; a shorter title is one shingle."""
    numbers: defaultdict[str, int] = defaultdict(itertools.count(1).__next__)
    words = [[numbers[word] for word in _WORD.findall(title.casefold())] for title in titles]
    words = [row if len(row) >= SHINGLE else row + [0] * (SHINGLE - len(row)) for row in words]
    length = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    flat = np.fromiter(itertools.chain.from_iterable(words), dtype=np.int64, count=int(length.sum()))
    title = np.repeat(np.arange(len(words)), length)
    inside = np.arange(len(flat)) < np.repeat(np.cumsum(length), length) - (SHINGLE - 1)
    first, base = np.flatnonzero(inside), len(numbers) + 1
    pair, _ = pd.factorize(flat[first] * base + flat[first + 1])
    triple, known = pd.factorize(pair * base + flat[first + 2])
    held = np.sort(title[first] * np.int64(len(known)) + triple)
    held = held[np.diff(held, prepend=-1) > 0]  # each shingle of a title once
    size = np.bincount(held // max(len(known), 1), minlength=len(words))
    return _Shingles(held % max(len(known), 1), np.cumsum(size) - size, size)


def _blocks(securities: np.ndarray, sizes: np.ndarray) -> Iterator[np.ndarray]:
    """The items, in order, of several whole securities at a time."""
    total = np.bincount(securities, weights=sizes)
    block = (np.cumsum(total) // ROWS_AT_ONCE)[securities]
    order = np.argsort(block, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(block[order])) + 1)


def _similar_pairs(
    items: np.ndarray, shingles: _Shingles, which: np.ndarray, securities: np.ndarray, sessions: np.ndarray, reach: int
) -> _Pairs:
    """All pairs of `items` of one security, less than `reach` sessions apart, that share a shingle; by later item."""
    size = shingles.size[which[items]]
    item = np.repeat(items, size)
    place = (
        np.arange(len(item)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(shingles.start[which[items]], size)
    )
    key = securities[item] * np.int64(shingles.ids.max(initial=0) + 1) + shingles.ids[place]
    order = np.argsort(key, kind="stable")  # within a key in time order
    key, item = key[order], item[order]
    found, row, lag = [], np.arange(len(key)), 1
    while len(row):
        row = row[row + lag < len(key)]
        row = row[(key[row] == key[row + lag]) & (sessions[item[row + lag]] - sessions[item[row]] < reach)]
        found.append(item[row + lag] * np.int64(len(which)) + item[row])
        lag += 1
    codes, common = np.unique(np.concatenate(found) if found else np.empty(0, np.int64), return_counts=True)
    later, earlier = np.divmod(codes, np.int64(max(len(which), 1)))
    union = shingles.size[which[later]] + shingles.size[which[earlier]] - common
    return _Pairs(earlier, later, common / union)
