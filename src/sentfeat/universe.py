"""The securities of a run: who exists, under which symbol and name, and when. Every answer is as of a date.

Symbols are reused and renamed, so `security_id` is the key and a symbol is only looked up together with a time.
"""

import difflib
from functools import cached_property
from pathlib import Path

import pandas as pd

from sentfeat.errors import ConfigError, DataError
from sentfeat.schema import conform, content_hash
from sentfeat.sessions import NEW_YORK, calendar
from sentfeat.tables import UNIVERSE

EVER, OPEN_END = pd.Timestamp("1800-01-01"), pd.Timestamp("2200-01-01")  # periods are cut to these
DAY = pd.Timedelta(days=1)


class Universe:
    """Listing periods (tables.UNIVERSE), one row per security and symbol."""

    def __init__(self, frame: pd.DataFrame) -> None:
        rows = conform(UNIVERSE, frame)
        self.hash = content_hash(rows)[:12]
        self.frame = rows.to_pandas()
        for name in ("valid_from", "valid_to"):
            self.frame[name] = pd.to_datetime(self.frame[name]).clip(EVER, OPEN_END)
        self.frame["valid_to"] = self.frame["valid_to"].fillna(OPEN_END)

    @cached_property
    def tickers(self) -> set[str]:
        """Every symbol of any time."""
        return set(self.frame["ticker"])

    @cached_property
    def days(self) -> pd.DataFrame:
        """For each row of `frame` the `first` and `last` New York day whose news it is asked about, naive midnights.

        News of days without trading is traded in the next session: a listing has those before its first session. Where
        another row of the security follows in the next session, the days between are the earlier row's, so that on
        every day one row of it is in force.
        """
        rows, sessions = self.frame.sort_values(["security_id", "valid_from"], kind="stable"), calendar().sessions
        begin = sessions.searchsorted(rows["valid_from"])
        end = sessions.searchsorted(rows["valid_to"], side="right")
        following = rows.groupby("security_id")["valid_from"].shift(-1)
        goes_on = following.notna() & (sessions.searchsorted(following.fillna(OPEN_END)) == end)
        last = rows["valid_to"].mask(goes_on, following - DAY)
        listed = ~goes_on.shift(fill_value=False) & (begin > 0) & (begin < len(sessions))
        first = rows["valid_from"].mask(listed, sessions[begin - 1] + DAY)
        return pd.DataFrame({"first": first, "last": last}).loc[self.frame.index]

    def listed(self, session: pd.Timestamp) -> pd.DataFrame:
        """The rows in force in `session`."""
        at = (self.frame["valid_from"] <= session) & (session <= self.frame["valid_to"])
        return self.frame[at]

    def locate(self, tickers: pd.Series, days: pd.Series) -> pd.Series:
        """The row of `frame` that each symbol meant on its day, as a nullable position; null where it meant nothing.

        tickers: symbols. days: naive midnights, one for each. Of two rows with the symbol the later one counts.
        """
        wanted = pd.DataFrame({"ticker": tickers.to_numpy(), "day": days.to_numpy(), "at": range(len(tickers))})
        periods = self.days.assign(ticker=self.frame["ticker"]).sort_values("first", kind="stable")
        joined = wanted.merge(periods.reset_index(names="row"), on="ticker")
        joined = joined[joined["day"].between(joined["first"], joined["last"])]
        rows = joined.drop_duplicates("at", keep="last").set_index("at")["row"].reindex(range(len(tickers)))
        return pd.Series(rows.to_numpy(), index=tickers.index).astype("Int64")

    def require_tickers(self, tickers: list[str]) -> None:
        """Raises DataError for a symbol that never existed here, with the nearest ones."""
        for ticker in tickers:
            if ticker not in self.tickers:
                near = difflib.get_close_matches(ticker, self.tickers, n=3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                raise DataError(f"unknown ticker {ticker!r}: the universe has {len(self.tickers)} symbols{hint}")


def read_universe(path: str) -> Universe:
    """Read and check a universe CSV; spaces around cells and aliases are dropped.

    Raises ConfigError if it is missing or malformed, or if its periods contradict each other.
    """
    if not Path(path).is_file():
        raise ConfigError(f"no universe file at {path}; its columns are {', '.join(UNIVERSE.names)}")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        frame = frame.apply(lambda column: column.str.strip()).replace("", None)
        frame["aliases"] = frame["aliases"].str.replace(r"\s*\|\s*", "|", regex=True)
        for name in ("valid_from", "valid_to"):
            frame[name] = pd.to_datetime(frame[name], format="ISO8601")
        frame["cik"] = pd.to_numeric(frame["cik"]).astype("Int64")
        _require_one_row_a_day(frame)
        return Universe(frame)
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise ConfigError(f"universe {path}: {error}") from error


def _require_one_row_a_day(rows: pd.DataFrame) -> None:
    """Raises DataError for a period that ends before it begins, and for two at once of a security or of a symbol."""
    rows = rows.assign(valid_to=rows["valid_to"].fillna(OPEN_END))
    reversed_rows = rows[rows["valid_to"] < rows["valid_from"]]
    if len(reversed_rows):
        raise DataError(f"valid_to lies before valid_from in {_told(reversed_rows)}; correct one of them")
    for key in ("security_id", "ticker"):
        ordered = rows.sort_values([key, "valid_from"], kind="stable", ignore_index=True)
        before = ordered.shift()
        at = ordered.index[(ordered[key] == before[key]) & (ordered["valid_from"] <= before["valid_to"])]
        if len(at):
            raise DataError(
                f"{key} {ordered[key][at[0]]} has two rows at once: {_told(ordered.loc[at[0] - 1 : at[0]])}; "
                "end the earlier one on its last session, before the later one's valid_from"
            )


def _told(rows: pd.DataFrame) -> str:
    """At most five rows, for a message."""
    return "; ".join(
        f"{row.security_id} {row.ticker} from {row.valid_from:%Y-%m-%d} "
        + (f"to {row.valid_to:%Y-%m-%d}" if row.valid_to < OPEN_END else "on")
        for row in rows.head(5).itertuples()
    )


def new_york_day(times: pd.Series) -> pd.Series:
    """The New York calendar day of UTC times, as naive midnights."""
    return times.dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize()
