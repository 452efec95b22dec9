"""Every shipped recipe before the adapter, a new one included: pretraining, further words, distillation.

Each is stepped by its own settings on a base of 0.1M parameters, and what it names must exist.
"""

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentfeat.categories import RISKS
from sentfeat.errors import ConfigError
from sentfeat.score.prompt import LABELS, TEMPLATES, PromptEncoder
from tests.training.small import CONFIGS, make_base, recipes, write_headlines
from training.build_dataset import read_config
from training.distil import DistilConfig, Student, hard_shares, require_known, train_student
from training.lessons import lessons_of, mixed_targets, places_of, require_answers
from training.pretrain import ModelShape, PretrainConfig, build_model, prepare, train
from training.toml_config import read_toml
from training.widen import WidenConfig

SMALL = ModelShape(400, 64, 2, 4, 2, 128, 512)


def tasks_of(config) -> dict[str, str]:
    """The task of each set that a student may meet, by name."""
    data = read_config(CONFIGS.parents[1] / config.labelled).data
    risks = dict.fromkeys((part.name for part in (*data.risks, *data.read_risks, *data.further_risks)), "risk")
    return {part.name: "sentiment" for part in data.sets} | {part.name: part.task for part in data.written} | risks


def test_the_recipes_are_found():
    assert all([recipes("model"), recipes("settle"), recipes("teachers")])


@pytest.mark.parametrize("file", recipes("model"))
def test_every_pretraining_recipe_moves_all_weights_and_goes_on_after_a_stop(file, tmp_path):
    config = read_toml(file, PretrainConfig)
    assert config.train.context <= config.model.max_positions
    config = msgspec.structs.replace(config, model=SMALL)
    folder = write_headlines(tmp_path, config.years)
    tokenizer, stream = prepare(config, folder, tmp_path)
    assert len(tokenizer) <= SMALL.vocab_size
    assert_trains(config.train, stream, config.seed, tmp_path)


@pytest.mark.parametrize("file", recipes("settle"))
def test_every_widening_recipe_names_known_sets_and_moves_all_weights(file, tmp_path):
    config = read_toml(file, WidenConfig)
    known = {name for name, task in tasks_of(config).items() if task == "sentiment"} | {"risk"}
    assert {*config.words.repeats, *config.settle.repeats} <= known
    stream = np.random.default_rng(0).integers(0, SMALL.vocab_size, 100_000).astype(np.uint16)
    assert_trains(config.train, stream, config.seed, tmp_path)


def assert_trains(schedule, stream: np.ndarray, seed: int, out: Path) -> None:
    """To the planned end, with finite loss and every weight moved; a second start finds nothing left to do."""
    torch.manual_seed(0)
    model = build_model(SMALL)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with torch.compiler.set_stance("force_eager"):
        train(model, schedule, stream, out, seed)
        after = model.state_dict()
        again = train(build_model(SMALL), schedule, stream, out, seed).state_dict()
    assert not [name for name, weight in before.items() if torch.equal(weight, after[name])]
    assert all(torch.equal(weight, again[name]) for name, weight in after.items())
    last = json.loads((out / "curve.jsonl").read_text().splitlines()[-1])
    assert last["step"] == last["total"] > 1
    assert math.isfinite(last["validation"])


@pytest.mark.parametrize("file", recipes("teachers"))
def test_every_distillation_recipe_has_a_teacher_for_each_text_and_steps(file, tmp_path):
    config = read_toml(file, DistilConfig)
    tasks = tasks_of(config)
    require_known(config, set(tasks))
    asked = texts_of(config, tasks)
    require_answers(asked, [places_of(teacher, asked) for teacher in config.teachers])

    answers = [np.full(len(LABELS if task == "sentiment" else RISKS), 0.3) for task in asked["task"]]
    asked["targets"] = mixed_targets(asked, answers, hard_shares(config.student, asked["source"]))
    folder = make_base(tmp_path / "base", "plain")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    encoder = PromptEncoder(TEMPLATES["plain"], tokenizer, config.student.max_tokens)
    lessons = lessons_of(encoder, asked, np.ones((len(asked), 8), dtype=np.float16), config.student.repeats)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    train_student(config.student, Student(model, (*encoder.label_ids, *encoder.risk_ids), 8), lessons, tmp_path)
    assert not [name for name, weight in model.state_dict().items() if torch.equal(weight, before[name])]


def test_a_misspelt_set_or_teacher_is_refused():
    config = read_toml(CONFIGS / "embedded_distil.toml", DistilConfig)
    tasks = tasks_of(config)
    with pytest.raises(ConfigError, match=r"unknown sets \['twitter'\]"):
        require_known(config, set(tasks) - {"twitter"})
    with pytest.raises(ConfigError, match=r"weights of \['mpnte'\]"):
        require_known(msgspec.structs.replace(config, weights={"mpnte": 4.0}), set(tasks))


def test_the_further_pass_can_use_the_answers_of_the_first():
    first, again = (read_toml(CONFIGS / f"embedded_{name}.toml", DistilConfig) for name in ("distil", "again"))
    assert again.pool == first.pool
    assert [teacher for teacher in again.teachers if teacher.encoder] == first.teachers


def texts_of(config: DistilConfig, tasks: dict[str, str]) -> pd.DataFrame:
    """Some texts of every set, of its variants and of every kind in the pool."""
    truths = {"sentiment": [1.0, 0, 0], "risk": [1.0] * len(RISKS)}
    rows = [(name, "labelled", task, truths[task]) for name, task in tasks.items()]
    rows += [(name, "variant", tasks[name], None) for name in config.pool.variants]
    rows += [(None, kind, "sentiment", None) for kind in ("title", "call")]
    rows += [(None, kind, "risk", None) for kind in ("risk title", "risk passage")]
    asked = pd.DataFrame(rows * 8, columns=["source", "kind", "task", "truth"], dtype=object)
    return asked.assign(text=[f"Acme beats estimates {at}" for at in range(len(asked))], entity=None).astype(object)
