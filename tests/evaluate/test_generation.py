import json

import pytest

from sentfeat.errors import DataError
from sentfeat.evaluate.generation import Generation, generation_metrics, numbers, read_generations, unsupported_numbers


@pytest.mark.parametrize(
    ("source", "prediction", "unsupported"),
    [
        ("Revenue was $1,234 million.", "Revenue was $1.2 billion.", []),
        ("Revenue was $1.2 billion.", "Revenue was 1.2bn.", []),
        ("Revenue was $1.2 billion.", "Revenue was 1.3bn.", ["1.3bn"]),
        ("Sales rose 5 percent.", "Sales rose 5%.", []),
        ("It has 5 stores.", "Sales rose 5%.", ["5%"]),
        ("Margin 12.46 %", "a margin of 12.5", []),
        ("a loss of -3.1m in 2008", "lost 3.1 million in 2009", ["2009"]),
        ("Sold 10,500 units", "sold 10500 units", []),
        ("nothing in digits", "Q3 was good", []),
        ("Sales were EUR 7.7 billion.", "Sales of EUR7.7bn", []),
        ("Sales were EUR7.7bn.", "Sales of EUR8.1bn, not 7.7 billion", ["EUR8.1bn"]),
        ("The 10-K of 3M", "10,000 pages, 3 million files", ["10,000", "3 million"]),
        ("It has 10,000 staff and lost 3 million", "a 10-K from 3M", ["10", "3"]),
        ("a gain of $3M and CHF 2.5B", "a gain of 3 million and 2.5bn", []),
    ],
)
def test_numbers_that_the_source_does_not_have(source, prediction, unsupported):
    assert unsupported_numbers(source, prediction) == unsupported


def test_sizes_are_read_with_their_units():
    assert [number.value for number in numbers("$1.5bn, 3 million, 250k, 7 m, 12 % and 2,000.5")] == [
        1.5e9, 3e6, 250e3, 7e6, 12, 2000.5,
    ]  # fmt: skip
    assert [number.value for number in numbers("usd5m, US$ 2T, ₹4B, 5M, 8-k, 5-million and ABC123")] == [
        5e6, 2e12, 4e9, 5, 8, 5e6,
    ]  # fmt: skip


def test_the_same_words_score_full_marks_and_the_signature_is_kept():
    text = "Revenue rose 5% to 3 million dollars this year"
    found = generation_metrics([Generation(text, text, text)])
    assert found["bleu"] == pytest.approx(100)
    assert found["rouge_l"] == 1
    assert found["bleu_signature"].startswith("nrefs:1|case:mixed|")
    assert (found["numbers"], found["unsupported_numbers"]) == (2, 0)


def test_rouge_and_bleu_by_hand():
    # Longest common subsequence: 5 of 6 words. BLEU: precisions 5/6, 3/5, 1/4 and, smoothed, 1/(2*3), equal lengths.
    found = generation_metrics([Generation("", "the cat sat on the mat", "the cat lay on the mat")])
    assert found["rouge_l"] == pytest.approx(5 / 6)
    assert found["bleu"] == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25)


def test_a_bad_line_is_named(tmp_path):
    path = tmp_path / "g.jsonl"
    path.write_text(json.dumps({"source": "a", "reference": "b", "prediction": "c"}) + '\n{"source": "a"}\n')
    with pytest.raises(DataError, match="line 2"):
        read_generations(path)
    with pytest.raises(DataError, match="no generations"):
        generation_metrics([])


def test_a_file_of_another_editor_is_read_whole(tmp_path):
    path = tmp_path / "g.jsonl"
    row = {"source": "a\u2028b", "reference": "b", "prediction": "c"}
    line = json.dumps(row, ensure_ascii=False).encode()
    path.write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + line + b"\n\n  \n")
    assert [found.source for found in read_generations(path)] == ["a\u2028b"] * 2
    path.write_bytes(line + b"\n" + json.dumps({**row, "source": "café"}, ensure_ascii=False).encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        read_generations(path)
