"""What the documentation tells people to type exists: commands, options, targets, deployments, links, code."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import typer.main
import yaml

from sentfeat.cli import app
from sentfeat.config import load_config
from sentfeat.errors import DataError
from sentfeat.publish import Shelf
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from tests.conftest import ROOT
from tests.pipeline.handmade import configure
from tests.published import publish, run_sentfeat
from tests.s3 import lake_on

PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PREFECT = (
    "server start", "worker start --pool", "deployment run", "deployment schedule ls",
    "flow-run ls --state", "flow-run delete",
    "work-pool create", "work-queue",
)  # fmt: skip


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found, text in BLOCK.findall(page.read_text()):
            if found == language:
                yield page.name, text


def commands() -> list[tuple[str, str]]:
    lines = [(page, line.partition(" #")[0].strip()) for page, text in blocks("sh") for line in text.splitlines()]
    return sorted({(page, line) for page, line in lines if line})


def parse(command, arguments: list[str]) -> None:
    """The arguments as the command reads them; nothing is run. Raises a usage error."""
    command.make_context(command.name or "sentfeat", list(arguments), resilient_parsing=False)


def check_sentfeat(arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    parse(group.commands[arguments[0]], arguments[1:])


def check_module(arguments: list[str]) -> None:
    module = import_module(arguments[0])
    one = typer.Typer()
    one.command()(module.main)
    parse(typer.main.get_command(one), arguments[1:])


def check_make(arguments: list[str]) -> None:
    targets = re.search(r"\.PHONY: (.*)", (ROOT / "Makefile").read_text()).group(1).split()
    assert {part for part in arguments if "=" not in part} <= set(targets)


def check_prefect(arguments: list[str]) -> None:
    line = " ".join(arguments)
    assert line.startswith(PREFECT), line
    if line.startswith(("deployment run", "deployment schedule ls")):
        name = arguments[2] if arguments[1] == "run" else arguments[3]
        assert name in deployments(), name


def deployments() -> set[str]:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return {f"{one['entrypoint'].rpartition(':')[2]}/{one['name']}" for one in declared}


CHECKS = {"sentfeat": check_sentfeat, "make": check_make, "prefect": check_prefect}
NOT_OURS = {"pip", "export", "docker", "git", "cp"}


@pytest.mark.parametrize(("page", "line"), commands())
def test_a_command_in_the_docs_is_one(page, line):
    words = shlex.split(line)
    if words[:2] == ["python", "-m"]:
        if words[2].startswith(("flows.", "benchmarks.nightly")):
            check_module(words[2:])
        else:
            assert (ROOT / f"{words[2].replace('.', '/')}.py").is_file(), words[2]
    elif words[0] in CHECKS:
        CHECKS[words[0]](words[1:])
    else:
        assert words[0] in NOT_OURS, f"{page}: unknown command {line}"


def test_a_command_that_is_none_is_noticed():
    with pytest.raises(Exception, match="No such option"):
        check_sentfeat(["status", "--lakes", "x"])
    with pytest.raises(Exception, match="No such option"):
        check_module(["flows.nightly", "--sessions", "x"])
    with pytest.raises(AssertionError):
        check_prefect(["deployment", "run", "nightly/absent"])


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+?)\)", page.read_text()):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [page.name for page in PAGES if page.name != "README.md" and page.name not in index] == []


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_a_configuration_in_the_docs_is_valid(page, text, tmp_path):
    """Each snippet beside what every configuration needs."""
    if "[[sources]]" not in text:
        text += '\n[[sources]]\nkind = "sample"\nname = "sample"\n'
    (tmp_path / "config.toml").write_text(f'lake = "lake"\n{text}')
    load_config(tmp_path / "config.toml", environment={})


OLD = pd.Timestamp("2024-06-03")


def publish_old(place: str) -> None:
    for cutoff in Cutoff:
        publish(Shelf(Lake(place), "MODEL", cutoff), OLD, OLD.tz_localize("UTC"))


@pytest.fixture
def documented(tmp_path, monkeypatch) -> str:
    """Lakes where the pages say they are, with the model that their snippets name, and a configuration of one's own."""
    monkeypatch.chdir(tmp_path)
    publish_old("data/lake/sample")
    publish_old("data/lake/live")
    configure(tmp_path).rename("my.toml")
    return str(tmp_path)


@pytest.mark.parametrize("line", sorted({line for _, line in commands() if line.startswith("sentfeat ")}))
def test_a_sentfeat_command_in_the_docs_runs(line, documented, s3):
    """The sessions there are old and of one root: `status` says that they are behind, `migrate` has nothing to do."""
    if "s3://bucket/lake" in line:
        line = line.replace("s3://bucket/lake", f"'{lake_on(s3)}'")
        publish_old(shlex.split(line)[3])
    words = shlex.split(line.replace("ADQH", "T0"))[1:]
    if words[0] == "migrate":
        with pytest.raises(DataError, match="nothing to migrate"):
            run_sentfeat(*words)
        return
    done = run_sentfeat(*words)
    assert done.exit_code == (2 if words[0] == "status" else 0), done.output


@pytest.mark.parametrize(("page", "text"), blocks("python"))
def test_code_in_the_docs_is_code_and_the_reading_page_runs(page, text, documented):
    compile(text, page, "exec")
    if page != "reading.md":  # snippets about data of the reader's own
        return
    text = text.replace('["ADQH"]', '["T0"]')  # the sample market's company; the lake here has others
    exec(compile(text, page, "exec"), {})


def test_the_reliability_table_names_tests_that_exist():
    table = (ROOT / "docs" / "reliability.md").read_text()
    cells = [row.split("|")[3] for row in table.splitlines() if row.startswith("| ")]
    words = [word for cell in cells for word in re.findall(r"`([\w.]+)`", cell)]
    names = "\n".join(path.name + "\n" + path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(words) > 15
    assert [word for word in words if word not in names] == []


def test_compose_and_workflows_are_valid_and_clean():
    """GitHub's schema and zizmor over the workflows, the compose specification's schema over compose.yaml."""
    tool = Path(sys.executable).with_name("check-jsonschema")
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    for schema, files in (("vendor.github-workflows", workflows), ("vendor.compose-spec", [ROOT / "compose.yaml"])):
        done = subprocess.run([tool, "--builtin-schema", schema, *files], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    audited = subprocess.run(
        [tool.with_name("zizmor"), "--offline", "--format", "json", *workflows], capture_output=True, text=True
    )
    assert audited.returncode == 0, audited.stdout
    assert json.loads(audited.stdout) == []


def test_the_gate_fails_a_verdict_that_cannot_be_trusted(tmp_path):
    def gate(verdict: str) -> int:
        (tmp_path / "verdict.json").write_text(json.dumps({"verdict": verdict, "reason": "because"}))
        return subprocess.run([sys.executable, ROOT / ".ci" / "gate.py", tmp_path], capture_output=True).returncode

    assert [gate(word) for word in ("NOT DISTINGUISHABLE", "ADDS VALUE NET OF COST")] == [0, 0]
    assert [gate(word) for word in ("INVALID", "UNVERIFIED TIMING")] == [1, 1]
