"""The URL lines of ARC files, which are all that says where a record starts.

Version 1 writes five fields, version 2 ten; URLs and types may hold spaces, addresses
and types may be empty or missing, dates may be none::

    http://example.org/a b 192.0.2.1 20080430204825 text/html 680
    http://example.org/ 192.0.2.1 20080430204825 text/html 200 - - 1024 x.arc 680
"""

import datetime
from typing import Final, NamedTuple

import re2

from gristmill.cleaning.byte_patterns import compile_bytes
from gristmill.cleaning.record_headers import parse_date

#: Longest URL line that is read: URLs of spider traps have 8 kB at times.
MAX_LINE_BYTES: Final = 16 << 10
VERSION_SCHEME: Final = "filedesc:"

_SCHEME: Final = r"[a-z][a-z0-9+.-]{0,30}:"
_ADDRESS: Final = (
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}"
    r"|[0-9a-f:]{0,35}::[0-9a-f:.]{0,35})"
)
_DATE: Final = r"[0-9]{12,18}"
_LINE_END: Final = r"[ \t]*\r?\n"
#: What only a URL line looks like: it says so itself, or it has its fields in their places.
_SURE: Final = (
    rf"(?:filedesc://[^\r\n]*|{_SCHEME}[^\r\n]*"
    rf"(?: (?:{_ADDRESS}|-) [^ \r\n]+| {_DATE}) [^\r\n]*[0-9]){_LINE_END}"
)
#: A URL line with one field damaged: two that follow each other are still right.
_LIKELY: Final = (
    rf"{_SCHEME}[^\r\n]* {_ADDRESS}[^0-9\r\n]|[^\r\n]* {_ADDRESS} {_DATE} "
    rf"|[^\r\n]*[^0-9\r\n]{_DATE} [^ \r\n]* [0-9]+{_LINE_END}"
)
_FIND: Final = compile_bytes(rf"(?im)^{_SURE}".encode())
_OPENS: Final = compile_bytes(rf"(?i)(?:{_SURE}|{_LIKELY})".encode())
_URL: Final = compile_bytes(rf"(?i)[^\r\n]*?({_SCHEME})".encode())
_BEGINS: Final = compile_bytes(rb"(?i)[a-z][a-z0-9+.-]{0,30}(?::[^\r\n]*)?\r?")
#: In order of trust: where the date stands tells the other fields.
_FIELDS: Final = tuple(
    re2.compile(rf"(?i)^(.*?) ({address}) ({date}) (.*) ([^ ]*)$")
    for address, date in (
        (rf"(?:{_ADDRESS}|-|)", r"[0-9]{8,18}"),
        (_ADDRESS, r"[^ ]*"),
        (r"[^ ]*", _DATE),
    )
)
_WITHOUT_ADDRESS: Final = re2.compile(rf"^(.*?)()(?: )({_DATE}) (.*) ([^ ]*)$")
_VERSION_2_FIELDS: Final = 6
_NO_TYPES: Final = frozenset({"", "-", "no-type"})
_LONGEST_LENGTH: Final = 18


class UrlLine(NamedTuple):
    """The fields of a URL line that are of use."""

    url: str
    date: datetime.datetime | None  # UTC
    content_type: str | None
    length: int | None  # of the block, in bytes; None if the line gives none


def find_line(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """Find the next line that is a URL line beyond doubt.

    Returns:
        Its index or -1, and the index from which to search again once more data is there.
    """
    while True:
        found = _FIND.search(data, start)
        if found is None:
            # The last line may go on in data that is not there yet.
            last = max(data.rfind(b"\n", start), data.rfind(b"\r", start)) + 1
            return -1, max(start, last, len(data) - MAX_LINE_BYTES)
        # `^` is also true at `start`, which need not be where a line begins.
        if not found.start() or data[found.start() - 1] in b"\r\n":
            return found.start(), found.start()
        start = found.start() + 1


def opens_record(data: bytes | bytearray, index: int) -> bool:
    """Say whether the line at an index can be a URL line, possibly with one field damaged."""
    return _OPENS.match(data, index, index + MAX_LINE_BYTES) is not None


def skip_junk(data: bytes | bytearray, index: int) -> int:
    """Find the first URL in the line at an index; the index itself if there is none."""
    found = _URL.match(data, index, index + MAX_LINE_BYTES)
    return index if found is None else int(found.start(1))


def begins_line(data: bytes | bytearray, index: int) -> bool:
    """Say whether all that follows an index can be the start of a URL line."""
    return len(data) - index <= MAX_LINE_BYTES and bool(_BEGINS.fullmatch(data, index))


def parse_line(raw: bytes) -> UrlLine:
    """Take a URL line apart, from the right: only the URL is as free as to hold anything.

    Args:
        raw: a line for which `opens_record` is true; other lines give some fields, too.
    """
    line = raw.decode("utf-8", "replace").strip()
    for pattern in (*_FIELDS[:2], _WITHOUT_ADDRESS, _FIELDS[2]):
        found = pattern.match(line)
        if found is not None:
            url, _, date, content_type, length = found.groups()
            break
    else:
        url, _, date, content_type, length = ([""] * 4 + line.rsplit(" ", 4))[-5:]
    more = content_type.split(" ")
    if len(more) == _VERSION_2_FIELDS and more[4].isdecimal():
        content_type = more[0]
    content_type = content_type.strip()
    named = content_type if content_type not in _NO_TYPES else None
    return UrlLine(url, _parse_time(date), named, _parse_length(length))


def _parse_length(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_LENGTH
    return int(text) if is_number else None


def _parse_time(text: str) -> datetime.datetime | None:
    """Read YYYYMMDDhhmmss, also without seconds or with more; None if it is no date."""
    if not (text.isascii() and text.isdecimal()):
        return parse_date({"warc-date": text})
    try:
        day = datetime.datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), tzinfo=datetime.UTC)
        hour, minute, second = (int(text[place : place + 2] or 0) for place in (8, 10, 12))
        return day.replace(hour=hour, minute=minute, second=second)
    except ValueError:
        return None
