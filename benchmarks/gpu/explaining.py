"""Writing explanations: new tokens a second at several batch sizes, in the form that the device's memory allows."""

from functools import partial

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.model import texts_of
from benchmarks.rivals import Generation
from sentfeat.score.bundle import Bundle
from sentfeat.score.engine import Engine


def measure(bench: Bench, bundle: Bundle) -> None:
    """A row a batch size."""
    engine = Engine.load(bundle, device=bench.device, check=False)
    generation = Generation(engine._model.network, engine._encoder.label_ids[0])
    count, tokens = bench.shape.headlines
    texts = texts_of(count, tokens)
    for rows in bench.shape.written:
        what = f"{rows} at a time, {bench.shape.new_tokens} tokens each, {engine.precision.mode}"
        with bench.attempt("explanations", what):
            prompts = engine._encoder.encode(texts[:rows], [None] * rows)[0]
            write = partial(generation.write, prompts, bench.shape.new_tokens)
            peak = bench.peak_gb(write)
            seconds = bench.interleave({what: write})[what]
            rate = len(prompts) * bench.shape.new_tokens / seconds
            bench.add(
                "explanations",
                what,
                texts_per_second=len(prompts) / seconds,
                tokens_per_second=rate,
                peak_gb=peak,
                seconds=seconds,
            )
