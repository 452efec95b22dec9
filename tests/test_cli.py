"""The command line, run as a user runs it."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from sentfeat.errors import ConfigError
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from tests.conftest import ROOT
from tests.published import publish, run_sentfeat


def sentfeat(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sentfeat.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_score_keeps_the_columns_and_asks_about_each_company(tmp_path):
    source, target = tmp_path / "in.csv", tmp_path / "out.parquet"
    source.write_text(
        "id,text,entity\n1,Apple sues Intel over patents,Apple\n2,Apple sues Intel over patents,Intel\n3,,\n"
    )
    done = sentfeat("score", "--input", str(source), "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert "3 rows; 1 of them without a score (1 empty text)" in done.stdout
    rows = pd.read_parquet(target)
    assert rows["id"].tolist() == [1, 2, 3]
    chances = rows[["p_negative", "p_neutral", "p_positive"]]
    assert chances.iloc[:2].sum(axis=1).tolist() == pytest.approx([1, 1])
    assert (chances.iloc[0] != chances.iloc[1]).all()
    assert chances.iloc[2].isna().all()
    assert rows["label"].isna().tolist() == [False, False, True]


def test_predict_answers_one_object_a_text():
    done = sentfeat("predict", "Profit beats estimates", "Shares plunge on profit warning")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["label"] for answer in answers] == ["positive", "negative"]


def test_evaluate_writes_metrics_beside_the_word_list(tmp_path):
    labelled = tmp_path / "l.csv"
    labelled.write_text("text,label\nProfit beats estimates,positive\nShares plunge on warning,negative\n")
    done = sentfeat("evaluate", "--data", str(labelled), "--report", str(tmp_path / "report"))
    assert done.returncode == 0, done.stderr
    models = json.loads((tmp_path / "report" / "metrics.json").read_text())["models"]
    assert {"embedded", "word list"} <= set(models)
    assert {"n", "accuracy", "macro_f1", "weighted_f1", "mcc", "ece", "nll", "missing"} <= set(models["embedded"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("session,ticker,known_at,x\n2026-11-20,A, B,2026-11-20T00:00Z,1\n", "f.csv, line 2: 5 fields"),
        ("", "error: cannot read"),
    ],
)
def test_a_table_with_a_comma_too_many_is_not_tested(tmp_path, content, message):
    features, prices = tmp_path / "f.csv", tmp_path / "p.csv"
    features.write_text(content)
    prices.write_text("session,ticker,open,high,low,close,volume\n")
    done = sentfeat("backtest", "--features", str(features), "--prices", str(prices), "--report", str(tmp_path / "r"))
    assert done.returncode == 1
    assert message in done.stderr


def test_rows_are_written_whole_into_a_new_folder_or_refused_in_one_line(tmp_path):
    lake, output = Lake(tmp_path / "lake"), tmp_path / "new" / "x.csv"
    publish(Shelf(lake, "m", Cutoff.PRE_OPEN), pd.Timestamp("2026-11-20"), pd.Timestamp("2026-11-20 14:00", tz="UTC"))
    command = ["features", "--lake", lake.root, "--format", "csv", "--output"]
    assert run_sentfeat(*command, str(output)).exit_code == 0
    assert len(pd.read_csv(output)) == 2
    assert [path.name for path in output.parent.iterdir()] == ["x.csv"]
    with pytest.raises(ConfigError, match="cannot write .*give --output another place"):
        run_sentfeat(*command, str(output / "y.csv"))


def test_scoring_without_its_extra_says_what_to_install():
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['predict', 'x']; import sentfeat.cli as c; c.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: torch is not installed; the base package only reads: pip install 'sentfeat[score]' to score texts"
    )


def test_the_dictionary_is_complete_and_machine_readable():
    done = sentfeat("dictionary", "features", "--json")
    rows = json.loads(done.stdout)
    assert {"name", "type", "unit", "meaning", "null"} == set(rows[0])
    assert "sent_mean" in {row["name"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "--input", "absent.csv", "--output", "x.csv"], "error: no file at absent.csv"),
        (["score", "--input", "README.md", "--output", "x.csv"], "error: README.md: cannot tell the format"),
        (
            ["score", "--input", "data/universe.csv", "--output", "x.csv"],
            "error: data/universe.csv has no column 'text'",
        ),
        (
            ["evaluate", "--data", "data/universe.csv", "--report", "x"],
            "error: data/universe.csv has no column text, label",
        ),
        (
            ["evaluate", "--data", "x.csv", "--protocol", "typo", "--report", "x"],
            "error: --protocol splits the sets of",
        ),
        (["features", "--lake", "nowhere"], "holds no features yet; run the backfill"),
        (["features", "--columns", "mood"], "error: no feature column mood"),
        (["dictionary", "moods"], "error: no table 'moods'"),
    ],
)
def test_bad_input_is_one_line_and_a_failure(arguments, message):
    done = sentfeat(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
