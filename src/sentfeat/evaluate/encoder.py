"""A local Transformers encoder (FinBERT and its like) as a scorer.

Label orders differ in the wild (ProsusAI: positive, negative, neutral; yiyanghkust: neutral, positive, negative), so
the order is read from the model's own id2label and a model that does not say is refused.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentfeat.errors import BundleError
from sentfeat.evaluate import Scorer
from sentfeat.score.prompt import LABELS, clean

SYNONYMS = {"bearish": "negative", "neg": "negative", "bullish": "positive", "pos": "positive", "neu": "neutral"}
BATCH = 32
MAX_TOKENS = 512


def label_columns(id2label: Mapping[int, str]) -> list[int]:
    """Where each of LABELS stands in the model's output. Raises BundleError unless id2label names just these three."""
    names = {int(at): str(name).strip().lower() for at, name in id2label.items()}
    at_label = {SYNONYMS.get(name, name): at for at, name in names.items()}
    if set(at_label) != set(LABELS) or len(names) != len(LABELS):
        raise BundleError(
            f"this encoder's id2label is {dict(id2label)}: it must name {', '.join(LABELS)}; "
            "write them into its config.json in the order in which it was trained"
        )
    return [at_label[label] for label in LABELS]


def encoder(folder: Path) -> Scorer:
    """The classifier in `folder`. It reads the text alone: whom the question is about, it cannot be told.

    An empty text gets NaN. Raises BundleError if the folder cannot be loaded or its labels are unknown.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise BundleError(f"{folder} holds no usable sequence classifier: {error}") from error
    columns = label_columns(model.config.id2label)
    model = model.float().eval().to("cuda" if torch.cuda.is_available() else "cpu")
    limit = min(MAX_TOKENS, getattr(model.config, "max_position_embeddings", MAX_TOKENS), tokenizer.model_max_length)

    @torch.inference_mode()
    def scorer(texts: Sequence[str], entities: Sequence[str | None]) -> np.ndarray:
        bodies = [clean(text) for text in texts]
        chances = np.full((len(texts), len(LABELS)), np.nan)
        order = sorted((at for at, body in enumerate(bodies) if body), key=lambda at: len(bodies[at]))
        for start in range(0, len(order), BATCH):
            members = order[start : start + BATCH]
            inputs = tokenizer(
                [bodies[at] for at in members], padding=True, truncation=True, max_length=limit, return_tensors="pt"
            )
            logits = model(**inputs.to(model.device)).logits
            chances[members] = logits.softmax(dim=-1)[:, columns].double().cpu().numpy()
        return chances

    return scorer
