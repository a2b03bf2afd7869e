"""Cuts the decoded bytes of a member of an ARC file into records, as `record_framing` does for WARC.

A record is a line, a block and a line end; nothing in it has a magic number or a digest.
So a block ends where its length says if the file ends there too or a URL line follows,
and where its compressed member ends if it is alone in one that is whole.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from gristmill.cleaning.arc_lines import (
    MAX_LINE_BYTES,
    UrlLine,
    begins_line,
    find_line,
    opens_record,
    parse_line,
    skip_junk,
)
from gristmill.cleaning.member_cursor import REASONS, Fault, MemberCursor, RecordForm
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged

_FORM: Final = RecordForm(
    find_record=find_line,
    line_ends=(b"\r\n", b"\n"),
    no_length="its URL line gives no length",
    length_is="its URL line says {}",
    length_misleads="no record ends where length {} says",
)


class Framed(NamedTuple):
    """A record; offset and length are those of `WarcRecord`."""

    line: UrlLine
    block: bytes
    offset: int
    length: int


def frame_records(
    member: Member, *, max_record_bytes: int, stop: int | None = None
) -> Iterator[Framed | Damaged | Gap]:
    """Yield the records of a member; reads the stream of an open member to its end.

    Args:
        member: as `warc_members.scan_members` yields it.
        max_record_bytes: longest block to return; longer ones are `too_large`.
        stop: offset of the first record to leave out, in a file that is not compressed.

    Yields:
        Whole records; `Damaged` for every record that is not; gaps between them.
    """
    cursor = MemberCursor(member, _FORM, max_record_bytes)
    return cursor.frame_all(_frame_next, stop)


def _frame_next(cursor: MemberCursor, begin: int) -> Framed | Damaged | Gap:
    """Frame what begins at an index, that of neither CR nor LF."""
    if _is_cut_line(cursor, begin):
        reason = REASONS.get(cursor.state, "truncated_record")
        return cursor.refuse(Fault(reason, "its URL line is cut"), len(cursor.data))
    start = cursor.data.find(b"\n", begin, begin + MAX_LINE_BYTES) + 1
    if not start or not opens_record(cursor.data, begin):
        return cursor.skip_gap(cursor.find_next(begin + 1))
    if (url := skip_junk(cursor.data, begin)) > begin:
        return cursor.skip_gap(url)
    line = parse_line(bytes(cursor.data[begin:start]))
    end, fault = cursor.measure_block(start, line.length, _closes_record)
    is_framed = fault is None
    fault = fault or cursor.doubt_block(end)
    if fault is not None:
        return cursor.refuse(fault, end, url=line.url, is_framed=is_framed)
    return Framed(line, bytes(cursor.data[start:end]), *cursor.locate())


def _is_cut_line(cursor: MemberCursor, index: int) -> bool:
    """Say whether all that is left of the member can be the start of a URL line."""
    ended = not cursor.hold(index + MAX_LINE_BYTES)
    return ended and begins_line(cursor.data, index)


def _closes_record(cursor: MemberCursor, end: int) -> bool:
    """Say whether a record can end here: with the file, or before another record."""
    cursor.index = end
    if not cursor.skip_line_ends():
        return True
    is_cut = _is_cut_line(cursor, cursor.index) and cursor.index > end
    return is_cut or opens_record(cursor.data, cursor.index)
