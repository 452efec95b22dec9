"""The shortest way to an answer.

>>> SentimentPredictor().predict("Apple beats estimates")
{"label": "positive", "score": 0.93, "probabilities": {"negative": 0.01, "neutral": 0.05, "positive": 0.94}}
"""

from pathlib import Path
from typing import overload

import numpy as np

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.find import find_model, load_model
from sentfeat.score.probability import tone
from sentfeat.score.prompt import LABELS

Prediction = dict[str, object]


class SentimentPredictor:
    """A loaded model with words around it; `bundle` and `adapter` are folders or hub ids (see find_model).

    By default it is the bundle in the package.
    """

    def __init__(
        self,
        bundle: str | Path | None = None,
        adapter: str | Path | None = None,
        *,
        template: str | None = None,
        device: str | None = None,
    ) -> None:
        self._engine = load_model(find_model(bundle, adapter, template), device)

    @overload
    def predict(
        self, text: str, entity: str | None = None, *, risks: bool = False, explain: bool = False
    ) -> Prediction: ...

    @overload
    def predict(
        self, text: list[str], entity: str | None = None, *, risks: bool = False, explain: bool = False
    ) -> list[Prediction]: ...

    def predict(
        self, text: str | list[str], entity: str | None = None, *, risks: bool = False, explain: bool = False
    ) -> Prediction | list[Prediction]:
        """The sentiment of one text (a dict) or of several (a list of dicts), towards `entity` if one is given.

        `score` is p(positive) - p(negative), in [-1, 1]. With `risks`, also the probability of each of RISKS; with
        `explain`, why (see sentfeat.score.explain). Raises DataError for a text with nothing to read, BundleError if
        risks are asked of a bundle that cannot name them.
        """
        texts = [text] if isinstance(text, str) else list(text)
        chances = self._engine.probabilities(texts, [entity] * len(texts))
        unread = np.flatnonzero(np.isnan(chances).any(axis=1))
        if len(unread):
            raise DataError(f"text {unread[0]} is empty ({texts[unread[0]]!r}): there is nothing to score")
        predictions = [_describe(row) for row in chances]
        if risks:
            for prediction, row in zip(predictions, self._engine.risks(texts), strict=True):
                prediction["risks"] = {risk: round(float(chance), 4) for risk, chance in zip(RISKS, row, strict=True)}
        if explain:
            from sentfeat.score.explain import explain as explain_texts

            for prediction, why in zip(
                predictions, explain_texts(self._engine, texts, [entity] * len(texts)), strict=True
            ):
                prediction["explanation"] = why
        return predictions[0] if isinstance(text, str) else predictions


def _describe(chances: np.ndarray) -> Prediction:
    return {
        "label": LABELS[int(chances.argmax())],
        "score": round(float(tone(chances)), 4),
        "probabilities": {label: round(float(chance), 4) for label, chance in zip(LABELS, chances, strict=True)},
    }
