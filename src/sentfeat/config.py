"""The one reader of TOML files, overrides and environment. Everything else takes values.

    config = load_config("data/sample.toml", overrides=["lake=/tmp/lake", "backtest.seed=3"])

`--set a.b=value` and the environment variable SENTFEAT__A__B=value say the same; the command line wins. A number picks
an entry of a list (`sources.0.path=...`). Relative paths are relative to the configuration file's folder, in overrides
to the working directory.
"""

import datetime as dt
import hashlib
import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import pandas as pd

from sentfeat.errors import ConfigError
from sentfeat.sessions import Cutoff

ENVIRONMENT_PREFIX = "SENTFEAT__"
LAKE_VARIABLE = "SENTFEAT_LAKE"
WEBHOOK_VARIABLE = "SENTFEAT_WEBHOOK"
PATH_KEYS = ("lake", "universe", "folder", "bundle", "word_lists")
EMBEDDED = "embedded"
TRAILING_LEAST = 20  # sessions; with fewer before one nothing is said about its nulls and drift


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all sections: frozen, and a misspelt key is an error."""


class SourceSettings(Struct, frozen=True, kw_only=True):
    """What every source has: its name in the tables, and whether a session counts as covered without it."""

    name: str
    required: bool = True
    delay_minutes: float = 15.0  # polled: how often; an archive: from publication to when it counts as available

    def __post_init__(self) -> None:
        if not 0 <= self.delay_minutes < math.inf:
            raise ValueError(f"source {self.name}: delay_minutes must be a number, 0 or more, got {self.delay_minutes}")

    @property
    def brings_filings(self) -> bool:
        """Whether SEC filings come from here: without such a source their columns are null."""
        return False


class SampleSource(SourceSettings, tag="sample", tag_field="kind", frozen=True, kw_only=True):
    """The seeded market that `make run` uses."""

    seed: int = 7
    companies: int = 24
    start: dt.date = dt.date(2022, 1, 3)
    end: dt.date = dt.date(2024, 12, 31)
    effect: float = 0.10  # correlation of latent tone with the standardised open-to-close return, on covered rows

    @property
    def brings_filings(self) -> bool:
        return True


class FilesSource(SourceSettings, tag="files", tag_field="kind", frozen=True, kw_only=True):
    """A user's own archive or vendor feed: Parquet, CSV or JSON lines."""

    path: str
    columns: dict[str, str]  # our name -> the file's; published_at and title are needed
    timezone: str | None = None  # of naive timestamps; without it they are an error, not a guess
    tickers_separator: str = ","
    covers_from: dt.date | None = None  # default: the first item's day
    covers_to: dt.date | None = None
    document_kind: Literal["headline", "filing_section"] = "headline"

    @property
    def brings_filings(self) -> bool:
        return self.document_kind != "headline"


class Feed(Struct, frozen=True, kw_only=True):
    """One RSS or Atom feed where its address alone does not do."""

    url: str
    timezone: str | None = None  # the clock of times whose own zone is missing or ambiguous, e.g. Asia/Tokyo
    ignore_stated_zone: bool = False  # the feed states a wrong zone: read all its times on that clock
    language: str | None = None  # as RssSource.language


class RssSource(SourceSettings, tag="rss", tag_field="kind", frozen=True, kw_only=True):
    """RSS or Atom feeds, polled live."""

    feeds: dict[str, str | Feed]  # publisher -> URL, or url and more
    language: str = "en"  # two letters: items that are clearly in another one are quarantined; "any" takes all


class YahooSource(SourceSettings, tag="yahoo", tag_field="kind", frozen=True, kw_only=True):
    """Yahoo's news for each ticker of the universe, polled live; it has no history."""

    count: int = 50


class EdgarSource(SourceSettings, tag="edgar", tag_field="kind", frozen=True, kw_only=True):
    """SEC filings of the universe's companies: polled live, and read back from their lists for a backfill."""

    user_agent: str  # "Company name contact@example.com": the SEC refuses anonymous readers
    forms: tuple[str, ...] = ("10-K", "10-KT", "10-K405", "10-Q", "10-QT", "8-K", "NT 10-K", "NT 10-Q")  # and their /A
    data_url: str = "https://data.sec.gov"
    archives_url: str = "https://www.sec.gov/Archives"
    current_url: str = "https://www.sec.gov/cgi-bin/browse-edgar"

    @property
    def brings_filings(self) -> bool:
        return True


class FilesPrices(Struct, tag="files", tag_field="kind", frozen=True, kw_only=True):
    """Daily bars from files."""

    path: str
    columns: dict[str, str]  # our name -> the file's
    basis: Literal["raw", "adjusted_asof"]
    adjusted_asof_date: dt.date | None = None
    where: dict[str, str] = {}  # keep only rows with these values, e.g. {kind = "Stocks"}
    name: str = "files"


class YahooPrices(Struct, tag="yahoo", tag_field="kind", frozen=True, kw_only=True):
    """Daily bars through yfinance."""

    name: str = "yahoo"
    basis: Literal["raw", "adjusted_asof"] = "adjusted_asof"  # raw: as traded, so a split is a jump in the returns


class SamplePrices(Struct, tag="sample", tag_field="kind", frozen=True, kw_only=True):
    """The bars of the sample market; its `sample` source says which market."""

    name: str = "sample"


class FeatureSettings(Struct, frozen=True, kw_only=True):
    """What, besides the data, decides the value of a feature cell; hashed into every manifest."""

    cutoffs: tuple[Cutoff, ...] = (Cutoff.EVENING, Cutoff.PRE_OPEN)
    lag_minutes: float = 15.0
    near_duplicate: float = 0.8  # Jaccard of word 3-shingles from which two items are one cluster
    novelty_sessions: int = 5

    def __post_init__(self) -> None:
        if not self.cutoffs:
            raise ValueError(f"features.cutoffs is empty; name at least one of {', '.join(Cutoff)}")
        if not 0 <= self.lag_minutes < math.inf:
            raise ValueError(f"features.lag_minutes must be a number, 0 or more, got {self.lag_minutes}")
        if not 0 < self.near_duplicate <= 1:
            raise ValueError(f"features.near_duplicate must be above 0 and at most 1, got {self.near_duplicate}")
        if self.novelty_sessions < 1:
            raise ValueError(f"features.novelty_sessions must be 1 or more, got {self.novelty_sessions}")

    @property
    def lag(self) -> pd.Timedelta:
        return pd.Timedelta(minutes=self.lag_minutes)


class QualitySettings(Struct, frozen=True, kw_only=True):
    """Limits on what a build may look like against the sessions before it; features/quality.py says what each means."""

    on_breach: Literal["warn", "stop"] = "warn"  # stop: the session is not published
    trailing_sessions: int = 60
    null_jump: float = 0.25
    psi: float = 0.25

    def __post_init__(self) -> None:
        if self.trailing_sessions < TRAILING_LEAST:
            raise ValueError(
                f"quality.trailing_sessions must be {TRAILING_LEAST} or more, got {self.trailing_sessions}"
            )


class BacktestSettings(Struct, frozen=True, kw_only=True):
    """The pre-registered test; hashed into its report."""

    cutoff: Cutoff = Cutoff.PRE_OPEN
    train_sessions: int = 252
    refit_sessions: int = 21
    alphas: tuple[float, ...] = (10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
    costs_bp: tuple[float, ...] = (0.0, 2.0, 5.0, 10.0, 25.0)
    verdict_cost_bp: float = 5.0
    significance: float = 0.05
    placebos: int = 200  # of each kind
    min_securities: int = 5  # sessions with fewer rows have no cross-section to speak of and are left out
    min_test_sessions: int = 63
    power_draws: int = 50  # simulated markets per effect size
    bootstrap_draws: int = 2000
    borrow_bp_year: float = 50.0  # charged on the short half as if it were held overnight
    participation: float = 0.01  # share of a security's daily volume that the book may be, for its capacity
    trees: bool = True  # gradient boosting as a second learner
    tree_placebos: int = 0
    filing_horizons: tuple[int, ...] = (21, 63)  # sessions
    implausible_ic: float = 0.4  # a mean rank IC from which a column or a forecast cannot be honest
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.significance < 0.5:
            raise ValueError(f"backtest.significance must lie between 0 and 0.5, got {self.significance}")
        if 1 / (self.placebos + 1) > self.significance:
            raise ValueError(
                f"{self.placebos} placebos can never give p <= {self.significance}; "
                f"set backtest.placebos to {int(1 / self.significance) - 1} or more"
            )
        if not self.alphas or min(self.alphas) <= 0:
            raise ValueError(f"backtest.alphas must be positive, got {self.alphas}")
        if self.verdict_cost_bp not in self.costs_bp:
            raise ValueError(f"backtest.verdict_cost_bp {self.verdict_cost_bp} must be one of costs_bp {self.costs_bp}")
        counts = self.train_sessions, self.refit_sessions, self.min_test_sessions, self.power_draws
        if min(*counts, self.bootstrap_draws, *self.filing_horizons) < 1:
            raise ValueError("backtest: session and draw counts must be at least 1")
        if not 0 < self.participation <= 1 or self.borrow_bp_year < 0:
            raise ValueError("backtest.participation is a share above 0, backtest.borrow_bp_year is not negative")


class OperationSettings(Struct, frozen=True, kw_only=True):
    """How a deployed project is run."""

    wait_minutes: float = 120.0  # for another writer of the same lake
    catch_up_sessions: int = 10  # how far back a night looks for sessions that were never built
    score_deployment: str | None = None  # such as "score/gpu": that deployment scores, not the night itself

    def __post_init__(self) -> None:
        if self.wait_minutes < 0 or self.catch_up_sessions < 0:
            raise ValueError("operations.wait_minutes and operations.catch_up_sessions must not be negative")


class Config(Struct, frozen=True, kw_only=True):
    """A whole run."""

    lake: str
    sources: list[SampleSource | FilesSource | RssSource | YahooSource | EdgarSource]
    prices: SamplePrices | FilesPrices | YahooPrices | None = None
    universe: str | None = None  # CSV; the sample source brings its own
    folder: str = "."  # where input files lie
    bundle: str = EMBEDDED
    word_lists: str | None = None  # folder with Loughran-McDonald lists, which are licensed and not shipped
    processes: int = 1  # how many ranges of the feature table are built beside each other
    precision: str | None = None  # the numeric mode of the machine that scores, where it is another one
    features: FeatureSettings = FeatureSettings()
    quality: QualitySettings = QualitySettings()
    backtest: BacktestSettings = BacktestSettings()
    operations: OperationSettings = OperationSettings()

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("sources is empty; add at least one [[sources]] section")
        if self.processes < 1:
            raise ValueError(f"processes must be 1 or more, got {self.processes}")
        names = [source.name for source in self.sources]
        if len(set(names)) != len(names):
            raise ValueError(f"source names must differ, got {names}")


def load_config(
    path: str | Path, overrides: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Config:
    """Read, override, validate. Raises ConfigError naming the file and the key that is wrong."""
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"no configuration file at {path}; the project's data/ folder holds examples")
    try:
        tree = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for key, value in _environment_overrides(os.environ if environment is None else environment):
        _override(tree, key, value)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set needs KEY=VALUE, got {text!r}; for example --set lake=data/lake/mine")
        _override(tree, key.strip(), value.strip())
    for key in PATH_KEYS:
        if isinstance(tree.get(key), str):
            tree[key] = resolve(tree[key], path.parent)
    tree.setdefault("folder", str(path.parent))
    try:
        return msgspec.convert(tree, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def resolve(place: str, folder: str | Path) -> str:
    """`place` as an absolute path (relative ones start from `folder`); URIs and the word "embedded" stay."""
    if "://" in place or place == EMBEDDED:
        return place
    return str((Path(folder) / Path(place).expanduser()).resolve())


def _environment_overrides(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    found = [name for name in environment if name.startswith(ENVIRONMENT_PREFIX)]
    return [(n.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", "."), environment[n]) for n in sorted(found)]


def _override(tree: dict[str, Any], dotted: str, text: str) -> None:
    *parents, leaf = dotted.split(".")
    node: Any = tree
    for key in parents:
        node = _child(node, key, dotted)
    value = _toml_value(text)
    if not parents and leaf in PATH_KEYS:
        value = resolve(text, Path.cwd())
    if isinstance(node, list):
        node[_position(node, leaf, dotted)] = value
    else:
        node[leaf] = value


def _child(node: Any, key: str, dotted: str) -> Any:
    if isinstance(node, list):
        return node[_position(node, key, dotted)]
    if not isinstance(node, dict) or not isinstance(node.setdefault(key, {}), dict | list):
        raise ConfigError(f"cannot set {dotted!r}: {key!r} is a value, not a section")
    return node[key]


def _position(node: list[Any], key: str, dotted: str) -> int:
    if not key.isdigit() or int(key) >= len(node):
        raise ConfigError(f"cannot set {dotted!r}: {key!r} is no position in a list of {len(node)}")
    return int(key)


def _toml_value(text: str) -> Any:
    """The text as TOML would read it (3, true, [1, 2], 2026-01-02), else as the bare string that it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def settings_hash(settings: msgspec.Struct) -> str:
    """Twelve hex digits that change when any setting does."""
    return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()[:12]


def share_cores() -> None:
    """Let OpenMP threads sleep instead of spin while they wait; has an effect only before torch is imported.

    Spinning threads on cores that others use too made scoring up to 13 times slower; sleeping costs nothing measurable.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def webhook_url() -> str | None:
    """Where failures are posted, None for nowhere. It is a secret: no file, no parameter and no table ever holds it."""
    return os.environ.get(WEBHOOK_VARIABLE) or None


def default_lake() -> str:
    """The lake that readers use when none is named. Raises ConfigError if the environment names none either."""
    if LAKE_VARIABLE not in os.environ:
        raise ConfigError(f"no lake named: pass lake='path/to/lake' or set {LAKE_VARIABLE}")
    return resolve(os.environ[LAKE_VARIABLE], Path.cwd())
