import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS
from tests.training.small import CONFIGS, make_base, make_table
from training.fit import last_checkpoint
from training.guards import check_finite, check_learnt, check_moved
from training.make_bundle import make_bundle
from training.quantise import prepare_base
from training.recipe import Lora, RunConfig
from training.sft import CompletionTrainer, main, read_rows, repeated, train_adapter, train_bundle, with_targets
from training.toml_config import read_toml

SMOKE = CONFIGS / "smoke.toml"
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def run_smoke(out: Path) -> Path:
    config = read_toml(SMOKE, RunConfig)
    return train_bundle(config, config.base, Path(config.data_folder), out)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """One run of the smoke config: the folder it wrote."""
    out = tmp_path_factory.mktemp("smoke")
    run_smoke(out)
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


def test_a_run_that_could_not_be_calibrated_is_refused_before_it_trains():
    config = read_toml(SMOKE, RunConfig)
    nobody = msgspec.structs.replace(config.data, shares={"train": 0.8, "validation": 0.0, "test": 0.2})
    with pytest.raises(DataError, match="no sentiment row is in the validation part"):
        read_rows(msgspec.structs.replace(config, data=nobody), Path(config.data_folder))


def test_a_base_half_copied_by_a_killed_run_is_copied_again(smoke, tmp_path, monkeypatch):
    def killed(source, target):
        target.mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("training.quantise.shutil.copytree", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_base(smoke / "base", tmp_path / "base")
    prepare_base(smoke / "base", tmp_path / "base")
    copied, whole = (sorted(file.name for file in (folder / "base").iterdir()) for folder in (tmp_path, smoke))
    assert copied == whole


def test_every_set_with_a_repeat_is_shown_that_often():
    config = read_toml(CONFIGS / "embedded.toml", RunConfig)
    rows = pd.DataFrame({"source": ["phrasebank", "twitter", "risk_read", "risk_silver", "written"], "split": "train"})
    counts = repeated(rows, config)["source"].value_counts().to_dict()
    assert counts == {"phrasebank": 2, "twitter": 1, "risk_read": 2, "risk_silver": 1, "written": 1}


def test_a_finished_run_is_not_repeated(smoke):
    before = (smoke / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns
    run_smoke(smoke)
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
    with caplog.at_level("INFO"):
        bundle = run_smoke(tmp_path)
    assert "resuming from checkpoint-" in caplog.text
    assert open_bundle(bundle).passport.name == "smoke"


def test_a_run_that_is_not_told_where_writes_under_the_name_of_its_config(tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr("training.sft.train_bundle", lambda *arguments: given.append(arguments))
    monkeypatch.setattr(sys, "argv", ["sft", str(SMOKE)])
    monkeypatch.chdir(tmp_path)
    main()
    assert given[0][3] == Path("runs/smoke")
    assert (tmp_path / "runs" / "smoke").is_dir()


def test_a_misspelt_key_is_named(tmp_path):
    (tmp_path / "bad.toml").write_text(SMOKE.read_text().replace("learning_rate", "learning_rat"))
    with pytest.raises(ConfigError, match="learning_rat"):
        read_toml(tmp_path / "bad.toml", RunConfig)


def test_weights_that_did_not_move_or_are_not_finite_are_refused():
    start = {"a": torch.zeros(2), "b": torch.ones(2)}
    check_moved(start, {"a": torch.ones(2), "b": torch.zeros(2)})
    with pytest.raises(DataError, match="1 of 2 trained tensors did not move, b"):
        check_moved(start, {"a": torch.ones(2), "b": torch.ones(2)})
    check_finite(start)
    with pytest.raises(DataError, match=r"not finite after training: \['a'\]"):
        check_finite({"a": torch.full((2,), float("nan")), "b": torch.zeros(2)})


def test_curves_and_the_best_checkpoint_are_kept(smoke):
    assert list(smoke.glob("checkpoints/runs/*/events.out.tfevents.*"))
    state = json.loads((last_checkpoint(smoke / "checkpoints") / "trainer_state.json").read_text())
    curve = json.loads((smoke / "curve.json").read_text())
    evaluated = {entry["step"]: entry["eval_loss"] for entry in curve if "eval_loss" in entry}
    assert sorted(evaluated) == [4, 8, 12]
    assert state["best_metric"] == min(evaluated.values())


def test_the_validation_loss_is_what_the_engine_makes_of_the_saved_adapter(smoke):
    state = json.loads((last_checkpoint(smoke / "checkpoints") / "trainer_state.json").read_text())
    config = read_toml(SMOKE, RunConfig)
    rows = read_rows(config, Path(config.data_folder))[0].query("split == 'validation'")
    logits = Engine.load(smoke / "bundle", device="cpu").score(rows["text"].tolist(), rows["entity"].tolist())
    true = [LABELS.index(label) for label in rows["label"]]
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(true)), true]
    assert losses.mean() == pytest.approx(state["best_metric"], rel=0.02)  # the trainer multiplies in bf16


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A quantised random base with the marks of mistral_instruct."""
    folder = tmp_path_factory.mktemp("base")
    prepare_base(make_base(folder / "full", "mistral_instruct"), folder / "base")
    return folder / "base"


def recipe(loss: str, **train) -> RunConfig:
    """The smoke recipe with another loss, on the small base."""
    config = read_toml(SMOKE, RunConfig)
    settings = {"learning_rate": 1e-2, "patience": 0, "curves": "none", **train}
    return msgspec.structs.replace(
        config,
        template="mistral_instruct",
        loss=loss,
        facts=msgspec.structs.replace(config.facts, max_tokens=256),
        lora=Lora(8, 16, 0.0, ALL_LINEAR),
        train=msgspec.structs.replace(config.train, **settings),
    )


def test_both_tasks_are_learnt_from_mixed_batches(base, tmp_path):
    (tmp_path / "base").symlink_to(base)
    rows = make_table().query("task != 'concept'")
    train_adapter(recipe("labels", max_steps=40, batch_rows=12), rows, tmp_path)
    curve = [entry["loss"] for entry in json.loads((tmp_path / "curve.json").read_text()) if "loss" in entry]
    assert curve[0] > 0.6
    assert max(curve[-3:]) < 0.05


@pytest.mark.parametrize("packing", [False, True])
def test_an_adapter_trained_on_whole_answers_is_scored_by_the_engine(base, tmp_path, packing):
    (tmp_path / "base").symlink_to(base)
    config = recipe("completion", max_steps=40, batch_rows=8, sequence=300, packing=packing)
    rows = make_table().query("task in ('sentiment', 'concept')").reset_index(drop=True)
    train_adapter(config, rows, tmp_path)
    bundle = make_bundle(config.facts, config.template, rows, {"licences": {"made up": "none"}}, tmp_path)
    held = rows.query("split == 'test' and task == 'sentiment'")
    guesses = Engine.load(bundle, device="cpu").score(held["text"].tolist(), held["entity"].tolist()).argmax(axis=1)
    assert [LABELS[guess] for guess in guesses] == held["label"].tolist()


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step(base, tmp_path, monkeypatch):
    (tmp_path / "base").symlink_to(base)
    honest = CompletionTrainer.compute_loss

    def broken(trainer, *args, **kwargs):
        return honest(trainer, *args, **kwargs) * (float("nan") if trainer.state.global_step == 2 else 1)

    monkeypatch.setattr(CompletionTrainer, "compute_loss", broken)
    with pytest.raises(DataError, match="the loss became nan at step 3; lower the learning rate"):
        train_adapter(recipe("completion", max_steps=4, save_steps=2), make_table(), tmp_path)
    assert not (tmp_path / "adapter").exists()


def test_training_stops_when_the_validation_loss_has_not_fallen_and_keeps_the_best(base, tmp_path, monkeypatch):
    (tmp_path / "base").symlink_to(base)
    losses = itertools.count(1.0)  # each batch, and so each evaluation, worse than the one before
    monkeypatch.setattr(CompletionTrainer, "prediction_step", lambda *_, **__: (torch.tensor(next(losses)), None, None))
    train_adapter(recipe("completion", max_steps=20, save_steps=3, patience=2), make_table(), tmp_path)
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert [entry["step"] for entry in curve if "eval_loss" in entry] == [3, 6, 9]
    best = load_file(tmp_path / "checkpoints" / "checkpoint-3" / "adapter_model.safetensors")
    kept = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert all(torch.equal(best[name].half(), kept[name]) for name in kept)


def test_answers_that_are_lost_on_the_way_stop_the_run():
    given = Dataset.from_dict({"completion_mask": [[0, 1, 1], [0, 1]]})
    check_learnt(Dataset.from_dict({"labels": [[-100, 5, 2, -100, 2]]}), given)
    with pytest.raises(DataError, match="2 tokens are under the loss, but the answers have 3"):
        check_learnt(Dataset.from_dict({"labels": [[-100, 5, 2]]}), given)


def stopping_at(step, training_step):
    """`training_step` that stops like a kill once `step` steps are done."""

    def stop(trainer, *args, **kwargs):
        if trainer.state.global_step == step:
            raise KeyboardInterrupt
        return training_step(trainer, *args, **kwargs)

    return stop


def test_a_resumed_run_ends_where_an_unbroken_one_does(base, tmp_path, monkeypatch):
    config = recipe("completion", max_steps=6, save_steps=2, sequence=300)
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "base").symlink_to(base)
    train_adapter(config, make_table(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(CompletionTrainer, "training_step", stopping_at(4, CompletionTrainer.training_step))
        with pytest.raises(KeyboardInterrupt):
            train_adapter(config, make_table(), tmp_path / "broken")
    assert last_checkpoint(tmp_path / "broken" / "checkpoints").name == "checkpoint-4"
    train_adapter(config, make_table(), tmp_path / "broken")
    adapters = [tmp_path / name / "adapter" / "adapter_model.safetensors" for name in ("whole", "broken")]
    whole, broken = (load_file(adapter) for adapter in adapters)
    for name in whole:
        torch.testing.assert_close(whole[name], broken[name])


def test_soft_targets_reach_training_rows_only(tmp_path):
    rows = pd.DataFrame(
        {
            "task": ["sentiment", "sentiment", "risk", "sentiment"],
            "text": ["Acme rises", "Acme rises", "Acme rises", "Globex falls"],
            "entity": [None, "Acme", None, None],
            "split": ["train", "train", "train", "test"],
        },
        dtype=object,
    )
    soft = rows[["text", "entity", "task"]].assign(
        targets=[[0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.5] * 12, [0.0, 1.0, 0.0]]
    )
    soft.to_parquet(tmp_path / "soft")
    found = with_targets(rows, pd.read_parquet(tmp_path / "soft"))["targets"]
    assert [list(found[0]), list(found[1]), list(found[2])] == [[0.1, 0.2, 0.7], [0.5, 0.4, 0.1], [0.5] * 12]
    assert found[3] is None
