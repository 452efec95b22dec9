"""What the device can do at all: a large matrix product, a copy."""

import torch

from benchmarks.gpu.bench import Bench
from benchmarks.rounds import matmul


def measure(bench: Bench) -> None:
    """Two rows, and the bench's ceiling."""
    product, flops = matmul(bench.shape.square, bench.dtype, bench.device)
    source = torch.empty(bench.shape.copied, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    seconds = bench.interleave({"product": product, "copy": lambda: target.copy_(source)})
    bench.ceiling = flops / seconds["product"]
    kind = str(bench.dtype).removeprefix("torch.")
    rate = f"{bench.ceiling / 1e12:.2f} TFLOP/s"
    bench.add("ceilings", f"{kind} product, {bench.shape.square} wide", seconds=seconds["product"], note=rate)
    moved = 2 * bench.shape.copied / seconds["copy"] / 1e9  # read once, written once
    bench.add("ceilings", "copy on the device", seconds=seconds["copy"], note=f"{moved:.1f} GB/s read and written")
