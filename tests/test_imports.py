"""The arrows between the rooms, and what may be imported where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "sentfeat"
STAGES = ("ingest", "score", "features", "backtest")
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}: relative imports hide the arrows")
    return names


@pytest.mark.parametrize("stage", STAGES)
def test_no_stage_imports_another(stage):
    for path in (PACKAGE / stage).rglob("*.py"):
        for other in set(STAGES) - {stage}:
            hits = [name for name in imported(path) if name.startswith(f"sentfeat.{other}")]
            assert not hits, f"{path.relative_to(ROOT)} imports {hits}"


def test_only_the_pipeline_and_the_command_line_join_stages():
    joiners = {"pipeline", "cli", "__init__.py", "evaluate"}
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0]
        if room in joiners or room in STAGES:
            continue
        hits = [name for name in imported(path) if name.split(".")[:1] == ["sentfeat"] and name.split(".")[1:2] and
                name.split(".")[1] in STAGES]  # fmt: skip
        assert not hits, f"{path.relative_to(ROOT)} imports {hits}"


def test_prefect_is_imported_in_flows_only():
    for path in MODULES:
        assert not [name for name in imported(path) if name.split(".")[0] == "prefect"], path


def test_only_config_reads_the_environment():
    for path in MODULES:
        if path.name == "config.py":
            continue
        assert "os.environ" not in path.read_text(), path
        assert "getenv" not in path.read_text(), path


def run_blocked(blocked: str, code: str) -> None:
    prelude = (
        "import sys\n"
        f"for name in {blocked.split()!r}:\n"
        "    sys.modules[name] = None\n"
    )  # fmt: skip
    subprocess.run([sys.executable, "-c", prelude + code], check=True, cwd=ROOT)


def test_reading_features_needs_neither_torch_nor_prefect_nor_pydantic(tmp_path):
    code = (
        "import sentfeat, pytest\n"
        "from sentfeat.errors import DataError\n"
        f"with pytest.raises(DataError): sentfeat.read_features(lake={str(tmp_path)!r})\n"
    )
    run_blocked("torch transformers peft bitsandbytes prefect pydantic sklearn matplotlib feedparser yfinance", code)


def test_building_features_needs_no_torch_until_something_is_scored():
    blocked = "torch transformers prefect pydantic statsmodels matplotlib feedparser yfinance"
    run_blocked(blocked, "import sentfeat.pipeline")


def test_the_engine_imports_without_the_flow_and_training_side():
    run_blocked("prefect pydantic trl datasets sklearn", "import sentfeat.score.engine")
