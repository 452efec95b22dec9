"""The device as all parts see it: its clock, its memory, its ceiling, the time that is left, and the rows found."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from benchmarks.gpu.shapes import Shape
from benchmarks.rounds import Side, cuda_clock, interleave, wall_clock

FAST = 300e12  # FLOP/s in half precision at which the sizes of a shape are meant to take seconds
FEWEST = 64  # texts
COLUMNS = ("part", "what", "texts_per_second", "tokens_per_second", "share_of_ceiling", "peak_gb", "seconds", "note")


@dataclass
class Bench:
    """One run on one device. `ceiling` is its matrix rate in FLOP/s, once measured."""

    shape: Shape
    device: str
    dtype: torch.dtype
    until: float  # time.monotonic() after which no further part begins
    ceiling: float = float("nan")
    rows: list[dict[str, object]] = field(default_factory=list)

    @property
    def is_cuda(self) -> bool:
        return self.device.startswith("cuda")

    @property
    def memory(self) -> float:
        """Bytes of the device; on a CPU as many as one likes."""
        return torch.cuda.get_device_properties(self.device).total_memory if self.is_cuda else float("inf")

    def add(self, part: str, what: str, **found: object) -> None:
        """Keep a row; what is not `found` stays empty."""
        self.rows.append(dict.fromkeys(COLUMNS) | {"part": part, "what": what} | found)

    def interleave(self, sides: Mapping[str, Side]) -> dict[str, float]:
        return interleave(sides, self.shape.rounds, cuda_clock if self.is_cuda else wall_clock)

    def scaled(self, count: int) -> int:
        """As many texts as take a slower device about as long as a fast one, but enough to fill a batch."""
        return max(min(count, FEWEST), int(count * min(1.0, self.ceiling / FAST)))

    def share(self, tokens_per_second: float, weights: int) -> float:
        """Of the ceiling, by the products that the weights need alone."""
        return 2 * weights * tokens_per_second / self.ceiling

    def held(self) -> float:
        """Bytes held on the device now."""
        return torch.cuda.memory_allocated() if self.is_cuda else 0.0

    def peak_gb(self, side: Side, others: float = 0.0) -> float | None:
        """The most memory held while `side` runs, but for what `others` hold (bytes); None on a CPU."""
        if not self.is_cuda:
            side()
            return None
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        side()
        return (torch.cuda.max_memory_allocated() - others) / 1e9

    @contextmanager
    def attempt(self, part: str, what: str) -> Iterator[None]:
        """Go on after running out of memory, with a row that says so."""
        try:
            yield
        except torch.OutOfMemoryError:
            self.add(part, what, note="out of memory")
        if self.is_cuda:
            torch.cuda.empty_cache()

    def run(self, parts: Mapping[str, Callable[[], None]]) -> None:
        """Each part in turn while there is time."""
        for name, part in parts.items():
            if time.monotonic() > self.until:
                self.add(name, "all", note="no time left")
                continue
            began = time.monotonic()
            with self.attempt(name, "all"):
                part()
            print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
