"""The small model's teachers: sentence encoders tuned on the training rows of one task, or the bundle made before.

Needed in training only; neither the package nor a bundle uses them. A teacher reads a text and, as second segment, the
company asked about. It sees rows of the training part alone. Which encoders there are: training.encoders.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import f1_score
from transformers import AutoModel, AutoTokenizer

from sentfeat.categories import RISKS
from sentfeat.evaluate.multilabel import risk_metrics, risk_targets
from sentfeat.score.prompt import LABELS, clean
from training import parallel
from training.encoders import encoder_path, mean_of_tokens
from training.label_rows import targets_of

logger = logging.getLogger(__name__)

SCORING_ROWS = 64
RARE = -2.0
"""Where a risk's logit starts: most texts have none."""


class TeacherConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a teacher is tuned, and on what. It answers for its sets and what else is named; for all, if no set is.

    One without an encoder is the bundle made before, as it is, and has no sentence vectors.
    """

    name: str
    task: Literal["sentiment", "risk"]
    encoder: str | None = None  # of training.encoders, or a Transformers folder
    frozen_layers: int = 0  # the first ones of the encoder, which stay as they are
    epochs: int = 0
    batch_rows: int = 32
    learning_rate: float = 0.0
    sets: list[str] = []
    unseen_sets: list[str] = []  # that it answers for and does not learn from
    kinds: list[str] = []  # of text in the pool
    first: dict[str, int] = {}  # sets of which so many rows are shown once before the epochs, which leave them out
    seed: int = 0
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_tokens: int = 128


class Teacher(torch.nn.Module):
    """The encoder, the mean over its tokens, and a row for each answer. The token embeddings are not tuned."""

    def __init__(self, config: TeacherConfig, encoder: Path) -> None:
        super().__init__()
        self.task = config.task
        self.encoder = AutoModel.from_pretrained(encoder, add_pooling_layer=False, dtype=torch.float32)
        self.encoder.embeddings.requires_grad_(False)
        self.encoder.encoder.layer[: config.frozen_layers].requires_grad_(False)
        self.tokenizer = AutoTokenizer.from_pretrained(encoder)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, len(LABELS if self.task == "sentiment" else RISKS))
        if self.task == "risk":
            torch.nn.init.constant_(self.head.bias, RARE)
        self.dropout = torch.nn.Dropout(0.1)
        self.max_tokens = config.max_tokens

    def forward(self, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, answers), in the order of LABELS or RISKS, and sentence vectors (n, width), both float32."""
        pairs = [clean(text) for text in texts], [clean(entity or "the market") for entity in entities]
        tokens = self.tokenizer(
            *pairs, padding=True, truncation="only_first", max_length=self.max_tokens, return_tensors="pt"
        )
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = self.encoder(**tokens).last_hidden_state.float()
        vectors = mean_of_tokens(hidden, tokens["attention_mask"])
        return self.head(self.dropout(vectors)), vectors

    def loss(self, rows: pd.DataFrame) -> torch.Tensor:
        """Mean over the rows: cross-entropy of the labels, or the twelve binary ones summed."""
        logits, _ = self(rows["text"].tolist(), rows["entity"].tolist())
        targets = torch.tensor([targets_of(self.task, label) for label in rows["label"]])
        if self.task == "sentiment":
            return torch.nn.functional.cross_entropy(logits, targets)
        each = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return each.sum(dim=1).mean()

    @torch.inference_mode()
    def read(self, texts: Sequence[str], entities: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n, answers) float32 and sentence vectors (n, width) float16, in the order of the texts."""
        self.eval()
        order = np.argsort([len(text) for text in texts], kind="stable")
        chances = np.empty((len(texts), self.head.out_features), dtype=np.float32)
        vectors = np.empty((len(texts), self.head.in_features), dtype=np.float16)
        for part in np.array_split(order, max(1, len(order) // SCORING_ROWS)):
            logits, found = self([texts[at] for at in part], [entities[at] for at in part])
            chances[part] = logits.softmax(dim=1) if self.task == "sentiment" else logits.sigmoid()
            vectors[part] = found.numpy()
        return chances, vectors


def tune(config: TeacherConfig, rows: pd.DataFrame, out: Path) -> Teacher:
    """A teacher tuned on the rows of split "train" and kept in out/NAME.pt; the best epoch by validation counts.

    One that was killed is tuned anew.
    """
    torch.manual_seed(config.seed)
    with parallel.first_alone():
        encoder = encoder_path(config.encoder, out)
    teacher = Teacher(config, encoder)
    target = out / f"{config.name}.pt"
    if not parallel.agreed(target.exists()):
        tune_fresh(config, teacher, of_sets(config, rows[rows["task"] == config.task]), target)
    teacher.load_state_dict(torch.load(target, weights_only=True))
    return teacher


def of_sets(config: TeacherConfig, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that the teacher learns from, or answers for; `kind` is only known of the latter."""
    if not config.sets:
        return rows
    learnt = rows["source"].isin(config.sets)
    if "kind" not in rows:
        return rows[learnt]
    return rows[learnt | rows["source"].isin(config.unseen_sets) | rows["kind"].isin(config.kinds)]


def tune_fresh(config: TeacherConfig, teacher: Teacher, rows: pd.DataFrame, target: Path) -> None:
    validation = rows[(rows["split"] == "validation") & ~rows["source"].isin(config.first)]
    epochs = list(plan(config, rows[rows["split"] == "train"]))
    tuned = [parameter for parameter in teacher.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(tuned, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=sum(map(len, epochs)) + 1, pct_start=config.warmup_share
    )
    best, kept = -1.0, target.with_suffix(".best.pt")  # not `target`: that name says that all epochs are done
    for number, batches in enumerate(epochs):
        teacher.train()
        for batch in batches:
            mine, weight = parallel.share(len(batch))
            (weight * teacher.loss(batch.iloc[mine])).backward()
            parallel.average_gradients(tuned)
            torch.nn.utils.clip_grad_norm_(tuned, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        score = mean_f1(teacher, validation)
        logger.info("%s, epoch %d: macro-F1 on validation rows, mean of the sets, %.3f", config.name, number, score)
        if score > best:
            best = score
            if parallel.is_first():
                torch.save(teacher.state_dict(), kept)
    if parallel.is_first():
        kept.replace(target)
    parallel.wait()


def plan(config: TeacherConfig, train: pd.DataFrame) -> Iterator[list[pd.DataFrame]]:
    """The batches of each epoch, first those of `first`, if there are any."""
    main = train[~train["source"].isin(config.first)]
    for source, count in config.first.items():
        yield batches(train[train["source"] == source].sample(count, random_state=config.seed), config, -1)
    for epoch in range(config.epochs):
        yield batches(main, config, epoch)


def batches(rows: pd.DataFrame, config: TeacherConfig, epoch: int) -> list[pd.DataFrame]:
    """The rows in shuffled batches whose texts are of like length."""
    size = config.batch_rows
    random = np.random.default_rng([config.seed, epoch + 1])
    shuffled = rows.iloc[random.permutation(len(rows))]
    pools = [shuffled.iloc[start : start + 32 * size] for start in range(0, len(rows), 32 * size)]
    pools = [pool.iloc[np.argsort(pool["text"].str.len(), kind="stable")] for pool in pools]
    parts = [pool.iloc[start : start + size] for pool in pools for start in range(0, len(pool), size)]
    return [parts[at] for at in random.permutation(len(parts))]


def mean_f1(teacher: Teacher, rows: pd.DataFrame) -> float:
    """Macro-F1, the mean over the labelled sets; of risks with "yes" from a probability of one half."""
    chances, _ = parallel.gathered(teacher.read, rows["text"].tolist(), rows["entity"].tolist())
    places = rows.groupby("source").indices.values()
    labels = rows["label"].to_numpy()
    return float(np.mean([_macro_f1(teacher.task, labels[at].tolist(), chances[at]) for at in places]))


def _macro_f1(task: str, labels: list, chances: np.ndarray) -> float:
    if task == "risk":
        return risk_metrics(risk_targets(labels), chances)["macro_f1"]
    return float(f1_score([LABELS.index(label) for label in labels], chances.argmax(axis=1), average="macro"))
