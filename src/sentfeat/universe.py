"""The securities of a run: who exists, under which symbol and name, and when. Every answer is as of a date.

Symbols are reused and renamed, so `security_id` is the key and a symbol is only looked up together with a time.
"""

import difflib
from functools import cached_property
from pathlib import Path

import pandas as pd

from sentfeat.errors import ConfigError, DataError
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import NEW_YORK
from sentfeat.tables import UNIVERSE

OPEN_END = pd.Timestamp("2200-01-01")


class Universe:
    """Listing periods (tables.UNIVERSE), one row per security and symbol."""

    def __init__(self, frame: pd.DataFrame) -> None:
        rows = conform(UNIVERSE, frame)
        self.hash = content_hash(rows)[:12]
        self.frame = rows.to_pandas()
        for name in ("valid_from", "valid_to"):
            self.frame[name] = pd.to_datetime(self.frame[name])
        self.frame["valid_to"] = self.frame["valid_to"].fillna(OPEN_END)

    @cached_property
    def tickers(self) -> set[str]:
        """Every symbol of any time."""
        return set(self.frame["ticker"])

    def listed(self, session: pd.Timestamp) -> pd.DataFrame:
        """The rows in force in `session`."""
        at = (self.frame["valid_from"] <= session) & (session <= self.frame["valid_to"])
        return self.frame[at]

    def locate(self, tickers: pd.Series, days: pd.Series) -> pd.Series:
        """The row of `frame` that each symbol meant on its day, as a nullable position; null where it meant nothing."""
        wanted = pd.DataFrame({"ticker": tickers.to_numpy(), "day": days.to_numpy(), "at": range(len(tickers))})
        periods = self.frame[["ticker", "valid_from", "valid_to"]].reset_index(names="row")
        joined = wanted.merge(periods, on="ticker")
        joined = joined[joined["day"].between(joined["valid_from"], joined["valid_to"])]
        rows = joined.drop_duplicates("at").set_index("at")["row"].reindex(range(len(tickers)))
        return pd.Series(rows.to_numpy(), index=tickers.index).astype("Int64")

    def require_tickers(self, tickers: list[str]) -> None:
        """Raises DataError for a symbol that never existed here, with the nearest ones."""
        for ticker in tickers:
            if ticker not in self.tickers:
                near = difflib.get_close_matches(ticker, self.tickers, n=3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                raise DataError(f"unknown ticker {ticker!r}: the universe has {len(self.tickers)} symbols{hint}")


def read_universe(path: str) -> Universe:
    """Read and check a universe CSV. Raises ConfigError if it is missing or malformed."""
    if not Path(path).is_file():
        raise ConfigError(f"no universe file at {path}; its columns are {', '.join(UNIVERSE.names)}")
    frame = pd.read_csv(path, dtype={"ticker": str, "security_id": str}, keep_default_na=False, na_values=[""])
    try:
        for name in ("valid_from", "valid_to"):
            frame[name] = pd.to_datetime(frame[name], format="ISO8601")
        frame["cik"] = frame["cik"].astype("Int64")
        return Universe(frame)
    except (KeyError, ValueError, DataError) as error:
        raise ConfigError(f"universe {path}: {error}") from error


def new_york_day(times: pd.Series) -> pd.Series:
    """The New York calendar day of UTC times, as naive midnights."""
    return times.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize()
