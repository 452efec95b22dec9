"""Scoring files: whole or not there, resumable, and the same whatever happened on the way."""

import os
import signal
import subprocess
import sys
import time

import filelock
import numpy as np
import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.score import file_job
from sentfeat.score.engine import Engine
from sentfeat.score.file_job import FileJob, examine, score_file
from sentfeat.score.local import LocalScorer
from sentfeat.score.prompt import LABELS
from tests.conftest import ROOT

CHILD = """
import sys, time
from pathlib import Path
from sentfeat.score import file_job
from tests.score.test_file_job import run
file_job.ROWS = 8
keep = file_job._keep
file_job._keep = lambda *parts: (keep(*parts), time.sleep(0.1))
run(*map(Path, sys.argv[1:]))
"""


def run(bundle, source, output, **columns):
    job = FileJob(source, output, **columns)
    scorer = LocalScorer(Engine.load(bundle, device="cpu"))
    done = []
    report = score_file(job, examine(job), scorer, done.append)
    assert sum(done) == report.rows
    return report


@pytest.fixture
def source(tmp_path):
    rows = [{"n": n, "text": f"Acme profit rises {n % 30}", "entity": ["Acme", "", None][n % 3]} for n in range(100)]
    rows[41]["text"] = " "
    pd.DataFrame(rows).to_csv(tmp_path / "in.csv", index=False)
    return tmp_path / "in.csv"


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(file_job, "ROWS", 8)


def test_columns_are_kept_and_answers_are_the_engines(source, tmp_path, tiny_bundle):
    report = run(tiny_bundle, source, tmp_path / "out.parquet")
    rows = pd.read_parquet(tmp_path / "out.parquet")
    assert rows["n"].tolist() == list(range(100))
    asked = ["Acme" if n % 3 == 0 else None for n in range(100)]
    expected = Engine.load(tiny_bundle, device="cpu").probabilities(rows["text"].tolist(), asked)
    found = rows[[f"p_{label}" for label in LABELS]].to_numpy()
    np.testing.assert_array_equal(found, expected)
    assert rows["label"].isna().tolist() == [n == 41 for n in range(100)]
    np.testing.assert_array_equal(rows["tone"], expected[:, 2] - expected[:, 0])
    assert report.line() == "100 rows; 1 of them without a score (1 empty text)"
    assert not (tmp_path / "out.parquet.parts").exists()


def test_a_column_that_is_named_must_be_there(source, tmp_path):
    for columns in ({"text_column": "headline"}, {"entity_column": "company"}):
        (name,) = columns.values()
        with pytest.raises(DataError, match=f"no column '{name}'; it has n, text, entity"):
            examine(FileJob(source, tmp_path / "out.csv", **columns))


def test_killed_and_started_again_it_goes_on_where_it_was(source, tmp_path, tiny_bundle):
    output, parts = tmp_path / "out.jsonl", tmp_path / "out.jsonl.parts"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tiny_bundle), str(source), str(output)], cwd=ROOT)
    deadline = time.monotonic() + 120
    while len(list(parts.glob("*.parquet"))) < 4 and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not output.exists()
    report = run(tiny_bundle, source, output)
    assert 32 <= report.resumed < 100
    run(tiny_bundle, source, tmp_path / "whole.jsonl")
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.jsonl", "whole.jsonl"]


def test_a_text_that_changed_since_the_killed_run_is_asked_again(source, tmp_path, tiny_bundle, monkeypatch):
    monkeypatch.setattr(file_job, "_join", lambda *parts: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(tiny_bundle, source, tmp_path / "out.csv")
    monkeypatch.undo()
    monkeypatch.setattr(file_job, "ROWS", 8)
    source.write_text(
        source.read_text().replace("Acme profit rises 3\n", "Acme profit falls\n").replace("rises 9,", "falls,")
    )
    report = run(tiny_bundle, source, tmp_path / "out.csv")
    assert 0 < report.resumed < 100
    rows = pd.read_csv(tmp_path / "out.csv")
    assert rows.loc[9, "text"] == "Acme profit falls"
    expected = Engine.load(tiny_bundle, device="cpu").probabilities(["Acme profit falls"], ["Acme"])[0]
    np.testing.assert_allclose(rows.loc[9, [f"p_{label}" for label in LABELS]].astype(float), expected)


def test_two_runs_do_not_write_one_output(source, tmp_path, tiny_bundle):
    (tmp_path / "out.csv.parts").mkdir()
    with (
        filelock.FileLock(tmp_path / "out.csv.parts" / ".lock"),
        pytest.raises(DataError, match="being written by another run"),
    ):
        run(tiny_bundle, source, tmp_path / "out.csv")


def test_a_file_without_rows_gets_the_columns(tmp_path, tiny_bundle):
    (tmp_path / "in.csv").write_text("text\n")
    run(tiny_bundle, tmp_path / "in.csv", tmp_path / "out.csv")
    assert list(pd.read_csv(tmp_path / "out.csv")) == ["text", "p_negative", "p_neutral", "p_positive", "label", "tone"]


def test_columns_of_an_earlier_scoring_are_replaced(tmp_path, tiny_bundle):
    (tmp_path / "in.csv").write_text("body,label,id\nAcme rises,old,7\n")
    run(tiny_bundle, tmp_path / "in.csv", tmp_path / "out.csv", text_column="body")
    rows = pd.read_csv(tmp_path / "out.csv")
    assert list(rows)[:2] == ["body", "id"]
    assert rows["label"].isin(LABELS).all()
