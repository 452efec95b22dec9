"""From a configuration's sections to the sources they mean."""

from sentfeat.config import (
    Config,
    EdgarSource,
    FilesPrices,
    FilesSource,
    RssSource,
    SamplePrices,
    SampleSource,
    YahooPrices,
    YahooSource,
)
from sentfeat.errors import ConfigError
from sentfeat.ingest.files import FilesBars, FilesNews
from sentfeat.ingest.source import PriceSource, Source
from sentfeat.universe import Universe, read_universe


def open_universe(config: Config) -> Universe:
    """The universe file, or the sample market's own. Raises ConfigError if there is neither."""
    if config.universe is not None:
        return read_universe(config.universe)
    from sentfeat.ingest.sample import SampleMarket

    return Universe(SampleMarket(_sample(config)).universe())


def open_sources(config: Config, universe: Universe) -> list[Source]:
    """All text sources of the configuration; libraries that only some of them need are imported only then."""
    return [_open(settings, config, universe) for settings in config.sources]


def open_prices(config: Config) -> PriceSource | None:
    """The price source, or None where the configuration has none."""
    match config.prices:
        case FilesPrices() as settings:
            return FilesBars(settings, config.folder)
        case SamplePrices():
            from sentfeat.ingest.sample import SampleMarket

            return SampleMarket(_sample(config))
        case YahooPrices() as settings:
            from sentfeat.ingest.yahoo import YahooBars

            return YahooBars(settings)
    return None


def _open(settings, config: Config, universe: Universe) -> Source:
    match settings:
        case FilesSource():
            return FilesNews(settings, config.folder)
        case SampleSource():
            from sentfeat.ingest.sample import SampleMarket

            return SampleMarket(settings)
        case RssSource():
            from sentfeat.ingest.rss import RssFeeds

            return RssFeeds(settings)
        case YahooSource():
            from sentfeat.ingest.yahoo import YahooNews

            return YahooNews(settings, universe)
        case EdgarSource():
            from sentfeat.ingest.edgar import EdgarFilings

            return EdgarFilings(settings, universe)
    raise ConfigError(f"no source of kind {type(settings).__name__}")


def _sample(config: Config) -> SampleSource:
    for settings in config.sources:
        if isinstance(settings, SampleSource):
            return settings
    raise ConfigError('no universe: set universe = "universe.csv" (only the sample source brings its own)')
