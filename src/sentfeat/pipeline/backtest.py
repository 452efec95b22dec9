"""Features and prices to a report with a verdict."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sentfeat import __version__
from sentfeat.config import settings_hash
from sentfeat.errors import ConfigError, DataError
from sentfeat.hashing import digest
from sentfeat.pipeline.project import Project
from sentfeat.reader import read_features
from sentfeat.sessions import as_day
from sentfeat.tables import FEATURES, PRICES, conform, content_hash

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BacktestReport:
    """Where report.html lies and what it says; `reused` if it stood there, made from the same inputs."""

    path: str
    verdict: str
    summary: str
    reused: bool


def backtest_range(
    project: Project, first: pd.Timestamp, last: pd.Timestamp, *, command: str, progress: Progress | None = None
) -> BacktestReport:
    """Backtest the published rows from `first` to `last` and write the report into the lake's reports/ folder.

    Raises DataError where rows or prices are missing, ConfigError for a lake on an object store.
    """
    settings = project.config.backtest
    features = read_features(first, last, cutoff=settings.cutoff, model=project.model, lake=project.lake)
    prices = latest_bars(project.lake.read(PRICES))
    if features.empty or prices.empty:
        missing = "feature rows in that range" if features.empty else "prices"
        raise DataError(f"{project.config.lake} holds no {missing}; run the backfill for it first")
    folder = _folder(project, first, last)
    inputs = digest(content_hash(conform(FEATURES, features)), content_hash(conform(PRICES, prices)), __version__)
    provenance = {
        "inputs": inputs,
        "settings": settings_hash(settings),
        "model": project.model,
        "sessions": f"{first.date()} to {last.date()}",
    }
    reused = _provenance_of(folder) == provenance
    if not reused:
        from sentfeat.backtest import (  # statsmodels and matplotlib: seconds that can be spared
            Context,
            run,
            write_report,
        )

        result = run(features, prices, settings, Context(progress=progress) if progress else None)
        write_report(result, folder, command=command, provenance=provenance)
    verdict = json.loads((folder / "verdict.json").read_text())
    return BacktestReport(str(folder / "report.html"), verdict["verdict"], verdict["reason"], reused)


def latest_bars(prices: pd.DataFrame) -> pd.DataFrame:
    """The newest revision of each bar."""
    newest_last = prices.sort_values("revision_seen_at", kind="stable")
    return newest_last.drop_duplicates(["security_id", "session"], keep="last", ignore_index=True)


def _folder(project: Project, first: pd.Timestamp, last: pd.Timestamp) -> Path:
    if "://" in project.config.lake:
        raise ConfigError("reports are written to a local folder; give the lake as a path for the backtest")
    return Path(project.config.lake, "reports", "backtest", project.model, f"{first.date()}_{last.date()}")


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
