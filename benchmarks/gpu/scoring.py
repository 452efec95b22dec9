"""Scoring: `generate` as most write it, and the engine in both forms, with its prefix shared or not, with risks."""

import time
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import torch

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.model import linear_parameters, texts_of
from benchmarks.rivals import BATCH, Generation
from benchmarks.rounds import Side
from sentfeat.score.body import Past
from sentfeat.score.bundle import Bundle
from sentfeat.score.engine import Engine
from sentfeat.score.load import load_tokenizer
from sentfeat.score.precision import choose_precision
from sentfeat.score.prompt import PromptEncoder

BOTH = 30e9  # bytes of a device that holds NF4 and merged weights side by side


class Unshared(PromptEncoder):
    """Has every text begin with the instruction, instead of all texts share it."""

    def encode_texts(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        found, cut = super().encode_texts(texts)
        return [[*self._instruction, *ids] for ids in found], cut

    def __init__(self, *parts: object) -> None:
        super().__init__(*parts)
        self._instruction, self.head_ids = self.head_ids, []


@dataclass(frozen=True)
class Work:
    """A side: what it runs, for how many texts, and how many tokens that puts through the network."""

    run: Side
    texts: int
    tokens: int


def measure(bench: Bench, bundle: Bundle) -> None:
    """Rows of loading, and of each side at both lengths."""
    merges = choose_precision(bundle.base, bench.device).merged
    groups = [(False, True)] if merges and bench.memory >= BOTH else [(False,), (True,)] if merges else [(False,)]
    for group in groups:
        engines, held = {}, {}
        for merged in group:
            before = bench.held()
            engines[merged] = _load(bench, bundle, merged)
            held[merged] = bench.held() - before
        for kind, (count, tokens) in {"headlines": bench.shape.headlines, "passages": bench.shape.passages}.items():
            with bench.attempt("scoring", f"{kind}, all sides"):
                _measure(bench, kind, texts_of(bench.scaled(count), tokens), engines, held)
    if not merges:
        bench.add("scoring", "merged", note="does not fit this device")


def _load(bench: Bench, bundle: Bundle, merged: bool) -> Engine:
    began = time.perf_counter()
    engine = Engine.load(bundle, device=bench.device, merge=merged, check=False)
    what = f"load, {engine.precision.mode}"
    bench.add("scoring", what, seconds=time.perf_counter() - began, note=f"{bench.held() / 1e9:.1f} GB held after it")
    return engine


def _measure(bench: Bench, kind: str, texts: list[str], engines: dict[bool, Engine], held: dict[bool, float]) -> None:
    sides, peaks = {}, {}
    for merged, engine in engines.items():
        others = sum(size for other, size in held.items() if other is not merged)
        for name, work in _sides(bench, engine, texts, merged).items():
            sides[name] = work
            peaks[name] = bench.peak_gb(work.run, others)
    weights = linear_parameters(next(iter(engines.values()))._model.network)
    seconds = bench.interleave({name: work.run for name, work in sides.items()})
    for name, work in sides.items():
        rate = work.tokens / seconds[name]
        bench.add(
            "scoring",
            f"{kind}, {name}",
            texts_per_second=work.texts / seconds[name],
            tokens_per_second=rate,
            share_of_ceiling=bench.share(rate, weights),
            peak_gb=peaks[name],
            seconds=seconds[name],
        )


def _sides(bench: Bench, engine: Engine, texts: list[str], merged: bool) -> dict[str, Work]:
    few, some = texts[: bench.shape.few], texts[: 8 * bench.shape.few]
    encoder, count = engine._encoder, len(texts)
    read = sum(map(len, encoder.encode_texts(texts)[0]))
    asked = {task: len(encoder.encode_questions([None], task)[None]) for task in ("sentiment", "risk")}
    both = ("sentiment", "risk")
    form = f"engine, {engine.precision.mode}"
    sides = {
        form: Work(lambda: engine.score(texts), count, read + count * asked["sentiment"]),
        f"{form}, with risks": Work(
            lambda: engine.answers(texts, None, both), count, read + count * sum(asked.values())
        ),
    }
    if merged:
        alone = _unshared(engine)
        tokens = read + count * (len(encoder.head_ids) + asked["sentiment"])
        return sides | {f"{form}, prefix read each time": Work(lambda: alone.score(texts), count, tokens)}
    tight = _with_budget(engine, bench.shape.small_budget)
    generation = Generation(engine._model.network, encoder.label_ids[0])
    prompts = encoder.encode(some, [None] * len(some))[0]
    whole = [len(prompt) for prompt in prompts]
    loop = Work(lambda: generation.one_at_a_time(prompts[: len(few)]), len(few), sum(whole[: len(few)]))
    batch = Work(lambda: generation.batched(prompts), len(some), sum(whole))
    return sides | {
        f"{form}, batches of {bench.shape.small_budget} tokens": replace(sides[form], run=lambda: tight.score(texts)),
        "generate, one at a time": loop,
        f"generate, batch {BATCH}": batch,
    }


def _unshared(engine: Engine) -> Engine:
    bundle, model = engine.bundle, copy(engine._model)
    model._shared = Past([], torch.zeros(1, dtype=torch.long, device=model.device))
    encoder = Unshared(bundle.template, load_tokenizer(bundle), bundle.passport.max_tokens)
    return Engine(bundle, encoder, model, engine.precision)


def _with_budget(engine: Engine, tokens: int) -> Engine:
    tight = Engine(engine.bundle, engine._encoder, engine._model, engine.precision)
    tight._shapes = replace(tight._shapes, budget=tokens)
    return tight
