"""How fast the engine scores, beside what one would write without it: same texts, same bundle, in turns.

    make bench
    taskset -c 0,1 python -m benchmarks.scoring --texts headlines.parquet --threads 2

Without --texts, headlines of the sample market are scored, so the table can be made anywhere. --texts takes a Parquet
file with a column `title` or `text`, or a file with a text a line.
"""

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import vllm_offline
from benchmarks.rivals import BATCH, Generation, Pipeline
from benchmarks.rounds import cpu_clock, interleave, matmul, table, wall_clock
from sentfeat.config import SampleSource
from sentfeat.ingest.sample import SampleMarket
from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.load import load_network, load_tokenizer
from sentfeat.score.prompt import PromptEncoder
from sentfeat.sessions import Window

CEILING = 2048  # width of the square product that counts as the machine's rate
FRESH = """
import time
began = time.perf_counter()
import sys
from pathlib import Path
from sentfeat.score.bundle import embedded_path
from sentfeat.score.engine import Engine
engine = Engine.load(embedded_path())
engine.score(["Apple beats estimates"])
started = time.perf_counter() - began
engine.score(sys.stdin.read().splitlines())
status = Path("/proc/self/status").read_text()  # the peak that getrusage knows is the parent's too
print(started, int(status.split("VmHWM:")[1].split()[0]) / 2**10)
"""


def main(arguments: list[str] | None = None) -> None:
    """Print the tables in Markdown."""
    chosen = parse(arguments)
    torch.set_num_threads(chosen.threads)
    texts = read_texts(chosen.texts)[: chosen.count]
    few = texts[: chosen.few]
    engine, bundle = Engine.load(embedded_path(), device="cpu"), open_bundle(embedded_path())
    tokenizer = load_tokenizer(bundle)
    encoder = PromptEncoder(bundle.template, tokenizer, bundle.passport.max_tokens)
    network = load_network(bundle, engine.precision)
    prompts, pad = encoder.encode(few, [None] * len(few))[0], encoder.label_ids[0]
    generation, pipe = Generation(network, pad), Pipeline(network, tokenizer, pad)
    product, flops = matmul(CEILING)
    sides = {
        "ceiling": product,
        "engine": lambda: engine.score(texts),
        "risks": lambda: engine.answers(texts, None, ("sentiment", "risk")),
        "one": lambda: generation.one_at_a_time(prompts),
        "batch": lambda: generation.batched(prompts),
        "pipeline": lambda: pipe([bundle.template.prompt(text) for text in few]),
    }
    seconds = interleave(sides, chosen.rounds, cpu_clock if chosen.cpu_time else wall_clock)
    rate = {name: (len(texts) if name in ("engine", "risks") else len(few)) / spent for name, spent in seconds.items()}
    print(
        f"{len(texts)} texts, {len(few)} for the slow sides; {np.mean([*map(len, prompts)]):.1f} tokens a prompt; "
        f"{chosen.threads} threads, medians of {chosen.rounds}{', CPU time' if chosen.cpu_time else ''}\n"
    )
    theirs = vllm_offline.rate(network, tokenizer, prompts, chosen.vllm)
    print(table(rows_of(rate, theirs)))
    ceiling, work = flops / seconds["ceiling"], flops_of(engine, texts) / seconds["engine"]
    print(f"\n{table(facts_of(ceiling, work, rate['engine'] / rate['risks'], fresh(texts, chosen.threads)))}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--count", type=int, default=2000, help="texts for the engine")
    parser.add_argument("--few", type=int, default=128, help="texts for the slow sides")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="seconds of CPU, on a machine that does other work")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--vllm", type=Path, metavar="PYTHON", help="the Python of an environment with vllm")
    return parser.parse_args(arguments)


def read_texts(path: Path | None) -> list[str]:
    """Distinct texts of a file, or of the sample market, in an order that mixes lengths."""
    if path is None:
        always = Window(pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2030-01-01", tz="UTC"))
        items = SampleMarket(SampleSource(name="sample")).fetch(always).items
        texts = items.loc[items["kind"] == "headline", "title"]
    elif path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        texts = frame["title" if "title" in frame else "text"]
    else:
        texts = pd.Series(path.read_text(encoding="utf-8").splitlines())
    return texts.drop_duplicates().sample(frac=1, random_state=0).tolist()


def rows_of(rate: dict[str, float], vllm: float | str) -> list[dict[str, object]]:
    """One row a side; `vllm` is its rate, or why there is none."""
    names = {
        "engine": "this engine",
        "one": "`generate`, one at a time",
        "batch": f"`generate`, batch {BATCH}",
        "pipeline": f"Transformers `pipeline`, batch {BATCH}",
    }
    found = {name: rate[side] for side, name in names.items()} | {"vLLM, offline": vllm}
    return [
        {
            "scoring": name,
            "headlines a second": theirs if isinstance(theirs, str) else f"{theirs:,.0f}",
            "this engine is faster by": "" if isinstance(theirs, str) else f"{rate['engine'] / theirs:.1f} x",
        }
        for name, theirs in found.items()
    ]


def facts_of(ceiling: float, work: float, risks: float, fresh: tuple[float, float]) -> list[dict[str, object]]:
    facts = {
        "fp32 matrix product": f"{ceiling / 1e9:.0f} GFLOP/s",
        "this engine, padding included": f"{work / 1e9:.0f} GFLOP/s, {work / ceiling:.0%} of it",
        "sentiment and twelve risks / sentiment alone": f"{risks:.2f} x the time",
        "import to first score, in a fresh process": f"{fresh[0]:.1f} s",
        "peak memory of that process, all texts scored": f"{fresh[1]:,.0f} MB",
    }
    return [{"": name, "figure": figure} for name, figure in facts.items()]


def flops_of(engine: Engine, texts: list[str]) -> int:
    """FLOPs that scoring `texts` executes, idle rows and padding included."""
    body, total = engine._model._body, 0

    def counted(run, *arguments):
        nonlocal total
        with FlopCounterMode(display=False) as counter:
            found = run(*arguments)
        total += counter.get_total_flops()
        return found

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # one worker: the count is not shared
    body.read, body.final = partial(counted, body.read), partial(counted, body.final)
    engine.score(texts)
    del body.read, body.final  # the class's own again
    torch.set_num_threads(threads)
    return total


def fresh(texts: list[str], threads: int) -> tuple[float, float]:
    """Seconds from import to first score, and peak MB, of a process of its own."""
    lines = "\n".join(" ".join(text.split()) for text in texts)
    code = FRESH.replace("engine = ", f"import torch; torch.set_num_threads({threads})\nengine = ", 1)
    done = subprocess.run([sys.executable, "-c", code], input=lines, capture_output=True, text=True, check=True)
    started, peak = map(float, done.stdout.split())
    return started, peak


if __name__ == "__main__":
    main()
