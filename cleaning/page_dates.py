"""Dates as pages write them, read strictly or not at all.

Accepted are ISO 8601 and its relatives with slashes, dots or nothing between the parts,
RFC 5322 and the formats of C and JavaScript, and English dates with the month in words.
What can be read in two ways, such as ``03/04/2019``, is no date.
"""

import datetime
from typing import Any, Final

import re2

#: Before the web nothing was published on it; templates write 0001, 1900 and 1970.
EARLIEST: Final = datetime.datetime(1990, 1, 1, tzinfo=datetime.UTC)
#: Clocks and time zones of servers are off; a page of tomorrow is a mistake.
_SLACK: Final = datetime.timedelta(days=1)
_MAX_CHARS: Final = 80
_MAX_URL_CHARS: Final = 2048
_IN_PATH: Final = re2.compile(
    r"(?i)^https?://[^/?#]+/(?:[^?#]*/)?([12]\d{3})[/-](\d{1,2})[/-](\d{1,2})(?:[/.?#-]|$)"
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_MONTH: Final = (
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\.?"
)
_TIME: Final = (
    r"(?:(?:[t ]|, ?| at ?| ?- ?)+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?"
    r"(?: ?([ap])\.?m\b\.?)?"
    r" ?(?:(z\b|utc|gmt)?([+-]\d{2}):?(\d{2})?|z|utc|gmt|[a-z]{3,4})?)?"
)
# Anchored at the start only: what follows a date that stands first does not change it.
_NUMERIC: Final = re2.compile(r"(?i)^(\d{4})([-/.]?)(\d{1,2})([-/.]?)(\d{1,2})(?:\D|$)")
_MONTH_ONLY: Final = re2.compile(r"^(\d{4})-(\d{2})$")
_DAY_FIRST: Final = re2.compile(
    r"(?i)^(?:[a-z]{3,9}\.?,? )?(\d{1,2})(?:st|nd|rd|th)?[ -](?:of )?" + _MONTH + r",?[ -](\d{4})\b"
)
_MONTH_FIRST: Final = re2.compile(
    r"(?i)^(?:[a-z]{3,9}\.?,? )?" + _MONTH + r" (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})\b"
)
# Thu Aug 14 2019 ..., Thu Aug 14 10:11:12 2019, Thu Aug 14 10:11:12 UTC 2019
_ASCTIME: Final = re2.compile(
    r"(?i)^[a-z]{3} " + _MONTH + r" {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (?:[a-z]{3,4} )?(\d{4})$"
)
_CLOCK: Final = re2.compile("(?i)^" + _TIME)


def find_date(url: str, latest: datetime.datetime | None = None) -> datetime.datetime | None:
    """Find the date in the path of an address, such as ``/2019/08/14/title``; else None.

    Args:
        url: of an article.
        latest: see `parse_date`.
    """
    found = _IN_PATH.search(url[:_MAX_URL_CHARS])
    return parse_date("-".join(found.groups()), latest) if found else None


def parse_date(value: str, latest: datetime.datetime | None = None) -> datetime.datetime | None:
    """Parse a date of publication.

    Args:
        value: as a page writes it.
        latest: when the page was fetched; nothing on it is newer by over a day.

    Returns:
        The date in UTC, at midnight if it has no time, as UTC if it names no offset;
        None for what is no date, has two readings, or lies before 1990 or after `latest`.
    """
    text = " ".join(value[:_MAX_CHARS].split())
    try:
        date = _parse_iso(text) or _parse_text(text)
        if date is None:
            return None
        date = date.astimezone(datetime.UTC).replace(microsecond=0)
        if date < EARLIEST or (latest is not None and date - _SLACK > latest):
            return None
    except (ValueError, OverflowError):
        return None
    return date


def _parse_iso(text: str) -> datetime.datetime | None:
    """Parse the usual forms of ISO 8601 at the speed of C; years and weeks are no days."""
    if (text[4:5] != "-" and text[8:9] != "T") or "W" in text:
        return None
    try:
        date = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=datetime.UTC)


def _parse_text(text: str) -> datetime.datetime | None:
    found = _MONTH_ONLY.match(text)
    if found:
        return datetime.datetime(int(found.group(1)), int(found.group(2)), 1, tzinfo=datetime.UTC)
    found = _NUMERIC.match(text)
    if found:
        if found.group(2) != found.group(4) or (not found.group(2) and len(found.group(5)) != 2):
            return None
        year, month, day_of_month = (int(found.group(group)) for group in (1, 3, 5))
        day = datetime.datetime(year, month, day_of_month)
        return _add_time(day, text[found.end(5) :])
    found = _ASCTIME.match(text)
    if found:
        day_of_month, hour, minute, second, year = (int(found.group(n)) for n in range(2, 7))
        day = datetime.datetime(year, _MONTHS[found.group(1).lower()], day_of_month)
        return day.replace(hour=hour, minute=minute, second=second, tzinfo=datetime.UTC)
    for pattern, groups in ((_DAY_FIRST, (3, 2, 1)), (_MONTH_FIRST, (3, 1, 2))):
        found = pattern.match(text)
        if found:
            written = [found.group(group).lower() for group in groups]
            day = datetime.datetime(int(written[0]), _MONTHS[written[1]], int(written[2]))
            return _add_time(day, text[found.end() :])
    return None


def _add_time(day: datetime.datetime, rest: str) -> datetime.datetime:
    """Add the time of day and the offset from UTC that follow a date, if they do."""
    found: Any = _CLOCK.match(rest)
    utc = datetime.UTC
    if not found or found.group(1) is None:
        return day.replace(tzinfo=utc)
    hour, minute, second = (int(found.group(group) or 0) for group in (1, 2, 3))
    if found.group(4):
        hour = hour % 12 + 12 * (found.group(4).lower() == "p")
    if hour > 23 or minute > 59:
        return day.replace(tzinfo=utc)
    zone: datetime.tzinfo = utc
    if found.group(6):
        sign = -1 if found.group(6)[0] == "-" else 1
        offset = datetime.timedelta(hours=int(found.group(6)[1:]), minutes=int(found.group(7) or 0))
        zone = datetime.timezone(sign * offset)
    return day.replace(hour=hour, minute=minute, second=min(second, 59), tzinfo=zone)
