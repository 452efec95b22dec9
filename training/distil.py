"""Distillation: a tuned teacher labels a pool of plain text, and the small base learns its judgement.

    python -m training.distil training/configs/embedded_distil.toml --base DIR --data DIR --out DIR

--base is the pretrained folder, --data the one that holds labelled/, headlines/ and calls/. Four stages, each kept in
--out and skipped where it is there: teachers (seeds of one encoder, tuned on training rows), pool, the teachers'
mean answers with the first one's sentence vectors, and the student in --out/base: all weights of the base, trained to
answer as the teachers do and to hold their vector where the answer is asked for. QLoRA comes after: training.sft, with
--targets OUT/targets.parquet, the training rows' labels mixed with the teachers' answers.
"""

import argparse
import logging
import math
import os
import time
import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cosine_similarity, cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralForCausalLM

from sentfeat.score.batches import Batch, fill_batch
from sentfeat.score.probability import probabilities
from sentfeat.score.prompt import LABELS, TEMPLATES, PromptEncoder
from training.build_dataset import build, read_config
from training.pool import PoolConfig, build_pool
from training.pretrain import build_optimizers, load_checkpoint, record, save_checkpoint
from training.teacher import TeacherConfig, tune

logger = logging.getLogger(__name__)

WIDTH_STEP = 8  # padding of a training batch


class StudentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the base learns from the teacher."""

    epochs: float
    batch_tokens: int
    lr_matrix: float  # Muon
    lr_other: float  # AdamW
    warmup_steps: int
    hard_share: float  # weight of the true label against the teacher's answer, for training rows
    vector_weight: float
    row_repeats: int  # of training rows, beside the pool
    max_tokens: int = 128
    seed: int = 0
    checkpoint_minutes: float = 4


class DistilConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole stage; `labelled` is the SFT config whose data section, split and template are used."""

    labelled: str
    teacher: TeacherConfig
    pool: PoolConfig
    student: StudentConfig


class Lessons(msgspec.Struct):
    """What the student learns from: prompts (token ids), target probabilities (n, 3), teacher's vectors (n, width)."""

    prompts: list[list[int]]
    targets: np.ndarray
    vectors: np.ndarray


def teach(
    config: DistilConfig, rows: pd.DataFrame, data: Path, out: Path
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The texts to learn from (pool and training rows), the teachers' mean probabilities, and sentence vectors."""
    texts, answers = out / "texts.parquet", out / "answers.npz"
    train = rows[rows["split"] == "train"].assign(kind="labelled")
    if not texts.exists():
        pool = build_pool(config.pool, train, data / "headlines", data / "calls")
        pd.concat([train, pool], ignore_index=True).to_parquet(texts)
    asked = pd.read_parquet(texts).astype(object)
    asked = asked.where(asked.notna(), None)
    if not answers.exists():
        teachers = [tune(config.teacher, rows, seed, out / f"teacher-{seed}.pt") for seed in config.teacher.seeds]
        found = [teacher.read(asked["text"].tolist(), asked["entity"].tolist()) for teacher in teachers]
        mean = np.mean([probabilities(logits) for logits, _ in found], axis=0)
        np.savez(out / "answers.tmp.npz", chances=mean.astype(np.float32), vectors=found[0][1])
        os.replace(out / "answers.tmp.npz", answers)
    with np.load(answers) as kept:
        return asked, kept["chances"], kept["vectors"]


def lessons_of(
    config: StudentConfig, encoder: PromptEncoder, asked: pd.DataFrame, chances: np.ndarray, vectors: np.ndarray
) -> Lessons:
    """Prompts and targets; a training row's target leans to its true label, and it comes several times an epoch."""
    prompts, _ = encoder.encode(asked["text"].tolist(), asked["entity"].tolist())
    labelled, targets = asked["label"].notna().to_numpy(), mixed_targets(asked, chances, config.hard_share)
    repeats = np.where(labelled, config.row_repeats, 1)
    order = np.repeat(np.arange(len(asked)), repeats)
    return Lessons([prompts[at] for at in order], targets[order].astype(np.float32), vectors[order])


def mixed_targets(asked: pd.DataFrame, chances: np.ndarray, hard_share: float) -> np.ndarray:
    """The teacher's probabilities (n, 3); for rows with a label, `hard_share` of the way to it."""
    truth = np.array([[label == name for name in LABELS] for label in asked["label"]], dtype=np.float32)
    share = hard_share * asked["label"].notna().to_numpy()[:, None]
    return (1 - share) * chances + share * truth


def write_targets(asked: pd.DataFrame, chances: np.ndarray, hard_share: float, target: Path) -> None:
    """The mixed targets of the training rows (text, entity, targets), for training.sft --targets."""
    mixed = asked.assign(targets=list(mixed_targets(asked, chances, hard_share)))
    mixed.loc[mixed["label"].notna(), ["text", "entity", "targets"]].to_parquet(target)


def plan_epoch(lengths: np.ndarray, batch_tokens: int, seed: int) -> list[Batch]:
    """Shuffled batches of like length with about `batch_tokens` tokens each, every lesson in one."""
    random = np.random.default_rng(seed)
    jitter = lengths + random.random(len(lengths))  # equal lengths in another order each epoch
    order, batches, start = np.argsort(jitter), [], 0
    while start < len(order):
        width = -(-int(lengths[order[start]]) // WIDTH_STEP) * WIDTH_STEP
        members = order[start : start + max(1, batch_tokens // width)]
        width = -(-int(lengths[members].max()) // WIDTH_STEP) * WIDTH_STEP
        batches.append(Batch(members, len(members), width))
        start += len(members)
    return [batches[at] for at in random.permutation(len(batches))]


class Student(torch.nn.Module):
    """The base, and a projection of its state at the asked position to the teacher's vector space (dropped later)."""

    def __init__(self, base: MistralForCausalLM, label_ids: tuple[int, ...], vector_width: int) -> None:
        super().__init__()
        self.base = base
        self.label_ids = list(label_ids)
        self.projection = torch.nn.Linear(base.config.hidden_size, vector_width)

    def forward(self, ids: torch.Tensor, last: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Label logits (rows, 3) and projected states (rows, vector width)."""
        hidden = self.base.model(input_ids=ids, use_cache=False).last_hidden_state
        state = hidden[torch.arange(len(ids)), last]
        return state.float() @ self.base.lm_head.weight[self.label_ids].T, self.projection(state.float())


def loss_of(student: Student, lessons: Lessons, batch: Batch, vector_weight: float) -> torch.Tensor:
    """Cross-entropy to the teacher's probabilities and the angle to its vector."""
    ids, last = fill_batch(lessons.prompts, batch, filler=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, states = student(torch.from_numpy(ids), torch.from_numpy(last))
    targets = torch.from_numpy(lessons.targets[batch.members])
    vectors = torch.from_numpy(lessons.vectors[batch.members]).float()
    angle = 1 - cosine_similarity(states.float(), vectors).mean()
    return cross_entropy(logits.float(), targets) + vector_weight * angle


def train_student(config: StudentConfig, student: Student, lessons: Lessons, out: Path) -> None:
    """Train to the planned end; resumes from out/checkpoint.pt; the curve goes to out/curve.jsonl."""
    torch.manual_seed(config.seed)
    optimizers = build_optimizers(student, config)
    lengths = np.array([len(prompt) for prompt in lessons.prompts])
    plan = plan_epochs(lengths, config)
    kept = load_checkpoint(out / "checkpoint.pt", student, optimizers)
    step = kept["step"] if kept else 0
    saved, losses = time.monotonic(), []
    while step < len(plan):
        loss = loss_of(student, lessons, plan[step], config.vector_weight)
        loss.backward()
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"the loss became {losses[-1]} at step {step}; lower the rates and resume")
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        share = min(1.0, (step + 1) / config.warmup_steps) * (1 - step / len(plan))
        for optimizer, full in zip(optimizers, (config.lr_matrix, config.lr_other), strict=True):
            optimizer.param_groups[0]["lr"] = full * share
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        if step % 100 == 0 or step == len(plan):
            record(out, step=step, total=len(plan), loss=float(np.mean(losses)))
            losses = []
        if time.monotonic() - saved > config.checkpoint_minutes * 60 or step == len(plan):
            save_checkpoint(out / "checkpoint.pt", student, optimizers, {"step": step})
            saved = time.monotonic()


def plan_epochs(lengths: np.ndarray, config: StudentConfig) -> list[Batch]:
    """The batches of all epochs; a part of an epoch at the end is its first batches."""
    whole = math.ceil(config.epochs)
    epochs = [plan_epoch(lengths, config.batch_tokens, config.seed + epoch) for epoch in range(whole)]
    plan = [batch for epoch in epochs for batch in epoch]
    return plan[: round(len(plan) * config.epochs / whole)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = msgspec.convert(tomllib.loads(arguments.config.read_text()), DistilConfig)
    labelled = read_config(Path(config.labelled))
    rows, _ = build(labelled.data, arguments.data)
    rows = rows[rows["task"] == "sentiment"]
    arguments.out.mkdir(parents=True, exist_ok=True)
    asked, chances, vectors = teach(config, rows, arguments.data, arguments.out)
    write_targets(asked, chances, config.student.hard_share, arguments.out / "targets.parquet")
    tokenizer = AutoTokenizer.from_pretrained(arguments.base)
    encoder = PromptEncoder(TEMPLATES[labelled.template], tokenizer, config.student.max_tokens)
    base = AutoModelForCausalLM.from_pretrained(arguments.base, dtype=torch.float32)
    student = Student(base, encoder.label_ids, vectors.shape[1])
    train_student(config.student, student, lessons_of(config.student, encoder, asked, chances, vectors), arguments.out)
    base.save_pretrained(arguments.out / "base")
    tokenizer.save_pretrained(arguments.out / "base")


if __name__ == "__main__":
    main()
