"""Features and prices to a report with a verdict."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sentfeat import __version__
from sentfeat.config import settings_hash
from sentfeat.errors import ConfigError, DataError
from sentfeat.hashing import digest
from sentfeat.pipeline.project import Project
from sentfeat.pipeline.trials import register
from sentfeat.reader import latest_bars, read_features
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import as_day
from sentfeat.store import sha256
from sentfeat.tables import FEATURES, PRICES

Progress = Callable[[str, int, int], None]
RULE = "B4 vs B0, ridge, y1, Clark-West and both placebos; tradable by net return and net gain"


@dataclass(frozen=True)
class Options:
    """What a backtest does beyond the published rows.

    masked      score headlines again without names and dates, and compare
    latency     build the rows again with text 15 minutes and an hour later, and compare
    table       test this Parquet or CSV file, made elsewhere, instead of the published rows
    """

    masked: bool = False
    latency: bool = False
    table: str | None = None


@dataclass(frozen=True)
class BacktestReport:
    """Where report.html lies and what it says; `reused` if it stood there, made from the same inputs."""

    path: str
    verdict: str
    summary: str
    reused: bool


def backtest_range(
    project: Project,
    first: pd.Timestamp,
    last: pd.Timestamp,
    *,
    command: str,
    options: Options | None = None,
    progress: Progress | None = None,
) -> BacktestReport:
    """Backtest the rows from `first` to `last` and write the report into the lake's reports/ folder.

    The test is registered on the lake before it is run. A killed run goes on where it was when it is started again.
    Raises DataError where rows or prices are missing, ConfigError for a lake on an object store.
    """
    options = options or Options()
    features, content = _features(project, first, last, options)
    prices = latest_bars(project.lake.read(PRICES))
    if features.empty or prices.empty:
        missing = "feature rows in that range" if features.empty else "prices"
        raise DataError(f"{project.config.lake} holds no {missing}; run the backfill for it first")
    folder = _folder(project, first, last, options)
    provenance = {
        "inputs": digest(content, content_hash(conform(PRICES, prices)), __version__),
        "settings": settings_hash(project.config.backtest),
        "model": project.model,
        "sessions": f"{first.date()} to {last.date()}",
        "options": f"masked {options.masked}, latency {options.latency}, table {options.table or 'published'}",
    }
    registration, number = register(project.lake, _plan(project, features, provenance))
    provenance["registration"] = registration
    reused = _provenance_of(folder) == provenance
    if not reused:
        from sentfeat.pipeline import experiment  # statsmodels and matplotlib: seconds that can be spared

        pieces = folder / ".pieces" / digest(*provenance.values())[:16]
        result = experiment.run_on_lake(
            project, (features, prices), (first, last), options, experiment.Run(number, pieces, progress)
        )
        experiment.write_report(result, folder, command=command, provenance=provenance)
        shutil.rmtree(folder / ".pieces", ignore_errors=True)
    verdict = json.loads((folder / "verdict.json").read_text())
    return BacktestReport(str(folder / "report.html"), verdict["verdict"], verdict["reason"], reused)


def _features(project: Project, first: pd.Timestamp, last: pd.Timestamp, options: Options) -> tuple[pd.DataFrame, str]:
    """The rows to test and a hash of what is in them."""
    if options.table is None:
        frame = read_features(
            first, last, cutoff=project.config.backtest.cutoff, model=project.model, lake=project.lake
        )
        return frame, content_hash(conform(FEATURES, frame))
    path = Path(options.table)
    if not path.is_file() or path.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"--table needs a .parquet or .csv file, got {path}")
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if "session" in frame:
        frame = frame[pd.to_datetime(frame["session"]).between(first, last)]
    if "security_id" not in frame and {"session", "ticker"} <= set(frame):
        frame = _identified(project, frame)
    return frame, sha256(path.read_bytes())


def _identified(project: Project, frame: pd.DataFrame) -> pd.DataFrame:
    """With the security that each symbol meant on its day; rows of symbols that meant none there are left out."""
    at = project.universe.locate(frame["ticker"], pd.to_datetime(frame["session"]))
    known = frame[at.notna()]
    return known.assign(security_id=project.universe.frame["security_id"].to_numpy()[at.dropna().astype(int)])


def _plan(project: Project, features: pd.DataFrame, provenance: dict[str, str]) -> dict[str, object]:
    """All that is chosen before a test."""
    return {
        "rule": RULE,
        "universe": project.universe.hash,
        "columns": ",".join(map(str, features.columns)),
        **{key: provenance[key] for key in ("settings", "model", "sessions", "options")},
    }


def _folder(project: Project, first: pd.Timestamp, last: pd.Timestamp, options: Options) -> Path:
    if "://" in project.config.lake:
        raise ConfigError("reports are written to a local folder; give the lake as a path for the backtest")
    tested = project.model if options.table is None else f"table-{Path(options.table).stem}"
    return Path(project.config.lake, "reports", "backtest", tested, f"{first.date()}_{last.date()}")


def _provenance_of(folder: Path) -> dict[str, str] | None:
    """What the report in `folder` was made from, None if there is no whole one."""
    try:
        return json.loads((folder / "verdict.json").read_text()).get("provenance")
    except (OSError, ValueError):
        return None


def published_range(
    project: Project, start: dt.date | str | None, end: dt.date | str | None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The first and last published session between `start` and `end` at the backtest's cut-off.

    Raises DataError if there is none.
    """
    days = project.shelf(project.config.backtest.cutoff).sessions()
    if start is not None:
        days = days[days >= as_day(start)]
    if end is not None:
        days = days[days <= as_day(end)]
    if days.empty:
        raise DataError(
            f"{project.config.lake} holds no published session of {project.model} there; run the backfill first"
        )
    return days[0], days[-1]
