"""The flows from the command line: without a server of one's own, and on one."""

import subprocess

import pytest

from sentfeat import read_features
from sentfeat.lock import only_writer
from sentfeat.pipeline import open_project
from sentfeat.store import Lake
from tests.flows.conftest import api, background, environment, free_address, python, start_server, stop, wait_for
from tests.pipeline.conftest import content, run

NIGHT = ("flows.nightly", "--session", "2023-03-31", "--config")


def test_a_night_needs_no_server_of_ones_own(config, tmp_path):
    night = python(*NIGHT, str(config), env=environment(tmp_path / "prefect"))
    assert night.returncode == 0, night.stderr
    assert "2 new" in night.stdout
    rows = read_features(lake=str(tmp_path / "lake"))
    assert set(rows["session"].dt.strftime("%Y-%m-%d")) == {"2023-03-31"}


def test_backfill_then_nightly_then_nothing_new(config, tmp_path, server):
    span = ("--start", "2023-03-20", "--end", "2023-03-30")
    filled = python("flows.backfill", "--config", str(config), *span, env=server)
    assert filled.returncode == 0, filled.stderr
    assert "18 new" in filled.stdout
    night = python(*NIGHT, str(config), env=server)
    assert "2 new" in night.stdout, night.stderr
    again = python(*NIGHT, str(config), env=server)
    assert "nothing was new" in again.stdout, again.stderr
    assert str(read_features(lake=str(tmp_path / "lake"))["session"].max().date()) == "2023-03-31"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--session", "2023-04-07"], "error: 2023-04-07 is no XNYS session (weekend or holiday)"),
        (["--session", "2999-01-04"], "error: 2999-01-04 is outside the calendar"),
        (["--session", "2024-3-13"], "error: '2024-3-13' is not written as a day is here; write it as YYYY-MM-DD"),
        (["--set", "lakes=x"], "Object contains unknown field `lakes`"),
    ],
)
def test_bad_input_is_one_line_and_a_failure_before_a_server_starts(config, tmp_path, arguments, message):
    refused = python("flows.nightly", "--config", str(config), *arguments, env=environment(tmp_path / "prefect"))
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    assert message in refused.stderr


def test_a_second_night_waits_for_the_first_and_says_so(config, tmp_path, server):
    """The first holder lets go only when the second has said that it waits."""
    with only_writer(Lake(tmp_path / "lake"), "nightly 2023-03-30", wait=0):
        second = background(*NIGHT, str(config), env=server, output=subprocess.PIPE)
        said = []
        for line in second.stdout:
            said.append(line)
            if "is being written by nightly 2023-03-30" in line:
                break
        assert "waiting up to 7200 s" in said[-1]
    rest, _ = second.communicate(timeout=300)
    assert second.returncode == 0, "".join(said) + rest
    assert "2 new" in rest


def test_a_second_night_ends_with_a_clear_message_once_it_has_waited_enough(config, tmp_path, server):
    with only_writer(Lake(tmp_path / "lake"), "nightly 2023-03-30", wait=0):
        second = python(*NIGHT, str(config), "--set", "operations.wait_minutes=0", env=server)
    assert second.returncode == 1
    assert "error: " in second.stderr
    assert "is being written by nightly 2023-03-30" in second.stderr
    assert not Lake(tmp_path / "lake").files("documents")


def test_a_failure_is_posted_and_the_webhook_is_written_nowhere(config, tmp_path, server, inbox):
    """A damaged table makes the night fail; then every place is searched that something could be left in."""
    lake = Lake(tmp_path / "lake")
    lake.put("coverage/date=2023-03-31/bad.parquet", b"PAR1 damaged")
    failed = python(*NIGHT, str(config), env={**server, "SENTFEAT_WEBHOOK": inbox.url})
    assert failed.returncode == 1
    (message,) = inbox.messages
    assert message["flow"] == "nightly"
    assert message["text"].startswith("sentfeat: nightly failed (")
    assert "bad.parquet is not a readable Parquet file" in message["reason"]
    places = [failed.stdout, failed.stderr]
    places += [(lake.get(path) or b"").decode(errors="replace") for path in lake.files("", "")]
    for what in ("flow_runs", "task_runs", "artifacts", "logs", "deployments"):
        places += [str(row) for row in api(server, what, limit=200)]
    assert not [place for place in places if "T0PS3CRET" in place]


def test_a_webhook_that_is_out_of_reach_hides_no_failure(config, tmp_path, server):
    Lake(tmp_path / "lake").put("coverage/date=2023-03-31/bad.parquet", b"PAR1 damaged")
    failed = python(*NIGHT, str(config), env={**server, "SENTFEAT_WEBHOOK": "http://127.0.0.1:9/T0PS3CRET"})
    assert failed.returncode == 1
    assert "is not a readable Parquet file" in failed.stderr
    assert "could not be posted to the webhook (URLError)" in failed.stderr + failed.stdout
    assert "T0PS3CRET" not in failed.stderr + failed.stdout


def test_a_password_in_the_lakes_address_is_refused_and_not_repeated(config, server):
    refused = python(*NIGHT, str(config), "--set", "lake=s3://KEY:hunter2@market/lake", env=server)
    assert refused.returncode == 1
    assert "give them through the environment" in refused.stderr
    assert "hunter2" not in refused.stdout + refused.stderr


@pytest.mark.slow
def test_a_night_whose_server_restarted_in_the_middle_leaves_a_whole_lake(config, tmp_path):
    """The run goes on when the server is back, or fails; either way the lake ends as without it."""
    env = environment(tmp_path / "prefect", PREFECT_API_URL=free_address())
    lake, server = Lake(tmp_path / "lake"), start_server(env)
    night = background(*NIGHT, str(config), env=env)
    try:
        wait_for(lambda: lake.files("documents"), 300)
        stop(server)
        server = start_server(env)
        night.wait(600)
        again = python(*NIGHT, str(config), env=env, timeout=600)
    finally:
        night.kill()
        stop(server)
    assert again.returncode == 0, again.stderr
    whole = open_project(config, [f"lake={tmp_path / 'whole'}"])
    run(whole, "2023-03-31", "2023-03-31")
    assert content(open_project(config)) == content(whole) != {}
