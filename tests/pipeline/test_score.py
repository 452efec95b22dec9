"""The score store: each question once, both tasks, whoever else is at work."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sentfeat.ingest.documents import text_hash
from sentfeat.pipeline import open_project, score_window
from sentfeat.pipeline.score import NO_ENTITY, read_scores
from sentfeat.score.engine import Engine
from sentfeat.sessions import Window
from sentfeat.tables import DOCUMENTS, LINKS
from tests.conftest import ROOT
from tests.score.test_bundle import edit_passport
from tests.score.tiny import copy_bundle

AT = pd.Timestamp("2023-03-02 15:00", tz="UTC")
MARCH = Window(pd.Timestamp("2023-03-01", tz="UTC"), pd.Timestamp("2023-03-31", tz="UTC"))
DOCUMENTS_OF = {"headline": 30, "filing_passage": 12, "filing": 3, "filing_section": 3, "filing_item": 3}


@pytest.fixture
def project(tmp_path, tiny_bundle):
    path = tmp_path / "project.toml"
    path.write_text(
        f'lake = "lake"\nbundle = "{tiny_bundle}"\nuniverse = "{ROOT / "data" / "universe.csv"}"\n'
        '[[sources]]\nkind = "files"\nname = "mine"\npath = "none.csv"\n'
        'columns = { published_at = "when", title = "headline" }\n'
    )
    project = open_project(path)
    for kind, count in DOCUMENTS_OF.items():
        fill(project, kind, [f"Acme profit rises {kind} {number // 2}" for number in range(count)], "Acme")
    fill(project, "headline", ["Acme profit rises filing_passage 0"] * 2, "Globex")
    return project


def fill(project, kind, texts, entity):
    """Documents with these texts, all about `entity`."""
    documents = pd.DataFrame({"text": texts, "kind": kind})
    documents["document_id"] = [f"{entity} {kind} {number}" for number in range(len(texts))]
    documents = documents.assign(
        source="mine", title=documents["text"], text_hash=documents["text"].map(text_hash), pit_grade="B",
        published_at=AT, first_seen_at=AT, available_at=AT,
    ).reindex(columns=DOCUMENTS.names).astype(object)  # fmt: skip
    project.lake.append(DOCUMENTS, documents, "date=2023-03-02")
    links = documents[["document_id"]].assign(
        security_id=entity, ticker=entity, entity=entity, relevance=1.0, method="source_tag", universe_hash="0",
        available_at=AT, linked_at=AT,
    )  # fmt: skip
    project.lake.append(LINKS, links, "date=2023-03-02")


def test_headlines_and_passages_are_asked_for_sentiment_by_entity_and_for_risks_by_text(project):
    report = score_window(project, MARCH)
    engine = Engine.load(project.bundle_path)
    sentiment = read_scores(project, ["text_hash", "entity_hash", "logits"])
    risk = read_scores(project, ["text_hash", "entity_hash", "logits"], "risk")
    texts = [f"Acme profit rises headline {n}" for n in range(15)]
    texts += [f"Acme profit rises filing_passage {n}" for n in range(6)]
    pairs = [*((text, "Acme") for text in texts), ("Acme profit rises filing_passage 0", "Globex")]
    expected = {(text_hash(text), text_hash(entity)): engine.score([text], [entity])[0] for text, entity in pairs}
    found = {(row.text_hash, row.entity_hash): row.logits for row in sentiment.itertuples()}
    assert found.keys() == expected.keys()
    for key, logits in expected.items():
        np.testing.assert_array_equal(found[key], logits)
    assert set(risk["entity_hash"]) == {NO_ENTITY}
    assert sorted(risk["text_hash"]) == sorted({text for text, _ in expected})
    logits = risk.set_index("text_hash")["logits"]
    np.testing.assert_array_equal(logits[text_hash(texts[3])], engine.risk_logits(texts[3:4])[0])
    assert (report.wanted, report.scored) == (22 + 21, 22 + 21)


def test_what_is_there_is_not_asked_again_and_needs_no_model(project):
    first = score_window(project, MARCH)
    again = open_project(project.config.folder + "/project.toml")
    report = score_window(again, MARCH)
    assert (report.wanted, report.scored) == (first.wanted, 0)
    assert "engine" not in vars(again)


def test_another_entity_of_a_known_text_costs_one_question(project, monkeypatch):
    score_window(project, MARCH)
    fill(project, "headline", ["Acme profit rises headline 0"], "Initech")
    asked = []
    answers = project.engine.answers
    monkeypatch.setattr(project.engine, "answers", lambda *args: asked.append(args[:3]) or answers(*args))
    assert score_window(project, MARCH).scored == 1
    assert asked == [(["Acme profit rises headline 0"], ["Initech"], ["sentiment"])]


def test_a_bundle_without_a_risk_head_is_asked_for_sentiment_alone(project, tiny_bundle, tmp_path):
    bundle = copy_bundle(tiny_bundle, tmp_path / "bundle")
    edit_passport(bundle, risk=None)
    project = open_project(tmp_path / "project.toml", [f"bundle={bundle}"])
    score_window(project, MARCH)
    assert len(read_scores(project, ["text_hash"])) > 0
    assert read_scores(project, ["text_hash"], "risk").empty


def test_only_the_buckets_of_the_texts_asked_for_are_read(project):
    score_window(project, MARCH)
    everything = read_scores(project, ["text_hash", "logits"], "risk")
    one = everything["text_hash"].iloc[0]
    for path in project.lake.files(f"scores/{project.model}/risk"):
        if f"bucket={one[0]}/" not in path:
            project.lake.put(path, b"damaged")
    some = read_scores(project, ["logits", "text_hash"], "risk", texts={one})
    assert some["text_hash"].tolist() == [one]
    assert list(some) == ["logits", "text_hash"]
    assert read_scores(project, ["text_hash"], "risk", texts=set()).empty


def test_runs_beside_each_other_leave_each_score_once_and_unharmed(project):
    code = (
        "import sys\n"
        "from sentfeat.pipeline import open_project, score_window\n"
        "from tests.pipeline.test_score import MARCH\n"
        "project = open_project(sys.argv[1]); project.engine; print('ready', flush=True); sys.stdin.readline()\n"
        "score_window(project, MARCH)\n"
    )
    command = [sys.executable, "-c", code, project.config.folder + "/project.toml"]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    for task in project.bundle.tasks:
        keys = read_scores(project, ["text_hash", "entity_hash"], task)
        assert len(keys) > 0
        assert not keys.duplicated().any()
    assert score_window(project, MARCH).scored == 0
