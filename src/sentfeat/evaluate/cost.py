"""What an answer costs: seconds for one text, texts a second in bulk, memory; and the machine it was measured on."""

import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from sentfeat.evaluate import Scorer

SINGLE = 30  # texts asked one at a time
PACKAGES = ("sentfeat", "torch", "transformers", "peft", "bitsandbytes", "scikit-learn", "statsmodels")


def score_timed(
    scorer: Scorer, texts: Sequence[str], entities: Sequence[str | None]
) -> tuple[np.ndarray, dict[str, float | None]]:
    """Probabilities (n, 3) and their cost: seconds_median, seconds_p95, texts_per_second, peak_rss_mb, peak_cuda_mb.

    Seconds are of up to SINGLE texts spread over the rows, one at a time, after a first one that warms up. peak_rss_mb
    is the process's high-water mark so far, with all that is loaded in it; peak_cuda_mb is this scoring's, None on CPU.
    """
    picked = np.unique(np.linspace(0, len(texts) - 1, min(SINGLE, len(texts))).astype(int)).tolist()
    scorer([texts[0]], [entities[0]])
    _reset_cuda()
    single = [_seconds(scorer, [texts[at]], [entities[at]])[1] for at in picked]
    chances, bulk = _seconds(scorer, texts, entities)
    median, late = np.quantile(single, [0.5, 0.95])
    return chances, {
        "seconds_median": float(median),
        "seconds_p95": float(late),
        "texts_per_second": len(texts) / bulk,
        "peak_rss_mb": _peak_rss_mb(),
        "peak_cuda_mb": _peak_cuda_mb(),
    }


def machine() -> dict[str, str]:
    """What the figures depend on besides the model."""
    facts = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
    }
    torch = _torch()
    if torch:
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
        facts |= {"gpu": gpu, "torch_threads": str(torch.get_num_threads())}
    return facts | {name: found for name in PACKAGES if (found := _version(name))}


def _seconds(scorer: Scorer, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    chances = scorer(texts, entities)
    return chances, time.perf_counter() - started


def _peak_rss_mb() -> float:
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _torch():
    return sys.modules.get("torch")  # a run of word lists alone must not pay for its import


def _reset_cuda() -> None:
    torch = _torch()
    if torch and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_cuda_mb() -> float | None:
    torch = _torch()
    return torch.cuda.max_memory_allocated() / 2**20 if torch and torch.cuda.is_available() else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
