"""When a feed's item was published: the moment, and how far it can be trusted.

feedparser reads a time without a zone, or with one it does not know, as UTC: hours too early or too late. The raw text
decides here whether its reading may be used.
"""

import calendar
import re
from enum import StrEnum
from typing import Any

import pandas as pd

from sentfeat.sessions import NEW_YORK


class DateQuality(StrEnum):
    """Only the first two are dates; the others are reasons for the quarantine."""

    ZONED = "zoned"  # a clock time and a zone that is known
    DATE_ONLY = "date_only"  # a day without a clock
    NO_ZONE = "no_zone"
    UNKNOWN_ZONE = "unknown_zone"  # a name that means several zones (IST), or an offset beyond 14 hours
    UNREADABLE = "unreadable_date"
    UNDATED = "undated"


_CLOCK = re.compile(r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\s*(?P<zone>\S.*)?$")
_ZONE = re.compile(r"Z|UTC?|GMT|[ECMP][SD]?T|(?:UTC|GMT)?(?P<hours>[+-]\d\d):?\d\d")  # RFC 822, RFC 3339
_COMMENT = re.compile(r"\s*\([^)]*\)$")
_FARTHEST_HOURS = 14


def read_date(raw: str | None, parsed: Any) -> tuple[pd.Timestamp | None, DateQuality]:
    """The moment in UTC (of a day without a clock: its midnight in New York), None where it is not to be trusted.

    raw: the feed's own text. parsed: feedparser's reading of it, a UTC time tuple or None.
    """
    if not raw or not raw.strip():
        return None, DateQuality.UNDATED
    quality = _quality(_COMMENT.sub("", raw.strip()))
    if quality not in (DateQuality.ZONED, DateQuality.DATE_ONLY):
        return None, quality
    try:
        moment = pd.Timestamp(calendar.timegm(parsed), unit="s", tz="UTC")
    except (TypeError, ValueError, OverflowError):  # None, or a year that no timestamp holds
        return None, DateQuality.UNREADABLE
    if quality is DateQuality.DATE_ONLY:
        moment = moment.tz_localize(None).normalize().tz_localize(NEW_YORK).tz_convert("UTC")
    return moment, quality


def _quality(raw: str) -> DateQuality:
    clock = _CLOCK.search(raw)
    if clock is None:
        return DateQuality.DATE_ONLY
    if clock["zone"] is None:
        return DateQuality.NO_ZONE
    zone = _ZONE.fullmatch(clock["zone"])
    if zone is None or abs(int(zone["hours"] or 0)) > _FARTHEST_HOURS:
        return DateQuality.UNKNOWN_ZONE
    return DateQuality.ZONED
