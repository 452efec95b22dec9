import json

import msgspec
import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.evaluate.protocols import fingpt, flare, grouped
from sentfeat.evaluate.sets import own_rows, read_sets
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


def test_flare_needs_its_own_files(folder):
    with pytest.raises(DataError, match="cannot be rebuilt"):
        flare(read_sets(folder))
    (folder / "flare_fpb_test.csv").write_text("text,answer\nAcme wins,positive\n")
    assert flare(read_sets(folder)).rows["split"].tolist() == ["test"]


def test_a_folder_without_sets_says_what_it_looks_for(tmp_path):
    with pytest.raises(DataError, match="phrasebank"):
        read_sets(tmp_path)


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
