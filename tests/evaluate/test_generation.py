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
    ],
)
def test_numbers_that_the_source_does_not_have(source, prediction, unsupported):
    assert unsupported_numbers(source, prediction) == unsupported


def test_sizes_are_read_with_their_units():
    assert [number.value for number in numbers("$1.5bn, 3 million, 250k, 7 m, 12 % and 2,000.5")] == [
        1.5e9, 3e6, 250e3, 7e6, 12, 2000.5,
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
