"""Both sides of each comparison, interleaved on this machine, medians of five rounds.

    make bench

Texts are headlines of the sample market and the model is the embedded bundle, so the table can be made anywhere.
"""

import statistics
import time
from collections.abc import Callable

import pandas as pd

from sentfeat.config import SampleSource
from sentfeat.ingest.sample import SampleMarket
from sentfeat.score.bundle import Bundle, embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.sessions import Window

ROUNDS, ENGINE_TEXTS, LOOP_TEXTS = 5, 2000, 100


def main() -> None:
    """Print the table in Markdown."""
    texts, engine = headlines(), Engine.load(embedded_path())
    plain = plain_forward(open_bundle(embedded_path()))
    sides = {
        "this engine": lambda: rate(lambda: engine.score(texts[:ENGINE_TEXTS]), ENGINE_TEXTS),
        "one forward pass a text (Transformers + peft)": lambda: rate(
            lambda: [plain(text) for text in texts[:LOOP_TEXTS]], LOOP_TEXTS
        ),
    }
    rounds = [{name: side() for name, side in sides.items()} for _ in range(ROUNDS + 1)][1:]  # the first warms up
    ours = statistics.median(r["this engine"] for r in rounds)
    print("| scoring | headlines a second | this engine is faster by |\n| --- | --- | --- |")
    for name in sides:
        theirs = statistics.median(r[name] for r in rounds)
        print(f"| {name} | {theirs:,.0f} | {ours / theirs:.1f} x |")


def headlines() -> list[str]:
    """Distinct headlines of the sample market."""
    always = Window(pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2030-01-01", tz="UTC"))
    items = SampleMarket(SampleSource(name="sample")).fetch(always).items
    return items.loc[items["kind"] == "headline", "title"].drop_duplicates().tolist()


def plain_forward(bundle: Bundle) -> Callable[[str], object]:
    """What one writes without an engine: load base and adapter, run each prompt, look at the last position."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bundle.base)
    # dequantised, which favours this side: on some CPUs bitsandbytes refuses matrices whose width is no multiple of 64
    base = AutoModelForCausalLM.from_pretrained(bundle.base).dequantize()
    model = PeftModel.from_pretrained(base, bundle.adapter).eval()

    @torch.inference_mode()
    def forward(text: str) -> object:
        return model(**tokenizer(bundle.template.prompt(text), return_tensors="pt")).logits[0, -1]

    return forward


def rate(work: Callable[[], object], count: int) -> float:
    """Items a second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
