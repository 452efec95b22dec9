"""A configuration together with what it names: lake, universe, sources, model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sentfeat.config import EMBEDDED, Config, load_config
from sentfeat.errors import ConfigError
from sentfeat.features.reports import WordLists, read_word_lists
from sentfeat.ingest.archive import RawArchive
from sentfeat.ingest.catalog import open_prices, open_sources, open_universe
from sentfeat.ingest.source import PriceSource, Source
from sentfeat.publish import Shelf
from sentfeat.score.bundle import Bundle, embedded_path
from sentfeat.score.find import find_model, load_model
from sentfeat.sessions import Cutoff
from sentfeat.store import Lake
from sentfeat.universe import Universe

if TYPE_CHECKING:
    from sentfeat.score.classifier import Classifier
    from sentfeat.score.engine import Engine


@dataclass(frozen=True)
class Project:
    """A configuration together with what it names."""

    config: Config

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.config.lake)

    @cached_property
    def archive(self) -> RawArchive:
        """What sources answered, as it came."""
        return RawArchive(self.lake)

    @cached_property
    def universe(self) -> Universe:
        return open_universe(self.config)

    @cached_property
    def sources(self) -> list[Source]:
        return open_sources(self.config, self.universe)

    @cached_property
    def price_source(self) -> PriceSource | None:
        return open_prices(self.config)

    @cached_property
    def word_lists(self) -> WordLists:
        """The Loughran-McDonald lists, empty if none are configured."""
        return {} if self.config.word_lists is None else read_word_lists(self.config.word_lists)

    @cached_property
    def bundle(self) -> Bundle:
        return find_model(self.bundle_path)

    @property
    def bundle_path(self) -> Path:
        return embedded_path() if self.config.bundle == EMBEDDED else Path(self.config.bundle)

    @cached_property
    def precision(self) -> str:
        """The numeric mode of the machine that scores (default: this one); part of the model's identity."""
        if self.config.precision is not None:
            return self.config.precision
        from sentfeat.score.precision import choose_precision

        return choose_precision(self.bundle.base).mode

    @property
    def model(self) -> str:
        """The folder name of this bundle's scores and features."""
        return self.bundle.slug(self.precision)

    @cached_property
    def engine(self) -> "Engine | Classifier":
        """The scoring engine, loaded on first use (imports torch). Raises ConfigError for another model id."""
        engine = load_model(self.bundle)
        if engine.model_id != self.bundle.model_id(self.precision):
            raise ConfigError(
                f"precision = {self.precision!r} is configured, but this machine scores in another one; score on the "
                "machine that the setting is meant for, or take it out"
            )
        return engine

    def shelf(self, cutoff: Cutoff) -> Shelf:
        return Shelf(self.lake, self.model, cutoff)


def open_project(config: str | Path, overrides: Sequence[str] = ()) -> Project:
    """The project of a configuration file; see config.load_config for the overrides and errors."""
    return Project(load_config(config, overrides))
