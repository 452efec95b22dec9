import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from training.sft import check_finite, check_moved, read_config, train_bundle

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
SMOKE = CONFIGS / "smoke.toml"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """One run of the smoke config: the folder it wrote."""
    out = tmp_path_factory.mktemp("smoke")
    config = read_config(SMOKE)
    train_bundle(config, Path(config.base_folder), Path(config.data_folder), out)
    return out


def test_smoke_config_makes_a_bundle_that_loads_and_scores(smoke):
    engine = Engine.load(smoke / "bundle", device="cpu")
    assert engine.score(["Acme profit rises"]).shape == (1, 3)
    passport = engine.bundle.passport
    assert passport.metrics
    assert passport.temperature > 0
    assert {source.name for source in passport.training_data} >= {"made_up"}
    assert (smoke / "bundle" / "LICENSE").exists()


def test_its_base_is_the_shipped_one_and_its_adapter_is_not(smoke):
    shipped, made = open_bundle(embedded_path()).passport, open_bundle(smoke / "bundle").passport
    assert made.base.hash == shipped.base.hash
    assert made.adapter.hash != shipped.adapter.hash


def test_no_path_of_this_machine_is_in_the_bundle(smoke):
    for file in (smoke / "bundle").rglob("*.json"):
        assert str(smoke) not in file.read_text(errors="ignore")


def test_a_finished_run_is_not_repeated(smoke):
    before = (smoke / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns
    config = read_config(SMOKE)
    train_bundle(config, Path(config.base_folder), Path(config.data_folder), smoke)
    assert (smoke / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns == before


def test_a_killed_training_resumes_from_its_checkpoint(tmp_path, caplog):
    command = [sys.executable, "-m", "training.sft", str(SMOKE), "--out", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", os.environ.get("PYTHONPATH", "")])}
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen(command, stderr=log, stdout=log, env=environment, cwd=CONFIGS.parents[1])
        deadline = time.monotonic() + 100
        while not list(tmp_path.glob("checkpoints/checkpoint-*/trainer_state.json")):
            assert run.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert not (tmp_path / "adapter").exists()
    config = read_config(SMOKE)
    with caplog.at_level("INFO"):
        bundle = train_bundle(config, Path(config.base_folder), Path(config.data_folder), tmp_path)
    assert "resuming from checkpoint-" in caplog.text
    assert open_bundle(bundle).passport.name == "smoke"


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_sft_config_is_valid(file):
    if "[lora]" not in file.read_text():
        pytest.skip("not an SFT config")
    config = read_config(file)
    assert sum(config.data.shares.values()) == pytest.approx(1)
    assert config.train.learning_rate > 0


def test_a_misspelt_key_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text(SMOKE.read_text().replace("learning_rate", "learning_rat"))
    with pytest.raises(ConfigError, match="learning_rat"):
        read_config(tmp_path / "bad.toml")


def test_weights_that_did_not_move_or_are_not_finite_are_refused():
    start = {"a": torch.zeros(2), "b": torch.ones(2)}
    check_moved(start, {"a": torch.ones(2), "b": torch.zeros(2)})
    with pytest.raises(DataError, match="1 of 2 trained tensors did not move, b"):
        check_moved(start, {"a": torch.ones(2), "b": torch.ones(2)})
    check_finite(start)
    with pytest.raises(DataError, match=r"not finite after training: \['a'\]"):
        check_finite({"a": torch.full((2,), float("nan")), "b": torch.zeros(2)})
