"""One training on several processes, a core each: every process takes its share of a batch, the gradients are averaged.

    OMP_NUM_THREADS=1 torchrun --nproc-per-node 2 -m training.distil ...     # training.pretrain and training.widen, too

The first process alone writes files. Without torchrun everything here is as if there were one process.
"""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

LONGEST_WAIT = timedelta(hours=12)  # for what the first process does alone


def join() -> None:
    """Meet the other processes that torchrun has started, if it has started any."""
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("gloo", timeout=LONGEST_WAIT)
        atexit.register(dist.destroy_process_group)


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return _rank() == 0


def wait() -> None:
    """Until every process is here."""
    if dist.is_initialized():
        dist.barrier()


@contextmanager
def first_alone() -> Iterator[None]:
    """What is made once and kept: the first process goes ahead, and the others find it made."""
    if not is_first():
        wait()
    yield
    if is_first():
        wait()


def agreed(value: Any) -> Any:
    """The first process's `value`: of what the processes may see differently, such as a clock or a file."""
    said = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(said)
    return said[0]


def share(rows: int) -> tuple[np.ndarray, float]:
    """Places of a batch's rows that are this process's, and the weight of their mean loss in the batch's.

    Without a row of its own a process takes the first, which counts nothing.
    """
    mine = np.arange(_rank(), rows, _processes())
    return (mine, len(mine) * _processes() / rows) if len(mine) else (np.zeros(1, dtype=int), 0.0)


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Make each gradient the mean over the processes."""
    if not dist.is_initialized():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient) / _processes())


def gathered(read: Callable[..., tuple[np.ndarray, ...]], *columns: Sequence) -> tuple[np.ndarray, ...]:
    """`read(*columns)`, an array or more with a row for each of the columns' rows, each process reading its share."""
    if not dist.is_initialized():
        return read(*columns)
    parts: list[Any] = [None] * _processes()
    dist.all_gather_object(parts, read(*(column[_rank() :: _processes()] for column in columns)))
    whole = []
    for found in zip(*parts, strict=True):
        array = np.empty((len(columns[0]), *found[0].shape[1:]), dtype=found[0].dtype)
        for rank, part in enumerate(found):
            array[rank :: _processes()] = part
        whole.append(array)
    return tuple(whole)


def _rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def _processes() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1
