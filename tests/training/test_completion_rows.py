import pytest

from sentfeat.errors import DataError
from sentfeat.score.prompt import MISTRAL_INSTRUCT, PromptEncoder
from tests.training.small import make_table, make_tokenizer
from training.completion_rows import CompletionEncoder
from training.sets.rows import make_rows

TOKENIZER = make_tokenizer(MISTRAL_INSTRUCT)
ENCODER = PromptEncoder(MISTRAL_INSTRUCT, TOKENIZER, 400)


def taught(rows, sequence=500):
    """Prompt and answer of each row, as ids."""
    examples = CompletionEncoder(ENCODER, TOKENIZER, sequence).examples(rows)
    starts = [row["completion_mask"].index(1) for row in examples]
    return [(row["input_ids"][:at], row["input_ids"][at:]) for row, at in zip(examples, starts, strict=True)]


def test_a_sentiment_row_is_the_engines_prompt_its_label_token_and_the_end_mark():
    rows = make_table().query("task == 'sentiment'").head(6)
    prompts, _ = ENCODER.encode(rows["text"].tolist(), rows["entity"].tolist())
    label_ids = dict(zip(("negative", "neutral", "positive"), ENCODER.label_ids, strict=True))
    expected = [
        (prompt, [label_ids[label], TOKENIZER.eos_token_id])
        for prompt, label in zip(prompts, rows["label"], strict=True)
    ]
    assert taught(rows) == expected


def test_of_a_long_row_the_text_is_cut_but_not_the_question_or_the_answer():
    long = [{"text": "word " * 400, "question": "What was earned?", "label": "Three dollars a share."}]
    [(prompt, answer)] = taught(make_rows(long, task="question", source="made up"), sequence=200)
    assert len(prompt) + len(answer) == 200
    shown = TOKENIZER.decode(prompt)
    assert shown.startswith("<s>[INST] You read a passage")
    assert shown.endswith("What was earned? [/INST]")
    assert TOKENIZER.decode(answer) == " Three dollars a share.</s>"


def test_an_answer_that_leaves_no_room_is_refused_and_too_many_stop_the_run(caplog):
    fine = [{"text": f"What is yield {number}?", "label": "Income over price."} for number in range(60)]
    endless = [{"text": "What is risk?", "label": "long " * 300}]
    rows = make_rows(fine + endless, task="concept", source="made up")
    with caplog.at_level("INFO"):
        assert len(taught(rows)) == 60
    assert "60 rows by completion, 1 refused as too long" in caplog.text
    with pytest.raises(DataError, match="1 of 1 rows do not fit 500 tokens; raise train.sequence"):
        taught(rows.tail(1))
