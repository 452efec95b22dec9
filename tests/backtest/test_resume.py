"""A run that is killed and started again ends with the same verdict.json, and does not begin anew."""

import os
import signal
import subprocess
import sys
import time

from sentfeat.backtest import Context, run
from sentfeat.backtest.pieces import Pieces
from sentfeat.backtest.report import verdict_json
from sentfeat.config import BacktestSettings
from tests.backtest.synthetic import market
from tests.conftest import ROOT

SMALL = {"securities": 10, "sessions": 260, "effect": 0.2}
SETTINGS = BacktestSettings(
    train_sessions=84, placebos=40, power_draws=2, bootstrap_draws=50, min_test_sessions=21, tree_placebos=1
)
PROGRAM = """
import sys
from pathlib import Path
from tests.backtest.test_resume import finish
Path(sys.argv[2]).write_text(finish(Path(sys.argv[1])))
"""


def finish(folder) -> str:
    return verdict_json(run(*market(7, **SMALL), SETTINGS, Context(pieces=Pieces(folder))).verdict)


def start(folder, out) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), str(out)], cwd=ROOT)


def wait_for(folder, pattern: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 240
    while not list(folder.glob(pattern)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_killed_among_its_trees_and_again_among_its_placebos_ends_the_same(tmp_path):
    folder, out = tmp_path / "pieces", tmp_path / "verdict.json"
    for pattern in ("trees-B4-*.npy", "placebo-permuted-7.npy"):
        process = start(folder, out)
        wait_for(folder, pattern, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    assert start(folder, out).wait(240) == 0
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == kept
    assert out.read_text() == finish(None)
    assert len(list(folder.glob("*.npy"))) > len(kept)
