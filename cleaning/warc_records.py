"""Records of a WARC or WET file: every intact one, and a reason for every damaged one.

`warc_members` finds the compressed members and verifies them, `record_framing` cuts
them into records; here a block becomes a record with its HTTP response taken apart.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.decompressors import MAGIC_BYTES, detect_format
from gristmill.cleaning.member_streams import OPEN, WHOLE
from gristmill.cleaning.record_framing import Framed, frame_records
from gristmill.cleaning.record_headers import (
    MAX_HEAD_BYTES,
    find_head_end,
    parse_date,
    parse_fields,
    parse_length,
    parse_status,
    read_record_id,
    read_url,
)
from gristmill.cleaning.warc_members import (
    MAX_MEMBER_BYTES,
    Gap,
    Member,
    begins_record,
    index_members,
    scan_members,
)
from gristmill.schemas.fates import Damaged

#: Longest record block.
MAX_RECORD_BYTES: Final = MAX_MEMBER_BYTES - 2 * MAX_HEAD_BYTES
_HTTP: Final = b"HTTP/"
#: Types whose block is an HTTP response; headers of others are of no use here.
_HTTP_TYPES: Final = frozenset({"response", "revisit"})
_TERMINATOR: Final = b"\r\n\r\n"
_NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
_UNREAD_FORMATS: Final = frozenset({"bz2", "xz", "lzma", "lz4", "7z"})


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
    fields: Mapping[str, str] = _NO_FIELDS  # of the WARC header, names in lower case
    http_head: bytes = b""  # the part of the block before the payload


def iterate(
    stream: BinaryIO,
    *,
    max_record_bytes: int = MAX_RECORD_BYTES,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[WarcRecord | Damaged]:
    """Yield the records of a file and what is damaged between them, in order.

    Memory is bounded by about three times `max_record_bytes`; no input raises.

    Args:
        stream: WARC or WET file, in gzip (a member per record or one for all), zstd or
            plain; read from its current position, which offsets count from.
        max_record_bytes: longest record block to return.
        start: offset of the first record, one that `index_records` gave; the stream can
            seek then. Ranges that touch give together what the whole file gives.
        stop: offset of the first record of the next range; None is the end of the file.

    Yields:
        Intact records of every type, and `Damaged` for each record that is cut, broken
        or too large and for each run of bytes without a record. A file that holds no
        record at all gives exactly one `Damaged`, unless it is empty.
    """
    base = stream.tell()

    def refuse_file() -> Damaged | None:
        whole = start <= base and (stop is None or _is_end(stream, stop))
        return _refuse_file(stream, base) if whole else None

    yield from join_gaps(_read_file(stream, max_record_bytes, start, stop), refuse_file)


def join_gaps(
    items: Iterable[WarcRecord | Damaged | Gap], refuse_file: Callable[[], Damaged | None]
) -> Iterator[WarcRecord | Damaged]:
    """Yield one `Damaged` for each run of gaps, and all other items as they are.

    Args:
        items: what was found in a file, in order.
        refuse_file: called if there was nothing but gaps; what it gives stands for them.
    """
    seen = False
    stray_start = stray_bytes = 0
    for item in items:
        if isinstance(item, Gap):
            stray_start = stray_start if stray_bytes else item.offset
            stray_bytes += item.length
            continue
        if stray_bytes:
            yield _refuse_stray(stray_start, stray_bytes)
        yield item
        seen = True
        stray_bytes = 0
    refused = None if seen else refuse_file()
    if refused is not None:
        yield refused
    elif stray_bytes:
        yield _refuse_stray(stray_start, stray_bytes)


def index_records(
    stream: BinaryIO, *, every_bytes: int, max_record_bytes: int = MAX_RECORD_BYTES
) -> list[int]:
    """Find offsets at which `iterate` may start and stop; decodes the file, parses little.

    Args:
        stream: file that can seek, read from its current position.
        every_bytes: least distance of two offsets. Near the end of the file reading stops.
        max_record_bytes: as `iterate` will be given.

    Returns:
        Offsets in ascending order, the first that of the file's start. Where a file is
        compressed they are those of whole members that start a record, so a file of one
        member gives one.
    """
    return index_members(
        stream,
        every_bytes=every_bytes,
        max_member_bytes=max_record_bytes + 2 * MAX_HEAD_BYTES,
        list_plain=lambda member: (
            item.offset
            for item in frame_records(member, max_record_bytes=max_record_bytes)
            if isinstance(item, Framed)
        ),
    )


def _is_end(stream: BinaryIO, offset: int) -> bool:
    stream.seek(offset)
    return not stream.read(1)


def _refuse_file(stream: BinaryIO, base: int) -> Damaged:
    end = stream.tell()
    detail = "no WARC record found"
    if stream.seekable():
        stream.seek(base)
        form = detect_format(stream.read(MAGIC_BYTES))
        if form in _UNREAD_FORMATS:
            detail = f"{form} is not read here: decompress the file, or pack it as gzip or zstd"
    return Damaged("damaged_record", detail, base, end - base)


def _refuse_stray(offset: int, length: int) -> Damaged:
    return Damaged("damaged_record", f"{length} bytes that belong to no record", offset, length)


def _read_file(
    stream: BinaryIO, max_record_bytes: int, start: int, stop: int | None
) -> Iterator[WarcRecord | Damaged | Gap]:
    members = scan_members(
        stream, max_member_bytes=max_record_bytes + 2 * MAX_HEAD_BYTES, start=start, stop=stop
    )
    waiting: list[Member | Gap] = []

    def follow() -> Member | None:
        item = waiting.pop() if waiting else next(members, None)
        if isinstance(item, Member) and _continues(item):
            return item
        if item is not None:
            waiting.append(item)
        return None

    while (member := waiting.pop() if waiting else next(members, None)) is not None:
        if isinstance(member, Gap):
            yield member
            continue
        record = _read_alone(member, max_record_bytes) if member.state == WHOLE else None
        if record is not None:
            yield record
            continue
        for framed in frame_records(
            member, max_record_bytes=max_record_bytes, follow=follow, stop=stop
        ):
            yield _make_record(*framed) if isinstance(framed, Framed) else framed


def _continues(member: Member) -> bool:
    """Say whether a member may hold the rest of a record that began before it."""
    return member.state in (WHOLE, OPEN) and not begins_record(member.content)


def _read_alone(member: Member, max_record_bytes: int) -> WarcRecord | None:
    """Read a record that fills a whole member to the byte, as nearly all do.

    Returns:
        What `frame_records` and `_make_record` would give, or None if they must look closer.
    """
    content = member.content
    head_end = content.find(b"\n\r\n", 0, MAX_HEAD_BYTES) + 3
    if head_end < 3 or not content.startswith(b"WARC/"):
        return None
    head = content[:head_end]
    if b"\n\n" in head or b"\nWARC/" in head:
        return None
    fields = parse_fields(head, keep_first=True)
    length = parse_length(fields)
    if length is None or length > max_record_bytes:
        return None
    end = head_end + length
    if len(content) != end + len(_TERMINATOR) or not content.endswith(_TERMINATOR):
        return None
    return _make_record(fields, content, head_end, end, member.offset, member.length)


def _make_record(
    fields: dict[str, str], data: bytes, start: int, end: int, offset: int, length: int
) -> WarcRecord:
    """Make a record of a block, ``data[start:end]``."""
    record_type = fields.get("warc-type", "").lower()
    http: dict[str, str] | None = None
    status: int | None = None
    http_head = b""
    if record_type in _HTTP_TYPES and data[start : start + len(_HTTP)].upper() == _HTTP:
        body = find_head_end(data, start, min(end, start + MAX_HEAD_BYTES))
        body = end if body < 0 else body
        http_head = data[start:body]
        http = parse_fields(http_head)
        status = parse_status(http_head)
        start = body
    return WarcRecord(
        record_type,
        read_record_id(fields),
        read_url(fields),
        parse_date(fields),
        fields.get("content-type"),
        http,
        status,
        data[start:end],
        offset,
        length,
        fields.get("warc-truncated"),
        fields,
        http_head,
    )
