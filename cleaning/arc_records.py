"""Records of an ARC file, the form of web crawls before WARC, as `WarcRecord`s.

`arc_lines` knows what starts a record, `arc_framing` cuts a file into records; here they
become what the rest of the mill knows::

    http://example.org/ 192.0.2.1 20080430204825 text/html 680
    URL                 address   date           type      length of the block
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from gristmill.cleaning.arc_framing import Framed, frame_records
from gristmill.cleaning.arc_lines import (
    MAX_LINE_BYTES,
    VERSION_SCHEME,
    find_line,
    opens_record,
)
from gristmill.cleaning.record_headers import (
    MAX_HEAD_BYTES,
    find_head_end,
    parse_fields,
    parse_status,
)
from gristmill.cleaning.warc_members import (
    Dialect,
    Gap,
    index_members,
    scan_members,
)
from gristmill.cleaning.warc_records import MAX_RECORD_BYTES, WarcRecord, join_gaps
from gristmill.schemas.fates import Damaged

_HTTP: Final = b"HTTP/"
_WARC: Final = b"WARC/"
#: As much of the start of a file as tells its form.
HEAD_BYTES: Final = 1 << 20
_DIALECT: Final = Dialect(lambda content: opens_record(content, 0), 4096, find_line)


def is_arc(head: bytes) -> bool:
    """Say whether a file is an ARC file by what its first record looks like.

    Args:
        head: the first `HEAD_BYTES` of the file, compressed or not, or all of it.
    """
    members = scan_members(io.BytesIO(head), max_member_bytes=HEAD_BYTES, dialect=_DIALECT)
    for member in members:
        if isinstance(member, Gap):
            continue
        content = member.content
        while member.stream is not None and len(content) < HEAD_BYTES:
            if not (piece := member.stream.read()):
                break
            content += piece
        arc, warc = find_line(content, 0)[0], content.find(_WARC)
        if max(arc, warc) >= 0 or len(content) >= HEAD_BYTES:
            return arc >= 0 and not 0 <= warc < arc
    return False


def iterate(
    stream: BinaryIO,
    *,
    max_record_bytes: int = MAX_RECORD_BYTES,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[WarcRecord | Damaged]:
    """Yield the records of a file and what is damaged between them, in order.

    Every record is a `response`, but for the version block of the file, which is a
    `warcinfo`; none has an id. Memory and damage are as in `warc_records.iterate`.

    Args:
        stream: ARC file of version 1 or 2, in gzip (a member per record or one for all)
            or plain; read from its current position, which offsets count from.
        max_record_bytes: longest record block to return.
        start: offset of the first record, one that `index_records` gave; the stream can
            seek then. Ranges that touch give together what the whole file gives.
        stop: offset of the first record of the next range; None is the end of the file.

    Yields:
        Intact records, and `Damaged` for each that is cut, broken or too large and for
        each run of bytes without a record. A file that holds no record at all gives
        exactly one `Damaged`, unless it is empty.
    """
    base = stream.tell()

    def refuse_file() -> Damaged | None:
        read = stream.tell() - base
        if start > base or stop is not None or not read:
            return None
        return Damaged("damaged_record", "no ARC record found", base, read)

    yield from join_gaps(_read_file(stream, max_record_bytes, start, stop), refuse_file)


def index_records(
    stream: BinaryIO, *, every_bytes: int, max_record_bytes: int = MAX_RECORD_BYTES
) -> list[int]:
    """Find offsets at which `iterate` may start and stop, as `warc_records.index_records` does.

    Args:
        stream: file that can seek, read from its current position.
        every_bytes: least distance of two offsets.
        max_record_bytes: as `iterate` will be given.
    """
    return index_members(
        stream,
        every_bytes=every_bytes,
        dialect=_DIALECT,
        max_member_bytes=max_record_bytes + 2 * MAX_LINE_BYTES,
        list_plain=lambda member: (
            item.offset
            for item in frame_records(member, max_record_bytes=max_record_bytes)
            if isinstance(item, Framed)
        ),
    )


def _read_file(
    stream: BinaryIO, max_record_bytes: int, start: int, stop: int | None
) -> Iterator[WarcRecord | Damaged | Gap]:
    limit = max_record_bytes + 2 * MAX_LINE_BYTES
    for member in scan_members(
        stream, max_member_bytes=limit, dialect=_DIALECT, start=start, stop=stop
    ):
        if isinstance(member, Gap):
            yield member
            continue
        for framed in frame_records(member, max_record_bytes=max_record_bytes, stop=stop):
            yield _read_record(framed) if isinstance(framed, Framed) else framed


def _read_record(framed: Framed) -> WarcRecord:
    line, block, offset, length = framed
    http: dict[str, str] | None = None
    head = b""
    if block[: len(_HTTP)].upper() == _HTTP:
        body = find_head_end(block, 0, min(len(block), MAX_HEAD_BYTES))
        body = len(block) if body < 0 else body
        head, block = block[:body], block[body:]
        http = parse_fields(head)
    return WarcRecord(
        record_type="warcinfo" if line.url.startswith(VERSION_SCHEME) else "response",
        record_id=None,
        url=line.url or None,
        date=line.date,
        content_type=line.content_type,
        http_headers=http,
        http_status=parse_status(head) if http is not None else None,
        payload=block,
        offset=offset,
        length=length,
        truncated=None,
        http_head=head,
    )
