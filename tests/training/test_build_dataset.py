import json

import pandas as pd
import pytest

from sentfeat.errors import DataError
from sentfeat.score.prompt import PLAIN
from training.build_dataset import DataConfig, LabelledSet, build, read_set, refuse_poisoned, write_rows

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}


def write_csv(folder, name, **columns):
    pd.DataFrame(columns).to_csv(folder / name, index=False)


def test_whole_text_rows_come_from_titles_whose_entities_agree(tmp_path):
    write_csv(
        tmp_path,
        "titles.csv",
        text=["A up, B down", "A up, B down", "C and D rise", "C and D rise"],
        entity=["A", "B", "C", "D"],
        label=["positive", "negative", "positive", "positive"],
    )
    rows = read_set(LabelledSet("titles", "titles.csv", "none", entity="entity", whole_text=True), tmp_path)
    assert len(rows) == 5
    whole = rows[rows["entity"].isna()]
    assert whole[["text", "label"]].values.tolist() == [["C and D rise", "positive"]]


def test_numeric_scores_are_cut_at_a_tenth(tmp_path):
    write_csv(tmp_path, "scored.csv", text=list("abcde"), score=[-0.5, -0.1, 0.0, 0.1, 0.11])
    rows = read_set(LabelledSet("scored", "scored.csv", "none", label="score"), tmp_path)
    assert rows["label"].tolist() == ["negative", "neutral", "neutral", "neutral", "positive"]


def test_spans_of_a_paragraph_become_rows_unless_they_contradict(tmp_path):
    spans = [("Acme", "Positive"), ("Acme", "Positive"), ("Globex", "Neutral"), ("Globex", "Negative")]
    annotations = [{"value": value, "label": label} for value, label in spans]
    (tmp_path / "spans.json").write_text(json.dumps([{"content": "Acme and Globex", "annotations": annotations}]))
    rows = read_set(LabelledSet("spans", "spans.json", "none", entity="entity"), tmp_path)
    assert rows[["entity", "label"]].values.tolist() == [["Acme", "positive"]]


def test_poisoned_rows_are_counted_and_refused():
    good = pd.DataFrame({"text": ["fine"] * 300, "label": "neutral"})
    bad = pd.DataFrame({"text": ["", None, "odd", "x" * 50_001], "label": ["neutral", "neutral", "bullish", "neutral"]})
    rows, refused = refuse_poisoned(pd.concat([good, bad], ignore_index=True))
    assert len(rows) == 300
    assert refused == {"empty text": 2, "unknown label": 1, "too long": 1}


def test_too_much_poison_stops_the_build():
    with pytest.raises(DataError, match=r"1 of 2 rows refused: .*unknown label"):
        refuse_poisoned(pd.DataFrame({"text": ["a", "b"], "label": ["neutral", "2"]}))


def test_a_missing_file_and_a_missing_column_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv is missing"):
        read_set(LabelledSet("absent", "absent.csv", "none"), tmp_path)
    write_csv(tmp_path, "odd.csv", text=["a"], mood=["neutral"])
    with pytest.raises(DataError, match="no column label; it has text, mood"):
        read_set(LabelledSet("odd", "odd.csv", "none"), tmp_path)


def test_rows_are_split_by_group_and_written_through_the_template(tmp_path):
    texts = [f"company {chr(97 + i % 26)}{chr(97 + i // 26)} reports quarter {q}" for i in range(60) for q in (1, 2)]
    write_csv(tmp_path, "many.csv", text=texts, label=["neutral", "positive"] * 60)
    config = DataConfig([LabelledSet("many", "many.csv", "CC0")], SHARES)
    rows, card = build(config, tmp_path)
    assert rows.groupby(rows["text"].str[:18])["split"].nunique().max() == 1
    assert card["licences"] == {"many": "CC0"}
    write_rows(rows, card, PLAIN, tmp_path / "out")
    written = pd.read_json(tmp_path / "out" / "train.jsonl", lines=True)
    assert written.loc[0, "prompt"] == PLAIN.prompt(written.loc[0, "text"])
    assert set(written["completion"]) == {" neutral", " positive"}
    assert sum(card["rows"].values()) == len(rows) == 120
