"""A file's slices scored by a Ray cluster, one engine actor on each device.

    sentfeat score --engine ray --address auto --workers 4 --input texts.parquet --output scores.parquet

Every actor loads the model once, so its files (or its hub id) must be reachable from every node. An actor that dies is
started again by Ray, and what it was at is put to it again: a slice is answered once for the file, whoever computed it.
The bits are those of one machine of the same kind, because the plan of slices is.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import ray

from sentfeat.errors import ConfigError
from sentfeat.score.file_job import Answered, Progress, Slice
from sentfeat.score.find import Asked, find_model, load_model

RETRIES = 3  # of an actor and of a slice: more deaths than that are no accident
AHEAD = 2  # slices given to each actor at a time, so that none waits for the driver


class EngineActor:
    """A loaded model in a process of its own."""

    def __init__(self, asked: Asked) -> None:
        self._engine = load_model(find_model(*asked))

    def identity(self) -> tuple[str, float]:
        """Model id and temperature."""
        return self._engine.model_id, self._engine.temperature

    def process(self) -> int:
        """The process that it runs in, for whoever watches it."""
        return os.getpid()

    def score(self, texts: list[str], entities: list[str | None]) -> np.ndarray:
        """Label logits (n, 3)."""
        return self._engine.score(texts, entities)


class RayScorer:
    """`workers` actors (default: one for each GPU of the cluster, without GPUs one for each core)."""

    def __init__(self, asked: Asked, address: str | None = None, workers: int | None = None) -> None:
        if not ray.is_initialized():
            _connect(address)
        found = ray.cluster_resources()
        gpus = int(found.get("GPU", 0))
        needs = {"num_gpus": 1} if gpus else {"num_cpus": 1}
        room = gpus or int(found["CPU"])
        if workers and workers > room:  # Ray would wait for ever, and not say so
            raise ConfigError(f"--workers {workers}, but the cluster has {room} {'GPUs' if gpus else 'cores'}")
        kind: Any = ray.remote(EngineActor)
        actor = kind.options(max_restarts=RETRIES, max_task_retries=RETRIES, **needs)
        self._actors = [actor.remote(asked) for _ in range(workers or room)]
        (self.model_id, self.temperature), *others = ray.get([actor.identity.remote() for actor in self._actors])
        if any(other != (self.model_id, self.temperature) for other in others):
            raise ConfigError("the cluster's nodes hold different models, or score in different precisions")
        self.identity = f"{self.model_id} {self.temperature} "

    def run(self, slices: Iterable[Slice], progress: Progress) -> Iterator[Answered]:
        """The answers as they come; no more slices are read than the actors are busy with."""
        waiting: dict[ray.ObjectRef, tuple[Slice, Any]] = {}
        source, free = iter(slices), self._actors * AHEAD
        while True:
            while free and (part := next(source, None)) is not None:
                actor = free.pop()
                waiting[actor.score.remote(part.texts, part.entities)] = (part, actor)
            if not waiting:
                return
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            part, actor = waiting.pop(done)
            free.append(actor)
            yield Answered(part, ray.get(done))
            progress(len(part.texts))


def _connect(address: str | None) -> None:
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError) as error:
        raise ConfigError(f"no Ray cluster answers at {address!r} ({error}); start one: ray start --head") from error
