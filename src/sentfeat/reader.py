"""Reading a lake from Python: `sentfeat.read_features(...)` and `sentfeat.read_table(...)`.

Needs pandas and pyarrow, nothing of the scoring or flow side.
"""

import datetime as dt
from collections.abc import Iterable
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sentfeat.config import default_lake
from sentfeat.errors import ConfigError, DataError
from sentfeat.publish import Shelf, day_of
from sentfeat.retention import require_kept
from sentfeat.sessions import Cutoff, as_day, as_utc
from sentfeat.store import Lake
from sentfeat.tables import FEATURES, TABLES

Day: TypeAlias = str | dt.date
ORIGIN = "sentfeat"  # under this name a frame's `attrs` say which lake it was read from, so that it can be checked


def read_features(
    start: Day | None = None,
    end: Day | None = None,
    tickers: str | Iterable[str] | None = None,
    *,
    cutoff: str | None = None,
    model: str | None = None,
    as_of: str | pd.Timestamp | None = None,
    lake: str | Lake | None = None,
) -> pd.DataFrame:
    """Feature rows from session `start` to `end` (both included), sorted by session and ticker.

    tickers: one or several; default: all. cutoff: "pre_open" (default) or "evening". model: the folder's name; default:
    the one CURRENT.json names. as_of: give the table as readers saw it at that time (UTC unless it says otherwise).
    lake: path or URI; default: the environment's SENTFEAT_LAKE. The columns are those of `sentfeat dictionary`; missing
    is null, never zero.

    Raises DataError for a lake without features of that model at that cut-off or a ticker that has no row, ConfigError
    for a wrong cut-off, SessionError for what is no day or no time.
    """
    lake = open_lake(lake)
    shelf = Shelf(lake, model or current_model(lake), as_cutoff(cutoff))
    paths = shelf.paths()
    if as_of is not None:
        require_kept(lake, as_utc(as_of))
        paths = shelf.paths_as_of(as_utc(as_of))
    paths = _between(paths, start, end)
    shelf.require_kept(paths)
    wanted = None if tickers is None else [tickers] if isinstance(tickers, str) else list(tickers)
    where = None if wanted is None else pc.field("ticker").isin(pa.array(wanted, pa.string()))
    frame = lake.read(FEATURES, where=where, paths=paths)
    unknown = sorted(set(wanted or ()) - set(frame["ticker"]))
    if unknown:
        raise DataError(f"no rows for {', '.join(unknown)} in {lake.location(shelf.folder)}; {_listed(lake, paths)}")
    frame = frame.sort_values(["session", "ticker"], kind="stable", ignore_index=True)
    if as_of is None:
        frame.attrs[ORIGIN] = {"lake": lake.root, "model": shelf.model, "cutoff": str(shelf.cutoff)}
    return frame


def read_table(name: str, *, lake: str | Lake | None = None) -> pd.DataFrame:
    """All rows of documents, links, scores, prices, coverage or quarantine, each key once.

    Raises ConfigError for another name, DataError for a file that cannot be read.
    """
    if name not in TABLES or name in ("features", "universe"):
        known = sorted(set(TABLES) - {"features", "universe"})
        raise ConfigError(f"no table {name!r}; there are {', '.join(known)}, and read_features for the features")
    table = TABLES[name]
    return open_lake(lake).read(table).drop_duplicates(list(table.key), keep="last", ignore_index=True)


def latest_bars(prices: pd.DataFrame) -> pd.DataFrame:
    """The newest revision of each bar."""
    newest_last = prices.sort_values("revision_seen_at", kind="stable")
    return newest_last.drop_duplicates(["security_id", "session"], keep="last", ignore_index=True)


def current_model(lake: Lake) -> str:
    """The folder name of the model that readers get by default. Raises DataError if nothing was published yet."""
    current = lake.get_json("CURRENT.json")
    if current is None:
        raise DataError(f"{lake.location('')} holds no features yet; run the backfill or the nightly flow first")
    return current["model"]


def open_lake(lake: str | Lake | None) -> Lake:
    """`lake` itself, the one at that path or URI, or the environment's SENTFEAT_LAKE."""
    return lake if isinstance(lake, Lake) else Lake(lake or default_lake())


def as_cutoff(cutoff: str | None) -> Cutoff:
    """The cut-off of that name, pre_open for none. Raises ConfigError."""
    try:
        return Cutoff(cutoff or Cutoff.PRE_OPEN)
    except ValueError:
        raise ConfigError(f"cutoff must be {' or '.join(Cutoff)}, got {cutoff!r}") from None


def _between(paths: list[str], start: Day | None, end: Day | None) -> list[str]:
    """The paths of the sessions from `start` to `end`. Raises SessionError if one of them is no date."""
    first, last = (None if day is None else str(as_day(day).date()) for day in (start, end))
    return [path for path in paths if (first or "") <= day_of(path) and (last is None or day_of(path) <= last)]


def _listed(lake: Lake, paths: list[str]) -> str:
    if not paths:
        return "no session lies in that range"
    tickers = sorted(set(lake.read(FEATURES, columns=["ticker"], paths=paths[-1:])["ticker"]))
    shown = ", ".join(tickers[:8]) + (", ..." if len(tickers) > 8 else "")
    return f"the newest session there has {len(tickers)} tickers: {shown}"
