import dataclasses
import html
import json
import re
import subprocess
import sys
import zlib
from html.parser import HTMLParser

import msgspec
import numpy as np
import pandas as pd
import pytest

from sentfeat.errors import BundleError, ConfigError, DataError
from sentfeat.evaluate.baselines import baselines
from sentfeat.evaluate.command import Request, name_models, rows_from_file, rows_from_sets, run, zero_shots
from sentfeat.evaluate.models import load_scorer, zero_shot
from sentfeat.evaluate.plots import set_bars
from sentfeat.evaluate.report import verdict, write_report
from sentfeat.evaluate.run import evaluate_models
from sentfeat.score.find import find_model
from sentfeat.score.prompt import LABELS
from tests.conftest import ROOT

NASTY = '<script>alert("x")</script> $a_1$ | `b` ](http://x.example)'
VERBS = {"positive": "soars", "negative": "tumbles", "neutral": "meets"}
TOPICS = "oil car bond phone steel wheat bank chip drug ship mine farm".split()
PLACES = "Ohio Norway Peru Japan Kenya Spain Chile Texas Wales Malta Nepal Ghana".split()


def rows() -> pd.DataFrame:
    """Sentences that share too few word pairs to be near duplicates, but for one in each part."""
    table = [
        {"text": f"{company} {topic} {verb} {place}", "entity": None, "label": label, "source": source, "split": split}
        for split, company in (("train", "Acme"), ("test", "Globex"))
        for source, places in (("a", PLACES), ("b & <i>", PLACES[::-1]))
        for topic, place in zip(TOPICS, places, strict=True)
        for label, verb in VERBS.items()
    ]
    table[-1] |= {"text": NASTY, "entity": "=HYPERLINK(1)"}
    return pd.DataFrame(table)


def oracle(right: float):
    """A scorer that knows the verbs, and is wrong on all but a share of texts."""

    def scorer(texts, entities):
        known = [next((at for at, label in enumerate(LABELS) if VERBS[label] in text), 0) for text in texts]
        wrong = [zlib.crc32(text.encode()) % 100 >= 100 * right for text in texts]
        return np.eye(3)[(np.array(known) + wrong) % 3] * 0.88 + 0.04

    return scorer


@pytest.fixture(scope="module")
def evaluation():
    heard: list[str] = []
    table = rows()
    references = baselines(table[table["split"] == "train"]).scorers
    models = {"mine #1": oracle(1.0), "mine #2": oracle(0.6), "<b>other</b>": oracle(0.8)}
    found = evaluate_models(
        table, models, baselines=references, protocol="grouped", notes=["a <note>"], say=heard.append
    )
    assert heard[0].startswith("audit: of")
    return found


@pytest.fixture(scope="module")
def paths(evaluation, tmp_path_factory):
    return write_report(evaluation, tmp_path_factory.mktemp("report") / "new", command="sentfeat evaluate <now>")


def test_every_model_and_baseline_is_measured_on_the_same_rows(evaluation):
    models = evaluation.metrics["models"]
    assert list(models) == ["mine #1", "mine #2", "<b>other</b>", "majority", "word list", "TF-IDF + LR"]
    assert {found["n"] for found in models.values()} == {len(evaluation.rows)}
    assert models["mine #1"]["macro_f1"] > models["mine #2"]["macro_f1"]
    for found in models.values():
        low, high = found["intervals"]["accuracy"]
        assert low <= found["accuracy"] <= high
        assert np.array(found["confusion"]).sum() == found["n"]
        assert sum(part["n"] for part in found["sets"].values()) == found["n"]
        assert found["cost"]["seconds_median"] >= 0
        assert found["cost"]["peak_rss_mb"] > 10


def test_each_pair_is_compared_once_and_seeds_are_summed_up(evaluation):
    pairs = [(pair["model"], pair["other"]) for pair in evaluation.metrics["comparisons"]]
    assert len(pairs) == len(set(pairs)) == 3 + 3 * 3
    gap = next(pair for pair in evaluation.metrics["comparisons"] if pair["other"] == "mine #2")
    models = evaluation.metrics["models"]
    assert gap["difference"]["accuracy"]["value"] == pytest.approx(
        models["mine #1"]["accuracy"] - models["mine #2"]["accuracy"]
    )
    assert gap["difference"]["accuracy"]["interval"][0] > 0
    assert gap["mcnemar"]["p"] < 0.01
    runs = [models["mine #1"]["accuracy"], models["mine #2"]["accuracy"]]
    assert evaluation.metrics["seeds"]["mine"]["accuracy"]["mean"] == pytest.approx(np.mean(runs))


def test_the_verdict_names_what_is_beaten(evaluation):
    assert "better than majority" in verdict(evaluation.metrics, "mine #1")


def test_a_score_column_is_regressed_on_tone():
    table = rows().assign(score=0.0)
    table["score"] = table["label"].map({"positive": 0.84, "neutral": 0.0, "negative": -0.84})
    found = evaluate_models(table, {"m": oracle(1.0)}, baselines={}, protocol="p").metrics["models"]["m"]
    assert found["score_regression"]["r2"] > 0.9


def test_an_answer_that_is_missing_is_counted_and_shown_as_a_column():
    def silent(texts, entities):
        return np.full((len(texts), 3), np.nan)

    found = evaluate_models(rows(), {"silent": silent}, baselines={}, protocol="p").metrics["models"]["silent"]
    assert (found["accuracy"], found["missing"]) == (0, found["n"])
    assert [row[:-1] for row in found["confusion"]] == [[0, 0, 0]] * 3


def test_without_test_rows_there_is_nothing_to_evaluate():
    with pytest.raises(DataError, match="split 'test'"):
        evaluate_models(rows().assign(split="train"), {}, baselines={}, protocol="p")


def test_a_model_may_not_take_a_baselines_name():
    with pytest.raises(ConfigError, match="majority"):
        evaluate_models(rows(), {"majority": oracle(1)}, baselines={"majority": oracle(1)}, protocol="p")


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        fetching = ("src", "href", "xlink:href", "data")
        self.fetched += [value for name, value in attrs if name in fetching and not value.startswith("#")]


def test_the_page_needs_nothing_from_outside_and_lets_no_text_in_as_markup(paths):
    text = paths.html.read_text()
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert not {"b & <i>", "<b>other</b>", "a <note>", "<now>"} & set(
        re.findall(r"b & <i>|<b>other</b>|a <note>", text)
    )
    assert page.fetched == []
    assert text.index("mine #1") < text.index("<svg")


def test_nothing_in_the_tables_is_a_formula_or_markdown(paths):
    for text in (paths.html.read_text(), paths.markdown.read_text()):
        assert "<script" not in text
        assert not re.search(r"(?:<td>|\| )=HYPERLINK", text)
    assert "](http" not in paths.markdown.read_text()
    assert "own file" not in paths.markdown.read_text()


def test_metrics_are_json_with_all_that_is_promised(paths):
    found = json.loads(paths.metrics.read_text())
    assert {"protocol", "notes", "n", "audit", "models", "baselines", "comparisons", "machine", "command"} <= set(found)
    wanted = {"n", "accuracy", "macro_f1", "weighted_f1", "mcc", "ece", "nll", "missing", "intervals"}
    assert wanted <= set(found["models"]["mine #1"]["sets"]["a"])
    assert sorted(path.name for path in paths.metrics.parent.iterdir()) == ["metrics.json", "report.html", "report.md"]


def test_the_base_without_its_adapter_answers_otherwise_than_the_bundle(tiny_bundle):
    texts, nobody = ["Acme profit rises", "Acme profit falls"], [None, None]
    found = find_model(tiny_bundle)
    base, bundle = zero_shot(found)(texts, nobody), load_scorer(found)(texts, nobody)
    np.testing.assert_allclose(base.sum(axis=1), 1)
    assert np.abs(base - bundle).max() > 0.01


def test_bundles_on_one_base_have_one_zero_shot(tiny_bundle):
    assert list(zero_shots([find_model(tiny_bundle)] * 2)) == ["random zero-shot"]


def test_bases_of_one_id_and_other_weights_are_told_apart(tiny_bundle):
    found = find_model(tiny_bundle)
    passport = msgspec.structs.replace(found.passport, base=msgspec.structs.replace(found.passport.base, hash="0" * 64))
    names = list(zero_shots([found, dataclasses.replace(found, passport=passport), found]))
    assert names == [f"random {found.passport.base.hash[:8]} zero-shot", "random 00000000 zero-shot"]


def test_models_are_named_and_seeds_numbered(tiny_bundle, tmp_path):
    named = name_models([str(tiny_bundle), f"run={tiny_bundle}", f"run={tiny_bundle}"])
    assert list(named) == ["tiny", "run #1", "run #2"]
    with pytest.raises(ConfigError, match="NAME=MODEL"):
        name_models([str(tiny_bundle), str(tiny_bundle)])
    with pytest.raises(ConfigError, match="two models would be called run #1"):
        name_models([f"run #1={tiny_bundle}", f"run={tiny_bundle}", f"run={tiny_bundle}"])
    with pytest.raises(BundleError, match="neither passport.json nor config.json"):
        name_models([str(tmp_path)])
    with pytest.raises(ConfigError, match="--adapter goes with one --model"):
        name_models([f"a={tiny_bundle}", f"b={tiny_bundle}"], adapter="x")


def test_an_unknown_protocol_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="grouped, fingpt, flare"):
        rows_from_sets(tmp_path, "best")


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_scored(tiny_bundle, tmp_path):
    data, report = tmp_path / "mine.csv", tmp_path / "report"
    data.write_text("text,label\nAcme profit rises,positive\n")
    report.write_text("a file")
    request = Request(models=(str(tiny_bundle),), report=report, command="")
    with pytest.raises(ConfigError, match="report needs a folder"):
        run(request, rows_from_file(data), say=lambda line: pytest.fail(line))


def test_a_baseline_that_is_left_out_is_named_in_the_report(tiny_bundle, tmp_path):
    data = tmp_path / "mine.csv"
    data.write_text("text,label,split\nAcme profit rises,positive,train\nAcme profit falls,negative,test\n")
    request = Request(models=(str(tiny_bundle),), zero_shot=False, report=tmp_path / "out", command="")
    run(request, rows_from_file(data), say=lambda line: None)
    assert "without the baseline TF-IDF" in (tmp_path / "out" / "report.html").read_text()


def test_annotators_agreement_of_mixed_types_is_shown_in_its_order():
    table = rows().assign(agreement=pd.Series([100, "66", "all", 66, None, 75.5] * 24, dtype=object))
    found = evaluate_models(table, {"m": oracle(1.0)}, baselines={}, protocol="p").metrics["models"]["m"]
    assert list(found["agreement"]) == ["66", "75.5", "100", "all"]
    assert found["agreement"]["66"]["n"] == 2 * found["agreement"]["100"]["n"]


def test_empty_texts_are_among_the_short_ones():
    table = rows()
    table.loc[table.index[-5:], "text"] = ["", " ", *["a " * words for words in (10, 11, 41)]]
    found = evaluate_models(table, {"m": oracle(1.0)}, baselines={}, protocol="p").metrics["models"]["m"]
    assert {name: part["n"] for name, part in found["length"].items()} == {
        "00-10 words": found["n"] - 2,
        "11-20 words": 1,
        "over 40 words": 1,
    }


def test_every_model_is_in_the_plots_legend(evaluation):
    models = {f"_{name}": found for name, found in evaluation.metrics["models"].items()}
    assert all(html.escape(name, quote=False) in set_bars(models) for name in models)


def test_the_report_says_which_labels_macro_f1_averages_over(paths):
    for text in (paths.html.read_text(), paths.markdown.read_text()):
        assert "Macro-F1 averages over the labels that the test rows" in text


def test_a_table_of_ones_own_goes_through_the_command_line(tiny_bundle, tmp_path):
    data, generations = tmp_path / "mine.csv", tmp_path / "g.jsonl"
    data.write_text("text,label,entity\nAcme profit rises,positive,\nAcme profit falls,negative,Acme\n,neutral,\n")
    generations.write_text(json.dumps({"source": "Up 5%", "reference": "It rose 5%", "prediction": "It rose 6%"}))
    options = ["--data", data, "--report", tmp_path / "out", "--model", tiny_bundle, "--generations", generations]
    command = [sys.executable, "-m", "sentfeat.cli", "evaluate", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(found["models"]) == ["tiny", "word list", "random zero-shot"]
    assert found["models"]["tiny"]["missing"] == 1
    assert found["generations"]["unsupported_numbers"] == 1
    assert "audit: 3 test rows" in done.stderr


def test_the_scale_from_tone_to_score_is_fitted_on_validation_rows_alone():
    table = rows()
    table["split"] = ["validation" if split == "train" else split for split in table["split"]]
    mood = table["label"].map({"negative": -1.0, "neutral": 0.0, "positive": 1.0})
    table["score"] = 0.3 * mood + 0.1  # tone of an oracle is 0.84 at most: a line maps it to the score exactly
    table.loc[table["text"] == NASTY, "score"] = np.nan
    found = evaluate_models(table, {"mine": oracle(1.0)}, baselines={}, protocol="grouped")
    figures = found.metrics["models"]["mine"]["score_regression"]
    assert figures["r2_scaled"] == pytest.approx(1.0)
    assert figures["r2"] < 0
    table.loc[table["split"] == "validation", "score"] = np.nan
    without = evaluate_models(table, {"mine": oracle(1.0)}, baselines={}, protocol="grouped")
    assert "r2_scaled" not in without.metrics["models"]["mine"]["score_regression"]
