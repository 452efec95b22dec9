"""The scoring engine: texts and entities in, logits of the answers out.

    engine = Engine.load(embedded_path())
    engine.score(["Apple beats estimates"], [None])             # logits (1, 3) float32, in the order of LABELS
    engine.probabilities(["Apple beats estimates"], [None])     # the same as probabilities
    engine.risks(["Apple beats estimates"])                     # probabilities (1, 12), in the order of RISKS

One prefill per distinct prompt, the last hidden state times the head's rows for the answers. A prompt's logits are the
same bits alone or among others, in any order, in any subset (see batches.py).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from sentfeat.errors import BundleError, DataError
from sentfeat.score.batches import Batch, fill_batch, plan_batches
from sentfeat.score.bundle import Bundle, Probe, RiskHead, RiskProbe, open_bundle
from sentfeat.score.model import LabelModel, choose_device, load_model, load_tokenizer
from sentfeat.score.probability import probabilities, risk_probabilities
from sentfeat.score.prompt import LABELS, PromptEncoder, Task
from sentfeat.score.risks import RISKS

logger = logging.getLogger(__name__)

TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 16384}
PROBE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.03}
ANSWERS: dict[Task, tuple[str, ...]] = {"sentiment": LABELS, "risk": RISKS}
"""What the last axis of a task's logits counts."""

Chunk = tuple[np.ndarray, np.ndarray]


class Engine:
    """A loaded bundle. `temperature` turns its logits into probabilities; `model_id` keys its scores."""

    def __init__(self, bundle: Bundle, encoder: PromptEncoder, model: LabelModel, dtype: torch.dtype) -> None:
        self.bundle = bundle
        self.temperature = bundle.passport.temperature
        self.model_id = bundle.model_id(str(dtype).removeprefix("torch."))
        self._encoder = encoder
        self._model = model
        self._token_budget = TOKENS_PER_BATCH[model.device.type]

    @classmethod
    def load(cls, path: str | Path, *, device: str | None = None, check: bool = True) -> "Engine":
        """Load the bundle in `path` onto `device` (default: a GPU if there is one, in bf16, else the CPU in fp32).

        Raises BundleError if the folder, the label words or the golden probes are not what the passport says; only
        whoever makes a bundle has a reason for `check=False`, which skips the probes.
        """
        bundle = open_bundle(path)
        device, dtype = choose_device(device)
        encoder = PromptEncoder(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
        answer_ids: dict[Task, tuple[int, ...]] = {"sentiment": encoder.label_ids, "risk": encoder.risk_ids}
        engine = cls(bundle, encoder, load_model(bundle, answer_ids, device, dtype), dtype)
        if check:
            engine._check_probes(PROBE_TOLERANCE[dtype])
        logger.info("model %s: %s", bundle.slug(str(dtype).removeprefix("torch.")), bundle.passport.notice)
        return engine

    def score(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Label logits (n, 3) float32 in the order given; `entities` names whom each text is asked about, or None.

        A text that is empty once cleaned gets NaN: nothing was read, which is not neutral. `progress` is called with
        the number of items finished since the last call.
        """
        return self._gather(texts, entities, "sentiment", progress)

    def probabilities(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Label probabilities (n, 3) float64 at the bundle's temperature; otherwise as `score`."""
        return probabilities(self.score(texts, entities, progress), self.temperature)

    def risk_logits(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Risk logits (n, 12) float32 in the order of RISKS; NaN rows and `progress` as in `score`.

        Raises BundleError if the bundle was not trained to name risks.
        """
        self._risk_head()
        return self._gather(texts, None, "risk", progress)

    def risks(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Risk probabilities (n, 12) float64, each risk by itself; otherwise as `risk_logits`."""
        head = self._risk_head()
        return risk_probabilities(self.risk_logits(texts, progress), head.scale, head.offset)

    def score_chunks(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        chunk: int = 2048,
        task: Task = "sentiment",
    ) -> Iterator[Chunk]:
        """Finished parts, shortest texts first: positions (m,) int64 in the input and their logits (m, answers).

        Each position comes exactly once; a part has about `chunk` distinct prompts, so that it can be kept at once.
        All prompts' tokens are held meanwhile (some 1 kB a text): give very long lists in slices, it changes no bit.
        """
        entities = [None] * len(texts) if entities is None else entities
        unique, inverse = _distinct(texts, entities)
        prompts, cut = self._encoder.encode([text for text, _ in unique], [entity for _, entity in unique], task)
        lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
        if cut or (lengths == 0).any():
            logger.warning("%d of %d texts cut to fit, %d empty", cut, len(unique), (lengths == 0).sum())
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(unique) + 1))
        for members, values in self._in_chunks(prompts, lengths, chunk, task):
            copies = starts[members + 1] - starts[members]
            positions = [order[starts[member] : starts[member + 1]] for member in members]
            yield np.concatenate(positions), np.repeat(values, copies, axis=0)

    def _gather(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None,
        task: Task,
        progress: Callable[[int], None] | None,
    ) -> np.ndarray:
        logits = np.full((len(texts), len(ANSWERS[task])), np.nan, dtype=np.float32)
        for positions, values in self.score_chunks(texts, entities, task=task):
            logits[positions] = values
            if progress:
                progress(len(positions))
        return logits

    def _in_chunks(self, prompts: list[list[int]], lengths: np.ndarray, chunk: int, task: Task) -> Iterator[Chunk]:
        """Batch results gathered into parts of about `chunk` prompts; empty prompts come first, as NaN."""
        empty = np.flatnonzero(lengths == 0)
        waiting = [(empty, np.full((len(empty), len(ANSWERS[task])), np.nan, dtype=np.float32))] if len(empty) else []
        for batch in plan_batches(lengths, self._token_budget):
            waiting.append((batch.members, self._run(prompts, batch, task)))
            if sum(len(members) for members, _ in waiting) >= chunk:
                yield _join(waiting)
                waiting = []
        if waiting:
            yield _join(waiting)

    def _run(self, prompts: list[list[int]], batch: Batch, task: Task) -> np.ndarray:
        ids, last = fill_batch(prompts, batch, filler=self._encoder.label_ids[0])
        logits = self._model.logits(torch.from_numpy(ids), torch.from_numpy(last), task)
        values = logits.numpy()[: len(batch.members)]
        if not np.isfinite(values).all():
            raise BundleError(f"{self.bundle.path}: logits are not finite; the weights or this device's {batch} fail")
        return values

    def _risk_head(self) -> RiskHead:
        head = self.bundle.passport.risk
        if head is None:
            raise BundleError(
                f"{self.bundle.path}: this bundle has no risk head, its adapter was never taught to name risks; "
                "use a bundle trained on risk rows as well"
            )
        return head

    def _check_probes(self, tolerance: float) -> None:
        """Golden probes: the last guard, for all that hashes cannot see (library versions, device, merge)."""
        passport = self.bundle.passport
        probes = passport.probes
        found = self.probabilities([probe.text for probe in probes], [probe.entity for probe in probes])
        self._compare_probes(probes, found, tolerance)
        if passport.risk:
            found = self.risks([probe.text for probe in passport.risk.probes])
            self._compare_probes(passport.risk.probes, found, tolerance)

    def _compare_probes(self, probes: Sequence[Probe | RiskProbe], chances: np.ndarray, tolerance: float) -> None:
        for probe, found in zip(probes, chances, strict=True):
            gap = np.abs(found - np.array(probe.probabilities)).max()
            if not gap <= tolerance:
                raise BundleError(
                    f"{self.bundle.path}: golden probe {probe.text!r} gives {found.round(4).tolist()}, the passport "
                    f"says {list(probe.probabilities)}; this installation would not score as the bundle was made"
                )


def _distinct(texts: Sequence[str], entities: Sequence[str | None]) -> tuple[list[tuple[str, str | None]], np.ndarray]:
    """The distinct (text, entity) pairs in order of appearance, and for each item the position of its pair."""
    if len(texts) != len(entities):
        raise DataError(f"{len(texts)} texts but {len(entities)} entities: give one entity, or None, per text")
    for text, entity in zip(texts, entities, strict=True):
        if not isinstance(text, str) or not isinstance(entity, str | None):
            raise DataError(f"a text must be a string and an entity a string or None, got {text!r} and {entity!r}")
    seen: dict[tuple[str, str | None], int] = {}
    inverse = [seen.setdefault((text, entity or None), len(seen)) for text, entity in zip(texts, entities, strict=True)]
    return list(seen), np.array(inverse, dtype=np.int64)


def _join(parts: list[Chunk]) -> Chunk:
    return np.concatenate([members for members, _ in parts]), np.concatenate([values for _, values in parts])
