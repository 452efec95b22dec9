"""Times and days as people's files have them, read strictly: what is not understood is left out, never guessed."""

import numpy as np
import pandas as pd

from sentfeat.errors import SourceError
from sentfeat.sessions import NEW_YORK

UTC = "datetime64[us, UTC]"
DAY = r"(\d{4})([-/]?)(\d\d)\2(\d\d)"  # 2011-01-03, 2011/01/03 or 20110103
CLOCK = r"\d[T ]\d\d"
OFFSET = rf"{CLOCK}[\d:.,]*\s?(?:Z|[+-]\d\d(?::?\d\d)?)$"  # behind a clock: the end of a bare date looks like one


def parse_times(values: pd.Series, zone: str | None, name: str) -> tuple[pd.Series, pd.Series]:
    """UTC times (NaT where unreadable) and whether a value was a bare date.

    A time with an offset is taken at its word; a naive one is local to `zone`, the later reading where the clocks go
    back, and an error where no zone is declared. A bare date counts as the end of that New York day. Raises
    SourceError.
    """
    if pd.api.types.is_numeric_dtype(values):
        raise SourceError(f"source {name}: published_at holds numbers; give ISO times, or convert the epoch first")
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC").astype(UTC), pd.Series(False, index=values.index)
    if pd.api.types.is_datetime64_any_dtype(values):
        return _localise(values, zone, name), pd.Series(False, index=values.index)
    text = values.astype("string").str.strip().fillna("")
    date_only, zoned = text.str.fullmatch(DAY), text.str.contains(OFFSET)
    times = pd.Series(pd.NaT, index=values.index, dtype=UTC)
    times[zoned] = pd.to_datetime(text[zoned], utc=True, errors="coerce", format="ISO8601").astype(UTC)
    days = parse_days(text[date_only]) + pd.Timedelta("23:59:59")
    times[date_only] = days.dt.tz_localize(NEW_YORK).dt.tz_convert("UTC").astype(UTC)
    clocks = text[~zoned & text.str.contains(CLOCK)]
    naive = pd.to_datetime(clocks, errors="coerce", format="ISO8601")
    if naive.notna().any():
        times[naive.index] = _localise(naive, zone, name)
    return times, date_only.astype(bool)


def parse_days(values: pd.Series) -> pd.Series:
    """Midnights without a zone of ISO or YYYYMMDD dates, NaT where unreadable. A clock and zone behind are left off."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.dt.tz_localize(None).dt.normalize()
    parts = values.astype("string").str.strip().str.extract(rf"^{DAY}(?:[T ].*|\.0)?$")
    return pd.to_datetime(parts[0] + parts[2] + parts[3], format="%Y%m%d", errors="coerce")


def _localise(naive: pd.Series, zone: str | None, name: str) -> pd.Series:
    if zone is None:
        example = naive.dropna().iloc[0] if naive.notna().any() else "none"
        raise SourceError(
            f"source {name}: published_at has times without a zone (such as {example}); "
            f'say which clock they are, for example timezone = "America/New_York"'
        )
    try:
        later_reading = np.zeros(len(naive), dtype=bool)
        local = naive.dt.tz_localize(zone, ambiguous=later_reading, nonexistent="shift_forward")
    except (KeyError, ValueError) as error:
        raise SourceError(f"source {name}: timezone {zone!r} is no IANA zone such as America/New_York") from error
    return local.dt.tz_convert("UTC").astype(UTC)
