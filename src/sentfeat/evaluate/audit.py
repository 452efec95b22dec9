"""Do test rows stand in the training rows, as they are or nearly? Asked before any F1 is believed."""

from collections.abc import Sequence

import numpy as np

from sentfeat.evaluate.protocols import NEAR, near_duplicate_groups
from sentfeat.score.prompt import clean

EXAMPLES = 5


def audit(train: Sequence[str], test: Sequence[str]) -> dict:
    """train, test (rows), exact, near (test rows with a twin in training; near includes exact) and examples of them.

    Exact: the same letters and digits once cleaned, whatever the case. Near: see `near_duplicate_groups`. Without
    training rows exact and near are None: nothing could be looked for.
    """
    found: dict = {"train": len(train), "test": len(test), "near_at": NEAR, "exact": None, "near": None, "examples": []}
    if len(train) == 0:
        return found
    known = {_bare(text) for text in train}
    exact = np.array([_bare(text) in known for text in test], dtype=bool)
    groups = near_duplicate_groups([*train, *test])
    near = exact | np.isin(groups[len(train) :], groups[: len(train)])
    twin_of = dict(zip(groups[: len(train)].tolist(), train, strict=True))
    examples = [
        {"test": test[row], "train": twin_of.get(int(groups[len(train) + row]), test[row])}
        for row in np.flatnonzero(near)[:EXAMPLES]
    ]
    return found | {"exact": int(exact.sum()), "near": int(near.sum()), "examples": examples}


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, clean(text).lower()))
