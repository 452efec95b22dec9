"""The scoring engine: texts and entities in, logits of the answers out.

    engine = Engine.load(embedded_path())
    engine.score(["Apple beats estimates"], [None])             # logits (1, 3) float32, in the order of LABELS
    engine.probabilities(["Apple beats estimates"], [None])     # the same as probabilities
    engine.risks(["Apple beats estimates"])                     # probabilities (1, 12), in the order of RISKS

Each distinct text is read once; every question about it goes on from what reading it left behind (its keys and values),
and the last hidden state times the head's rows for the answers is all that is computed. An item's logits are the same
bits alone or among others, in any order, in any subset (see batches.py).
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError
from sentfeat.score.batches import Batch, Shapes, fill_batch, plan_batches
from sentfeat.score.bundle import Bundle, Probe, RiskHead, RiskProbe, open_bundle
from sentfeat.score.generate import generate
from sentfeat.score.load import load_network, load_tokenizer
from sentfeat.score.model import LabelModel
from sentfeat.score.precision import Precision, choose_precision, token_budget
from sentfeat.score.probability import probabilities, risk_probabilities
from sentfeat.score.prompt import LABELS, PromptEncoder, Task
from sentfeat.score.questions import Questions, lengths_of
from sentfeat.score.risks import keyword_risks

logger = logging.getLogger(__name__)

SHAPES = {"cpu": Shapes(budget=512, step=2, fixed=True), "cuda": Shapes(budget=16384, step=16, fixed=False)}
PROBE_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.03, torch.float16: 0.03}
ANSWERS: dict[Task, tuple[str, ...]] = {"sentiment": LABELS, "risk": RISKS}
"""What the last axis of a task's logits counts."""

Chunk = tuple[np.ndarray, dict[Task, np.ndarray]]


class Engine:
    """A loaded bundle. `temperature` turns its logits into probabilities; `model_id` keys its scores."""

    def __init__(self, bundle: Bundle, encoder: PromptEncoder, model: LabelModel, precision: Precision) -> None:
        self.bundle = bundle
        self.temperature = bundle.passport.temperature
        self.precision = precision
        self.model_id = bundle.model_id(precision.mode)
        self._encoder = encoder
        self._model = model
        self._shapes = _shapes(model)
        self._filler = encoder.label_ids[0]

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle,
        *,
        device: str | None = None,
        merge: bool | None = None,
        cache: Path | None = None,
        check: bool = True,
    ) -> "Engine":
        """Load a found bundle, or the one in a folder, onto `device` (default: a GPU if any, else the CPU).

        Whether it is merged follows from the device's memory, unless `merge` says so; merged weights are kept in
        `cache`, if given, and found there the next time. Raises BundleError if the folder, the label words or the
        golden probes are not what the passport says; only whoever makes a bundle has a reason for `check=False`, which
        skips the probes.
        """
        if not isinstance(bundle, Bundle):
            bundle = open_bundle(bundle)
        precision = choose_precision(bundle.base, device, merge)
        encoder = PromptEncoder(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
        engine = cls(bundle, encoder, LabelModel(load_network(bundle, precision, cache), encoder), precision)
        if check:
            engine._check_probes(PROBE_TOLERANCE[precision.dtype])
        logger.info("scoring on %s in %s: %s", precision.device, precision.mode, precision.reason)
        logger.info("model %s: %s", bundle.slug(precision.mode), bundle.passport.notice)
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
        return self.answers(texts, entities, ("sentiment",), progress)["sentiment"]

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
        return self.answers(texts, None, ("risk",), progress)["risk"]

    def risks(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Risk probabilities (n, 12) float64, each risk by itself; otherwise as `risk_logits`."""
        head = self._risk_head()
        return risk_probabilities(self.risk_logits(texts, progress), head.scale, head.offset)

    def generate(self, texts: Sequence[str], tails: Sequence[str], new_tokens: int) -> list[str]:
        """What the model writes, at most `new_tokens` tokens of it, after each text and the question in its tail."""
        return generate(self._model.network, self._encoder, self._encoder.continue_with(texts, tails), new_tokens)

    def answers(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        tasks: Sequence[Task] = ("sentiment",),
        progress: Callable[[int], None] | None = None,
    ) -> dict[Task, np.ndarray]:
        """Logits (n, answers) of several tasks, for which each text is read once; otherwise as `score`."""
        found = {task: np.full((len(texts), len(ANSWERS[task])), np.nan, dtype=np.float32) for task in tasks}
        for positions, values in self.chunks(texts, entities, tasks):
            for task in tasks:
                found[task][positions] = values[task]
            if progress:
                progress(len(positions))
        return found

    def chunks(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        tasks: Sequence[Task] = ("sentiment",),
        chunk: int = 2048,
    ) -> Iterator[Chunk]:
        """Finished parts, shortest texts first: positions (m,) int64 in the input, and logits (m, answers) by task.

        Each position comes exactly once; a part has at least `chunk` items, but for the last, so that it can be kept
        at once. All tokens are held meanwhile (some 1 kB a text): give very long lists in slices, it changes no bit.
        """
        if "risk" in tasks:
            self._risk_head()
        questions = Questions.of(texts, [None] * len(texts) if entities is None else entities, tasks, self._encoder)
        empty = np.flatnonzero(questions.lengths == 0)
        if questions.cut or len(empty):
            logger.warning("%d of %d texts cut to fit, %d empty", questions.cut, len(questions.texts), len(empty))
        found = {
            task: np.full((len(asked.tails), len(ANSWERS[task])), np.nan, np.float32)
            for task, asked in questions.asked.items()
        }
        waiting = [questions.items_of(empty)]  # their answers stay NaN
        for batch in self._answered(questions, found):
            waiting.append(questions.items_of(batch.members))
            if sum(map(len, waiting)) >= chunk:
                yield self._with_cues(texts, *questions.collect(np.concatenate(waiting), found))
                waiting = []
        if any(map(len, waiting)):
            yield self._with_cues(texts, *questions.collect(np.concatenate(waiting), found))

    def _with_cues(self, texts: Sequence[str], positions: np.ndarray, answers: dict[Task, np.ndarray]) -> Chunk:
        """The answers at `positions`; what the texts' keywords add to the risks is in."""
        head = self.bundle.passport.risk
        if "risk" in answers and head and head.cue:
            cues = keyword_risks([texts[at] for at in positions])
            answers = answers | {"risk": answers["risk"] + np.float32(head.cue) * cues}
        return positions, answers

    def _answered(self, questions: Questions, found: dict[Task, np.ndarray]) -> Iterator[Batch]:
        """Batches of texts, each once the answers to all questions about it are in `found`.

        On a CPU every core has its own batch, which divides better than the small products of one batch would; on a
        GPU one thread prepares a batch and queues its kernels while another waits for its answers.
        """
        widths = self._shapes.widths(questions.lengths)
        plan = plan_batches(widths, self._rows_of, together=questions.widths_asked(self._shapes))
        threads = torch.get_num_threads()
        workers = threads if self._model.device.type == "cpu" else 2
        running: deque[tuple[Batch, Future]] = deque()
        with ThreadPoolExecutor(workers, "scoring", initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                for batch in plan:
                    running.append((batch, pool.submit(self._answer, questions, batch, found)))
                    if len(running) > 2 * workers:
                        yield _finished(*running.popleft())
                while running:
                    yield _finished(*running.popleft())
            finally:  # after an error, or if nobody wants the rest
                for _, job in running:
                    job.cancel()
                torch.set_num_threads(threads)  # new threads would inherit the workers' single one

    def _answer(self, questions: Questions, batch: Batch, found: dict[Task, np.ndarray]) -> None:
        """Read a batch of texts and put each question about them; answers go to `found`.

        If the device has no memory left for it, with half the token budget from here on.
        """
        try:
            return self._answer_whole(questions, batch, found)
        except torch.OutOfMemoryError:
            if batch.rows == 1:
                raise
        self._shapes = replace(self._shapes, budget=min(self._shapes.budget, batch.rows * batch.width // 2))
        logger.warning("out of memory with %d x %d tokens: going on with half", batch.rows, batch.width)
        torch.cuda.empty_cache()
        for half in batch.halves():
            self._answer(questions, half, found)

    def _answer_whole(self, questions: Questions, batch: Batch, found: dict[Task, np.ndarray]) -> None:
        ids, last = fill_batch(questions.texts, batch, self._filler)
        past = self._model.read(ids, last + 1)
        row_of = dict(zip(batch.members.tolist(), range(batch.rows), strict=False))
        for task, asked in questions.asked.items():
            about = asked.about(batch.members)
            tails = [asked.tails[question] for question in about]
            for part in plan_batches(self._shapes.widths(lengths_of(tails)), lambda width, count: batch.rows):
                rows = np.arange(part.rows)  # which text of the batch each row asks
                rows[: len(part.members)] = [row_of[text] for text in asked.text_of[about[part.members]].tolist()]
                values = self._model.ask(past, rows, *fill_batch(tails, part, self._filler), task)
                found[task][about[part.members]] = self._finite(values[: len(part.members)])

    def _rows_of(self, width: int, count: int) -> int:
        return self._shapes.rows(width, count)

    def _finite(self, logits: np.ndarray) -> np.ndarray:
        if not np.isfinite(logits).all():
            raise BundleError(
                f"{self.bundle.path}: logits are not finite: the weights are broken, or fail on this device"
            )
        return logits

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


def _shapes(model: LabelModel) -> Shapes:
    """On a GPU, batches that fit what the weights have left free."""
    if model.device.type == "cpu":
        return SHAPES["cpu"]
    weight = next(model.network.parameters())
    free, _ = torch.cuda.mem_get_info(model.device)
    return replace(SHAPES["cuda"], budget=token_budget(model.network.config, free, weight.element_size()))


def _finished(batch: Batch, job: Future) -> Batch:
    job.result()
    return batch
