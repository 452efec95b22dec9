import pytest

from sentfeat.errors import DataError
from sentfeat.score.prompt import LLAMA3, MISTRAL_INSTRUCT, PLAIN, TEMPLATES
from training.tasks import completion, cut_text, make_prompt, parse_answer


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_prompts_that_the_engine_scores_are_the_templates_own(template):
    assert str(make_prompt(template, "sentiment", "Acme up", entity="Acme")) == template.prompt("Acme up", "Acme")
    assert str(make_prompt(template, "risk", "Acme is sued")) == template.prompt("Acme is sued", task="risk")


@pytest.mark.parametrize("task", ["summary", "question", "concept"])
def test_answers_in_words_follow_the_marks_of_a_users_turn(task):
    mistral = str(make_prompt(MISTRAL_INSTRUCT, task, "Sales rose.", question="Why?"))
    assert mistral.startswith("[INST] You ")
    assert mistral.endswith(" [/INST]")
    assert mistral.count("[INST]") == mistral.count("[/INST]") == 1
    llama = str(make_prompt(LLAMA3, task, "Sales rose.", question="Why?"))
    assert llama.startswith("<|start_header_id|>user<|end_header_id|>\n\nYou ")
    assert llama.endswith("<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")
    assert str(make_prompt(PLAIN, task, "Sales rose.", question="Why?")).endswith("\nAnswer:")


def test_the_question_comes_after_the_text_and_outside_the_part_that_may_be_cut():
    prompt = make_prompt(MISTRAL_INSTRUCT, "question", "Sales  rose &amp; fell.", question="Why did sales rise?")
    assert prompt.text == "Sales rose & fell."
    assert prompt.tail == "\nWhy did sales rise? [/INST]"


def test_completions_name_the_label_in_the_templates_words():
    assert completion(PLAIN, "sentiment", "positive") == " positive"
    assert completion(MISTRAL_INSTRUCT, "risk", ("litigation_regulatory", "credit_liquidity")) == " legal, credit"
    assert completion(MISTRAL_INSTRUCT, "risk", ()) == " none"
    assert completion(PLAIN, "concept", "A basis point is 0.01 percent.") == " A basis point is 0.01 percent."


def test_typed_answers_become_labels_and_impossible_ones_are_told_what_is_possible():
    assert parse_answer("sentiment", " neutral\n") == "neutral"
    assert parse_answer("risk", "none") == ()
    assert parse_answer("risk", "credit_liquidity, litigation_regulatory") == (
        "litigation_regulatory",
        "credit_liquidity",
    )
    for task, typed in [("sentiment", "bullish"), ("risk", "legal"), ("risk", ""), ("summary", " ")]:
        with pytest.raises(DataError, match=f"is no answer for {task}: give "):
            parse_answer(task, typed)


def test_long_texts_are_cut_after_a_sentence():
    assert cut_text("One two. Three four. Five", 21) == "One two. Three four."
    assert cut_text("first line\nsecond line", 15) == "first line"
    assert cut_text("short", 15) == "short"
    assert cut_text("endless", 3) == "end"
