"""What a TOML file says, as the struct that it has to fit."""

import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from sentfeat.errors import ConfigError

Config = TypeVar("Config", bound=msgspec.Struct)


def read_toml(path: Path, kind: type[Config]) -> Config:
    """The file as a `kind`; raises ConfigError naming the file and the key that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), kind)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
