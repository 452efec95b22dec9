"""Answers given before: found for any file, kept by several runs at once, never asked for again."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sentfeat.errors import ConfigError
from sentfeat.score.answer_store import AnswerStore, StoredScorer, key_of
from sentfeat.score.engine import Engine
from sentfeat.score.file_job import FileJob, examine, score_file
from sentfeat.score.local import LocalScorer
from tests.conftest import ROOT

WRITER = """
import sys
from pathlib import Path
import numpy as np
from sentfeat.score.answer_store import AnswerStore, key_of
store, first = AnswerStore(Path(sys.argv[1]), "m"), int(sys.argv[2])
for start in range(first, first + 1000, 50):
    names = [f"text {number}" for number in range(start, start + 50)]
    store.keep([key_of(name, None) for name in names], np.arange(start, start + 50)[:, None] * np.ones((1, 3)))
"""


class Counted:
    """A scorer that remembers what it was asked."""

    def __init__(self, bundle):
        self._scorer, self.asked = LocalScorer(Engine.load(bundle, device="cpu")), []
        self.model_id, self.identity = self._scorer.model_id, self._scorer.identity
        self.temperature = self._scorer.temperature

    def run(self, slices, progress):
        def noted():
            for part in slices:
                self.asked += list(zip(part.texts, part.entities, strict=True))
                yield part

        return self._scorer.run(noted(), progress)


def score(bundle, folder, source, output):
    job, inner, done = FileJob(source, output), Counted(bundle), []
    scorer = StoredScorer(inner, AnswerStore(folder, inner.model_id))
    report = score_file(job, examine(job), scorer, done.append)
    assert sum(done) == report.rows
    return inner.asked, scorer.known


@pytest.fixture
def source(tmp_path):
    rows = [{"text": f"Acme profit rises {n}", "entity": ["Acme", None][n % 2]} for n in range(20)]
    pd.DataFrame([*rows, {"text": " ", "entity": None}]).to_csv(tmp_path / "in.csv", index=False)
    return tmp_path / "in.csv"


def test_a_second_run_asks_nothing_and_a_longer_file_only_for_what_is_new(source, tmp_path, tiny_bundle):
    first, known = score(tiny_bundle, tmp_path / "store", source, tmp_path / "a.parquet")
    assert (len(first), known) == (21, 0)
    again, known = score(tiny_bundle, tmp_path / "store", source, tmp_path / "b.parquet")
    assert (again, known) == ([(" ", None)], 20)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    with source.open("a") as file:
        file.write("Acme profit rises 3,Globex\nAcme profit rises 3,Acme\nAcme profit rises 3,\n")
    longer, known = score(tiny_bundle, tmp_path / "store", source, tmp_path / "c.parquet")
    assert set(longer) == {(" ", None), ("Acme profit rises 3", "Globex"), ("Acme profit rises 3", "Acme")}
    _, known = score(tiny_bundle, tmp_path / "other", source, tmp_path / "d.parquet")
    assert known == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "c.parquet"), pd.read_parquet(tmp_path / "d.parquet"))


def test_another_model_has_its_own_answers(tmp_path):
    AnswerStore(tmp_path, "a").keep([key_of("x", None)], np.ones((1, 3)))
    assert np.isnan(AnswerStore(tmp_path, "b").find([key_of("x", None)])).all()


def test_a_question_is_its_text_and_its_entity():
    asked = [("ab", None), ("a", "b"), ("", "ab"), ("ab", "ab"), ("\ud800", None)]
    assert len({key_of(*question) for question in asked}) == len(asked)


def test_runs_beside_each_other_lose_nothing(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(first)], cwd=ROOT)
        for first in (0, 500, 1000)  # 500 to 1,499 are written twice
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    found = AnswerStore(tmp_path, "m").find([key_of(f"text {number}", None) for number in range(2001)])
    np.testing.assert_array_equal(found[:2000, 0], np.arange(2000, dtype=np.float32))
    assert np.isnan(found[2000]).all()


def test_a_folder_that_cannot_hold_them_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--no-store"):
        AnswerStore(tmp_path / "file" / "inside", "m")
