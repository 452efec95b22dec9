import gzip
import json

import msgspec
import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.evaluate.protocols import fingpt, flare, grouped
from sentfeat.evaluate.sets import entities, own_rows, read_own, read_sets
from tests.conftest import ROOT
from training.build_dataset import build, read_config


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "phrasebank_dev.csv").write_text(
        "text,label,agreement\n" + "".join(f"Firm {chr(65 + at)} {word} plan,neutral,100\n" for at, word in
                                          enumerate("sells buys halts backs moves drops names plans".split()))
    )  # fmt: skip
    (tmp_path / "fiqa_dev.csv").write_text(
        "text,target,score,kind\nAcme soars,Acme,0.5,post\nAcme sits,Acme,0.1,post\nAcme sinks,Acme,-0.11,headline\n"
    )
    (tmp_path / "sentfin_dev.csv").write_text(
        "text,entity,label\nA beats B,A,positive\nA beats B,B,negative\n"
        "C and D rise,C,positive\nC and D rise,D,positive\n"
    )
    spans = [
        {"value": "X", "label": "Positive"},
        {"value": "Y", "label": "Positive"},
        {"value": "Y", "label": "Neutral"},
    ]
    (tmp_path / "finentity_dev.json").write_text(json.dumps([{"content": "X gains on Y", "annotations": spans}]))
    return tmp_path


def test_the_sets_are_found_by_name_and_read_as_rows(folder):
    sets = read_sets(folder)
    assert set(sets) == {"phrasebank", "fiqa", "sentfin", "finentity"}
    assert sets["fiqa"]["label"].tolist() == ["positive", "neutral", "negative"]
    assert sets["finentity"]["entity"].tolist() == ["X"]  # what Y's label is, nobody knows
    whole = sets["sentfin"][sets["sentfin"]["entity"].isna()]
    assert whole["text"].tolist() == ["C and D rise"]


def test_fingpt_splits_by_row_asks_about_texts_and_says_what_is_missing(folder):
    rows, notes = fingpt(read_sets(folder))
    assert rows.groupby("source")["split"].apply(lambda split: (split == "test").sum()).to_dict() == {
        "phrasebank": 2,  # a quarter of 8
        "fiqa": 1,  # 22.6 % of 3, rounded up
    }
    assert rows["entity"].isna().all()
    assert any("twitter_valid was not found" in note for note in notes)
    assert any("8 rows here, not the 4,846" in note for note in notes)
    scored = rows[rows["source"] == "fiqa"].set_index("score")["label"]
    assert scored.to_dict() == {0.5: "positive", 0.1: "positive", -0.11: "negative"}  # 0.1 itself, unlike elsewhere


def test_flare_needs_its_own_files(folder):
    with pytest.raises(DataError, match="cannot be rebuilt"):
        flare(read_sets(folder))
    (folder / "flare_fpb_test.csv").write_text("text,answer\nAcme wins,positive\n")
    assert flare(read_sets(folder)).rows["split"].tolist() == ["test"]


def test_a_folder_without_sets_says_what_it_looks_for(tmp_path):
    with pytest.raises(DataError, match="phrasebank"):
        read_sets(tmp_path)


def test_labels_are_read_however_they_are_written_and_rows_without_a_score_are_left_out(folder):
    (folder / "twitter_dev.csv").write_text(
        "text,label\nup we go,Positive\ndown we go, NEGATIVE \nNA,neutral\n,neutral\n"
    )
    (folder / "fiqa_dev.csv").write_text("text,target,score\nAcme soars,007,0.5\nAcme sits,,\nAcme is,Acme,0\n")
    sets = read_sets(folder)
    assert sets["twitter"]["label"].tolist() == ["positive", "negative", "neutral"]
    assert sets["twitter"]["text"].tolist()[-1] == "NA"
    assert sets["fiqa"]["label"].tolist() == ["positive", "neutral"]
    assert entities(sets["fiqa"]) == ["007", "Acme"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("twitter_dev.csv", "text,label\ncafé,neutral\n".encode("latin-1"), "cannot read .*twitter_dev.csv"),
        ("twitter_dev.csv", b"", "cannot read .*twitter_dev.csv"),
        ("twitter_dev.csv", b"text,label\nup,2\ndown,0\n", r"twitter_dev.csv: none of 2 rows .*\['0', '2'\]"),
        ("fiqa_dev.csv", b"text,target,score\nup,Acme,\n,Acme,1\n", r"none of 2 rows .*\['', 'positive'\]"),
        ("twitter_dev.csv", b"text,label\n", "twitter_dev.csv: none of 0 rows"),
        ("twitter_dev.csv", b"text,label\nup, they say,positive\n", "twitter_dev.csv, line 2: 3 fields"),
        ("fiqa_dev.csv", b"text,target,score\nup,Acme,high\n", "fiqa_dev.csv: the column score must hold numbers"),
        ("finentity_dev.json", b'{"a": 1}', "cannot read .*finentity_dev.json"),
        ("finentity_dev.json", b'[{"content": "x"}]', "cannot read .*finentity_dev.json"),
        ("finentity_dev.json", b"[", "cannot read .*finentity_dev.json"),
    ],
)
def test_a_set_that_cannot_be_used_is_named(folder, name, content, told):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_sets(folder)


def test_an_own_file_of_any_format_keeps_its_texts_as_they_are(tmp_path):
    texts, names = ["007", "NA", "b"], ["0700", "700", None]
    csv, lines, parquet = (tmp_path / name for name in ("a.CSV", "a.jsonl.gz", "a.parquet"))
    csv.write_text("text,entity,label\n007,0700,Neutral\nNA,700,neutral\nb,,neutral\n")
    rows = [
        {"text": text, "entity": name, "label": "neutral"}
        for text, name in zip(texts, ["0700", 700, None], strict=True)
    ]
    lines.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    pd.DataFrame({"text": texts, "entity": names, "label": "neutral"}).to_parquet(parquet)
    for path in (csv, lines, parquet):
        found = own_rows(read_own(path), str(path))
        assert found["text"].tolist() == texts
        assert entities(found) == names
        assert set(found["label"]) == {"neutral"}
    pd.DataFrame({"text": texts, "entity": [700, 701, None], "label": "neutral"}).convert_dtypes().to_parquet(parquet)
    assert entities(own_rows(read_own(parquet), "a")) == ["700", "701", None]


def test_splits_and_scores_of_an_own_table_are_checked_before_anything_is_scored():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": "neutral", "split": ["Train", " test", "VALIDATION"]})
    assert own_rows(frame, "m.csv")["split"].tolist() == ["train", "test", "validation"]
    with pytest.raises(DataError, match=r"m\.csv: values of the column split must be train.*\['dev'\]"):
        own_rows(frame.assign(split=["train", "dev", "test"]), "m.csv")
    scored = own_rows(frame.assign(score=["0.5", "", "-1"]), "m.csv")["score"]
    assert (scored[0], scored[2], scored.isna()[1]) == (0.5, -1, True)
    with pytest.raises(DataError, match=r"m\.csv: the column score must hold numbers.*\['AA\+'\]"):
        own_rows(frame.assign(score=["0.5", None, "AA+"]), "m.csv")


def test_an_own_table_keeps_its_sources_and_its_split():
    frame = pd.DataFrame(
        {"text": ["a", "b"], "label": ["positive", " Neutral"], "source": ["x", None], "split": ["train", "test"]}
    )
    rows = own_rows(frame, "some/mine.csv")
    assert rows["source"].tolist() == ["x", "mine.csv"]
    assert rows["split"].tolist() == ["train", "test"]
    assert rows["label"].tolist() == ["positive", "neutral"]
    with pytest.raises(DataError, match="labels must be"):
        own_rows(frame.assign(label="great"), "mine.csv")


def test_other_tasks_in_a_training_table_are_left_out():
    frame = pd.DataFrame({"text": ["a", "b"], "label": ["positive", "a summary"], "task": ["sentiment", "summary"]})
    assert own_rows(frame, "rows.jsonl")["text"].tolist() == ["a"]


@pytest.mark.slow
def test_grouped_holds_out_the_rows_that_training_held_out(real_data):
    config = read_config(ROOT / "training" / "configs" / "embedded.toml").data
    trained, _ = build(msgspec.structs.replace(config, risks=[], read_risks=[], hand_risks=[]), real_data)
    ours = grouped(read_sets(real_data / "labelled")).rows
    held = {tuple(row) for row in trained.loc[trained["split"] == "test", ["text", "entity", "label"]].to_numpy()}
    assert {tuple(row) for row in ours.loc[ours["split"] == "test", ["text", "entity", "label"]].to_numpy()} == held
