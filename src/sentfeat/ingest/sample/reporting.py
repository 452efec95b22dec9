"""When the companies of the sample market report: fiscal quarters, earnings releases and the filings after them."""

import numpy as np
import pandas as pd

from sentfeat.ingest.sample.tone import new_york

YEAR_END_MONTHS = (12, 12, 12, 12, 9, 6, 3)  # most fiscal years end in December
HOUR = 3600
PRE_MARKET = (6 * HOUR, 8.75 * HOUR)
AFTER_CLOSE = (16 * HOUR + 60, 16.7 * HOUR)
EVENING_DESK = (16 * HOUR + 120, 17.48 * HOUR)  # EDGAR dates what comes after 17:30 to the next day


def reporting_calendar(universe: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """One row per company and fiscal quarter reported while listed.

    Columns: company (number), quarter_end, form (10-K or 10-Q), released_at and filed_at (UTC; filed_at is null if the
    market ends, or the listing, before the filing).
    """
    ends = pd.date_range(days[0] - pd.Timedelta(days=100), days[-1], freq="QE")
    company, quarter = (grid.ravel() for grid in np.meshgrid(np.arange(len(universe)), np.arange(len(ends))))
    quarter_end = ends[quarter]
    annual = quarter_end.month == rng.choice(YEAR_END_MONTHS, len(universe))[company]
    wait = rng.integers(16, 41, len(company))
    further = np.where(annual, rng.integers(15, 31, len(company)), rng.integers(0, 7, len(company)))
    released = _next_session(quarter_end + pd.to_timedelta(wait, unit="D"), days)
    filed = _next_session(quarter_end + pd.to_timedelta(wait + further, unit="D"), days)
    last = universe["valid_to"].fillna(days[-1]).to_numpy()[company]
    frame = pd.DataFrame(
        {
            "company": company,
            "quarter_end": quarter_end,
            "form": np.where(annual, "10-K", "10-Q"),
            "released_at": _clock(released, (0.6, AFTER_CLOSE), PRE_MARKET, rng),
            "filed_at": _clock(filed, (0.8, EVENING_DESK), PRE_MARKET, rng),
        }
    )
    # A filing on its release's day follows it.
    frame["filed_at"] = frame["filed_at"].clip(lower=frame["released_at"] + pd.Timedelta(minutes=4))
    frame["filed_at"] = frame["filed_at"].where(filed <= last)
    known = (released >= universe["valid_from"].to_numpy()[company]) & (released <= last)
    return frame[known].sort_values(["company", "quarter_end"]).reset_index(drop=True)


def _next_session(dates: pd.DatetimeIndex, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The first session on or after each date; past the market's end, a day after every listing."""
    following = days.append(pd.DatetimeIndex([days[-1] + pd.Timedelta(days=30)]))
    return following[days.searchsorted(dates)]


def _clock(
    days: pd.DatetimeIndex,
    mostly: tuple[float, tuple[float, float]],
    other: tuple[float, float],
    rng: np.random.Generator,
) -> pd.DatetimeIndex:
    """A New York clock within the span of `mostly` for about that share of the days, else within `other`, as UTC."""
    share, usual = mostly
    first = rng.random(len(days)) < share
    start, end = np.where(first, usual[0], other[0]), np.where(first, usual[1], other[1])
    return new_york(days, (start + (end - start) * rng.random(len(days))).astype(int))
