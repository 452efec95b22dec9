import dataclasses

import pytest

from sentfeat.errors import BundleError, DataError
from sentfeat.score.prompt import ENTITY_TOKENS, LABELS, MISTRAL_INSTRUCT, PLAIN, PromptEncoder, clean


class ByteTokenizer:
    """One token per byte, except that the label words are tokens of their own."""

    bos_token_id = 300

    def __init__(self, words=(" negative", " neutral", " positive")):
        self.words = words

    def __call__(self, text, *, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [self._ids(part) for part in text]}

    def _ids(self, text):
        for number, word in enumerate(self.words):
            if text.endswith(word):
                return [*text.removesuffix(word).encode(), 256 + number]
        return list(text.encode())


def test_template_hashes_are_stable():
    """They key every stored score: a change here means that all texts are scored again."""
    assert PLAIN.hash == "c6e20a1afa97709e6aaeee74001a79cb5b39c2b9e6f6474de32dc5af7d101043"
    assert MISTRAL_INSTRUCT.hash == "68f708119a12e5d42b77fbd19143679ba95abcdbe014ff0e4bbfd2ebfbcd5a97"


def test_any_change_of_a_template_changes_its_hash():
    changed = dataclasses.replace(PLAIN, question="?"), dataclasses.replace(PLAIN, cleaning=2)
    assert len({PLAIN.hash, *(template.hash for template in changed)}) == 3


def test_labels_keep_their_order():
    assert LABELS == ("negative", "neutral", "positive")


@pytest.mark.parametrize("template", [PLAIN, MISTRAL_INSTRUCT])
def test_prompt_reads_instruction_text_question(template):
    assert template.prompt("Acme rises") == f"{template.instruction}Acme rises{template.question}"
    assert template.prompt("Acme rises", "Acme").startswith(f"{template.instruction}Acme rises")
    assert "Acme" in template.ask("Acme")
    assert template.completion("positive") == " positive"


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
    encoder = PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=20)
    (prompt, short), cut = encoder.encode(["A" * 50_000, "B"], [None, None])
    assert prompt == [300, *b"A" * 9, *b" - outlook"]
    assert len(prompt) == 20
    assert short == [300, *b"B - outlook"]
    assert cut == 1


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


def test_label_words_must_be_single_tokens():
    with pytest.raises(BundleError, match="' negative' is not one token"):
        PromptEncoder(PLAIN, ByteTokenizer(words=()), max_tokens=100)


def test_label_ids_follow_the_label_order():
    assert PromptEncoder(PLAIN, ByteTokenizer(), max_tokens=100).label_ids == (256, 257, 258)
