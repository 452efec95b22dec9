"""An encoder with a head for the three labels (FinBERT and its like), behind the same methods as the engine.

It reads the text alone: whom the question is about, it cannot be told, and of risks it knows nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentfeat.errors import BundleError
from sentfeat.score.bundle import Bundle
from sentfeat.score.precision import choose_device
from sentfeat.score.probability import probabilities
from sentfeat.score.prompt import LABELS, Task, clean, label_positions
from sentfeat.score.questions import check_items

BATCH = 32


class Classifier:
    """A loaded classifier; its outputs are put into the order of LABELS, which its own id2label tells."""

    def __init__(self, bundle: Bundle, network: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        self.bundle = bundle
        self.temperature = bundle.passport.temperature
        self.model_id = bundle.model_id(str(dtype).removeprefix("torch."))
        self._network = network
        self._tokenizer = tokenizer
        self._columns = label_positions(network.config.id2label)
        self._limit = min(bundle.passport.max_tokens, tokenizer.model_max_length)

    @classmethod
    def load(cls, bundle: Bundle, *, device: str | None = None) -> "Classifier":
        """Load onto `device`, as the engine does. Raises BundleError if the files or the labels cannot be used."""
        device, dtype, _ = choose_device(device)
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(bundle.base, **local)
            network, found = AutoModelForSequenceClassification.from_pretrained(
                bundle.base, dtype=dtype, use_safetensors=True, output_loading_info=True, **local
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise BundleError(f"{bundle.path} holds no usable sequence classifier: {error}") from error
        if found["missing_keys"]:
            raise BundleError(f"{bundle.path} lacks the weights {', '.join(sorted(found['missing_keys'])[:3])}")
        return cls(bundle, network.eval().to(device), tokenizer, dtype)

    def score(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Label logits (n, 3) float32 in the order given; a text that is empty once cleaned gets NaN."""
        check_items(texts, [None] * len(texts) if entities is None else entities)
        bodies = [clean(text) for text in texts]
        logits = np.full((len(texts), len(LABELS)), np.nan, dtype=np.float32)
        order = sorted((at for at, body in enumerate(bodies) if body), key=lambda at: len(bodies[at]))
        for start in range(0, len(order), BATCH):
            members = order[start : start + BATCH]
            logits[members] = self._forward([bodies[at] for at in members])
            if progress:
                progress(len(members))
        if progress:
            progress(len(texts) - len(order))
        return logits

    def probabilities(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> np.ndarray:
        """Label probabilities (n, 3) float64; otherwise as `score`."""
        return probabilities(self.score(texts, entities, progress), self.temperature)

    def risks(self, texts: Sequence[str]) -> np.ndarray:
        """Raises BundleError: it has none."""
        return self.answers(texts, tasks=("risk",))["risk"]

    def answers(
        self,
        texts: Sequence[str],
        entities: Sequence[str | None] | None = None,
        tasks: Sequence[Task] = ("sentiment",),
        progress: Callable[[int], None] | None = None,
    ) -> dict[Task, np.ndarray]:
        """As Engine.answers. Raises BundleError for a task other than sentiment."""
        if tuple(tasks) != ("sentiment",):
            raise BundleError(f"{self.bundle.path}: a classifier answers for sentiment alone, not {', '.join(tasks)}")
        return {"sentiment": self.score(texts, entities, progress)}

    @torch.inference_mode()
    def _forward(self, bodies: list[str]) -> np.ndarray:
        inputs = self._tokenizer(bodies, padding=True, truncation=True, max_length=self._limit, return_tensors="pt")
        logits = self._network(**inputs.to(self._network.device)).logits[:, self._columns].float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise BundleError(f"{self.bundle.path}: logits are not finite: the weights are broken")
        return logits
