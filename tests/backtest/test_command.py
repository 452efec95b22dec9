import json

import pytest
from typer.testing import CliRunner

from sentfeat.cli import app


@pytest.fixture(scope="module")
def files(planted_tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vendor")
    features, prices = planted_tables
    features[["session", "ticker", "known_at", "sent_mean"]].to_parquet(folder / "features.parquet")
    prices.rename(columns={"security_id": "ticker"}).to_csv(folder / "bars.csv", index=False)
    return folder


def test_a_table_made_elsewhere_is_tested_by_one_command(files):
    options = ["--features", files / "features.parquet", "--prices", files / "bars.csv", "--report", files / "report"]
    done = CliRunner().invoke(app, ["backtest", *map(str, options), "--no-trees", "--placebos", "19"])
    assert done.exit_code == 0, done.output
    verdict = json.loads((files / "report" / "verdict.json").read_text())
    assert done.stdout.startswith(verdict["verdict"])
    assert verdict["verdict"] not in ("INVALID", "UNVERIFIED TIMING")
    assert sorted(path.name for path in (files / "report").iterdir()) == [
        "predictions.parquet",
        "report.html",
        "verdict.json",
    ]
