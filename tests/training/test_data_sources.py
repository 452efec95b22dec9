import gzip
import json

import pandas as pd
import pytest

from sentfeat.errors import DataError
from training.risks.cut import Passage
from training.sets.calls import CallSet, figures, read_calls
from training.sets.filings import question_rows, risk_rows
from training.sets.hub import HubSet, read_hub
from training.sets.split import share_out, split_rows

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def write_calls(folder, *calls):
    with gzip.open(folder / "calls.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(call) + "\n" for call in calls)
    return CallSet("calls", "calls.jsonl.gz", "none", characters=60)


CALL = {
    "id": "ACME_q1_2021",
    "transcript": "Good morning to all of you.\nThe dividend is $1.24 a share for 2021.\n"
    "Adjusted earnings were $1.24 per share in the quarter.\nRevenue rose 11.1% to $481.1 million.\nThank you.\n",
    "summary": "compname reports q1 adjusted earnings per share $1.24.\nq1 adjusted earnings per share $1.24.\n"
    "q1 revenue rose 11.1 percent to $481.1 million.\nsees fy revenue $1.725 billion to $1.775 billion.\n",
}


def test_a_call_gives_its_summary_with_the_transcript_cut_after_a_sentence(tmp_path):
    rows = read_calls(write_calls(tmp_path, CALL), tmp_path)
    [summary] = rows[rows["task"] == "summary"].to_dict("records")
    assert summary["text"] == "Good morning to all of you."
    assert summary["label"] == CALL["summary"].strip()
    assert summary["group"] == "ACME_q1_2021"
    assert summary["silver"] is False


def test_a_bullet_becomes_a_question_only_if_a_sentence_on_it_has_all_its_figures(tmp_path):
    rows = read_calls(write_calls(tmp_path, CALL), tmp_path)
    asked = rows[rows["task"] == "question"]
    assert asked[["question", "label"]].values.tolist() == [
        [
            "What did the company report for adjusted earnings per share in the quarter?",
            "q1 adjusted earnings per share $1.24.",
        ],
        [
            "What did the company report for revenue in the quarter?",
            "q1 revenue rose 11.1 percent to $481.1 million.",
        ],
    ]
    assert asked["silver"].all()
    sentences = CALL["transcript"].strip().split("\n")
    assert asked["text"].tolist() == [" ".join(sentences), " ".join(sentences[1:])]


def test_an_outlook_is_asked_for_with_its_period(tmp_path):
    call = {"id": "A", "transcript": "We expect sales of $4 billion to $5 billion.", "summary": ""}
    call["summary"] = "sees fy 2021 sales $4 billion to $5 billion."
    rows = read_calls(write_calls(tmp_path, call), tmp_path)
    assert rows["question"].dropna().tolist() == ["What does the company expect for sales in FY 2021?"]


def test_years_and_quarters_are_no_figures():
    assert figures("sees q1 2021 sales of $1,725.5 million, up 8%") == {"1725.5", "8"}


def passage(text, company="7", item="item_7"):
    return Passage("archive", f"10-K/{company}_10K_2020.json", f"{item}#0", company, item, "", text)


def test_an_explained_change_becomes_a_question_on_its_passage():
    rows = question_rows(
        [
            passage("The year was long. Fuel expense increased 16% due to a 27% increase in prices. It fell later."),
            passage("Research and development expenses decreased $2 million to $9 million.", company="8"),
            passage("Net sales increased due to volume.", item="item_1A"),
        ],
        "edgar",
    )
    assert rows[["question", "label", "group"]].values.tolist() == [
        [
            "Why did fuel expense increase?",
            "Fuel expense increased 16% due to a 27% increase in prices.",
            "7",
        ],
        [
            "How did research and development expenses change?",
            "Research and development expenses decreased $2 million to $9 million.",
            "8",
        ],
    ]
    assert rows["silver"].all()


@pytest.mark.parametrize(
    "text",
    [
        "This increased due to volume.",
        "Costs that were high increased due to volume.",
        "The increased costs were due to volume.",
        "Sales rose due to volume. Sales rose because of prices.",
        "Net sales were stable.",
    ],
)
def test_a_change_without_a_clear_subject_or_answer_gives_no_question(text):
    assert len(question_rows([passage(text)], "edgar")) == 0


@pytest.mark.parametrize(
    ("opening", "asked"),
    [
        ("The TAC rate grew", "Why did the TAC rate grow?"),
        ("FedEx Express revenue fell", "Why did FedEx Express revenue fall?"),
        ("Gross margin rose", "Why did gross margin rise?"),
        ("Operating income - Operating income rose", "Why did operating income rise?"),
    ],
)
def test_a_question_keeps_proper_names_and_uses_the_bare_verb(opening, asked):
    rows = question_rows([passage(f"{opening} because of prices.")], "edgar")
    assert rows["question"].tolist() == [asked]


def test_risk_passages_are_silver_rows_of_their_company():
    passages = pd.DataFrame(
        {
            "text": ["We may be sued.", "We sell bread."],
            "labels": [("litigation_regulatory",), ()],
            "filing": ["a", "b"],
        }
    )
    rows = risk_rows(passages, {"a": "Acme"}, "edgar")
    assert rows[["task", "label", "group", "silver"]].values.tolist() == [
        ["risk", ("litigation_regulatory",), "Acme", True],
        ["risk", (), "b", True],
    ]


def hub_folder(folder, **columns):
    pd.DataFrame(columns).to_json(folder / "train.jsonl", orient="records", lines=True)
    return str(folder)


def test_a_hub_set_is_read_with_its_own_columns_and_label_values(tmp_path):
    folder = hub_folder(tmp_path, sentence=["up", "down", "flat"], mood=[1, 0, 7], about=["A", None, "B"])
    labels = {"0": "negative", "1": "positive"}
    chosen = HubSet("h", folder, "none", "sentiment", "sentence", "mood", entity="about", labels=labels)
    assert read_hub(chosen, 0)[["text", "entity", "label"]].values.tolist() == [
        ["up", "A", "positive"],
        ["down", None, "negative"],
        ["flat", "B", None],
    ]


def test_a_hub_set_for_questions_is_sampled_cut_and_grouped(tmp_path):
    texts = [f"Passage number {n}. It goes on." for n in range(20)]
    folder = hub_folder(tmp_path, context=texts, q=["Why?"] * 20, a=["So."] * 20, ticker=list("AB") * 10)
    chosen = HubSet(
        "h", folder, "none", "question", "context", "a", question="q", group="ticker", rows=5, characters=20
    )
    rows = read_hub(chosen, 0)
    assert len(rows) == 5
    assert rows["text"].str.fullmatch(r"Passage number \d+\.").all()
    assert set(rows["group"]) <= {"A", "B"}
    pd.testing.assert_frame_equal(rows, read_hub(chosen, 0))


def test_scores_of_a_hub_set_are_cut_as_those_of_a_file(tmp_path):
    folder = hub_folder(tmp_path, sentence=["a", "b", "c"], score=[-0.5, 0.05, 0.9])
    rows = read_hub(HubSet("h", folder, "none", "sentiment", "sentence", "score"), 0)
    assert rows["label"].tolist() == ["negative", "neutral", "positive"]


def test_a_hub_set_that_cannot_be_read_is_named(tmp_path):
    folder = hub_folder(tmp_path, sentence=["a"], label=["positive"])
    with pytest.raises(DataError, match="no column text; it has sentence, label"):
        read_hub(HubSet("h", folder, "none", "sentiment", "text", "label"), 0)
    with pytest.raises(DataError, match=r"dataset .* \(split dev\) cannot be loaded"):
        read_hub(HubSet("h", folder, "none", "sentiment", "sentence", "label", split="dev"), 0)
    with pytest.raises(DataError, match="dataset nobody/nothing .* cannot be loaded"):
        read_hub(HubSet("h", "nobody/nothing", "none", "sentiment", "text", "label"), 0)


def test_a_hub_set_for_questions_must_name_its_question_column():
    with pytest.raises(ValueError, match="must name its question column"):
        HubSet("h", "a/b", "none", "question", "text", "answer")


def test_groups_stay_whole_across_tasks_and_shares_hold_with_unequal_groups():
    sizes = pd.Series({"giant": 300, **{f"small {n}": 2 for n in range(100)}})
    part_of = share_out(sizes, SHARES, seed=0)
    rows = {part: sum(sizes[group] for group in part_of if part_of[group] == part) for part in SHARES}
    assert part_of["giant"] == "train"
    assert rows == {"train": 400, "validation": 50, "test": 50}
    assert part_of != share_out(sizes, SHARES, seed=1)


def test_rows_of_a_group_and_near_duplicates_fall_on_one_side():
    grouped = pd.DataFrame({"text": "any", "source": "calls", "group": [f"call {n % 30}" for n in range(90)]})
    alone = pd.DataFrame(
        {
            "text": [f"Company {chr(97 + n)} reports for {y}" for n in range(25) for y in (1, 2)],
            "source": "s",
            "group": None,
        }
    )
    rows = pd.concat([grouped, alone], ignore_index=True)
    rows.loc[:9, "source"] = "questions on calls"
    rows["split"] = split_rows(rows, SHARES, seed=0)
    assert rows.groupby("group")["split"].nunique().max() == 1
    titles = rows[rows["group"].isna()]
    assert titles.groupby(titles["text"].str[:10])["split"].nunique().max() == 1
    assert set(rows["split"]) == set(SHARES)
