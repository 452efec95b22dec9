import pytest

from sentfeat.categories import RISKS
from sentfeat.errors import DataError
from sentfeat.score.predictor import SentimentPredictor


@pytest.fixture(scope="module")
def predictor():
    return SentimentPredictor()


def test_one_text_gives_a_dict(predictor):
    found = predictor.predict("Acme profit jumps 40 percent, beats estimates")
    assert found["label"] == "positive"
    chances = found["probabilities"]
    assert sum(chances.values()) == pytest.approx(1, abs=2e-4)
    assert found["score"] == pytest.approx(chances["positive"] - chances["negative"], abs=2e-4)


def test_several_texts_give_a_list_in_order(predictor):
    texts = ["Acme shares tumble after profit warning", "Acme profit jumps 40 percent, beats estimates"]
    assert [row["label"] for row in predictor.predict(texts)] == ["negative", "positive"]
    assert predictor.predict([]) == []


def test_an_empty_text_is_an_error(predictor):
    with pytest.raises(DataError, match="text 1 is empty"):
        predictor.predict(["Acme rises", " "])


def test_risks_come_on_request(tiny_bundle):
    predictor = SentimentPredictor(tiny_bundle)
    assert "risks" not in predictor.predict("Acme falls")
    found = predictor.predict(["Acme falls", "Acme rises"], risks=True)
    assert [tuple(row["risks"]) for row in found] == [RISKS, RISKS]
    assert all(0 <= chance <= 1 for chance in found[0]["risks"].values())
