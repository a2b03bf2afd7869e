"""Records of a WARC or WET file: every intact one, and a reason for every damaged one.

`warc_members` finds the compressed members and verifies them, `record_framing` cuts
them into records; here a block becomes a record with its HTTP response taken apart.
"""

import datetime
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.record_framing import Framed, frame_records
from gristmill.cleaning.record_headers import (
    MAX_HEAD_BYTES,
    Head,
    find_head_end,
    parse_date,
    parse_head,
    parse_status,
    read_record_id,
    read_url,
)
from gristmill.cleaning.warc_members import Gap, scan_members
from gristmill.schemas.fates import Damaged

#: Longest record block (reliability.md, S1).
MAX_RECORD_BYTES: Final = 20 << 20
_HTTP: Final = b"HTTP/"
#: Types whose block is an HTTP response; headers of others are of no use here.
_HTTP_TYPES: Final = frozenset({"response", "revisit"})


class WarcRecord(NamedTuple):
    """One intact record.

    `offset` and `length` locate it: compressed bytes of the file where the record has
    a member to itself; elsewhere `offset` is the member's offset plus the position
    among its decoded bytes, and `length` counts those.
    """

    record_type: str
    record_id: str | None  # without < >
    url: str | None  # WARC-Target-URI
    date: datetime.datetime | None  # WARC-Date, UTC
    content_type: str | None  # of the block
    http_headers: dict[str, str] | None  # names in lower case; None if it is no HTTP response
    http_status: int | None
    payload: bytes  # body as transferred, or the block
    offset: int
    length: int
    truncated: str | None  # WARC-Truncated


def iterate(
    stream: BinaryIO, *, max_record_bytes: int = MAX_RECORD_BYTES
) -> Iterator[WarcRecord | Damaged]:
    """Yield the records of a file and what is damaged between them, in order.

    Memory is bounded by about three times `max_record_bytes`; no input raises.

    Args:
        stream: WARC or WET file, in gzip (a member per record or one for all), zstd or
            plain; read from its current position, which offsets count from.
        max_record_bytes: longest record block to return.

    Yields:
        Intact records of every type, and `Damaged` for each record that is cut, broken
        or too large and for each run of bytes without a record. A file that holds no
        record at all gives exactly one `Damaged`, unless it is empty.
    """
    start = stream.tell()
    seen = False
    stray_start = stray_bytes = 0
    for item in _frame_file(stream, max_record_bytes):
        if isinstance(item, Gap):
            stray_start = stray_start if stray_bytes else item.offset
            stray_bytes += item.length
            continue
        if stray_bytes:
            yield _refuse_stray(stray_start, stray_bytes)
        yield item
        seen = True
        stray_bytes = 0
    if not seen:
        yield Damaged("damaged_record", "no WARC record found", start, stream.tell() - start)
    elif stray_bytes:
        yield _refuse_stray(stray_start, stray_bytes)


def _refuse_stray(offset: int, length: int) -> Damaged:
    return Damaged("damaged_record", f"{length} bytes that belong to no record", offset, length)


def _frame_file(stream: BinaryIO, max_record_bytes: int) -> Iterator[WarcRecord | Damaged | Gap]:
    for member in scan_members(stream, max_member_bytes=max_record_bytes + 2 * MAX_HEAD_BYTES):
        if isinstance(member, Gap):
            yield member
            continue
        for framed in frame_records(member, max_record_bytes=max_record_bytes):
            yield _read_record(framed) if isinstance(framed, Framed) else framed


def _read_record(framed: Framed) -> WarcRecord:
    fields, data, start, end, offset, length = framed
    record_type = fields.get("warc-type", "").lower()
    http: Head | None = None
    if record_type in _HTTP_TYPES and data[start : start + len(_HTTP)].upper() == _HTTP:
        body = find_head_end(data, start, min(end, start + MAX_HEAD_BYTES))
        body = end if body < 0 else body
        http = parse_head(data[start:body])
        start = body
    return WarcRecord(
        record_type,
        read_record_id(fields),
        read_url(fields),
        parse_date(fields),
        fields.get("content-type"),
        http.fields if http else None,
        parse_status(http.first_line) if http else None,
        data[start:end],
        offset,
        length,
        fields.get("warc-truncated"),
    )
