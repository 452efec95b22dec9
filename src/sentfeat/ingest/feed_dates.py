"""When a feed's item was published: the moment, and how far it can be trusted.

Two forms are read, ISO 8601 (Atom, Dublin Core) and RFC 822 (RSS), each by the standard library. feedparser's own
reading is not used: it takes a zone it does not know for UTC ("UTC-05:00", "2026-11-19T11:00:00EST": five hours too
early) and half-understood days for the first of the month.
"""

import datetime as dt
import re
from email.utils import parsedate
from enum import StrEnum
from zoneinfo import ZoneInfo

import pandas as pd

from sentfeat.sessions import NEW_YORK


class DateQuality(StrEnum):
    """Only the first three are dates; the others are reasons for the quarantine."""

    ZONED = "zoned"  # a clock time and a zone that is known
    DECLARED = "declared_zone"  # a clock time, read in the zone that the configuration declares for the feed
    DATE_ONLY = "date_only"  # a day without a clock
    NO_ZONE = "no_zone"
    UNKNOWN_ZONE = "unknown_zone"  # a name that means several zones (IST), or an offset beyond 14 hours
    WRONG_ZONE = "wrong_zone"  # daylight saving time named (EDT) at a date without it
    UNREADABLE = "unreadable_date"
    UNDATED = "undated"


TRUSTED = {DateQuality.ZONED, DateQuality.DECLARED, DateQuality.DATE_ONLY}
ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d{8})(?:(?:T|\s+)(?P<clock>\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?|\d{4}(?:\d\d)?))?\s*(?P<zone>\S.*)?"
)
RFC_822 = re.compile(
    r"(?P<day>(?:[A-Za-z]{3,9},?\s+)?\d\d?[\s-][A-Za-z]{3,9}\.?[\s-]\d{2}(?:\d\d)?)"
    r"(?:\s+(?P<clock>\d\d?:\d\d(?::\d\d)?)\s*(?P<zone>\S.*)?)?"
)
COMMENT = re.compile(r"\s*\([^)]*\)$")
OFFSET = re.compile(r"(?:UTC|GMT)?\s?(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)")
UNIVERSAL = {"Z", "UT", "UTC", "GMT"}
NAMED = {  # RFC 822; standard and daylight saving time of a place
    f"{letter}{kind}T": (dt.timedelta(hours=offset + (kind == "D")), ZoneInfo(place), kind == "D")
    for letter, offset, place in (
        ("E", -5, "America/New_York"),
        ("C", -6, "America/Chicago"),
        ("M", -7, "America/Denver"),
        ("P", -8, "America/Los_Angeles"),
    )
    for kind in ("S", "D")
}
FARTHEST = dt.timedelta(hours=14)


def read_date(
    raw: str | None, declared: str | None = None, *, override: bool = False
) -> tuple[pd.Timestamp | None, DateQuality]:
    """The moment in UTC (of a day without a clock: its midnight in New York), None if not to be trusted.

    raw: the feed's own text. declared: the IANA zone of times whose own is missing or unknown; with `override`, of all.
    """
    raw = COMMENT.sub("", (raw or "").strip())
    if not raw:
        return None, DateQuality.UNDATED
    try:
        local, zone = _local(raw)
        if local is None:
            return None, DateQuality.UNREADABLE
        if isinstance(local, dt.datetime):
            offset, quality = _offset(local, zone)
            if declared and (override or quality in (DateQuality.NO_ZONE, DateQuality.UNKNOWN_ZONE)):
                return _utc(local, declared), DateQuality.DECLARED
            at = pd.Timestamp(local - offset, tz="UTC") if offset is not None else None
            return at, quality
        return _utc(dt.datetime.combine(local, dt.time()), NEW_YORK), DateQuality.DATE_ONLY
    except (ValueError, OverflowError):  # the 31st of November, 25 o'clock, a year that no timestamp holds
        return None, DateQuality.UNREADABLE


def _local(raw: str) -> tuple[dt.datetime | dt.date | None, str | None]:
    """What clock and calendar say, and the zone as written. Raises ValueError for a date that does not exist."""
    if found := ISO.fullmatch(raw):
        if found["clock"] is None:
            return (None, None) if found["zone"] else (dt.date.fromisoformat(found["day"]), None)
        return dt.datetime.fromisoformat(f"{found['day']}T{found['clock']}"), found["zone"]
    if (found := RFC_822.fullmatch(raw)) and (parts := parsedate(f"{found['day']} {found['clock'] or '00:00'}")):
        moment = dt.datetime(*parts[:6])
        return (moment, found["zone"]) if found["clock"] else (moment.date(), None)
    return None, None


def _offset(local: dt.datetime, zone: str | None) -> tuple[dt.timedelta | None, DateQuality]:
    """How far the written zone is ahead of UTC."""
    if zone is None:
        return None, DateQuality.NO_ZONE
    if zone in UNIVERSAL:
        return dt.timedelta(0), DateQuality.ZONED
    if zone in NAMED:
        offset, place, daylight = NAMED[zone]
        if daylight and not local.replace(tzinfo=place).dst():
            return None, DateQuality.WRONG_ZONE
        return offset, DateQuality.ZONED
    found = OFFSET.fullmatch(zone)
    if found is None:
        return None, DateQuality.UNKNOWN_ZONE
    ahead = dt.timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    if ahead > FARTHEST or int(found["minutes"]) > 59:
        return None, DateQuality.UNKNOWN_ZONE
    return ahead if found["sign"] == "+" else -ahead, DateQuality.ZONED


def _utc(local: dt.datetime, zone: str) -> pd.Timestamp:
    """The later moment where the clock shows a time twice, the moment it moved on where it never shows it."""
    stamp = pd.Timestamp(local).tz_localize(zone, ambiguous=False, nonexistent="shift_forward")  # type: ignore[arg-type]
    return stamp.tz_convert("UTC")
