"""A loaded model as the scorer of a file's slices, one after the other in this process."""

from collections.abc import Iterable, Iterator

from sentfeat.score.classifier import Classifier
from sentfeat.score.engine import Engine
from sentfeat.score.explain import Rows, explain, to_json
from sentfeat.score.file_job import Answered, Progress, Slice


class LocalScorer:
    """`explained` says which rows of the file get an explanation; `unsupported` counts those with numbers of their own
    making, and `reasons` all that were written."""

    def __init__(self, engine: Engine | Classifier, explained: Rows | None = None) -> None:
        self.model_id = engine.model_id
        self.identity = f"{self.model_id} {engine.temperature} {explained.spelled if explained else ''}"
        self.temperature = engine.temperature
        self.reasons = self.unsupported = 0
        self._engine = engine
        self._explained = explained

    def run(self, slices: Iterable[Slice], progress: Progress) -> Iterator[Answered]:
        """The answers in the order of the slices."""
        for part in slices:
            logits = self._engine.score(part.texts, part.entities, progress)
            yield Answered(part, logits, self._explain(part) if self._explained else None)

    def _explain(self, part: Slice) -> list[str | None]:
        wanted = [at for at in range(len(part.texts)) if self._explained and part.first + at + 1 in self._explained]
        found = explain(self._engine, [part.texts[at] for at in wanted], [part.entities[at] for at in wanted])
        self.reasons += sum(explanation is not None for explanation in found)
        self.unsupported += sum(bool(explanation and explanation.get("unsupported_numbers")) for explanation in found)
        column: list[str | None] = [None] * len(part.texts)
        for at, explanation in zip(wanted, found, strict=True):
            column[at] = to_json(explanation)
        return column
