"""The risk answers of a bundle beside the keyword rule, on the passages labelled by hand.

    python -m training.risks.compare --data DIR [--model BUNDLE]

Prints macro- and micro-F1 of both, the intervals of the differences (passages drawn again with replacement), and each
category.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sentfeat.evaluate.multilabel import risk_table, risk_targets
from sentfeat.score.bundle import embedded_path
from sentfeat.score.engine import Engine
from sentfeat.score.risks import keyword_risks
from training.risks.agreement import gold_labels
from training.risks.passages import hand_passages

DRAWS = 2000


Measure = Callable[[np.ndarray, np.ndarray], float]


def difference_interval(
    targets: np.ndarray, ours: np.ndarray, theirs: np.ndarray, measure: Measure, seed: int = 0
) -> np.ndarray:
    """2.5 % and 97.5 % points of the measure of `ours` less that of `theirs`, all (n, 12) bool."""
    random = np.random.default_rng(seed)
    draws = [random.integers(0, len(targets), len(targets)) for _ in range(DRAWS)]
    gaps = [measure(targets[at], ours[at]) - measure(targets[at], theirs[at]) for at in draws]
    return np.quantile(gaps, [0.025, 0.975])


def macro_f1(targets: np.ndarray, named: np.ndarray) -> float:
    """Mean F1 over the categories that occur in `targets`."""
    hits, sizes = (targets & named).sum(axis=0), targets.sum(axis=0) + named.sum(axis=0)
    occur = targets.any(axis=0)
    return float((2 * hits[occur] / sizes[occur]).mean())


def micro_f1(targets: np.ndarray, named: np.ndarray) -> float:
    """F1 over all labels together."""
    return float(2 * (targets & named).sum() / (targets.sum() + named.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=embedded_path())
    arguments = parser.parse_args()
    rows = hand_passages(arguments.data).merge(gold_labels(), on="id")
    texts, targets = rows["text"].tolist(), risk_targets(rows["labels"].tolist())
    engine = Engine.load(arguments.model)
    head = engine.bundle.passport.risk
    chances = engine.risks(texts)
    named = {"model": chances >= np.array(head.thresholds if head else 0.5), "keyword rule": keyword_risks(texts)}
    for title, measure in {"macro-F1": macro_f1, "micro-F1": micro_f1}.items():
        ours, theirs = (measure(targets, found) for found in named.values())
        low, high = difference_interval(targets, *named.values(), measure)
        print(
            f"{title} of {len(rows)} passages: model {ours:.3f}, keyword rule {theirs:.3f}, "
            f"difference {low:+.3f} to {high:+.3f}"
        )
    tables = {name: pd.DataFrame(risk_table(targets, found.astype(float))).T for name, found in named.items()}
    print(pd.concat(tables, axis=1).round(2).to_string())


if __name__ == "__main__":
    main()
