"""What is new at the SEC: past days by their indexes, today by the list of current filings.

A filing accepted after 17:30 is dated the next day that EDGAR is open and becomes public at 06:00 of it. A day's index
holds what is dated that day; the current list is in the order of acceptance, so that today begins there at 17:30 of
the last day that EDGAR was open.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import CustomBusinessDay

from sentfeat.errors import AbsentError, SourceError
from sentfeat.ingest.edgar.listings import Listed, read_current, read_daily_index
from sentfeat.ingest.edgar.site import PAGE_ROWS, Site
from sentfeat.sessions import NEW_YORK, Window

OPEN_DAY = CustomBusinessDay(calendar=USFederalHolidayCalendar())
DATED_TOMORROW = pd.Timedelta(hours=17, minutes=30)
LAST_START = 5_000  # beyond it the SEC answers 503


class Found(NamedTuple):
    """What the lists have. since: from when on they are complete, UTC; problems: lists that could not be read."""

    rows: list[Listed]
    since: pd.Timestamp
    problems: list[str]


def find_new(site: Site, window: Window, forms: Sequence[str]) -> Found:
    """The filings of these forms and their amendments, of any filer, that may have become public in `window`.

    Raises SourceError if not even the current list could be read.
    """
    today = window.until.tz_convert(NEW_YORK).date()
    first = window.after.tz_convert(NEW_YORK).date()
    rows, unread, problems = _by_index(site, [day.date() for day in pd.date_range(first, today)[:-1]])
    reach = _evening_before(min([today, *unread]))
    since = window.after
    for form in _shortest(forms):
        listed, oldest = _by_current_list(site, form, reach)
        rows += listed
        since = max(since, oldest) if oldest > reach else since
    return Found([row for row in rows if row.base in forms], since, problems)


def _by_index(site: Site, days: list[dt.date]) -> tuple[list[Listed], list[dt.date], list[str]]:
    """What is dated these days; the days without an index although EDGAR was open; what went wrong."""
    rows: list[Listed] = []
    unread, problems = [], []
    for day in (day for day in days if OPEN_DAY.is_on_offset(pd.Timestamp(day))):
        try:
            rows += read_daily_index(site.daily_index(day))
        except AbsentError:  # not made yet, or EDGAR was closed by decree
            unread.append(day)
        except SourceError as error:
            unread.append(day)
            problems.append(str(error))
    return rows, unread, problems


def _by_current_list(site: Site, form: str, reach: pd.Timestamp) -> tuple[list[Listed], pd.Timestamp]:
    """The current filings whose form begins with `form`, and the time back to which they are all there."""
    rows: list[Listed] = []
    at = pd.NaT
    for start in range(0, LAST_START + 1, PAGE_ROWS):
        page = read_current(site.current(form, start))
        rows += [listed for listed, _ in page]
        at = page[-1][1] if page else at
        if len(page) < PAGE_ROWS or at <= reach:
            return rows, reach
    return rows, at


def _evening_before(day: dt.date) -> pd.Timestamp:
    """17:30 New York of the last day before `day` that EDGAR was open, as UTC."""
    evening = pd.Timestamp(day) - OPEN_DAY + DATED_TOMORROW
    return evening.tz_localize(NEW_YORK).tz_convert("UTC")


def _shortest(forms: Sequence[str]) -> Iterator[str]:
    """The forms that no other one begins: the current list is asked by how a form begins."""
    return (form for form in forms if not any(form != other and form.startswith(other) for other in forms))
