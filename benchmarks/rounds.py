"""Both sides of a comparison in turns on the same machine: what disturbs one side disturbs all."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Side = Callable[[], object]


def wall_clock(side: Side) -> float:
    """Seconds that `side` takes."""
    began = time.perf_counter()
    side()
    return time.perf_counter() - began


def cpu_clock(side: Side) -> float:
    """Seconds of all cores that this process takes for `side`: for a machine that does other work as well."""
    began = time.process_time()
    side()
    return time.process_time() - began


def cuda_clock(side: Side) -> float:
    """Seconds between two events on the GPU's stream, one before and one after `side`."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    side()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 1000


def interleave(sides: Mapping[str, Side], rounds: int, clock: Callable[[Side], float] = wall_clock) -> dict[str, float]:
    """Median seconds of each side over `rounds` rounds, each of which runs every side once; a first round warms up."""
    seconds = [{name: clock(side) for name, side in sides.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(found[name] for found in seconds) for name in sides}


def matmul(size: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> tuple[Side, int]:
    """A square matrix product and its FLOPs: the ceiling of all that follows."""
    left, right = torch.randn(2, size, size, device=device).to(dtype)
    return lambda: torch.mm(left, right), 2 * size**3


def table(rows: list[dict[str, object]]) -> str:
    """Rows with the same keys as a Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([str(row[name]) for name in head] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
