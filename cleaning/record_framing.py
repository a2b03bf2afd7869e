"""Cuts the decoded bytes of a member into record blocks, believing no length unchecked.

* A record alone in a whole gzip member or zstd frame is as long as the member says.
* Elsewhere its Content-Length has to lead to the end of a record; if it does not, the
  record is damaged and framing goes on at the next header block of a record.
* What no checksum covers (a plain file, a member that breaks later) is compared with
  its WARC-Block-Digest if it has one.
"""

import base64
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from gristmill.cleaning.member_streams import BOMB, BROKEN, TRUNCATED, WHOLE
from gristmill.cleaning.record_headers import (
    MAX_HEAD_BYTES,
    find_head_end,
    find_record,
    parse_head,
    parse_length,
    read_record_id,
    read_url,
)
from gristmill.cleaning.warc_members import Gap, Member
from gristmill.schemas.fates import Damaged

_VERSION: Final = b"WARC/"
_NEXT_VERSION: Final = b"\nWARC/"
_TERMINATOR: Final = b"\r\n\r\n"
_TRIM_BYTES: Final = 1 << 20
_SKIP_BYTES: Final = 4096
_USUAL_HEAD_BYTES: Final = 64 << 10
_REASONS: Final = {BROKEN: "damaged_record", BOMB: "too_large", TRUNCATED: "truncated_record"}
_DIGESTS: Final = ("md5", "sha1", "sha256", "sha512")


class Framed(NamedTuple):
    """A record: its block is ``data[start:end]``."""

    fields: dict[str, str]
    data: bytes
    start: int
    end: int
    offset: int
    length: int


class _Fault(NamedTuple):
    reason: str
    detail: str


def frame_records(member: Member, *, max_record_bytes: int) -> Iterator[Framed | Damaged | Gap]:
    """Yield the records of a member; reads the stream of an open member to its end.

    Args:
        member: as `warc_members.scan_members` yields it.
        max_record_bytes: longest block to return; longer ones are `too_large`.

    Yields:
        Whole records; `Damaged` for every record that is not; gaps between them.
        `offset` is that of the member plus the position among its decoded bytes, and
        `length` counts decoded bytes, but for a record alone in its compressed member:
        its length is the member's.
    """
    framer = _Framer(member, max_record_bytes)
    while framer.skip_line_ends():
        yield framer.frame_next()
    if not framer.framed_any and framer.state in _REASONS:
        detail = f"a {framer.state} member of which nothing decodes"
        yield Damaged(_REASONS[framer.state], detail, member.offset, framer.member_length)


class _Framer:
    def __init__(self, member: Member, max_record_bytes: int) -> None:
        self._member = member
        self._stream = member.stream
        self._max_record_bytes = max_record_bytes
        self._data = bytearray(member.content) if member.stream is not None else member.content
        self._position = 0  # of the start of `_data` among the decoded bytes
        self._index = 0  # in `_data`: the first byte that is not framed yet
        self.framed_any = False

    @property
    def state(self) -> str:
        """State of the member, as far as it has been read."""
        return self._stream.state if self._stream is not None else self._member.state

    @property
    def member_length(self) -> int:
        """Compressed bytes of the member, as far as it has been read."""
        if self._stream is None:
            return self._member.length
        return self._stream.end - self._member.offset

    def skip_line_ends(self) -> bool:
        """Step over CR and LF; False if the member ends with them."""
        while self._hold(self._index + 1):
            piece = self._data[self._index : self._index + _SKIP_BYTES]
            left = len(piece.lstrip(b"\r\n"))
            self._index += len(piece) - left
            if left:
                return True
        return False

    def frame_next(self) -> Framed | Damaged | Gap:
        """Frame what begins at the current byte, which is neither CR nor LF."""
        self._trim(self._index)
        begin = self._index
        if not self._opens_record(begin):
            where = self._position + begin
            self._index = self._find_next(begin + 1)
            gap = Gap(*self._locate(where))
            self.framed_any = True
            return gap
        start = self._find_block(begin)
        # A header that runs into the next record ends there, whatever follows.
        inner = self._data.rfind(_NEXT_VERSION, begin, max(start, begin)) + 1
        if start < 0 or inner:
            unended = _Fault(_REASONS.get(self.state, "damaged_record"), "its header does not end")
            # No header that starts in what was searched ends there: do not search it again.
            resume = inner or begin + MAX_HEAD_BYTES - _USUAL_HEAD_BYTES
            return self._refuse(unended, begin, min(resume, len(self._data)), {})
        fields = parse_head(bytes(self._data[begin:start])).fields
        end, fault = self._measure_block(start, parse_length(fields))
        if fault is not None:
            return self._refuse(fault, begin, start, fields)
        fault = self._doubt_block(fields, start, end)
        if fault is not None:
            return self._refuse(fault, begin, end, fields, is_framed=True)
        data = self._data
        if isinstance(data, bytearray):
            data, start, end = bytes(data[start:end]), 0, end - start
        offset, length = self._locate(self._position + begin)
        self.framed_any = True
        return Framed(fields, data, start, end, offset, length)

    def _hold(self, index: int) -> bool:
        """Read on until `_data` reaches an index; False if the member ends before."""
        while len(self._data) < index:
            piece = self._stream.read() if self._stream is not None else b""
            if not piece:
                return False
            self._data += piece
        return True

    def _trim(self, index: int) -> int:
        """Forget the bytes before an index if they are worth the copy; returns how many."""
        if self._stream is None or index < _TRIM_BYTES:
            return 0
        self._data = self._data[index:]
        self._position += index
        self._index -= index
        return index

    def _opens_record(self, index: int) -> bool:
        self._hold(index + len(_VERSION))
        return self._data[index : index + len(_VERSION)].upper() == _VERSION

    def _find_block(self, begin: int) -> int:
        """Find the block of the record that begins at an index; -1 if its header does not end."""
        while True:
            held = len(self._data)
            found = find_head_end(self._data, begin, begin + MAX_HEAD_BYTES)
            if found >= 0 or held >= begin + MAX_HEAD_BYTES or not self._hold(held + 1):
                return found

    def _find_next(self, index: int) -> int:
        """Find the next record header; the end of the member if there is none."""
        while True:
            found, index = find_record(self._data, index)
            if found >= 0:
                return found
            index -= self._trim(index)
            if not self._hold(len(self._data) + 1):
                return len(self._data)

    def _measure_block(self, start: int, declared: int | None) -> tuple[int, _Fault | None]:
        """Find the end of a block, or say why it cannot be told."""
        limit = self._max_record_bytes
        held = len(self._data) - start
        fault: _Fault | None
        if declared is None:
            fault = _Fault("damaged_record", "no valid Content-Length")
        elif declared > limit and (self._stream is not None or declared <= held):
            return start, _Fault("too_large", f"block of {declared} bytes, limit {limit}")
        elif declared > limit or not self._hold(start + declared):
            held = len(self._data) - start
            reason = _REASONS.get(self.state, "truncated_record")
            return start, _Fault(reason, f"block has {held} bytes, Content-Length is {declared}")
        elif self._closes_record(start + declared):
            return start + declared, None
        else:
            fault = _Fault("damaged_record", f"no record ends where Content-Length {declared} says")
        if self._stream is None and self.state == WHOLE and find_record(self._data, start)[0] < 0:
            # The member's own checksum proves more than a header field does.
            end = len(self._data) - (4 if self._data.endswith(_TERMINATOR) else 0)
            return max(start, end), None
        return start, fault

    def _closes_record(self, end: int) -> bool:
        self._hold(end + len(_TERMINATOR))
        if self._data[end : end + len(_TERMINATOR)] == _TERMINATOR:
            return True
        self._index = end
        return not self.skip_line_ends() or self._opens_record(self._index)

    def _doubt_block(self, fields: dict[str, str], start: int, end: int) -> _Fault | None:
        """Step behind a block; say why it may not be what was written, if it may not."""
        self._index = end
        last = not self.skip_line_ends()
        state = self.state
        if state == WHOLE and self._stream is None:
            return None
        if state in (TRUNCATED, BOMB) and last:
            return _Fault(_REASONS[state], "the member is cut behind this block")
        proof = match_digest(fields, self._data[start:end])
        if proof is False:
            return _Fault("damaged_record", "the block differs from its WARC-Block-Digest")
        if state == BROKEN and not proof:
            return _Fault("damaged_record", "the member is broken and no digest proves this block")
        return None

    def _locate(self, where: int) -> tuple[int, int]:
        """Give offset and length of what lies between a position and the current byte."""
        ended = not self.skip_line_ends()
        plain = self._stream is not None and self._stream.is_plain
        if self.framed_any or plain:
            return self._member.offset + where, self._position + self._index - where
        if ended:
            return self._member.offset, self.member_length
        return self._member.offset, self._position + self._index

    def _refuse(
        self,
        fault: _Fault,
        begin: int,
        resume: int,
        fields: dict[str, str],
        is_framed: bool = False,
    ) -> Damaged:
        """Step to the next record and describe what lies before it."""
        where = self._position + begin
        alone = self._stream is None and self.state != WHOLE and not self.framed_any
        # A cut or broken member mostly holds one record: all of it is that record's.
        self._index = len(self._data) if alone and not is_framed else self._find_next(resume)
        offset, length = self._locate(where)
        self.framed_any = True
        return Damaged(*fault, offset, length, read_record_id(fields), read_url(fields))


def match_digest(fields: dict[str, str], block: bytes | bytearray) -> bool | None:
    """Compare a block with its WARC-Block-Digest.

    Returns:
        Whether it matches; None if there is no digest, or none of a known kind
        (``sha1:`` and base 32 or hexadecimal; also md5, sha256, sha512).
    """
    name, _, expected = fields.get("warc-block-digest", "").partition(":")
    name = name.strip().lower().replace("-", "")
    if name not in _DIGESTS or not expected:
        return None
    digest = hashlib.new(name, block, usedforsecurity=False).digest()
    expected = expected.strip().lower().rstrip("=")
    if len(expected) == 2 * len(digest):
        return expected == digest.hex()
    return expected == base64.b32encode(digest).decode("ascii").lower().rstrip("=")
