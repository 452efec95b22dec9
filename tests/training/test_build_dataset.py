import json
from pathlib import Path

import pandas as pd
import pytest

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.prompt import MISTRAL_INSTRUCT, PLAIN
from training.build_dataset import (
    CONCEPTS,
    ConceptSet,
    DataConfig,
    LabelledSet,
    build,
    read_config,
    read_set,
    refuse_poisoned,
    write_rows,
)
from training.sets.card import make_card
from training.sets.filings import RiskSet
from training.sets.rows import TAUGHT, make_rows, row_key
from training.sets.written import WrittenSet, read_written

SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
CONFIGS = Path("training/configs")
DATA = Path("../shared/data")


def write_csv(folder, name, **columns):
    pd.DataFrame(columns).to_csv(folder / name, index=False)


def sentences(**columns):
    return make_rows(pd.DataFrame(columns), task="sentiment", source="made_up")


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
    write_csv(tmp_path, "scored.csv", text=list("abcdef"), score=[-0.5, -0.1, 0.0, 0.1, 0.11, None])
    rows = read_set(LabelledSet("scored", "scored.csv", "none", label="score"), tmp_path)
    assert rows["label"].tolist() == ["negative", "neutral", "neutral", "neutral", "positive", None]


def test_scores_out_of_range_have_no_label_and_class_ids_are_refused(tmp_path):
    write_csv(tmp_path, "scored.csv", text=list("abc"), label=[-1, 0, 2])
    rows = read_set(LabelledSet("scored", "scored.csv", "none"), tmp_path)
    assert rows["label"].tolist() == ["negative", "neutral", None]
    write_csv(tmp_path, "ids.csv", text=list("abc"), label=[0, 1, 2])
    with pytest.raises(DataError, match=r"ids.csv: label holds class ids; give the labels by name"):
        read_set(LabelledSet("ids", "ids.csv", "none"), tmp_path)


def test_spans_of_a_paragraph_become_rows_unless_they_contradict(tmp_path):
    spans = [("Acme", "Positive"), ("Acme", "Positive"), ("Globex", "Neutral"), ("Globex", "Negative")]
    annotations = [{"value": value, "label": label} for value, label in spans]
    (tmp_path / "spans.json").write_text(json.dumps([{"content": "Acme and Globex", "annotations": annotations}]))
    rows = read_set(LabelledSet("spans", "spans.json", "none", entity="entity"), tmp_path)
    assert rows[["entity", "label"]].values.tolist() == [["Acme", "positive"]]


def test_poisoned_rows_are_counted_and_refused():
    good = sentences(text=["fine"] * 300, label="neutral")
    bad = sentences(text=["", None, "odd", "x" * 50_001], label=["neutral", "neutral", "bullish", "neutral"])
    rows, refused = refuse_poisoned(pd.concat([good, bad], ignore_index=True))
    assert len(rows) == 300
    assert refused == {"empty text": 2, "unknown label": 1, "too long": 1}


@pytest.mark.parametrize(
    ("task", "good", "bad"),
    [("risk", ("credit_liquidity",), ("boredom",)), ("summary", "sales rose", " "), ("question", "it fell", None)],
)
def test_an_answer_that_the_task_cannot_have_is_poison(task, good, bad):
    found = [{"text": "fine", "label": good}] * 99 + [{"text": "fine", "label": bad}]
    rows, refused = refuse_poisoned(make_rows(found, task=task, source="made_up"))
    assert len(rows) == 99
    assert refused == {"unknown label": 1}


def test_too_much_poison_in_one_set_stops_the_build():
    with pytest.raises(DataError, match=r"1 of 2 rows of made_up refused: .*unknown label"):
        refuse_poisoned(sentences(text=["a", "b"], label=["neutral", "2"]))


def test_a_missing_file_and_a_missing_column_are_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.csv is missing"):
        read_set(LabelledSet("absent", "absent.csv", "none"), tmp_path)
    write_csv(tmp_path, "odd.csv", text=["a"], mood=["neutral"])
    with pytest.raises(DataError, match="no column label; it has text, mood"):
        read_set(LabelledSet("odd", "odd.csv", "none"), tmp_path)


def test_rows_are_split_by_group_and_written_through_the_template(tmp_path):
    texts = [f"company {chr(97 + i % 26)}{chr(97 + i // 26)} reports quarter {q}" for i in range(60) for q in (1, 2)]
    write_csv(tmp_path, "many.csv", text=texts, label=["neutral", "positive"] * 60)
    config = DataConfig(SHARES, [LabelledSet("many", "many.csv", "CC0")])
    rows, card = build(config, tmp_path)
    assert rows.groupby(rows["text"].str[:18])["split"].nunique().max() == 1
    assert card["licences"] == {"many": "CC0"}
    write_rows(rows, card, PLAIN, tmp_path / "out")
    written = pd.read_json(tmp_path / "out" / "train.jsonl", lines=True)
    assert written.loc[0, "prompt"] == PLAIN.prompt(written.loc[0, "text"])
    assert set(written["completion"]) == {" neutral", " positive"}
    assert sum(card["rows"]["sentiment / many"].values()) == len(rows) == 120
    assert sum(card["labels"]["sentiment / many / positive"].values()) == 60
    assert "\n| sentiment | many | neutral | " in (tmp_path / "out" / "data_card.md").read_text()


def test_a_written_row_keeps_its_key_when_it_is_read_again(tmp_path):
    rows = make_rows([{"text": "Sued.", "label": ("litigation_regulatory",)}], task="risk", source="made_up")
    rows["split"] = "train"
    write_rows(rows, make_card(rows, {"made_up": "none"}, {}, {}), MISTRAL_INSTRUCT, tmp_path)
    [written] = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert written["key"] == row_key(written) == row_key(rows[TAUGHT].iloc[0].to_dict())
    assert written["completion"] == " legal"
    assert row_key({**written, "question": "Why?"}) != written["key"]


def test_a_row_with_two_risks_counts_for_both_and_silver_rows_are_counted():
    labels = [("litigation_regulatory", "credit_liquidity"), ("credit_liquidity",), ()]
    rows = make_rows([{"text": "t", "label": label} for label in labels], task="risk", source="edgar", silver=True)
    card = make_card(rows.assign(split=["train", "test", "test"]), {}, {}, {})
    assert card["rows"] == {"risk / edgar": {"test": 2, "train": 1}}
    assert card["silver"] == {"risk / edgar": 3}
    assert card["labels"] == {
        "risk / edgar / credit_liquidity": {"test": 1, "train": 1},
        "risk / edgar / litigation_regulatory": {"test": 0, "train": 1},
        "risk / edgar / none": {"test": 1, "train": 0},
    }


def test_the_concepts_are_150_different_questions_with_two_to_four_sentences_each():
    rows, card = build(DataConfig(SHARES, concepts=[ConceptSet()]), Path())
    assert len(rows) == rows["text"].nunique() == rows["label"].nunique() == 150
    assert sum(card["rows"]["concept / concepts"].values()) == 150
    sentences = rows["label"].str.count(r"[.?!](?:\s|$)")
    assert sentences.between(2, 4).all()
    assert rows["text"].str.endswith("?").all()
    areas = pd.read_json(CONCEPTS, lines=True)["area"].value_counts()
    assert len(areas) == 8
    assert areas.min() >= 14


def write_config(folder, text):
    path = folder / "config.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('template = "plain"', "missing required field `data`"),
        (
            'template = "plane"\n[data]\nshares = {train = 1, validation = 1, test = 1}\n[[data.concepts]]',
            "template 'plane' is none of plain",
        ),
        ('template = "plain"\n[data]\nshares = {train = 1}\nsheds = 3', "unknown field `sheds` - at `$.data`"),
        ('template = "plain"\n[data]\nshares = {train = 1}', "no set is named - at `$.data`"),
        (
            'template = "plain"\n[data]\nshares = {train = 1, valid = 1}\n[[data.concepts]]',
            "shares must give train, validation, test; got train, valid",
        ),
        (
            'template = "plain"\n[data]\nshares = {train = 1}\n[[data.calls]]\nname = "c"\nfile = 3\nlicence = ""',
            "Expected `str`, got `int` - at `$.data.calls[0].file`",
        ),
        (
            'template = "plain"\n[data]\nshares = {train = 1}\n[[data.concepts]]\n[[data.concepts]]',
            "each set needs a name of its own, twice: ['concepts'] - at `$.data`",
        ),
    ],
)
def test_a_config_that_cannot_be_used_names_the_key(tmp_path, text, said):
    with pytest.raises(ConfigError) as raised:
        read_config(write_config(tmp_path, text))
    assert said in str(raised.value)


def test_the_hub_config_has_the_composition_that_was_planned():
    config = read_config(CONFIGS / "instructions_hub.toml").data
    rows = {chosen.name: chosen.rows for chosen in config.hub} | {"concepts": 150}
    assert rows["financial_qa_10k"] == 3000
    assert rows["ectsum"] + rows["earnings_calls_qa"] == 2000
    assert rows["phrasebank"] + rows["twitter"] + rows["fiqa"] == 2500
    assert rows["fiqa_qa"] + rows["concepts"] == 1500
    assert sum(rows.values()) == 9000


@pytest.mark.skipif(not DATA.exists(), reason="needs the real sets in ../shared/data")
def test_all_real_calls_give_a_summary_and_their_bullets_give_questions():
    config = read_config(CONFIGS / "instructions.toml").data
    rows, card = build(DataConfig(config.shares, config.sets[:1], config.calls), DATA)
    assert sum(card["rows"]["summary / ectsum"].values()) == 1681
    assert card["silver"]["question / ectsum"] > 2000
    assert rows.groupby("group")["split"].nunique().max() == 1
    assert set(rows["split"]) == set(config.shares)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="needs the real sets in ../shared/data")
def test_the_whole_config_builds_from_real_sets_with_every_task_in_every_split():
    config = read_config(CONFIGS / "instructions.toml").data
    rows, card = build(config, DATA)
    assert set(rows["task"]) == {"sentiment", "risk", "summary", "question", "concept"}
    assert all(min(counts.values()) > 0 for counts in card["rows"].values())
    assert rows.groupby("group")["split"].nunique().max() == 1
    assert rows.loc[rows["task"] == "risk", "silver"].all()


def write_own(folder, monkeypatch):
    """Written texts: a twin of a held-out sentence among them."""
    monkeypatch.setattr("training.sets.written.FOLDER", folder)
    write_csv(
        folder,
        "sentences.csv",
        text=["Fresh words about a rally", "Acme sold item 3 today for 10 dollars", "B up, C down", "B up, C down"],
        entity=[None, None, "B", "C"],
        label=["positive", "neutral", "positive", "negative"],
    )
    write_csv(
        folder, "risk.csv", text=["Sued by all", "Nothing"], labels=["litigation_regulatory macro_rates_fx", "none"]
    )


def test_written_texts_are_only_learnt_from_and_twins_of_held_out_texts_are_dropped(tmp_path, monkeypatch):
    write_own(tmp_path, monkeypatch)
    texts = [f"Acme sold item {number} today for 9 dollars" for number in range(4)] + ["Some other", "Yet one more"]
    write_csv(tmp_path, "set.csv", text=texts, label=["neutral"] * 6)
    written = [WrittenSet("own", "sentences.csv"), WrittenSet("own_risk", "risk.csv", "risk")]
    sets = [LabelledSet("set", "set.csv", "none")]
    shares = {"train": 0.0, "validation": 0.5, "test": 0.5}
    rows, card = build(DataConfig(shares, sets, written=written), tmp_path)
    own = rows[rows["source"].isin(["own", "own_risk"])]
    assert set(own["split"]) == {"train"}
    assert own["text"].tolist() == [
        "Fresh words about a rally",
        "B up, C down",
        "B up, C down",
        "Sued by all",
        "Nothing",
    ]
    assert own["entity"].tolist() == [None, "B", "C", None, None]
    assert own["label"].tolist()[-2:] == [("litigation_regulatory", "macro_rates_fx"), ()]
    assert card["licences"]["own"] == "Apache-2.0, as the code"
    alone, _ = build(DataConfig(shares, sets), tmp_path)
    assert alone["split"].tolist() == rows.loc[rows["source"] == "set", "split"].tolist()


def test_a_written_passage_without_labels_is_counted_as_poison(tmp_path, monkeypatch):
    monkeypatch.setattr("training.sets.written.FOLDER", tmp_path)
    texts, labels = [f"Sued {number} times" for number in range(60)], [*["macro_rates_fx", "none"] * 29, "none", None]
    write_csv(tmp_path, "risk.csv", text=texts, labels=labels)
    rows = read_written(WrittenSet("own_risk", "risk.csv", "risk"))
    assert refuse_poisoned(rows)[1] == {"unknown label": 1}


def test_the_written_texts_that_ship_are_usable():
    rows, card = build(DataConfig(SHARES, written=read_config(CONFIGS / "embedded.toml").data.written), Path())
    assert (rows["task"] == "sentiment").sum() > 5_000
    assert not card["refused"]
    towards = rows[rows["entity"].notna()]
    assert all(entity in text for entity, text in zip(towards["entity"], towards["text"], strict=True))


def test_passages_labelled_by_hand_are_only_ever_tested_on(tmp_path, monkeypatch):
    words = [chr(97 + n // 6) + chr(97 + n % 6) for n in range(40)]
    write_csv(tmp_path, "many.csv", text=[f"{word} {word}b {word}c" for word in words], label=["neutral"] * 40)
    by_hand = make_rows([{"text": f"passage {n}", "label": ()} for n in range(30)], task="risk", source="hand")
    monkeypatch.setattr("training.build_dataset.read_hand_risks", lambda chosen, data: by_hand)
    sets = [LabelledSet("many", "many.csv", "CC0")]
    rows, _ = build(DataConfig(SHARES, sets, hand_risks=[RiskSet("hand", "public")]), tmp_path)
    assert set(rows.loc[rows["source"] == "hand", "split"]) == {"test"}
    assert set(rows.loc[rows["source"] == "many", "split"]) == set(SHARES)


def test_passages_to_learn_from_are_never_tested_on(tmp_path, monkeypatch):
    found = [{"text": f"passage {n}", "label": (), "group": f"company {n}"} for n in range(60)]
    read = make_rows(found, task="risk", source="read")
    monkeypatch.setattr("training.build_dataset.read_reading_risks", lambda chosen, data: read)
    rows, _ = build(DataConfig(SHARES, read_risks=[RiskSet("read", "public")]), tmp_path)
    assert set(rows["split"]) == set(SHARES) - {"test"}
    assert len(rows) == 60


def test_passages_read_later_follow_their_company_and_put_an_end_to_guesses(tmp_path, monkeypatch):
    def passages(texts, groups, **more):
        found = [{"text": text, "label": (), "group": group} for text, group in zip(texts, groups, strict=True)]
        return make_rows(found, task="risk", **more)

    companies = [f"company {n}" for n in range(60)]
    words = [chr(97 + n // 8) + chr(97 + n % 8) for n in range(61)]
    early = passages([f"{word} {word}b {word}c" for word in words[:60]], companies, source="read")
    rule = passages(["guessed, then read", "guessed only"], ["company 1", "company 2"], source="rule", silver=True)
    later = passages(
        ["guessed, then read", *(f"{word} {word}d {word}e" for word in words)],
        ["company 1", *companies, "new"],
        source="late",
    )
    monkeypatch.setattr("training.build_dataset.read_reading_risks", lambda chosen, data: early)
    monkeypatch.setattr("training.build_dataset.read_risks", lambda chosen, data: rule)
    monkeypatch.setattr("training.build_dataset.read_further_risks", lambda chosen, data: later)
    sets = {"risks": [RiskSet("rule", "public")], "read_risks": [RiskSet("read", "public")]}
    rows, _ = build(DataConfig(SHARES, **sets, further_risks=[RiskSet("late", "public")]), tmp_path)
    before, _ = build(DataConfig(SHARES, **sets), tmp_path)
    part_of = before[before["source"] == "read"].set_index("group")["split"]
    late = rows[rows["source"] == "late"].set_index("group")["split"]
    assert late["new"] == "train"
    assert (late.drop("new") == part_of.reindex(late.drop("new").index)).all()
    assert rows.loc[rows["source"] == "read", "split"].tolist() == part_of.tolist()
    assert rows.loc[rows["silver"], "text"].tolist() == ["guessed only"]
