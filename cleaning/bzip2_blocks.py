"""Decode a bzip2 file block by block, so that one damaged block costs one block.

A bzip2 block begins with a 48-bit mark at any bit and depends on no other block.
Each is cut out, wrapped as a stream of its own (the checksum of a stream with one
block is a function of that block's) and decoded; this is how ``bzip2recover`` works.
Headers between the streams of a multistream file need no care: only marks count.

::

    BZh9 |block mark|crc|data ...|block mark|crc|data ...|end mark|crc|pad|BZh9 |block mark ...
          └────────── one ───────┘└───────── one ────────┘
"""

import bz2
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.bounded_streams import (
    READ_BYTES,
    CorruptStreamError,
    Meter,
    OversizeStreamError,
    StreamError,
    TruncatedStreamError,
)
from gristmill.cleaning.decompressors import CHUNK_BYTES

#: Begins a block; on a byte only in the first block of a stream, after the four of its head.
BLOCK_MARK: Final = bytes.fromhex("314159265359")
_BLOCK_MARK: Final = int.from_bytes(BLOCK_MARK, "big")
_END_MARK: Final = 0x177245385090
_MARK_BITS: Final = 48
_CRC_BITS: Final = 32
_HEAD: Final = b"BZh"
_HEAD_BYTES: Final = 4

#: A block holds 900,000 bytes at most; coded it is at most about 1.1 % larger.
_MAX_BLOCK_BYTES: Final = 1 << 20

#: Bytes added to the window at a time: each costs a copy of the block at hand.
_WINDOW_BYTES: Final = 8 * READ_BYTES

#: Zeros that may lie between two streams, as padding to a block of a tape or disk.
_MAX_PADDING_BYTES: Final = 1 << 12

#: Give up on a file with more damage than this: it is no bzip2 file in earnest.
MAX_FAULTS: Final = 1_000


class StreamStart(NamedTuple):
    """Before the first bytes of each stream of a file: where in the file it begins."""

    offset: int


def _build_needles() -> tuple[tuple[bytes, int, int], ...]:
    # At bit shift s the inner 40 bits that fill whole bytes are the same wherever
    # the mark stands, so that `bytes.find` can look for them.
    needles = []
    for mark in (_BLOCK_MARK, _END_MARK):
        for shift in range(8):
            aligned = (mark << (8 - shift)).to_bytes(7, "big")
            needles.append((aligned[1:6], shift, mark))
    return tuple(needles)


_NEEDLES: Final = _build_needles()


def _find_marks(data: bytes, start: int) -> list[tuple[int, int]]:
    """Find (bit position, mark) of all marks that begin in or after byte `start`."""
    found = []
    for needle, shift, mark in _NEEDLES:
        position = data.find(needle, start + 1)
        while position > 0:
            window = int.from_bytes(data[position - 1 : position + 6].ljust(7, b"\x00"), "big")
            if window >> (8 - shift) & ((1 << _MARK_BITS) - 1) == mark:
                found.append(((position - 1) * 8 + shift, mark))
            position = data.find(needle, position + 1)
    return sorted(found)


def _wrap_block(data: bytes, start_bit: int, end_bit: int) -> bytes:
    """Cut bits out of `data` and make a whole bzip2 stream of them."""
    first, last = start_bit // 8, -(-end_bit // 8)
    bits = int.from_bytes(data[first:last], "big") >> (last * 8 - end_bit)
    num_bits = end_bit - start_bit
    bits &= (1 << num_bits) - 1
    crc = bits >> max(num_bits - _MARK_BITS - _CRC_BITS, 0) & ((1 << _CRC_BITS) - 1)
    bits = ((bits << _MARK_BITS | _END_MARK) << _CRC_BITS) | crc
    num_bits += _MARK_BITS + _CRC_BITS
    padding = -num_bits % 8
    return b"BZh9" + (bits << padding).to_bytes((num_bits + padding) // 8, "big")


def _decode_wrapped(wrapped: bytes) -> list[bytes] | None:
    """Decode a wrapped block whole, at most 47 MB; None if it is damaged."""
    decompressor = bz2.BZ2Decompressor()
    pieces = []
    pending = wrapped
    try:
        while not decompressor.eof:
            if not pending and decompressor.needs_input:
                return None
            piece = decompressor.decompress(pending, CHUNK_BYTES)
            pending = b""
            if piece:
                pieces.append(piece)
    except (OSError, EOFError, ValueError):
        return None
    return pieces


class _Window:
    """The part of the file around the block at hand, and the marks found in it.

    Positions are counted from the start of the file, in bits for marks.
    """

    def __init__(self, stream: BinaryIO, start: int) -> None:
        self._stream = stream
        self._data = b""
        self._base = start  # position of _data[0]
        self._scanned = start  # marks that begin before this byte are known
        self._last_bit = -1
        #: Where a stream ended, so that the next begins here or after padding.
        self.stream_end: int | None = start
        self.marks: deque[tuple[int, int]] = deque()
        self.ended = False

    @property
    def read_bytes(self) -> int:
        return self._base + len(self._data)

    def find_marks(self, count: int) -> int:
        """Read until `count` marks are known, the file ends or a block would be too long."""
        while len(self.marks) < count and not self.ended and not self._is_overlong():
            self._read_more()
        return len(self.marks)

    def _is_overlong(self) -> bool:
        return bool(self.marks) and self._scanned - self.marks[-1][0] // 8 > _MAX_BLOCK_BYTES

    def _read_more(self) -> None:
        more = self._stream.read(_WINDOW_BYTES) or b""
        self.ended = not more
        known = self.marks[0][0] // 8 if self.marks else self._scanned
        if self.stream_end is not None and known - self.stream_end <= _MAX_PADDING_BYTES:
            known = min(known, self.stream_end)
        keep_from = max(known - _HEAD_BYTES, self._base)
        self._data = self._data[keep_from - self._base :] + more
        self._base = keep_from
        offset = self._base * 8
        for bit, mark in _find_marks(self._data, self._scanned - self._base - 1):
            if bit + offset > self._last_bit:
                self.marks.append((bit + offset, mark))
                self._last_bit = bit + offset
        self._scanned = self._base + max(len(self._data) - 7, 0)

    def find_head(self) -> int | None:
        """Where the stream begins of which the first mark is the first block, if it is one."""
        bit, mark = self.marks[0]
        place = bit // 8 - _HEAD_BYTES - self._base
        if mark != _BLOCK_MARK or bit % 8 or place < 0:
            return None
        if place + self._base == self.stream_end:
            return self.stream_end  # whatever has become of its letters
        head = self._data[place : place + _HEAD_BYTES]
        is_head = head.startswith(_HEAD) and head[3:] in (b"%d" % level for level in range(1, 10))
        return place + self._base if is_head else None

    def is_lost(self) -> bool:
        """Tell whether the first mark stands after bytes that no stream accounts for."""
        if self.stream_end is None:
            return False
        place = self.marks[0][0] // 8 - _HEAD_BYTES
        return self.marks[0][0] % 8 != 0 or not self._is_padding(place)

    def has_rest(self) -> bool:
        """Tell whether the file goes on after its last stream, with anything but padding."""
        return self.stream_end is not None and not self._is_padding(self.read_bytes)

    def _is_padding(self, place: int) -> bool:
        assert self.stream_end is not None
        if not self.stream_end <= place <= self.stream_end + _MAX_PADDING_BYTES:
            return False
        return not self._data[self.stream_end - self._base : place - self._base].strip(b"\0")

    def cut(self, start_bit: int, end_bit: int) -> bytes:
        """Wrap the block between two marks of the window."""
        offset = self._base * 8
        return _wrap_block(self._data, start_bit - offset, end_bit - offset)


def _decode_next(window: _Window) -> list[bytes] | StreamError | None:
    """Decode the block at the first mark; None if that mark ends a stream."""
    known = window.find_marks(2)
    start_bit, mark = window.marks[0]
    if mark == _END_MARK:
        window.marks.popleft()
        window.stream_end = -(-(start_bit + _MARK_BITS + _CRC_BITS) // 8)
        return None
    if known < 2:
        window.marks.popleft()
        if window.ended:
            return TruncatedStreamError("bz2 block without an end", window.read_bytes)
        return CorruptStreamError("bz2 block without an end", start_bit // 8)
    pieces = _decode_wrapped(window.cut(start_bit, window.marks[1][0]))
    # Data may look like a mark by chance: try once more up to the mark after it.
    if pieces is None and window.find_marks(3) >= 3:
        third_bit = window.marks[2][0]
        if (third_bit - start_bit) // 8 <= _MAX_BLOCK_BYTES:
            pieces = _decode_wrapped(window.cut(start_bit, third_bit))
            if pieces is not None:
                window.marks.popleft()
    window.marks.popleft()
    return pieces if pieces is not None else CorruptStreamError("bz2 block", start_bit // 8)


def decode_streams(
    stream: BinaryIO, *, max_bytes: int, start: int = 0
) -> Iterator[bytes | StreamError | StreamStart]:
    """Yield decoded bytes, where each stream begins, and each damaged block's error.

    What follows a place where a stream begins is the same, whether decoding began there
    (and `start` says so) or before.

    Args:
        stream: a bzip2 file, one stream or many, from where it stands.
        max_bytes: cap on the decoded bytes.
        start: where in the file the first byte to read lies.

    Yields:
        Chunks of at most 256 KiB; `StreamStart` before those of each stream;
        `CorruptStreamError` where a block is lost, after which the next intact block
        follows; `TruncatedStreamError` or `OversizeStreamError` last.
    """
    window = _Window(stream, start)
    meter = Meter(max_bytes)
    faults = 0
    while window.find_marks(1):
        if window.is_lost():
            yield CorruptStreamError("bytes that are no bz2 stream", window.stream_end or 0)
            faults += 1
            if faults >= MAX_FAULTS:
                return
        head = window.find_head()
        window.stream_end = None
        if head is not None:
            yield StreamStart(head)
        event = _decode_next(window)
        meter.read_bytes = window.read_bytes - start
        if isinstance(event, StreamError):
            yield event
            faults += 1
            if faults >= MAX_FAULTS or isinstance(event, TruncatedStreamError):
                return
            continue
        try:
            yield from map(meter.count, event or ())
        except OversizeStreamError as fault:
            yield fault
            return
    if window.stream_end is None or not start < window.stream_end <= window.read_bytes:
        yield TruncatedStreamError("bz2 stream ends too early", window.read_bytes)
    elif window.has_rest():
        yield CorruptStreamError("bytes that are no bz2 stream", window.stream_end)
