"""A file scored by a real local Ray cluster of two workers, one of which is killed on the way."""

import os
import signal

import pandas as pd
import pytest

from sentfeat.errors import ConfigError
from sentfeat.score import file_job
from sentfeat.score.engine import Engine
from sentfeat.score.file_job import FileJob, examine, score_file
from sentfeat.score.find import Asked
from sentfeat.score.local import LocalScorer

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'sentfeat[ray]'")

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_a_worker_killed_on_the_way_loses_and_doubles_nothing(cluster, tiny_bundle, tmp_path, monkeypatch):
    from sentfeat.score.on_ray import RayScorer

    monkeypatch.setattr(file_job, "ROWS", 8)
    rows = [{"n": n, "text": f"Acme profit rises {n % 90}", "entity": "Acme" if n % 2 else None} for n in range(400)]
    pd.DataFrame(rows).to_csv(tmp_path / "in.csv", index=False)
    scorer, done = RayScorer(Asked(str(tiny_bundle)), workers=2), []
    victim = ray.get(scorer._actors[0].process.remote())

    def progress(count):
        done.append(count)
        if len(done) == 5:
            os.kill(victim, signal.SIGKILL)

    job = FileJob(tmp_path / "in.csv", tmp_path / "spread.parquet")
    report = score_file(job, examine(job), scorer, progress)
    assert ray.get(scorer._actors[0].process.remote()) != victim, "it was not killed"
    assert sum(done) == report.rows == 400
    local = FileJob(tmp_path / "in.csv", tmp_path / "alone.parquet")
    score_file(local, examine(local), LocalScorer(Engine.load(tiny_bundle, device="cpu")), lambda count: None)
    pd.testing.assert_frame_equal(pd.read_parquet(job.output), pd.read_parquet(local.output), check_exact=True)


def test_more_workers_than_there_is_room_for_are_refused_at_once(cluster, tiny_bundle):
    from sentfeat.score.on_ray import RayScorer

    with pytest.raises(ConfigError, match="--workers 3, but the cluster has 2 cores"):
        RayScorer(Asked(str(tiny_bundle)), workers=3)
