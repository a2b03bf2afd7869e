"""Cuts the decoded bytes of a member of an ARC file into records, as `record_framing` does for WARC.

A record is a line, a block and a line end; nothing in it has a magic number or a digest.
So a block ends where its length says if the file ends there too or a URL line follows,
and where its compressed member ends if it is alone in one that is whole.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gristmill.cleaning.arc_lines import (
    MAX_LINE_BYTES,
    UrlLine,
    begins_line,
    find_line,
    opens_record,
    parse_line,
    skip_junk,
)
from gristmill.cleaning.member_cursor import REASONS, Fault, MemberCursor
from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged


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
    cursor = MemberCursor(member, find_line)
    return cursor.frame_all(_Framer(cursor, max_record_bytes).frame_next, stop)


class _Framer:
    def __init__(self, cursor: MemberCursor, max_record_bytes: int) -> None:
        self._cursor = cursor
        self._max_record_bytes = max_record_bytes

    def frame_next(self, begin: int) -> Framed | Damaged | Gap:
        """Frame what begins at an index, that of neither CR nor LF."""
        cursor = self._cursor
        if self._is_cut_line(begin):
            reason = REASONS.get(cursor.state, "truncated_record")
            return cursor.refuse(Fault(reason, "its URL line is cut"), len(cursor.data))
        start = cursor.data.find(b"\n", begin, begin + MAX_LINE_BYTES) + 1
        if not start or not opens_record(cursor.data, begin):
            return cursor.skip_gap(cursor.find_next(begin + 1))
        if (url := skip_junk(cursor.data, begin)) > begin:
            return cursor.skip_gap(url)
        line = parse_line(bytes(cursor.data[begin:start]))
        end, fault = self._measure_block(start, line.length)
        is_framed = fault is None
        fault = fault or self._doubt_block(end)
        if fault is not None:
            return cursor.refuse(fault, end, url=line.url, is_framed=is_framed)
        return Framed(line, bytes(cursor.data[start:end]), *cursor.locate())

    def _is_cut_line(self, index: int) -> bool:
        """Say whether all that is left of the member can be the start of a URL line."""
        ended = not self._cursor.hold(index + MAX_LINE_BYTES)
        return ended and begins_line(self._cursor.data, index)

    def _measure_block(self, start: int, declared: int | None) -> tuple[int, Fault | None]:
        """Find the end of a block, or say why it cannot be told."""
        cursor = self._cursor
        fault: Fault | None = Fault("damaged_record", "its URL line gives no length")
        if declared is not None:
            limit = self._max_record_bytes
            fault = cursor.hold_block(start, declared, limit, "its URL line says")
            if fault is not None:
                return start, fault
            if self._closes_record(start + declared):
                return start + declared, None
            fault = Fault("damaged_record", f"no record ends where length {declared} says")
        if cursor.ends_block(start):
            tail = bytes(cursor.data[-2:])
            end = len(cursor.data) - (2 if tail == b"\r\n" else tail.endswith(b"\n"))
            return max(start, end), None
        return start, fault

    def _closes_record(self, end: int) -> bool:
        """Say whether a record can end here: with the file, or before another record."""
        cursor = self._cursor
        cursor.index = end
        if not cursor.skip_line_ends():
            return True
        is_cut = self._is_cut_line(cursor.index) and cursor.index > end
        return is_cut or opens_record(cursor.data, cursor.index)

    def _doubt_block(self, end: int) -> Fault | None:
        """Step behind a block; say why it may not be what was written, if it may not."""
        cursor = self._cursor
        cursor.index = end
        last = not cursor.skip_line_ends()
        if cursor.state == BROKEN:
            return Fault("damaged_record", "the member is broken and no digest proves this block")
        if cursor.state in (TRUNCATED, BOMB) and last:
            return Fault(REASONS[cursor.state], "the member is cut behind this block")
        return None
