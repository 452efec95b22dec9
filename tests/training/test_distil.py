import json

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BertConfig, BertModel, BertTokenizer

from sentfeat.score.prompt import PLAIN, PromptEncoder
from tests.score.tiny import labelled_rows, make_base
from training.distil import Lessons, Student, StudentConfig, lessons_of, plan_epoch, plan_epochs, train_student
from training.teacher import TeacherConfig, tune

CONFIG = StudentConfig(
    epochs=4, batch_tokens=128, lr_matrix=0.01, lr_other=1e-2, warmup_steps=2, hard_share=0.5, vector_weight=0.5,
    row_repeats=2,
)  # fmt: skip


def asked_rows():
    """Four labelled rows and two of the pool, with a teacher that is sure of "neutral"."""
    asked = labelled_rows().head(4).assign(kind="labelled")
    pool = pd.DataFrame({"text": ["Globex beats", "Globex misses"], "entity": None, "kind": "title"}, dtype=object)
    asked = pd.concat([asked, pool], ignore_index=True).astype(object)
    return asked, np.tile(np.array([[0.0, 1.0, 0.0]], dtype=np.float32), (6, 1)), np.ones((6, 8), dtype=np.float16)


@pytest.fixture
def base(tmp_path):
    folder = make_base(tmp_path / "base")
    return AutoModelForCausalLM.from_pretrained(folder), PromptEncoder(PLAIN, AutoTokenizer.from_pretrained(folder), 64)


def test_a_training_rows_target_leans_to_its_label_and_the_row_is_repeated(base):
    lessons = lessons_of(CONFIG, base[1], *asked_rows())
    assert len(lessons.prompts) == 4 * 2 + 2
    positive = labelled_rows()["label"].tolist().index("positive")
    assert lessons.targets[2 * positive].tolist() == [0.0, 0.5, 0.5]
    assert lessons.targets[-1].tolist() == [0.0, 1.0, 0.0]


def test_an_epoch_shows_every_lesson_once_in_batches_that_fit():
    lengths = np.random.default_rng(0).integers(3, 60, 500)
    batches = plan_epoch(lengths, 256, seed=1)
    assert sorted(np.concatenate([batch.members for batch in batches])) == list(range(500))
    assert all(lengths[batch.members].max() <= batch.width for batch in batches)
    half = plan_epochs(lengths, msgspec.structs.replace(CONFIG, epochs=0.5))
    assert len(half) == pytest.approx(len(plan_epochs(lengths, CONFIG)) / 8, abs=1)


def test_the_student_comes_to_answer_as_it_is_taught(base, tmp_path):
    model, encoder = base
    asked, chances, vectors = asked_rows()
    lessons = Lessons(
        encoder.encode(asked["text"].tolist(), asked["entity"].tolist())[0] * 20,
        np.tile(chances, (20, 1)),
        np.tile(vectors, (20, 1)),
    )
    train_student(CONFIG, Student(model, encoder.label_ids, 8), lessons, tmp_path)
    with torch.no_grad():
        ids = torch.tensor([lessons.prompts[-1]])
        logits = model(ids).logits[0, -1, list(encoder.label_ids)]
    assert logits.argmax() == 1
    losses = [json.loads(line)["loss"] for line in (tmp_path / "curve.jsonl").read_text().splitlines()]
    assert losses


def test_a_killed_student_goes_on_from_its_checkpoint(base, tmp_path):
    model, encoder = base
    lessons = lessons_of(CONFIG, encoder, *asked_rows())
    train_student(CONFIG, Student(model, encoder.label_ids, 8), lessons, tmp_path)
    fresh = Student(model, encoder.label_ids, 8)
    torch.nn.init.zeros_(fresh.projection.weight)
    train_student(CONFIG, fresh, lessons, tmp_path)  # nothing left to do: the state is the kept one
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert torch.equal(fresh.projection.weight, kept["model"]["projection.weight"])
    assert kept["step"] == len(plan_epochs(np.array([len(prompt) for prompt in lessons.prompts]), CONFIG))


def test_a_teacher_learns_the_training_rows_and_is_kept(tmp_path):
    words = sorted({word.lower() for text in labelled_rows()["text"] for word in text.split()})
    (tmp_path / "vocab.txt").write_text(
        "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "market", *words])
    )
    encoder = tmp_path / "encoder"
    BertTokenizer(str(tmp_path / "vocab.txt")).save_pretrained(encoder)
    torch.manual_seed(0)
    shape = BertConfig(vocab_size=64, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertModel(shape).save_pretrained(encoder)
    config = TeacherConfig([0], epochs=12, batch_rows=4, learning_rate=1e-2, encoder=str(encoder))
    rows = labelled_rows()
    teacher = tune(config, rows, 0, tmp_path / "teacher.pt")
    test = rows[rows["split"] == "test"]
    logits, vectors = teacher.read(test["text"].tolist(), test["entity"].tolist())
    assert [("negative", "neutral", "positive")[at] for at in logits.argmax(axis=1)] == test["label"].tolist()
    assert vectors.shape == (len(test), 32)
    again = tune(config, rows, 0, tmp_path / "teacher.pt")
    assert np.array_equal(again.read(["Acme"], [None])[0], teacher.read(["Acme"], [None])[0])
