"""Both sides of a comparison in turns on the same machine: what disturbs one side disturbs all."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

Side = Callable[[], object]


def interleave(sides: Mapping[str, Side], rounds: int, synchronise: Callable[[], None] = lambda: None) -> dict:
    """Median seconds of each side over `rounds` rounds, each of which runs every side once; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            synchronise()
            began = time.perf_counter()
            side()
            synchronise()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}


def matmul(size: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> tuple[Side, int]:
    """A square matrix product and its FLOPs: the ceiling of all that follows."""
    left, right = torch.randn(2, size, size, device=device).to(dtype)
    return lambda: torch.mm(left, right), 2 * size**3


def table(rows: list[dict[str, object]]) -> str:
    """Rows with the same keys as a Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([str(row[name]) for name in head] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
