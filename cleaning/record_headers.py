"""Header blocks of WARC records and of the HTTP messages inside them.

Both are a first line and then ``Name: value`` lines up to a blank one. Lines may end
in LF alone, values may be folded over several lines, names may be written in any case.
"""

import datetime
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import re2

#: Longest header block that is read; servers send a few hundred bytes, at times 200 kB.
MAX_HEAD_BYTES: Final = 1 << 20
#: Lines of a header block that are read; web servers themselves stop at 100.
MAX_HEAD_LINES: Final = 1000

#: The first line of a record and the start of its second one.
_RECORD_START: Final = re2.compile(
    rb"(?i)WARC/[01]\.[0-9]{1,2}[ \t]{0,4}\r?\n[a-z-]{1,64}[ \t]{0,4}:"
)
_NAMES: Final = """
    Content-Length Content-Type WARC-Block-Digest WARC-Concurrent-To WARC-Date WARC-IP-Address
    WARC-Identified-Content-Language WARC-Identified-Payload-Type WARC-Payload-Digest
    WARC-Protocol WARC-Record-ID WARC-Refers-To WARC-Refers-To-Date WARC-Refers-To-Target-URI
    WARC-Target-URI WARC-Truncated WARC-Type WARC-Warcinfo-ID
    Accept-Ranges Age Cache-Control Connection Content-Encoding Content-Language Date ETag
    Expires Last-Modified Link Pragma Server Set-Cookie Strict-Transport-Security
    Transfer-Encoding Vary X-Content-Type-Options X-Frame-Options X-Powered-By
"""
#: Names as they are mostly spelt, to themselves in lower case: folding one takes longer.
_USUAL_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {spelling: name.lower() for name in _NAMES.split() for spelling in (name, name.lower())}
)
_USUAL_BYTES: Final = 2048
_FOLDS: Final = (" ", "\t")
_LONGEST_START_BYTES: Final = 96


def find_head_end(data: bytes | bytearray, start: int, stop: int) -> int:
    """Find the end of the blank line that closes a header block.

    Returns:
        Index of the first byte after the block, or -1 if it is not closed before `stop`.
    """
    reach = start + _USUAL_BYTES
    while True:
        # In steps, so that a block that ends early costs no search for the other ending.
        end = min(reach, stop)
        found = data.find(b"\n\r\n", start, end)
        bare = data.find(b"\n\n", start, found if found >= 0 else end)
        if bare >= 0:
            return bare + 2
        if found >= 0:
            return found + 3
        if reach >= min(stop, len(data)):
            return -1
        reach = start + 8 * (reach - start)


def parse_fields(raw: bytes, *, keep_first: bool = False) -> dict[str, str]:
    """Parse the fields of a header block; lines that are none are passed over.

    Args:
        raw: the block, blank line included or not. Read as UTF-8; other bytes become U+FFFD.
        keep_first: of a field that is repeated take the first value, as is right for those
            of WARC records; else the values are joined by ", ", as HTTP has it.

    Returns:
        Values by names in lower case.
    """
    fields: dict[str, str] = {}
    last = ""
    fold_name = _USUAL_NAMES.get
    for line in raw.decode("utf-8", "replace").split("\n", MAX_HEAD_LINES)[1:MAX_HEAD_LINES]:
        name, colon, value = line.partition(":")
        key = fold_name(name)
        if key is None or not colon:
            if last and line[:1] in _FOLDS:
                fields[last] = f"{fields[last]} {line.strip()}".strip()
                continue
            key = name.strip().lower() if colon else ""
        last = key
        if key in fields:
            if keep_first:
                last = ""
                continue
            fields[key] = f"{fields[key]}, {value.strip()}"
        elif key:
            fields[key] = value.strip()
    return fields


def find_record(data: bytes | bytearray, start: int) -> tuple[int, int]:
    """Find the next header block of a record.

    Returns:
        Its index or -1, and the index from which to search again once more data is there.
    """
    found = _RECORD_START.search(data, start)
    if found:
        return found.start(), found.start()
    return -1, max(start, len(data) - _LONGEST_START_BYTES)


def parse_length(fields: dict[str, str]) -> int | None:
    """Read Content-Length; None if it is missing, negative or no number."""
    value = fields.get("content-length", "")
    if not value.isdecimal():
        value = value.partition(",")[0].strip()
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else None


def parse_status(raw: bytes) -> int | None:
    """Read the status code of an HTTP header block such as ``HTTP/1.1 200 OK``."""
    parts = raw[: raw.find(b"\n") if b"\n" in raw else len(raw)].split(None, 2)
    if len(parts) < 2 or not parts[0].upper().startswith(b"HTTP/"):
        return None
    code = parts[1]
    return int(code) if len(code) == 3 and code.isdigit() else None


def parse_date(fields: dict[str, str]) -> datetime.datetime | None:
    """Read WARC-Date as UTC; None if it is no date, such as ClueWeb's ``2009-03-65``."""
    value = fields.get("warc-date", "")
    try:
        date = datetime.datetime.fromisoformat(value)
        if date.tzinfo is datetime.UTC:
            return date
        if date.tzinfo is None:
            return date.replace(tzinfo=datetime.UTC)
        return date.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def read_record_id(fields: dict[str, str]) -> str | None:
    """Read WARC-Record-ID without its angle brackets."""
    return fields.get("warc-record-id", "").strip("<> ") or None


def read_url(fields: dict[str, str]) -> str | None:
    """Read WARC-Target-URI; wget writes it in angle brackets."""
    return fields.get("warc-target-uri", "").strip("<> ") or None
