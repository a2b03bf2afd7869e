"""Read JSON Lines: stream to lines, line to document. A bad line costs one row.

A file that is one array of objects is read in the same way, an element a row.
"""

import datetime
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, NamedTuple

from gristmill.cleaning.bounded_streams import StreamError, decode_chunks
from gristmill.cleaning.json_arrays import split_elements
from gristmill.cleaning.normalization import normalize_text
from gristmill.cleaning.text_lines import TextLine, split_lines
from gristmill.schemas.fates import Damaged, Found, Refused

#: Cap on one line: a document of the cap below, every character escaped, and its fields.
MAX_LINE_BYTES: Final = 128 << 20

#: Cap on one document (threat S1).
MAX_DOCUMENT_BYTES: Final = 20 << 20

#: Cap on a decoded file.
MAX_FILE_BYTES: Final = 1 << 42

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# Lines that are arrays, of numbers or strings, are still lines.
_ARRAY: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*+\[[ \t\r\n]*+\{")
_MAX_SHORT_CHARS: Final = 8192  # a URL or title longer than this is none


@dataclass(frozen=True, kw_only=True)
class FieldMap:
    """Which fields of a row hold what; a dot goes into an object: ``metadata.url``.

    Attributes:
        text: the document. A row without it is damaged.
        id: a string or integer that names the row; None names rows by their place.
        url: address, if any.
        date: ISO 8601 string, timestamp, or seconds since 1970.
        title: title, if any.
        language: language that the source declares.
    """

    text: str = "text"
    id: str | None = None
    url: str | None = None
    date: str | None = None
    title: str | None = None
    language: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are mapped, each once."""
        mapped = (self.text, self.id, self.url, self.date, self.title, self.language)
        return tuple(dict.fromkeys(name for name in mapped if name is not None))


@dataclass(frozen=True, kw_only=True)
class RowSettings:
    """Limits on a document, and its licence.

    Attributes:
        max_document_bytes: cap on its UTF-8 bytes.
        licence: SPDX id written to each document.
    """

    max_document_bytes: int = MAX_DOCUMENT_BYTES
    licence: str | None = None


class JsonRow(NamedTuple):
    """A line: its number from 0, its bytes, and where they lie in the decoded stream."""

    ordinal: int
    raw: bytes
    offset: int
    length: int


def look_up(row: Mapping[str, Any], name: str) -> object:
    """Find a field by its name, or by a path with dots; None if it is not there."""
    if name in row:
        return row[name]
    value: object = row
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def read_short(row: Mapping[str, Any], name: str | None) -> str | None:
    """Read a field that holds a short string; None for anything else."""
    value = look_up(row, name) if name is not None else None
    if not isinstance(value, str) or len(value) > _MAX_SHORT_CHARS or _has_surrogate(value):
        return None
    return value.strip() or None


def read_date(row: Mapping[str, Any], name: str | None) -> datetime.datetime | None:
    """Read a field that holds a moment, as `FieldMap.date` may; None for anything else."""
    value = look_up(row, name) if name is not None else None
    moment = None
    try:
        if isinstance(value, datetime.datetime):
            moment = value
        elif isinstance(value, datetime.date):
            moment = datetime.datetime(value.year, value.month, value.day)
        elif isinstance(value, str) and len(value) <= 64:
            moment = datetime.datetime.fromisoformat(value.strip())
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.datetime.fromtimestamp(value, datetime.UTC)
        if moment is None:
            return None
        # A date without a zone is taken as UTC: a guess by place would differ by machine.
        return (
            moment.astimezone(datetime.UTC)
            if moment.tzinfo
            else moment.replace(tzinfo=datetime.UTC)
        )
    except (ValueError, OverflowError, OSError):
        return None


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _read_native_id(row: Mapping[str, Any], fields: FieldMap, ordinal: int) -> str:
    value = look_up(row, fields.id) if fields.id is not None else None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        return str(value)
    return read_short(row, fields.id) or f"line:{ordinal}"


def _decode_text(value: object) -> str | Damaged:
    """Make a string of the text field; the offset and length of a fault are filled in later."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            return Damaged("undecodable", f"not UTF-8 at byte {error.start}", 0, 0)
    if not isinstance(value, str):
        return Damaged("bad_row", f"text is {type(value).__name__}", 0, 0)
    if _has_surrogate(value):
        return Damaged("undecodable", "lone surrogate", 0, 0)
    return value


def extract_values(
    row: Mapping[str, Any], fields: FieldMap, settings: RowSettings, place: tuple[int, int, int]
) -> Found | Refused | Damaged:
    """Turn a row of named values into a document.

    Args:
        row: values by field; the text may be `str` or UTF-8 `bytes`.
        fields: which field holds what.
        settings: limits.
        place: ordinal, offset and length of the row.

    Returns:
        `Damaged` ``bad_row`` if the text is missing or no string, ``undecodable`` if it is
        no valid Unicode, ``too_large`` over the cap; `Refused` ``empty_text`` if nothing is
        left. An optional field of the wrong type counts as missing.
    """
    ordinal, offset, length = place
    native_id = _read_native_id(row, fields, ordinal)
    url = read_short(row, fields.url)
    text = _decode_text(look_up(row, fields.text))
    if isinstance(text, Damaged):
        return Damaged(text.reason, text.detail, offset, length, native_id, url)
    text_bytes = len(text.encode("utf-8"))
    if text_bytes > settings.max_document_bytes:
        detail = f"{text_bytes} > {settings.max_document_bytes}"
        return Damaged("too_large", detail, offset, length, native_id, url)
    text = normalize_text(text)
    if not text:
        return Refused("empty_text", "no text", offset, length, native_id, url)
    return Found(
        native_id,
        text,
        offset,
        length,
        url=url,
        title=read_short(row, fields.title),
        date=read_date(row, fields.date),
        declared_language=read_short(row, fields.language),
        extraction="plain",
        licence=settings.licence,
    )


def extract_row(row: JsonRow, fields: FieldMap, settings: RowSettings) -> Found | Refused | Damaged:
    """Parse a line and turn it into a document.

    Args:
        row: from `iterate`.
        fields: which field holds what.
        settings: limits.

    Returns:
        As `extract_values`; besides, `Damaged` ``undecodable`` if the line is not UTF-8,
        ``bad_row`` if it is no JSON object, ``too_complex`` if it nests too deeply. The id
        is that of the row, or ``line:<ordinal>``.
    """
    values = parse_row(row)
    if isinstance(values, Damaged):
        return values
    return extract_values(values, fields, settings, (row.ordinal, row.offset, row.length))


def parse_row(row: JsonRow) -> dict[str, Any] | Damaged:
    """Parse a line that holds an object; what is wrong with it otherwise."""
    native_id = f"line:{row.ordinal}"
    try:
        values = json.loads(row.raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start}"
        return Damaged("undecodable", detail, row.offset, row.length, native_id)
    except json.JSONDecodeError as error:
        detail = f"no JSON: {error.msg} at character {error.pos}"
        return Damaged("bad_row", detail, row.offset, row.length, native_id)
    except ValueError:  # an integer of more digits than Python converts
        return Damaged("bad_row", "no JSON number", row.offset, row.length, native_id)
    except RecursionError:
        return Damaged("too_complex", "JSON nests too deeply", row.offset, row.length, native_id)
    if not isinstance(values, dict):
        detail = f"row is {type(values).__name__}"
        return Damaged("bad_row", detail, row.offset, row.length, native_id)
    return values


def iterate(
    stream: BinaryIO, *, max_line_bytes: int = MAX_LINE_BYTES, max_bytes: int = MAX_FILE_BYTES
) -> Iterator[JsonRow | Damaged]:
    """Yield the lines of a stream that are not blank, or the elements of one JSON array.

    Args:
        stream: lines, or an array of objects, plain or as gz, bz2, xz, lzma or zst.
        max_line_bytes: cap on one line or element; a longer one is damaged, and the next
            follows.
        max_bytes: cap on the decoded stream.

    Yields:
        Lines as bytes, neither decoded nor parsed; a last `Damaged` if the stream breaks
        off, in the place of the line that it cuts.
    """
    chunks = decode_chunks(stream, max_bytes=max_bytes)
    try:
        first = next(chunks, b"")
    except StreamError as fault:
        yield Damaged(fault.reason, str(fault), 0, 0, "line:0")
        return
    chunks = itertools.chain([first], chunks)
    if _ARRAY.match(first):
        for element in split_elements(chunks, max_element_bytes=max_line_bytes):
            yield JsonRow(*element) if isinstance(element, TextLine) else element
        return
    for line in split_lines(chunks, max_line_bytes=max_line_bytes):
        if isinstance(line, Damaged):
            yield line
            continue
        raw = line.raw.removeprefix(_BYTE_ORDER_MARK) if line.offset == 0 else line.raw
        raw = raw.strip(b" \t\r\n")
        if raw:
            yield JsonRow(line.ordinal, raw, line.offset, line.length)
