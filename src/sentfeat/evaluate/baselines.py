"""What any model has to beat, as scorers: the majority label, the word list, TF-IDF with logistic regression."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from sentfeat.errors import DataError
from sentfeat.evaluate import Scorer
from sentfeat.evaluate.sets import entities
from sentfeat.score.lexicon import Lexicon
from sentfeat.score.prompt import LABELS

ENOUGH = 30
"""Training rows below which a classifier is not worth fitting."""


class Baselines(NamedTuple):
    """The scorers by name, and which is left out and why."""

    scorers: dict[str, Scorer]
    notes: list[str]


def baselines(train: pd.DataFrame, word_lists: Path | None = None) -> Baselines:
    """All that can be made from `train` (text, entity, label; perhaps empty) and a Loughran-McDonald folder."""
    found: dict[str, Scorer] = {}
    if len(train):
        found["majority"] = majority(train["label"].tolist())
    found["word list"] = word_list()
    if word_lists:
        found["Loughran-McDonald"] = word_list(Lexicon.from_folder(word_lists))
    try:
        found["TF-IDF + LR"] = tfidf(train["text"].tolist(), entities(train), train["label"].tolist())
    except DataError as error:
        return Baselines(found, [f"without the baseline TF-IDF + LR: {error}"])
    return Baselines(found, [])


def majority(labels: Sequence[str]) -> Scorer:
    """Always the label shares of the training `labels`."""
    shares = np.array([list(labels).count(label) for label in LABELS]) / len(labels)
    return lambda texts, entities: np.tile(shares, (len(texts), 1))


def word_list(lexicon: Lexicon | None = None) -> Scorer:
    """Counts of positive and negative words (see sentfeat.score.lexicon)."""
    lexicon = lexicon or Lexicon.default()
    return lambda texts, entities: lexicon.probabilities(texts)


def tfidf(texts: Sequence[str], entities: Sequence[str | None], labels: Sequence[str]) -> Scorer:
    """TF-IDF of words and word pairs and of characters, then logistic regression, fitted on the rows given.

    An entity is read as the text with the name replaced by a marker, the usual trick for such models. Raises DataError
    for fewer than ENOUGH rows, a single label, or texts that have no word or no run of characters in common.
    """
    if len(texts) < ENOUGH or len(set(labels)) < 2:
        raise DataError(
            f"it needs {ENOUGH} training rows of two labels or more, and there are {len(texts)} of {len(set(labels))}"
        )
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=3),
    )
    try:
        counted = features.fit_transform(_marked(texts, entities))
    except ValueError as error:  # no term reaches min_df
        raise DataError("no word stands in two of the training texts, or nothing in three of them") from error
    model = LogisticRegression(C=4.0, max_iter=300, class_weight="balanced")
    model.fit(counted, [LABELS.index(label) for label in labels])

    def scorer(texts: Sequence[str], entities: Sequence[str | None]) -> np.ndarray:
        chances = np.zeros((len(texts), len(LABELS)))  # a label that training did not have keeps its zero
        chances[:, model.classes_] = model.predict_proba(features.transform(_marked(texts, entities)))
        return chances

    return scorer


def _marked(texts: Sequence[str], entities: Sequence[str | None]) -> list[str]:
    return [text.replace(entity, " ENTITY ") if entity else text for text, entity in zip(texts, entities, strict=True)]
