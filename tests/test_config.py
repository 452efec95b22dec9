"""Configuration: overrides, paths, and errors that name the key."""

import numpy as np
import pandas as pd
import pytest

from sentfeat.config import FilesSource, QualitySettings, load_config, settings_hash
from sentfeat.errors import ConfigError
from sentfeat.features.quality import find_breaches
from sentfeat.tables import FEATURES
from tests.conftest import ROOT

MINIMAL = """
lake = "lake"
universe = "universe.csv"
[[sources]]
kind = "files"
name = "mine"
path = "news.csv"
columns = { published_at = "t", title = "headline" }
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(MINIMAL)
    return path


def test_relative_paths_start_from_the_file_and_overrides_from_the_working_directory(file, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load_config(file, ["lake=out"], environment={})
    assert config.universe == str(tmp_path / "universe.csv")
    assert config.folder == str(tmp_path)
    assert config.lake == str(elsewhere / "out")


def test_uris_are_left_alone(file):
    assert load_config(file, ["lake=s3://bucket/lake"], environment={}).lake == "s3://bucket/lake"


def test_environment_is_overridden_by_the_command_line(file):
    environment = {"SENTFEAT__FEATURES__LAG_MINUTES": "30", "SENTFEAT__BACKTEST__SEED": "5", "HOME": "x"}
    config = load_config(file, ["backtest.seed=6", "sources.0.timezone=UTC"], environment)
    assert config.features.lag_minutes == 30
    assert config.backtest.seed == 6
    assert isinstance(config.sources[0], FilesSource)
    assert config.sources[0].timezone == "UTC"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lakes=1", "unknown field `lakes`"),
        ("features.lag_minutes=soon", "lag_minutes"),
        ("features.cutoffs=['noon']", "noon"),
        ("sources.0.kind=telex", "telex"),
        ("sources.3.name=x", "no position in a list of 1"),
        ("lake.deep=x", "is a value, not a section"),
        ("lake", "KEY=VALUE"),
        ("features.lag_minutes=-1", "features.lag_minutes must be a number, 0 or more, got -1"),
        ("features.lag_minutes=nan", "features.lag_minutes must be a number"),
        ("features.lag_minutes=inf", "features.lag_minutes must be a number"),
        ("features.cutoffs=[]", "features.cutoffs is empty; name at least one of evening, pre_open"),
        ("features.near_duplicate=0", "features.near_duplicate must be above 0 and at most 1"),
        ("features.near_duplicate=1.1", "features.near_duplicate must be above 0 and at most 1"),
        ("features.novelty_sessions=0", "features.novelty_sessions must be 1 or more, got 0"),
        ("quality.trailing_sessions=19", "quality.trailing_sessions must be 20 or more, got 19"),
        ("processes=0", "processes must be 1 or more, got 0"),
        ("sources=[]", "sources is empty"),
        ("sources.0.delay_minutes=-1", "source mine: delay_minutes must be a number, 0 or more, got -1"),
    ],
)
def test_a_wrong_setting_is_named(file, override, message):
    with pytest.raises(ConfigError, match=message):
        load_config(file, [override], environment={})


def test_the_least_settings_are_taken(file):
    least = ["features.lag_minutes=0", "features.near_duplicate=1", "features.novelty_sessions=1", "processes=1"]
    config = load_config(file, [*least, "sources.0.delay_minutes=0"], environment={})
    assert config.features.lag == pd.Timedelta(0)


def test_a_build_can_be_judged_by_the_fewest_trailing_sessions_that_are_taken(file):
    settings = load_config(file, ["quality.trailing_sessions=20"], environment={}).quality
    assert settings == QualitySettings(trailing_sessions=20)
    rows = pd.DataFrame({name: [np.nan] for name in FEATURES.names}).assign(session=pd.Timestamp("2026-11-20"))
    assert list(find_breaches(rows, rows.iloc[:0], settings)) == []


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no configuration file at .*nope\.toml"):
        load_config(tmp_path / "nope.toml", environment={})
    (tmp_path / "bad.toml").write_text("lake = ")
    with pytest.raises(ConfigError, match=r"bad\.toml is not valid TOML"):
        load_config(tmp_path / "bad.toml", environment={})


def test_two_sources_cannot_share_a_name(file):
    file.write_text(MINIMAL + MINIMAL.partition('universe = "universe.csv"\n')[2])
    with pytest.raises(ConfigError, match="source names must differ"):
        load_config(file, environment={})


@pytest.mark.parametrize("path", sorted(ROOT.glob("data/*.toml")), ids=lambda path: path.name)
def test_every_shipped_configuration_loads(path):
    config = load_config(path, environment={})
    assert settings_hash(config.features) == settings_hash(load_config(path, environment={}).features)
