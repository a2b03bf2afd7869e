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

from gristmill.cleaning.member_cursor import REASONS, Fault, MemberCursor, RecordForm
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
_FORM: Final = RecordForm(
    find_record=find_record,
    line_ends=(_TERMINATOR,),
    no_length="no valid Content-Length",
    length_is="Content-Length is {}",
    length_misleads="no record ends where Content-Length {} says",
)


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
    cursor = MemberCursor(member, _FORM, max_record_bytes, follow)
    return cursor.frame_all(_frame_next, stop)


def _frame_next(cursor: MemberCursor, begin: int) -> Framed | Damaged | Gap:
    """Frame what begins at an index, that of neither CR nor LF."""
    if not _opens_record(cursor, begin):
        return cursor.skip_gap(cursor.find_next(begin + 1))
    start = _find_block(cursor, begin)
    # A header that runs into the next record ends there, whatever follows.
    inner = cursor.data.rfind(_NEXT_VERSION, begin, max(start, begin)) + 1
    if start < 0 or inner:
        unended = Fault(REASONS.get(cursor.state, "damaged_record"), "its header does not end")
        # No header that starts in what was searched ends there: do not search it again.
        resume = inner or begin + MAX_HEAD_BYTES - _USUAL_HEAD_BYTES
        return cursor.refuse(unended, min(resume, len(cursor.data)))
    fields = parse_fields(bytes(cursor.data[begin:start]), keep_first=True)
    end, fault = cursor.measure_block(start, parse_length(fields), _closes_record)
    is_framed = fault is None
    fault = fault or cursor.doubt_block(
        end, lambda: match_digest(fields.get("warc-block-digest"), [cursor.data[start:end]])
    )
    if fault is not None:
        record_id, url = read_record_id(fields), read_url(fields)
        return cursor.refuse(fault, end, record_id=record_id, url=url, is_framed=is_framed)
    data = cursor.data
    if isinstance(data, bytearray):
        data, start, end = bytes(data[start:end]), 0, end - start
    return Framed(fields, data, start, end, *cursor.locate())


def _opens_record(cursor: MemberCursor, index: int) -> bool:
    cursor.hold(index + len(_VERSION))
    found = cursor.data[index : index + len(_VERSION)].upper()
    if len(found) < len(_VERSION) and _VERSION.startswith(found):
        cursor.hold_on(index + len(_VERSION))
        found = cursor.data[index : index + len(_VERSION)].upper()
        if cursor.state in REASONS and found:
            return _VERSION.startswith(found)
    return found == _VERSION


def _find_block(cursor: MemberCursor, begin: int) -> int:
    """Find the block of the record that begins at an index; -1 if its header does not end."""
    searched = begin
    while True:
        held = len(cursor.data)
        found = find_head_end(cursor.data, searched, begin + MAX_HEAD_BYTES)
        if found >= 0 or held >= begin + MAX_HEAD_BYTES or not cursor.hold_on(held + 1):
            return found
        searched = max(begin, held - 2)  # where the blank line may have begun


def _closes_record(cursor: MemberCursor, end: int) -> bool:
    cursor.hold(end + len(_TERMINATOR))
    if cursor.data[end : end + len(_TERMINATOR)] == _TERMINATOR:
        return True
    cursor.index = end
    if not cursor.skip_line_ends() or _opens_record(cursor, cursor.index):
        return True
    # The next record may be cut in its first letters.
    rest = cursor.data[cursor.index : cursor.index + len(_VERSION)].upper()
    return cursor.index > end and len(rest) < len(_VERSION) and _VERSION.startswith(rest)
