import dataclasses
import re
from dataclasses import replace

import pytest
from transformers import AutoTokenizer

from sentfeat.categories import RISKS
from sentfeat.errors import BundleError, DataError
from sentfeat.score.bundle import embedded_path
from sentfeat.score.prompt import (
    ENTITY_TOKENS,
    LABELS,
    LLAMA3,
    MISTRAL_INSTRUCT,
    PLAIN,
    TEMPLATES,
    PromptEncoder,
    clean,
)


class ByteTokenizer:
    """One token per byte, except that answer words and chat marks are tokens of their own, from 256 on."""

    bos_token_id = 300

    def __init__(self, words=(*PLAIN.words, *PLAIN.risk_words, *LLAMA3.controls, *MISTRAL_INSTRUCT.controls)):
        self.number = {word: 256 + at for at, word in enumerate(words)}

    def __call__(self, text, *, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [self._ids(part) for part in text]}

    def _ids(self, text):
        known = re.compile("|".join(re.escape(word) for word in self.number) or "$.")
        ids, at = [], 0
        for found in known.finditer(text):
            ids += [*text[at : found.start()].encode(), self.number[found.group()]]
            at = found.end()
        return [*ids, *text[at:].encode()]


def test_template_hashes_are_stable():
    """They key every stored score: a change here means that all texts are scored again."""
    assert PLAIN.hash == "be9a4588421e3ea8939f05ee1b4543790e2077fecc1995e03ec6c53b9ac4fdb3"
    assert MISTRAL_INSTRUCT.hash == "eba40d8705338c0275136f843c1563bc10d3452b2e44682188962c749d00f4c2"
    assert LLAMA3.hash == "0297e7532594d9512e1deeb34e41b91ba962693d3c9e6346ca276715921f4f14"


def test_any_change_of_a_template_changes_its_hash():
    changes = {"question": "?", "risk_question": "?", "risk_words": PLAIN.risk_words[::-1], "cleaning": 2}
    changed = [dataclasses.replace(PLAIN, **{name: value}) for name, value in changes.items()]
    assert len({PLAIN.hash, *(template.hash for template in changed)}) == 5


def test_labels_keep_their_order():
    assert LABELS == ("negative", "neutral", "positive")


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
def test_prompt_reads_instruction_text_question(template):
    assert template.prompt("Acme rises") == f"{template.instruction}Acme rises{template.question}"
    assert template.prompt("Acme rises", "Acme").startswith(f"{template.instruction}Acme rises")
    assert "Acme" in template.ask("Acme")
    assert template.completion("positive") == " positive"
    assert template.prompt("Acme rises", task="risk") == f"{template.instruction}Acme rises{template.risk_question}"


def test_a_risk_answer_names_the_risks_in_their_order_or_none():
    assert PLAIN.risk_completion(["climate_esg", "litigation_regulatory"]) == " legal, climate"
    assert PLAIN.risk_completion(()) == " none"


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("UPDATE 2-AT&T; cuts &amp; runs", "AT&T cuts & runs"),
        ("RPT-UPDATE 1-Acme beats", "Acme beats"),
        ("Acme soars https://example.org/a?b=1 $ACM", "Acme soars $ACM"),
        ("  Gran ,  the company 's plan .", "Gran, the company's plan."),
        ("up 3.5 % at 10 .5", "up 3.5% at 10 .5"),
        ("https://example.org", ""),
    ],
)
def test_cleaning(raw, read):
    assert clean(raw) == read


def test_encoding_joins_the_three_parts_after_the_first_token():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100)
    (alone, asked), cut = encoder.encode(["Acme rises", "Acme rises"], [None, "Acme"])
    assert alone == [300, *b"Acme rises - outlook"]
    assert asked == [300, *b"Acme rises - Acme outlook"]
    assert cut == 0


def test_only_the_text_is_cut_and_cuts_are_counted():
    longest = len(PLAIN.entity_question) + ENTITY_TOKENS
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=1 + 9 + longest)
    (prompt, asked, short), cut = encoder.encode(["A" * 50_000, "A" * 50_000, "B"], [None, "Acme", None])
    assert prompt == [300, *b"A" * 9, *b" - outlook"]
    assert asked == [300, *b"A" * 9, *b" - Acme outlook"]
    assert short == [300, *b"B - outlook"]
    assert cut == 1


def test_a_limit_that_leaves_no_room_for_a_text_is_refused():
    with pytest.raises(BundleError, match="max_tokens 20 leaves no room for a text"):
        PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=20)


def test_a_name_of_absurd_length_is_cut():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100)
    (prompt,), _ = encoder.encode(["Acme rises"], ["x" * 5000])
    assert len(prompt) <= 1 + len("Acme rises -  outlook") + ENTITY_TOKENS


def test_an_empty_text_has_no_prompt():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100)
    assert encoder.encode(["", " https://example.org "], [None, "Acme"]) == ([[], []], 0)


def test_texts_and_entities_must_match():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100)
    with pytest.raises(DataError, match="2 texts but 1 entities"):
        encoder.encode(["a", "b"], [None])


def test_labels_that_begin_alike_are_to_be_scored_as_whole_words():
    assert not PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100).labels_share_ids
    encoder = PromptEncoder(PLAIN, ByteTokenizer(words=()), max_tokens=100)
    assert encoder.labels_share_ids
    assert encoder.label_words == tuple(tuple(word.encode()) for word in PLAIN.words)


def test_risks_that_begin_alike_cannot_be_asked():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(PLAIN.words), max_tokens=100)
    with pytest.raises(BundleError, match="share first tokens"):
        encoder.encode(["Acme"], [None], "risk")


def test_labels_that_are_the_same_are_refused():
    same = replace(PLAIN, words=(" bad", " bad", " good"))
    with pytest.raises(BundleError, match="cannot be told apart"):
        PromptEncoder(same, ByteTokenizer(), max_tokens=100)


def test_a_tokenizer_that_adds_its_own_space_after_a_mark_gives_the_same_answers():
    class Spacing(ByteTokenizer):
        def _ids(self, text):
            return super()._ids(re.sub(r"(\[/INST\])(?=.)", r"\1 ", text))

    plain, spacing = (PromptEncoder(MISTRAL_INSTRUCT, kind(), max_tokens=300) for kind in (ByteTokenizer, Spacing))
    assert spacing.label_ids == plain.label_ids
    assert spacing.risk_ids == plain.risk_ids


def test_label_ids_follow_the_label_order():
    assert PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100).label_ids == (256, 257, 258)


def test_risk_ids_follow_the_order_of_risks():
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100)
    assert encoder.risk_ids == tuple(range(259, 259 + len(RISKS)))
    assert encoder.encode(["Acme rises"], [None], "risk") == ([[300, *b"Acme rises - risks"]], 0)


def test_risk_words_must_differ():
    twice = dataclasses.replace(PLAIN, risk_words=(*PLAIN.risk_words[:11], PLAIN.risk_words[0]))
    with pytest.raises(BundleError, match="cannot be told apart"):
        PromptEncoder(twice, ByteTokenizer(), max_tokens=100)


def test_a_template_need_not_ask_for_risks():
    silent = dataclasses.replace(PLAIN, risk_question=None, risk_words=())
    encoder = PromptEncoder(silent, ByteTokenizer(), max_tokens=100)
    assert encoder.risk_ids == ()
    with pytest.raises(BundleError, match="no question about risks"):
        encoder.encode(["Acme rises"], [None], "risk")


@pytest.mark.parametrize("template", [MISTRAL_INSTRUCT, LLAMA3], ids=lambda template: template.name)
def test_a_chat_prompt_begins_once_and_its_marks_are_tokens(template):
    tokenizer = ByteTokenizer()
    (prompt,), _ = PromptEncoder(template, tokenizer, max_tokens=300).encode(["Acme rises"], ["Acme"])
    assert prompt.count(tokenizer.bos_token_id) == 1
    assert prompt[:2] == [tokenizer.bos_token_id, tokenizer.number[template.controls[0]]]
    assert {tokenizer.number[mark] for mark in template.controls} <= set(prompt)
    with pytest.raises(BundleError, match="control mark"):
        PromptEncoder(template, ByteTokenizer(words=PLAIN.words + PLAIN.risk_words), max_tokens=300)


def test_a_text_has_the_same_tokens_under_every_question():
    encoder = PromptEncoder(PLAIN, AutoTokenizer.from_pretrained(embedded_path() / "base"), max_tokens=100)
    (alone, asked), _ = encoder.encode(["Acme rises 3%"] * 2, [None, "Acme"])
    (risks,), _ = encoder.encode(["Acme rises 3%"], [None], "risk")
    shared = alone[:-1]  # "outlook" and "risks" are a token each, after the same dash
    assert asked[: len(shared)] == risks[:-1] == shared
    assert len(set(encoder.risk_ids)) == len(RISKS)
