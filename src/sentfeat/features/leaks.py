"""Signs that a lake's clocks let the future in. Each detector looks for one way in which that happens.

Rebuilding rows from a truncated lake (pipeline/leakcheck.py) cannot see a clock that is wrong throughout; these can.

    clock_moves           a source's clock is read in a wrong zone: its day moves against New York's at DST changes
    reacts_early          ... or is early: prices react after the stamp said that everyone could know, and not before
    before_header         an SEC time that is New York's was read as UTC: earlier than SEC's own clock allows
    undated               an item without a time of its own was given one: midnight, or when it was fetched
    filed_at_period_end   the end of the fiscal period was taken for the day of filing
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentfeat.sessions import NEW_YORK

BIN_MINUTES, DAY_MINUTES = 15, 24 * 60
ON_DST = np.timedelta64(-4, "h")
DST_REACH = pd.Timedelta(days=28)  # before and after a change
ITEMS_NEEDED = 200  # on either side
MOVED_BETTER = 0.05  # correlation of the day's profile, moved by an hour, over that of the profile where it stands
REACTION_T = 4.0
REACTION_SHARE = 0.25  # of the opening's move: what a market that reads the news leaves for the day is less
BEFORE_OPEN = pd.Timedelta(hours=3)  # with more of the night, a clock hours early shows less
UNDATED_SHARE = 0.02
SEC_OPENS, SEC_CLOSES = 6, 22  # EDGAR accepts from 06:00 to 22:00 New York
SOONEST_REPORT = pd.Timedelta(days=4)  # after the period's end; the fastest filers take a week


class Sign(NamedTuple):
    """What a detector found: which one, about what, and the figures."""

    detector: str
    subject: str
    detail: str


def clock_moves(documents: pd.DataFrame) -> Iterator[Sign]:
    """Sources whose profile of the New York day lies an hour apart before and after DST changes.

    documents: source, published_at (UTC). People's working day does not move with the clock of another zone.
    """
    for source, group in documents.groupby("source"):
        winter, summer = _around_changes(pd.DatetimeIndex(group["published_at"]))
        if min(len(winter), len(summer)) < ITEMS_NEEDED:
            continue
        shifts = {minutes: _likeness(winter, summer, minutes) for minutes in (-60, 0, 60)}
        best = max(shifts, key=lambda minutes: shifts[minutes])
        if best and shifts[best] > shifts[0] + MOVED_BETTER:
            yield Sign(
                "clock_moves",
                str(source),
                f"in summer the day lies {best:+d} minutes from winter's (profiles correlate {shifts[best]:.2f} moved, "
                f"{shifts[0]:.2f} as they are; {len(winter)} and {len(summer)} items): its times are not New York's",
            )


def _around_changes(times: pd.DatetimeIndex) -> tuple[np.ndarray, np.ndarray]:
    """Minutes of the New York day of working days within four weeks of a DST change: on standard time, on DST."""
    local = times.tz_convert(NEW_YORK)
    now, ahead, behind = (_offset(times + reach) for reach in (pd.Timedelta(0), DST_REACH, -DST_REACH))
    near = ((ahead != now) | (behind != now)) & (local.dayofweek < 5)
    minutes = (local.hour * 60 + local.minute).to_numpy()
    return minutes[near & (now < ON_DST)], minutes[near & (now == ON_DST)]


def _offset(times: pd.DatetimeIndex) -> np.ndarray:
    """New York's offset from UTC at each time."""
    return (times.tz_convert(NEW_YORK).tz_localize(None) - times.tz_localize(None)).to_numpy()


def _likeness(winter: np.ndarray, summer: np.ndarray, moved: int) -> float:
    """Correlation of the two profiles, the winter's moved by so many minutes."""
    bins = DAY_MINUTES // BIN_MINUTES
    before, after = (
        np.sqrt(np.bincount(part % DAY_MINUTES // BIN_MINUTES, minlength=bins)) for part in (winter + moved, summer)
    )
    return float(np.corrcoef(before, after)[0, 1])


def reacts_early(items: pd.DataFrame, prices: pd.DataFrame, opens: pd.Series) -> Iterator[Sign]:
    """Sources whose news of the hours before the open moves the day's trading, and not the opening price alone.

    items: source, security_id, session (in which it can be traded), available_at, tone. prices: security_id, session,
    open, close. opens: each session's open (UTC). What everyone can know at 09:15 is in the price at 09:30; if the
    open leaves much of it to the day, some was written later than its stamp says. (Reuters of 2007-2013 read as UTC,
    four or five hours early: +82 bp at the open, +42 until the close; read as New York time: +131 and -12.)
    """
    bars = prices.sort_values(["security_id", "session"]).assign(
        gap=lambda b: b["open"] / b.groupby("security_id")["close"].shift() - 1,
        day=lambda b: b["close"] / b["open"] - 1,
    )
    bars[["gap", "day"]] -= bars.groupby("session")[["gap", "day"]].transform("mean")
    joined = items.merge(bars[["security_id", "session", "gap", "day"]], on=["security_id", "session"])
    ahead = joined["session"].map(opens) - joined["available_at"]
    joined = joined[(ahead > pd.Timedelta(0)) & (ahead <= BEFORE_OPEN) & (joined["tone"].abs() > 0.5)]
    for source, group in joined.dropna(subset=["gap", "day"]).groupby("source"):
        if len(group) < ITEMS_NEEDED:
            continue
        gap, day = (np.sign(group["tone"]) * group[name] for name in ("gap", "day"))
        t = {name: move.mean() / (move.std() / np.sqrt(len(move))) for name, move in (("gap", gap), ("day", day))}
        if t["day"] > REACTION_T and day.mean() > REACTION_SHARE * gap.mean():
            yield Sign(
                "reacts_early",
                str(source),
                f"news stamped in the 3 hours before the open is followed by {1e4 * day.mean():+.0f} bp until the "
                f"close (t {t['day']:.1f}), {1e4 * gap.mean():+.0f} bp at the open (t {t['gap']:.1f}; n {len(group)})",
            )


def before_header(filings: pd.DataFrame) -> Iterator[Sign]:
    """Filings whose time is earlier than SEC's clock allows.

    filings: accession, published_at (UTC), published_raw and published_basis, one a filing. Without a header the
    later of the two readings of the raw time is the only safe one; with one, the time must lie in EDGAR's hours, which
    a New York time read as UTC leaves by four or five.
    """
    local = filings["published_at"].dt.tz_convert(NEW_YORK)
    outside = ~local.dt.hour.between(SEC_OPENS, SEC_CLOSES - 1) & (local.dt.strftime("%H%M") != f"{SEC_CLOSES}00")
    written = filings["published_raw"].astype(object).str.extract(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", expand=False)
    digits = pd.to_datetime(written, format="%Y-%m-%dT%H:%M:%S", errors="coerce")
    as_new_york = digits.dt.tz_localize(NEW_YORK, ambiguous="NaT", nonexistent="NaT")
    early = (filings["published_basis"] != "header") & (filings["published_at"] < as_new_york)
    wrong = (outside | early) & (filings["published_basis"] != "date_only")
    for row, clock in zip(filings[wrong].itertuples(), local[wrong], strict=True):
        yield Sign(
            "before_header",
            row.accession,
            f"dated {clock:%Y-%m-%d %H:%M} New York, written as {row.published_raw}: a New York time read as UTC",
        )


def undated(documents: pd.DataFrame) -> Iterator[Sign]:
    """Sources of which more than one item in fifty bears a time that no one wrote.

    documents: source, published_at, first_seen_at (UTC), pit_grade. Midnight in New York or in UTC is a date without a
    clock (grade C and the end of the day would be right); the moment of fetching is none at all.
    """
    local = documents["published_at"].dt.tz_convert(NEW_YORK)
    midnight = [times.dt.strftime("%H%M%S") == "000000" for times in (local, documents["published_at"])]
    made_up = {
        "midnight": (midnight[0] | midnight[1]) & (documents["pit_grade"] != "C"),
        "the moment of fetching": documents["published_at"] == documents["first_seen_at"],
    }
    for what, marked in made_up.items():
        shares = marked.groupby(documents["source"]).mean()
        for source, share in shares[shares > UNDATED_SHARE].items():
            yield Sign("undated", str(source), f"{share:.1%} of its items are dated {what}, which no one wrote")


def filed_at_period_end(filings: pd.DataFrame) -> Iterator[Sign]:
    """10-K and 10-Q filings dated at the end of their fiscal period: accession, form, period, available_at (UTC)."""
    reports = filings[filings["form"].str.startswith(("10-K", "10-Q"), na=False) & filings["period"].notna()]
    filed = reports["available_at"].dt.tz_convert(NEW_YORK).dt.tz_localize(None)
    for row in reports[filed - pd.to_datetime(reports["period"]) < SOONEST_REPORT].itertuples():
        yield Sign(
            "filed_at_period_end",
            row.accession,
            f"{row.form} available {row.available_at:%Y-%m-%d}, its fiscal period ends {row.period:%Y-%m-%d}",
        )
