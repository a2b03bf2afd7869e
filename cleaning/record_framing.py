"""Cuts the decoded bytes of a member into record blocks, believing no length unchecked.

* A record alone in a whole gzip member or zstd frame is as long as the member says.
* A record that wants more than its whole member has goes on in the members that follow,
  as long as those are whole and start no record: several members are one stream.
* Elsewhere its Content-Length has to lead to the end of a record; if it does not, the
  record is damaged and framing goes on at the next header block of a record.
* What no checksum covers (a plain file, a member that breaks later) is compared with
  its WARC-Block-Digest if it has one.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from gristmill.cleaning.member_cursor import REASONS, Fault, MemberCursor
from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED, WHOLE
from gristmill.cleaning.record_digests import match_digest
from gristmill.cleaning.record_headers import (
    MAX_HEAD_BYTES,
    find_head_end,
    find_record,
    parse_fields,
    parse_length,
    read_record_id,
    read_url,
)
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged

_VERSION: Final = b"WARC/"
_NEXT_VERSION: Final = b"\nWARC/"
_TERMINATOR: Final = b"\r\n\r\n"
_USUAL_HEAD_BYTES: Final = 64 << 10


class Framed(NamedTuple):
    """A record: its block is ``data[start:end]``."""

    fields: dict[str, str]
    data: bytes
    start: int
    end: int
    offset: int
    length: int


def frame_records(
    member: Member,
    *,
    max_record_bytes: int,
    follow: Callable[[], Member | None] = lambda: None,
    stop: int | None = None,
) -> Iterator[Framed | Damaged | Gap]:
    """Yield the records of a member; reads the stream of an open member to its end.

    Args:
        member: as `warc_members.scan_members` yields it.
        max_record_bytes: longest block to return; longer ones are `too_large`.
        follow: takes the next member of the file, if that is whole or open and starts no
            record; called when a record wants more than a whole member has.
        stop: offset of the first record to leave out, in a file that is not compressed.

    Yields:
        Whole records; `Damaged` for every record that is not; gaps between them.
        `offset` is that of the member plus the position among its decoded bytes, and
        `length` counts decoded bytes, but for a record alone in its compressed member:
        its length is the member's.
    """
    cursor = MemberCursor(member, find_record, follow)
    return cursor.frame_all(_Framer(cursor, max_record_bytes).frame_next, stop)


class _Framer:
    def __init__(self, cursor: MemberCursor, max_record_bytes: int) -> None:
        self._cursor = cursor
        self._max_record_bytes = max_record_bytes

    def frame_next(self, begin: int) -> Framed | Damaged | Gap:
        """Frame what begins at an index, that of neither CR nor LF."""
        cursor = self._cursor
        if not self._opens_record(begin):
            return cursor.skip_gap(cursor.find_next(begin + 1))
        start = self._find_block(begin)
        # A header that runs into the next record ends there, whatever follows.
        inner = cursor.data.rfind(_NEXT_VERSION, begin, max(start, begin)) + 1
        if start < 0 or inner:
            unended = Fault(REASONS.get(cursor.state, "damaged_record"), "its header does not end")
            # No header that starts in what was searched ends there: do not search it again.
            resume = inner or begin + MAX_HEAD_BYTES - _USUAL_HEAD_BYTES
            return cursor.refuse(unended, min(resume, len(cursor.data)))
        fields = parse_fields(bytes(cursor.data[begin:start]), keep_first=True)
        end, fault = self._measure_block(start, parse_length(fields))
        is_framed = fault is None
        fault = fault or self._doubt_block(fields, start, end)
        if fault is not None:
            record_id, url = read_record_id(fields), read_url(fields)
            return cursor.refuse(fault, end, record_id=record_id, url=url, is_framed=is_framed)
        data = cursor.data
        if isinstance(data, bytearray):
            data, start, end = bytes(data[start:end]), 0, end - start
        return Framed(fields, data, start, end, *cursor.locate())

    def _opens_record(self, index: int) -> bool:
        cursor = self._cursor
        cursor.hold(index + len(_VERSION))
        found = cursor.data[index : index + len(_VERSION)].upper()
        if len(found) < len(_VERSION) and _VERSION.startswith(found):
            cursor.hold_on(index + len(_VERSION))
            found = cursor.data[index : index + len(_VERSION)].upper()
            if cursor.state in REASONS and found:
                return _VERSION.startswith(found)
        return found == _VERSION

    def _find_block(self, begin: int) -> int:
        """Find the block of the record that begins at an index; -1 if its header does not end."""
        cursor = self._cursor
        searched = begin
        while True:
            held = len(cursor.data)
            found = find_head_end(cursor.data, searched, begin + MAX_HEAD_BYTES)
            if found >= 0 or held >= begin + MAX_HEAD_BYTES or not cursor.hold_on(held + 1):
                return found
            searched = max(begin, held - 2)  # where the blank line may have begun

    def _measure_block(self, start: int, declared: int | None) -> tuple[int, Fault | None]:
        """Find the end of a block, or say why it cannot be told."""
        cursor = self._cursor
        fault: Fault | None = Fault("damaged_record", "no valid Content-Length")
        if declared is not None:
            limit = self._max_record_bytes
            fault = cursor.hold_block(start, declared, limit, "Content-Length is")
            if fault is not None:
                return start, fault
            if self._closes_record(start + declared):
                return start + declared, None
            fault = Fault("damaged_record", f"no record ends where Content-Length {declared} says")
        if cursor.ends_block(start):
            end = len(cursor.data) - (4 if cursor.data.endswith(_TERMINATOR) else 0)
            return max(start, end), None
        return start, fault

    def _closes_record(self, end: int) -> bool:
        cursor = self._cursor
        cursor.hold(end + len(_TERMINATOR))
        if cursor.data[end : end + len(_TERMINATOR)] == _TERMINATOR:
            return True
        cursor.index = end
        if not cursor.skip_line_ends() or self._opens_record(cursor.index):
            return True
        # The next record may be cut in its first letters.
        rest = cursor.data[cursor.index : cursor.index + len(_VERSION)].upper()
        return cursor.index > end and len(rest) < len(_VERSION) and _VERSION.startswith(rest)

    def _doubt_block(self, fields: dict[str, str], start: int, end: int) -> Fault | None:
        """Step behind a block; say why it may not be what was written, if it may not."""
        cursor = self._cursor
        cursor.index = end
        last = not cursor.skip_line_ends()
        state = cursor.state
        if state == WHOLE and cursor.stream is None:
            return None
        if state in (TRUNCATED, BOMB) and last:
            return Fault(REASONS[state], "the member is cut behind this block")
        proof = match_digest(fields.get("warc-block-digest"), [cursor.data[start:end]])
        if proof is False:
            return Fault("damaged_record", "the block differs from its WARC-Block-Digest")
        if state == BROKEN and not proof:
            return Fault("damaged_record", "the member is broken and no digest proves this block")
        return None
