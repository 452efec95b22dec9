"""Mistral-7B-v0.3's shape on a GPU, measured: ceilings, scoring, explanations, training, right answers.

    python -m benchmarks.gpu --out gpu.json                    # a data-centre GPU: under nine minutes; 16 GB will do
    python -m benchmarks.gpu --shape tiny --device cpu         # every path, in seconds; its figures mean nothing

Needs torch, transformers, peft and bitsandbytes, and sentfeat (`pip install -e '.[score]'`); weights are random, made
here. One Markdown table is printed, the same rows and the versions go to --out.
"""

import argparse
import json
import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.gpu import ceilings, checks, explaining, scoring, training
from benchmarks.gpu.bench import Bench
from benchmarks.gpu.model import make_model
from benchmarks.gpu.shapes import SHAPES
from benchmarks.rounds import table
from sentfeat.score.precision import choose_device

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")


def main(arguments: list[str] | None = None) -> None:
    chosen = parse(arguments)
    device, dtype, _ = choose_device(chosen.device)
    bench = Bench(SHAPES[chosen.shape], device, dtype, time.monotonic() + 60 * chosen.minutes)
    with tempfile.TemporaryDirectory(dir=chosen.scratch) as scratch:
        bundle = make_model(bench.shape, Path(scratch), device)
        bench.run(
            {
                "ceilings": lambda: ceilings.measure(bench),
                "checks": lambda: checks.measure(bench),
                "scoring": lambda: scoring.measure(bench, bundle),
                "explanations": lambda: explaining.measure(bench, bundle),
                "training": lambda: training.measure(bench, bundle),
            }
        )
    print(f"\n{facts(device)}\n\n{table([shown(row) for row in bench.rows])}")
    if chosen.out:
        chosen.out.write_text(
            json.dumps({"device": facts(device), "shape": chosen.shape, "rows": bench.rows}, indent=1)
        )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="mistral7b")
    parser.add_argument("--device", help="default: a GPU if there is one")
    parser.add_argument("--minutes", type=float, default=8, help="after these no further part begins")
    parser.add_argument("--scratch", type=Path, help="a folder with 5 GB of room (default: the system's)")
    parser.add_argument("--out", type=Path, help="JSON")
    return parser.parse_args(arguments)


def facts(device: str) -> str:
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else platform.processor() or "CPU"
    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    today = time.strftime("%Y-%m-%d")
    return f"{name}, CUDA {torch.version.cuda}, Python {platform.python_version()}, {packages}, {today}"


def shown(row: dict[str, object]) -> dict[str, object]:
    """The row with figures as one reads them."""
    share = row["share_of_ceiling"]
    numbers = {key: f"{value:,.3g}" if isinstance(value, float) else value for key, value in row.items()}
    return {key: "" if value is None else value for key, value in numbers.items()} | (
        {"share_of_ceiling": f"{share:.0%}"} if isinstance(share, float) else {}
    )


if __name__ == "__main__":
    main()
