"""Shared by all tests: no network, no telemetry, and where the optional real data lie."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3 import s3_server
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


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Host and port of an S3 server; tests.s3.lake_on gives a lake there."""
    with s3_server() as server:
        yield server


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder with a file x.json that this process may read and not write; root gives up its rights meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="sentfeat-read-only-"))
    (folder / "x.json").write_bytes(b"{}")
    folder.chmod(0o555)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(was)
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site().serving() as site:
        yield site
