import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from sentfeat.backtest.report import verdict_json, write_report


class Page(HTMLParser):
    """Collects text, tags and every address that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        fetching = ("src", "href", "xlink:href", "data")
        self.fetched += [value for name, value in attrs if name in fetching and not value.startswith("#")]

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def paths(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "new"
    return write_report(planted, folder, command="python -m somewhere <now>", provenance={"features": "abc123"})


@pytest.fixture(scope="module")
def page(paths) -> Page:
    page = Page()
    page.feed(paths.html.read_text(encoding="utf-8"))
    return page


def test_the_page_shows_verdict_plots_command_and_provenance(planted, page):
    text = " ".join(page.words)
    for expected in (planted.verdict["verdict"], "python -m somewhere <now>", "abc123", "Clark-West", "B2 vs B1"):
        assert expected in text
    assert page.tags.count("svg") == 11


def test_the_page_needs_nothing_from_outside(paths, page):
    html = paths.html.read_text(encoding="utf-8")
    assert page.fetched == []
    assert "script" not in page.tags
    assert set(re.findall(r'https?://[^"\s<]+', html)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_verdict_comes_before_any_plot(planted, paths):
    html = paths.html.read_text(encoding="utf-8")
    assert html.index('class="word"') < html.index("<svg")


def test_the_verdict_file_is_json_with_the_word_and_its_numbers(planted, paths):
    verdict = json.loads(paths.verdict.read_text())
    assert verdict["verdict"] == planted.verdict["verdict"]
    assert verdict["provenance"] == {"features": "abc123"}
    assert verdict["comparisons"][0]["clark_west"]["n"] == planted.verdict["data"]["test_sessions"]


def test_plots_take_their_colours_from_the_page_so_that_dark_mode_works(paths):
    html = paths.html.read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in html
    assert not set(re.findall(r"#[0-9a-f]{6}", html[html.index("<svg") :])) - {"#b3261e", "#a05c00"}


def test_numbers_that_are_not_finite_become_null():
    assert json.loads(verdict_json({"a": float("nan"), "b": [float("inf"), 0.1234567890123]})) == {
        "a": None,
        "b": [None, 0.123456789],
    }


def test_the_predictions_file_holds_every_prediction(planted, paths):
    pd.testing.assert_frame_equal(pd.read_parquet(paths.predictions), planted.predictions, check_dtype=False)


def test_writing_again_gives_the_same_bytes_and_leaves_nothing_half_written(planted, paths):
    before = {path.name: path.read_bytes() for path in paths.html.parent.iterdir()}
    write_report(planted, paths.html.parent, command="python -m somewhere <now>", provenance={"features": "abc123"})
    assert {path.name: path.read_bytes() for path in paths.html.parent.iterdir()} == before
    assert sorted(before) == ["predictions.parquet", "report.html", "verdict.json"]


def test_a_no_can_be_shown_too(null, tmp_path):
    assert "NOT DISTINGUISHABLE" in write_report(null, tmp_path, command="x", provenance={}).html.read_text()
