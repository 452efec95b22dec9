"""Right answers on this device: the engine against a plain float32 forward of a small model, and what batches move."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax

from benchmarks.gpu.bench import Bench
from benchmarks.gpu.model import make_model, texts_of
from benchmarks.gpu.shapes import SHAPES
from sentfeat.score.engine import Engine
from sentfeat.score.load import load_network
from sentfeat.score.precision import Precision

TEXTS = 48


def measure(bench: Bench) -> None:
    """Rows of largest differences in probability."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_model(SHAPES["tiny"], Path(folder), bench.device)
        merged, beside = (Engine.load(bundle, device=bench.device, merge=merge, check=False) for merge in (True, False))
        network = load_network(bundle, Precision(bench.device, torch.float32, True, "the reference"))
    texts = [text for tokens in (4, 20, 60) for text in texts_of(TEXTS // 3, tokens)]
    prompts = merged._encoder.encode(texts, [None] * len(texts))[0]
    words = list(merged._encoder.label_ids)
    with torch.inference_mode():
        logits = [network(torch.tensor([ids], device=bench.device)).logits[0, -1, words].cpu() for ids in prompts]
    together = merged.probabilities(texts)
    alone = np.concatenate([merged.probabilities([text]) for text in texts])
    differences = {
        f"{merged.precision.mode} against a plain float32 forward": together - softmax(np.stack(logits), axis=1),
        f"{beside.precision.mode} against {merged.precision.mode}": beside.probabilities(texts) - together,
        f"{merged.precision.mode}, alone against in company": alone - together,
    }
    for what, difference in differences.items():
        bench.add("checks", what, note=f"largest difference in probability {np.abs(difference).max():.1e}")
