"""Shared by all tests: no network, no telemetry, and where the optional real data lie."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.site import Site

os.environ.update(
    OMP_WAIT_POLICY="PASSIVE", DO_NOT_TRACK="1", HF_HUB_OFFLINE="1", PREFECT_SERVER_ANALYTICS_ENABLED="false"
)
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="sentfeat-tests-")  # no turns taken with other runs

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real headlines, prices and labelled sentences; tests that need it skip where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real data set (../shared/data) is not here")
    return REAL_DATA


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with random weights (see tests/score/tiny.py); tests that change it take a copy."""
    from tests.score.tiny import make_tiny_bundle  # imports torch, which most tests do without

    return make_tiny_bundle(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().serving() as site:
        yield site
