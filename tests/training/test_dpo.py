import json
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from sentfeat.errors import ConfigError, DataError
from sentfeat.score.bundle import embedded_path, open_bundle
from sentfeat.score.engine import Engine
from sentfeat.score.prompt import LABELS
from tests.training.small import CONFIGS
from training.build_dataset import DataConfig
from training.dpo import PairTrainer, ambiguous, train_bundle
from training.fit import last_checkpoint
from training.pairs import find_disputed, preference_pairs
from training.recipe import Disputed, DpoConfig, RunConfig
from training.sets.sentences import LabelledSet
from training.sft import read_rows
from training.sft import train_bundle as train_sft
from training.toml_config import read_toml

SMOKE = read_toml(CONFIGS / "smoke.toml", RunConfig)
DPO = read_toml(CONFIGS / "dpo_smoke.toml", DpoConfig)
DATA = Path(SMOKE.data_folder)
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
ROWS = pd.DataFrame(
    {"text": list("abc"), "source": "x", "label": ["positive", "positive", "negative"], "split": "train"}
)
CHANCES = np.array([[0.0, 0.1, 0.9], [0.1, 0.5, 0.4], [0.5, 0.2, 0.3]])  # sure and right; wrong; right by 0.2


@pytest.fixture(scope="module")
def sft(tmp_path_factory):
    """The smoke SFT's bundle."""
    return train_sft(SMOKE, SMOKE.base, DATA, tmp_path_factory.mktemp("sft"))


@pytest.fixture(scope="module")
def dpo(sft, tmp_path_factory):
    """The folder of a DPO run on all training pairs, until the last step."""
    out = tmp_path_factory.mktemp("dpo")
    train_bundle(longer(DPO), sft, DATA, out)
    return out


def longer(config: DpoConfig) -> DpoConfig:
    train = msgspec.structs.replace(config.train, max_steps=30, batch_rows=12, learning_rate=3e-3, patience=0)
    return msgspec.structs.replace(config, train=train)


def test_the_label_is_preferred_to_the_likeliest_other_one():
    pairs = preference_pairs(0.25, ROWS, CHANCES, np.array([False, False, False]))
    assert pairs[["text", "chosen", "rejected"]].values.tolist() == [
        ["b", "positive", "neutral"],
        ["c", "negative", "positive"],
    ]
    assert pairs["lead"].tolist() == pytest.approx([-0.1, 0.2])


def test_a_disputed_row_is_taken_however_sure_the_model_is():
    pairs = preference_pairs(-1.0, ROWS, CHANCES, np.array([True, False, False]))
    assert pairs[["text", "chosen", "rejected"]].values.tolist() == [["a", "positive", "neutral"]]


def test_no_ambiguous_row_is_an_error_that_says_what_to_raise():
    with pytest.raises(DataError, match="no train row is disputed or led by less than -1.0; raise near_miss"):
        preference_pairs(-1.0, ROWS, CHANCES, np.zeros(3, dtype=bool))


def test_disputed_rows_are_found_by_the_band_of_their_text(tmp_path):
    bands = pd.DataFrame({"text": list("abc"), "label": "neutral", "agreement": ["100", "50-65", "66-74"]})
    bands.to_csv(tmp_path / "x.csv", index=False)
    sets = DataConfig(SHARES, [LabelledSet("x", "x.csv", "none")])
    found = find_disputed(ROWS, [Disputed("x", "agreement", ["50-65", "66-74"])], sets, tmp_path)
    assert found.tolist() == [False, True, True]
    with pytest.raises(ConfigError, match="no column 'votes'; it has text, label, agreement"):
        find_disputed(ROWS, [Disputed("x", "votes", ["1"])], sets, tmp_path)
    with pytest.raises(ConfigError, match="set 'y' is none of the SFT recipe's: x"):
        find_disputed(ROWS, [Disputed("y", "agreement", ["1"])], sets, tmp_path)


def test_the_new_bundle_has_the_old_base_and_another_adapter(sft, dpo):
    old, new = open_bundle(sft).passport, open_bundle(dpo / "bundle").passport
    assert (new.name, new.base.hash, new.template) == ("dpo_smoke", old.base.hash, old.template)
    assert new.adapter.hash != old.adapter.hash
    assert new.training_data == old.training_data
    assert not list((dpo / "adapter").glob("ref*"))  # the frozen reference stays behind


def test_margins_as_the_engine_sees_them_grow(sft, dpo):
    rows, _ = read_rows(SMOKE, DATA)
    pairs = ambiguous(DPO, SMOKE, rows, sft, DATA).query("split == 'train'")
    before, after = (margins(bundle, pairs) for bundle in (sft, dpo / "bundle"))
    assert (after - before).mean() > 1
    assert (after > before).mean() > 0.8
    logged = [entry["rewards/margins"] for entry in json.loads((dpo / "curve.json").read_text()) if "loss" in entry]
    assert logged[0] == 0  # it starts as its own reference
    assert np.mean(logged[-5:]) > 0


def test_a_bundle_whose_embeddings_are_adapted_starts_as_its_own_reference(tmp_path):
    once = msgspec.structs.replace(DPO, train=msgspec.structs.replace(DPO.train, max_steps=2, patience=0))
    train_bundle(once, embedded_path(), DATA, tmp_path)
    first = json.loads((tmp_path / "curve.json").read_text())[0]
    assert first["rewards/margins"] == 0
    assert first["loss"] == pytest.approx(np.log(2), abs=1e-4)


def margins(bundle: Path, pairs: pd.DataFrame) -> np.ndarray:
    """Logit of the chosen label less that of the rejected one, (n,)."""
    logits = Engine.load(bundle, device="cpu").score(pairs["text"].tolist(), pairs["entity"].tolist())
    at = np.arange(len(pairs))
    chosen, rejected = ([LABELS.index(label) for label in pairs[side]] for side in ("chosen", "rejected"))
    return logits[at, chosen] - logits[at, rejected]


def test_a_killed_run_goes_on_from_its_checkpoint(sft, tmp_path, monkeypatch, caplog):
    honest = PairTrainer.training_step

    def stop(trainer, *args, **kwargs):
        if trainer.state.global_step == 5:
            raise KeyboardInterrupt
        return honest(trainer, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(PairTrainer, "training_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train_bundle(DPO, sft, DATA, tmp_path)
    assert last_checkpoint(tmp_path / "checkpoints").name == "checkpoint-4"
    with caplog.at_level("INFO"):
        bundle = train_bundle(DPO, sft, DATA, tmp_path)
    assert "resuming from checkpoint-4" in caplog.text
    assert open_bundle(bundle).passport.name == "dpo_smoke"


def test_a_bundle_of_another_template_is_refused(sft, tmp_path):
    recipe = tmp_path / "other.toml"
    recipe.write_text((CONFIGS / "smoke.toml").read_text().replace('"plain"', '"mistral_instruct"'))
    with pytest.raises(ConfigError, match="made with template 'plain', .* says 'mistral_instruct'"):
        train_bundle(msgspec.structs.replace(DPO, sft=str(recipe)), sft, DATA, tmp_path / "out")
