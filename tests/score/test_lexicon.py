import numpy as np
import pytest

from sentfeat.errors import DataError
from sentfeat.score.lexicon import Lexicon
from sentfeat.score.prompt import LABELS


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Acme shares soar", "positive"),
        ("Acme warns of weak demand", "negative"),
        ("Acme holds a meeting", "neutral"),
        ("Acme's profit did not rise", "negative"),
        ("gains and losses", "neutral"),
        ("", "neutral"),
    ],
)
def test_word_counts_decide(text, label):
    (row,) = Lexicon.default().probabilities([text])
    assert LABELS[int(row.argmax())] == label


def test_rows_are_probabilities():
    chances = Lexicon.default().probabilities(["Acme shares soar", "x"])
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_own_lists_are_read_from_a_folder(tmp_path):
    (tmp_path / "my_positive.csv").write_text("words\nBREEZY\n")
    (tmp_path / "my_negative.csv").write_text("GLUM\n\n")
    lexicon = Lexicon.from_folder(tmp_path)
    assert lexicon.count("Breezy, not glum words") == (2, 0)


def test_a_folder_without_lists_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"no \*_positive.csv"):
        Lexicon.from_folder(tmp_path)
