"""Distillation: tuned teachers label a pool of plain text, and the small base learns their judgement of both tasks.

    python -m training.distil training/configs/embedded_distil.toml --base DIR --data DIR --out DIR

--base is the pretrained folder, or one distilled before; --data holds labelled/, headlines/, calls/ and edgar/. Four
stages, each kept in --out and skipped where it is there: pool, teachers (encoders tuned on training rows), their
answers, and the student in --out/base: all weights of the base, trained to answer as the teachers do on the mean and to
hold the first one's sentence vector where the answer is asked for. QLoRA comes after: training.sft, with
--targets OUT/targets.parquet, the training rows' labels mixed with the teachers' answers.
"""

import argparse
import logging
import math
import time
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import torch
from torch.nn.functional import cosine_similarity
from transformers import AutoTokenizer, MistralForCausalLM

from sentfeat.errors import ConfigError
from sentfeat.score.batches import Batch, fill_batch
from sentfeat.score.prompt import TEMPLATES, PromptEncoder
from training import parallel
from training.build_dataset import build, read_config
from training.label_trainer import answer_losses
from training.lessons import Lessons, gather_texts, lessons_of, mixed_targets, teach
from training.pool import PoolConfig
from training.pretrain import build_optimizers, load_checkpoint, record, save_checkpoint
from training.quantise import full_precision
from training.teacher import TeacherConfig
from training.toml_config import read_toml

WIDTH_STEP = 8  # padding of a training batch


class StudentConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the base learns from the teacher."""

    epochs: float
    batch_tokens: int
    lr_matrix: float  # Muon
    lr_other: float  # AdamW
    warmup_steps: int
    hard_share: float  # weight of the label against the teachers' answer, for training rows
    vector_weight: float
    repeats: dict[str, int]  # by task: how often an epoch shows a training row, beside the pool
    hard_shares: dict[str, float] = {}  # of single sets, instead
    max_tokens: int = 256
    seed: int = 0
    checkpoint_minutes: float = 4


def hard_shares(config: StudentConfig, sources: pd.Series) -> pd.Series:
    """How much of a row's target is its label, by its set."""
    return sources.map(config.hard_shares).astype(float).fillna(config.hard_share)


class DistilConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole stage; `labelled` is the SFT config whose data section, split and template are used."""

    labelled: str
    teachers: list[TeacherConfig]
    pool: PoolConfig
    student: StudentConfig
    weights: dict[str, float] = {}  # of teachers in the mean, by name; 1 where none is said


def require_known(config: DistilConfig, sets: set[str]) -> None:
    """Raises ConfigError if the config names a set that is none of `sets`, or gives weight to a teacher it lacks."""
    of_teachers = [{*teacher.sets, *teacher.unseen_sets, *teacher.first} for teacher in config.teachers]
    named = set().union(*of_teachers, config.pool.variants, config.student.hard_shares)
    if named - sets:
        raise ConfigError(f"unknown sets {sorted(named - sets)}; there are {sorted(sets)}")
    teachers = {teacher.name for teacher in config.teachers}
    if config.weights.keys() - teachers:
        raise ConfigError(f"weights of {sorted(config.weights.keys() - teachers)}; the teachers are {sorted(teachers)}")


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

    def __init__(self, base: MistralForCausalLM, answer_ids: tuple[int, ...], vector_width: int) -> None:
        super().__init__()
        self.base = base
        self.answer_ids = list(answer_ids)
        self.projection = torch.nn.Linear(base.config.hidden_size, vector_width)

    def forward(self, ids: torch.Tensor, last: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the answers (rows, 3 + 12) and projected states (rows, vector width)."""
        hidden = self.base.model(input_ids=ids, use_cache=False).last_hidden_state
        state = hidden[torch.arange(len(ids)), last]
        return state.float() @ self.base.lm_head.weight[self.answer_ids].T, self.projection(state.float())


def loss_of(student: Student, lessons: Lessons, batch: Batch, vector_weight: float) -> torch.Tensor:
    """Cross-entropy to the teachers' probabilities and, where there is a vector, the angle to it."""
    ids, last = fill_batch(lessons.prompts, batch, filler=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, states = student(torch.from_numpy(ids), torch.from_numpy(last))
    targets, is_risk = (torch.from_numpy(found[batch.members]) for found in (lessons.targets, lessons.is_risk))
    vectors = torch.from_numpy(lessons.vectors[batch.members]).float()
    angles = (1 - cosine_similarity(states.float(), vectors)) * vectors.any(dim=1)
    return (answer_losses(logits.float(), targets, is_risk) + vector_weight * angles).mean()


def train_student(config: StudentConfig, student: Student, lessons: Lessons, out: Path) -> None:
    """Train to the planned end; resumes from out/checkpoint.pt; the curve goes to out/curve.jsonl."""
    optimizers = build_optimizers(student, config)
    lengths = np.array([len(prompt) for prompt in lessons.prompts])
    plan = plan_epochs(lengths, config)
    kept = load_checkpoint(out / "checkpoint.pt", student, optimizers)
    step = kept["step"] if kept else 0
    saved, losses = time.monotonic(), []
    while step < len(plan):
        mine, weight = parallel.share(plan[step].rows)
        batch = Batch(plan[step].members[mine], len(mine), plan[step].width)
        loss = loss_of(student, lessons, batch, config.vector_weight)
        (weight * loss).backward()
        parallel.average_gradients(student.parameters())
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


def distil(config: DistilConfig, base: Path, data: Path, out: Path, before: Path | None = None) -> None:
    """The four stages; the student is written to out/base by the first process. `before`: what --before gives."""
    labelled = read_config(Path(config.labelled))
    rows, _ = build(labelled.data, data)
    require_known(config, set(rows["source"]))
    out.mkdir(parents=True, exist_ok=True)
    with parallel.first_alone():
        asked = gather_texts(config.pool, rows, data, out)
    answers, vectors = teach(config.teachers, config.weights, rows, asked, out, before)
    asked = asked.assign(targets=mixed_targets(asked, answers, hard_shares(config.student, asked["source"])))
    tokenizer = AutoTokenizer.from_pretrained(base)
    encoder = PromptEncoder(TEMPLATES[labelled.template], tokenizer, config.student.max_tokens)
    torch.manual_seed(config.student.seed)
    student = Student(full_precision(base), (*encoder.label_ids, *encoder.risk_ids), vectors.shape[1])
    train_student(config.student, student, lessons_of(encoder, asked, vectors, config.student.repeats), out)
    if parallel.is_first():
        known = asked.loc[asked["kind"] == "labelled", ["text", "entity", "task", "targets"]]
        known.to_parquet(out / "targets.parquet", index=False)
        student.base.save_pretrained(out / "base")
        tokenizer.save_pretrained(out / "base")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="the bundle made before: what a teacher without an encoder is")
    arguments = parser.parse_args()
    parallel.join()
    logging.basicConfig(level=logging.INFO if parallel.is_first() else logging.WARNING, format="%(message)s")
    config = read_toml(arguments.config, DistilConfig)
    if arguments.before is None and any(teacher.encoder is None for teacher in config.teachers):
        parser.error("a teacher in this config is the bundle made before: give --before")
    distil(config, arguments.base, arguments.data, arguments.out, arguments.before)


if __name__ == "__main__":
    main()
