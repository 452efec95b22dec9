import io
import json
import subprocess
import sys

import pandas as pd
import pytest
from rich.console import Console

from sentfeat.errors import DataError
from training.build_dataset import ConceptSet, DataConfig, build
from training.review import apply_review, draw_sample, read_decisions, walk
from training.sets.rows import TAUGHT, make_rows, row_key

ANSWERS = ["positive", "negative", "neutral", "positive"]


def titles():
    found = pd.DataFrame({"text": [f"title {n}" for n in range(4)], "label": ANSWERS})
    return make_rows(found, task="sentiment", source="made_up")


def shown(rows):
    keys = [row_key(row) for row in rows[TAUGHT].to_dict("records")]
    return rows.assign(key=keys, prompt="READ " + rows["text"], completion=" " + rows["label"])


def press(keys, rows, path, monkeypatch):
    """What the screen says after these lines were typed."""
    monkeypatch.setattr("sys.stdin", io.StringIO(keys))
    console = Console(file=io.StringIO(), width=100)
    walk(rows, path, console)
    return console.file.getvalue()


def test_each_verdict_is_kept_at_once_and_the_screen_says_where_one_is(tmp_path, monkeypatch):
    rows, path = shown(titles()), tmp_path / "review.jsonl"
    screen = press("a\nr\nf\npositive\n\n", rows, path, monkeypatch)
    verdicts = [json.loads(line) for line in path.read_text().splitlines()]
    assert [v["verdict"] for v in verdicts] == ["accept", "reject", "fix"]
    assert [v["key"] for v in verdicts] == rows["key"].tolist()[:3]
    assert verdicts[2]["answer"] == "positive"
    assert "1/4" in screen
    assert "READ title 0" in screen
    assert "3 of 4 reviewed" in screen


def test_a_review_goes_on_where_it_was_killed_even_in_the_middle_of_a_line(tmp_path, monkeypatch):
    rows, path = shown(titles()), tmp_path / "review.jsonl"
    press("a\na\n", rows, path, monkeypatch)
    path.write_bytes(path.read_bytes()[:-9])
    screen = press("r\n", rows, path, monkeypatch)
    assert "1/4" not in screen
    assert "2/4" in screen
    decided = read_decisions(path)
    assert [decided[key].verdict for key in rows["key"][:2]] == ["accept", "reject"]


def test_a_line_that_is_no_decision_is_shown(tmp_path):
    path = tmp_path / "review.jsonl"
    path.write_text('{"key": "1", "verdict": "maybe"}\n')
    with pytest.raises(DataError, match=r"review\.jsonl: Invalid enum value 'maybe' .*correct that line"):
        read_decisions(path)


def test_back_asks_again_and_the_last_verdict_counts(tmp_path, monkeypatch):
    rows, path = shown(titles()), tmp_path / "review.jsonl"
    press("a\nb\nr\nq\n", rows, path, monkeypatch)
    assert len(path.read_text().splitlines()) == 2
    assert [decision.verdict for decision in read_decisions(path).values()] == ["reject"]


def test_a_fix_that_the_task_cannot_have_is_refused_and_asked_again(tmp_path, monkeypatch):
    rows, path = shown(titles()), tmp_path / "review.jsonl"
    screen = press("f\nbullish\n\na\nq\n", rows, path, monkeypatch)
    assert "'bullish' is no answer for sentiment" in screen
    assert [decision.verdict for decision in read_decisions(path).values()] == ["accept"]


def test_the_sample_takes_tasks_and_in_them_sources_in_equal_parts_and_is_always_the_same():
    found = pd.DataFrame({"text": [f"q {n}" for n in range(100)], "label": "a"})
    few = make_rows(found[:5], task="summary", source="few")
    many = [make_rows(found, task="concept", source=source) for source in ("left", "right")]
    rows = shown(pd.concat([*many, few], ignore_index=True))
    drawn = draw_sample(rows, 8)
    assert drawn["task"].tolist() == ["concept"] * 4 + ["summary"] * 4
    assert drawn["source"].value_counts().to_dict() == {"left": 2, "right": 2, "few": 4}
    again = draw_sample(rows.sample(frac=1, random_state=3), 8)
    assert drawn["key"].tolist() == again["key"].tolist()
    assert draw_sample(rows, 50)["task"].value_counts().to_dict() == {"concept": 45, "summary": 5}
    assert len(draw_sample(rows, 500)) == 205


def test_the_build_drops_rejected_rows_replaces_fixed_ones_and_counts_both(tmp_path):
    config = DataConfig({"train": 0.8, "validation": 0.0, "test": 0.2}, concepts=[ConceptSet()])
    rows, _ = build(config, tmp_path)
    keys = [row_key(row) for row in rows[TAUGHT].to_dict("records")]
    path = tmp_path / "review.jsonl"
    verdicts = [
        {"key": keys[0], "verdict": "reject"},
        {"key": keys[1], "verdict": "fix", "answer": "A better answer."},
        {"key": keys[2], "verdict": "accept"},
        {"key": "0" * 16, "verdict": "reject"},
    ]
    path.write_text("".join(json.dumps(verdict) + "\n" for verdict in verdicts))
    reviewed, card = build(DataConfig(config.shares, concepts=config.concepts, review=str(path)), tmp_path)
    assert card["reviewed"] == {"accept": 1, "fix": 1, "reject": 1, "unmatched": 1}
    assert reviewed["text"].tolist() == rows["text"].tolist()[1:]
    assert reviewed["split"].tolist() == rows["split"].tolist()[1:]
    assert reviewed["label"].tolist() == ["A better answer.", *rows["label"].tolist()[2:]]


def test_a_fixed_risk_answer_becomes_a_set_of_risks(tmp_path):
    rows = make_rows([{"text": "Sued.", "label": ()}], task="risk", source="made_up")
    path = tmp_path / "review.jsonl"
    [row] = rows[TAUGHT].to_dict("records")
    path.write_text(json.dumps({"key": row_key(row), "verdict": "fix", "answer": "litigation_regulatory"}))
    fixed, _ = apply_review(rows, path)
    assert fixed["label"].tolist() == [("litigation_regulatory",)]


def test_a_review_that_is_named_but_missing_stops_the_build(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jsonl is missing"):
        apply_review(titles(), tmp_path / "gone.jsonl")


def test_the_command_works_with_a_pipe(tmp_path):
    rows = shown(titles())
    rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    command = [sys.executable, "-m", "training.review", tmp_path / "rows.jsonl", "--out", tmp_path / "out.jsonl"]
    done = subprocess.run([*command, "--sample", "2"], input="a\na\n", text=True, capture_output=True, check=True)
    assert "2 of 2 reviewed" in done.stdout
    assert len(read_decisions(tmp_path / "out.jsonl")) == 2
