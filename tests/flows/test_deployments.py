"""Everything in prefect.yaml on a real server with workers: on demand, by schedule, and what is refused."""

import json

import pytest

from sentfeat import read_features
from sentfeat.lock import only_writer
from sentfeat.store import Lake
from tests.flows.conftest import api, python, wait_for

RUN = ("prefect", "deployment", "run")


@pytest.fixture
def overrides(tmp_path, tiny_bundle) -> str:
    """Parameters that put a run of the sample market into a lake of its own, small and quick."""
    changed = [f"lake={tmp_path / 'lake'}", "sources.0.companies=6", f"bundle={tiny_bundle}"]
    changed += ["backtest.placebos=19", "backtest.train_sessions=20", "backtest.min_test_sessions=10"]
    changed += ["backtest.power_draws=2", "backtest.bootstrap_draws=50"]
    return f"overrides={json.dumps(changed)}"


def test_a_deployed_night_runs_on_demand_and_leaves_its_page(worker, tmp_path, overrides):
    ran = python(*RUN, "nightly/sample", "--param", overrides, "--watch", env=worker)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert str(read_features(lake=str(tmp_path / "lake"))["session"].max().date()) == "2024-12-31"
    pages = [page for page in api(worker, "artifacts") if page["key"] == "run-summary"]
    assert pages
    for heading in ("### Sources", "### Written", "| documents | new |"):
        assert heading in pages[0]["data"]
    bars = [page["data"] for page in api(worker, "artifacts") if page["key"] == "progress"]
    assert 100 in bars, "the bar of this run is full; those of runs that failed are not"


def test_a_bad_parameter_is_refused_before_a_run_exists(worker):
    before = len(api(worker, "flow_runs"))
    refused = python(*RUN, "nightly/sample", "--param", "session=someday", env=worker)
    assert refused.returncode != 0
    assert len(api(worker, "flow_runs")) == before


def test_a_failing_run_fails_the_command(worker):
    ran = python(*RUN, "nightly/sample", "--param", "session=2024-12-25", "--watch", env=worker)
    assert ran.returncode == 1


def test_every_deployment_is_there_with_its_schedule_and_queue(deployed, live_config):
    flows = {flow["id"]: flow["name"] for flow in api(deployed, "flows")}
    found = {f"{flows[d['flow_id']]}/{d['name']}": d for d in api(deployed, "deployments")}
    crons = {name: sorted(s["schedule"]["cron"] for s in d["schedules"]) for name, d in found.items()}
    assert crons == {
        "ingest/live": ["*/15 * * * *"],
        "nightly/live": ["5 22 * * 1-5"],
        "pre_open/live": ["16 9 * * 1-5"],
        "backfill/live": [],
        "backtest/live": ["0 6 * * 6"],
        "watch/live": ["25 9 * * 1-5", "30 23 * * 1-5"],
        "score/gpu": [],
        "train/manual": [],
        "nightly/sample": [],
        "backfill/sample": [],
        "backtest/sample": [],
    }
    for name, one in found.items():
        assert all(s["active"] and s["schedule"]["timezone"] == "America/New_York" for s in one["schedules"]), name
    writers = {name for name, one in found.items() if one["work_queue_name"] == "writers"}
    assert {name.split("/")[0] for name in writers} == {"ingest", "nightly", "pre_open", "backfill"}
    assert {name for name, one in found.items() if one["work_pool_name"] == "sentfeat-gpu"} == {
        "score/gpu",
        "train/manual",
    }
    (queue,) = [q for q in api(deployed, "work_queues") if q["name"] == "writers"]
    assert queue["concurrency_limit"] == 1
    assert found["nightly/live"]["parameters"] == {"config": str(live_config)}


def test_schedules_make_runs(deployed):
    """With the wrong SQLAlchemy the scheduler dies quietly: deployments look active and no run is ever made."""
    wait_for(
        lambda: [r for r in api(deployed, "flow_runs", limit=200)
                 if r["state_type"] == "SCHEDULED" and r["auto_scheduled"]], 90
    )  # fmt: skip


@pytest.mark.slow
def test_every_deployment_runs_once(worker, tmp_path, overrides):
    """By `prefect deployment run`, all on the sample market and into one lake."""
    config = ("--param", "config=data/sample.toml")
    for name, parameters in {
        "backfill/sample": {"start": "2024-05-20", "end": "2024-12-30"},
        "backfill/live": {"start": "2024-05-13", "end": "2024-05-17"},
        "nightly/sample": {},
        "ingest/live": {},
        "nightly/live": {"session": "2024-12-31"},
        "pre_open/live": {"session": "2024-12-31"},
        "score/gpu": {"after": "2024-12-30", "until": "2024-12-31"},
        "backtest/sample": {},
        "backtest/live": {},
    }.items():
        more = [part for key, value in parameters.items() for part in ("--param", f"{key}={value}")]
        ran = python(*RUN, name, *config, "--param", overrides, *more, "--watch", env=worker, timeout=900)
        assert ran.returncode == 0, f"{name}: {ran.stdout}{ran.stderr}"
    assert str(read_features(lake=str(tmp_path / "lake"))["session"].max().date()) == "2024-12-31"
    trained = python(*RUN, "train/manual", "--param", f"out={tmp_path / 'smoke'}", "--watch", env=worker, timeout=900)
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert (tmp_path / "smoke" / "bundle" / "passport.json").is_file()
    watched = python(*RUN, "watch/live", *config, "--param", overrides, "--watch", env=worker)
    assert watched.returncode == 1, "the sample market ended in 2024: its newest session is overdue"


@pytest.mark.slow
def test_a_night_has_its_scoring_done_by_the_gpu_pool(worker, tmp_path, tiny_bundle):
    changed = [f"lake={tmp_path / 'lake'}", "sources.0.companies=6", f"bundle={tiny_bundle}"]
    changed += ["operations.score_deployment=score/gpu", "precision=float32"]
    ran = python(
        *RUN, "nightly/sample", "--param", f"overrides={json.dumps(changed)}", "--watch", env=worker, timeout=1800
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = read_features(lake=str(tmp_path / "lake"))
    assert rows["sent_ewma_10"].notna().any(), "texts were scored"
    scoring = [r for r in api(worker, "flow_runs", sort="START_TIME_DESC") if r["work_pool_name"] == "sentfeat-gpu"]
    assert scoring
    assert {r["state_type"] for r in scoring} <= {"COMPLETED"}


@pytest.mark.slow
def test_two_nights_started_at_once_run_one_after_the_other(worker, tmp_path, overrides):
    """The queue starts one; that the lake itself would not let the second in is tested without Prefect."""
    runs = []
    for _ in range(2):
        started = python(*RUN, "nightly/sample", "--param", overrides, env=worker)
        assert started.returncode == 0
    wait_for(lambda: ended(worker, tmp_path, runs) == 2, 600)
    first, second = sorted(runs, key=lambda run: run["start_time"])
    assert first["end_time"] <= second["start_time"]


def ended(env, tmp_path, runs: list[dict]) -> int:
    runs[:] = [
        run for run in api(env, "flow_runs", limit=200)
        if str(tmp_path) in str(run["parameters"]) and run["state_type"] == "COMPLETED"
    ]  # fmt: skip
    return len(runs)


@pytest.mark.slow
def test_a_deployed_night_that_finds_the_lake_taken_waits_for_it(worker, tmp_path, overrides):
    with only_writer(Lake(tmp_path / "lake"), "a night on another server", wait=0):
        started = python(*RUN, "nightly/sample", "--param", overrides, env=worker)
        assert started.returncode == 0
        wait_for(
            lambda: [line for line in api(worker, "logs", limit=200, sort="TIMESTAMP_DESC")
                     if "is being written by a night on another server" in line["message"]], 120
        )  # fmt: skip
    wait_for(lambda: ended(worker, tmp_path, []) == 1, 300)
