"""The hand labels of the risk task: how far two labellers agree, and the labels that hold.

    python -m training.risks.agreement   # Cohen's kappa of each category, from labels_a.csv and labels_b.csv

Both files, in labels/, have id and labels (names split by spaces, or none). labels_final.csv adds `how`: agreed,
or adjudicated where the two differed.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from training.tasks import NO_RISK

FOLDER = Path(__file__).parent / "labels"
FINAL = FOLDER / "labels_final.csv"


def read_labels(path: Path) -> pd.Series:
    """Tuples of RISKS by id. Raises DataError for a missing file, a label no one knows, an empty one or an id twice."""
    if not path.exists():
        raise DataError(f"{path} is missing; it needs the columns id and labels (names split by spaces, or none)")
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    twice = frame.loc[frame["id"].duplicated(), "id"].tolist()
    if twice:
        raise DataError(f"{path}: ids {twice[:5]} occur more than once; keep one row each")
    return pd.Series([_parse(row.labels, row.id, path) for row in frame.itertuples()], index=frame["id"], dtype=object)


def gold_labels(path: Path = FINAL) -> pd.DataFrame:
    """id and labels (tuple of RISKS, empty for none) of the hand-labelled passages. Raises DataError as read_labels."""
    labels = read_labels(path)
    return pd.DataFrame({"id": labels.index, "labels": labels.to_numpy()})


def agreement(a: pd.Series, b: pd.Series) -> pd.DataFrame:
    """kappa, share of agreement and both counts of positives by category, and over all answers as `all`.

    kappa is NaN where both gave everything the same answer. Raises DataError if the two did not label the same ids.
    """
    if set(a.index) != set(b.index):
        odd = sorted(set(a.index) ^ set(b.index))
        raise DataError(f"{len(odd)} ids have one labelling only, such as {odd[:5]}: both must label every passage")
    marks = {risk: (_marks(a, risk), _marks(b[a.index], risk)) for risk in RISKS}
    marks["all"] = tuple(np.concatenate(side) for side in zip(*marks.values(), strict=True))
    rows = {
        name: {
            "kappa": cohen_kappa_score(*pair) if len(set(np.concatenate(pair))) > 1 else np.nan,
            "agreement": (pair[0] == pair[1]).mean(),
            "positive_a": int(pair[0].sum()),
            "positive_b": int(pair[1].sum()),
        }
        for name, pair in marks.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _marks(labels: pd.Series, risk: str) -> np.ndarray:
    return np.array([risk in named for named in labels])


def _parse(typed: str, passage: str, path: Path) -> tuple[str, ...]:
    named = set(typed.split())
    if not named or (named - set(RISKS) and named != {NO_RISK}):
        raise DataError(f"{path}: {passage} has the labels {typed!r}; give {NO_RISK}, or some of {' '.join(RISKS)}")
    return tuple(risk for risk in RISKS if risk in named)


def main() -> None:
    a, b = (read_labels(FOLDER / f"labels_{who}.csv") for who in "ab")
    same = np.mean([a[passage] == b[passage] for passage in a.index if passage in b.index])
    print(agreement(a, b).round(3).to_string(), f"\nall labels of a passage the same: {same:.3f} of {len(a)}")


if __name__ == "__main__":
    main()
