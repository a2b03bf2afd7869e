"""The compressed members of a WARC file, found again after damage.

A WARC file is a chain of gzip members or zstd frames, one per record, or one for
the whole file, or no compression at all. Every member is checked against its own
checksum and length before it counts as whole. Where one does not decode, the scan
goes on at the next place that starts a member whose content starts a record, so
that damage costs the member that holds it and no other::

    | member | mem#er | member | zeros | member | mem   <- end of file
      WHOLE    BROKEN   WHOLE     gap    WHOLE    TRUNCATED
"""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

from fastwarc.stream_io import GzipReader

from gristmill.cleaning.inflation import InflateError, Inflater, ZlibInflater, ZstdInflater

WHOLE: Final = "whole"  # decoded to its end; checksum and length agree
BROKEN: Final = "broken"  # the decoder or a checksum refused it
TRUNCATED: Final = "truncated"  # the file ends first
BOMB: Final = "bomb"  # expands more than `MAX_RATIO`
OPEN: Final = "open"  # not at its end yet: read on from `stream`

#: Decoded bytes per compressed byte that a member may reach once it has given 1 MiB;
#: deflate itself ends at 1,032. Pages stay under 100.
MAX_RATIO: Final = 1000
_RATIO_FREE_BYTES: Final = 1 << 20
_READ_BYTES: Final = 1 << 20
#: A gzip member is no shorter: 10 bytes of header and 8 of trailer (RFC 1952).
_SHORTEST_MEMBER_BYTES: Final = 18
_RECORD_MAGIC: Final = b"WARC/"


class Window:
    """The bytes of a file from offset `base` on, as far as they have been needed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.base = stream.tell()
        self.data = b""

    def load(self, offset: int) -> bool:
        """Read until the byte at a file offset is held; False if the file ends before."""
        while self.base + len(self.data) <= offset:
            chunk = self._stream.read(_READ_BYTES)
            if not chunk:
                return False
            self.data += chunk
        return True

    def trim(self, offset: int) -> None:
        """Forget the bytes before a file offset, if they are worth the copy."""
        if offset - self.base >= _READ_BYTES:
            self.data = self.data[offset - self.base :]
            self.base = offset

    def view(self, offset: int) -> memoryview:
        """Show the bytes held from a file offset on; empty if there are none."""
        return memoryview(self.data)[offset - self.base :]

    def find(self, pattern: bytes, offset: int) -> int:
        """Find a byte string among the bytes held; its file offset, -1 if not there."""
        found = self.data.find(pattern, offset - self.base)
        return -1 if found < 0 else self.base + found


class Codec(NamedTuple):
    """How the members of a file are compressed."""

    magic: bytes
    start: Callable[[], Inflater]
    probe_bytes: int  # compressed bytes that surely decode to the first few


GZIP: Final = Codec(b"\x1f\x8b\x08", lambda: ZlibInflater(31), 1 << 10)
# A zstd block decodes once it is there in full: at most 128 KiB (RFC 8878, 3.1.1.2.4).
ZSTD: Final = Codec(b"\x28\xb5\x2f\xfd", ZstdInflater, (128 << 10) + 64)


class MemberStream:
    """The decoded bytes of a member that begins at `end` and ends nobody knows where yet."""

    def __init__(self, window: Window, offset: int, inflater: Inflater | None) -> None:
        self._window = window
        self._inflater = inflater
        self._offset = offset
        self._given = 0
        self.end = offset  # file offset up to which the member has been read
        self.state = OPEN

    @property
    def is_plain(self) -> bool:
        """Say whether the bytes are not compressed."""
        return self._inflater is None

    def read(self, *, keep: bool = False) -> bytes:
        """Read the next piece, at most a few MiB.

        Args:
            keep: leave the compressed bytes in the window.

        Returns:
            Decoded bytes; empty once `state` is no longer `OPEN`.
        """
        while self.state == OPEN:
            if not keep:
                self._window.trim(self.end)
            piece = self._read_raw() if self._inflater is None else self._inflate(self._inflater)
            if piece:
                return piece
        return b""

    def _read_raw(self) -> bytes:
        if not self._window.load(self.end):
            self.state = WHOLE
        piece = bytes(self._window.view(self.end))
        self.end += len(piece)
        return piece

    def _inflate(self, inflater: Inflater) -> bytes:
        try:
            piece, used = inflater.inflate(self._window.view(self.end))
        except InflateError:
            self.state = BROKEN
            return b""
        self.end += used
        self._given += len(piece)
        if inflater.finished:
            self.state = WHOLE
        elif self._given > _RATIO_FREE_BYTES + MAX_RATIO * (self.end - self._offset):
            self.state = BOMB
        elif not piece and not used and not self._window.load(self.end):
            self.state = TRUNCATED
        return piece


class Member(NamedTuple):
    """One member; `content` is all that could be decoded, or the start of it."""

    offset: int
    length: int  # compressed bytes, up to the next member; 0 while it is `OPEN`
    content: bytes
    state: str
    stream: MemberStream | None = None


class Gap(NamedTuple):
    """Bytes that belong to no member, or to no record."""

    offset: int
    length: int


def scan_members(stream: BinaryIO, *, max_member_bytes: int) -> Iterator[Member | Gap]:
    """Yield the members of a file and the gaps between them, in order.

    Whoever takes a member that has a stream reads that to its end before taking the
    next member. A file that is not compressed is one member.

    Args:
        stream: file to read from its current position on; offsets are those of `tell`.
        max_member_bytes: decoded bytes to hold; a longer member stays `OPEN`.

    Yields:
        Members and gaps; every byte of the file lies in exactly one of them.
    """
    window = Window(stream)
    offset = window.base
    codec = _recognize_codec(window)
    if codec is None:
        yield Member(offset, 0, b"", OPEN, MemberStream(window, offset, None))
        return
    while window.load(offset):
        window.trim(offset)
        member = _read_member(window, offset, codec, max_member_bytes)
        yield member
        if isinstance(member, Member) and member.stream is not None:
            offset = member.stream.end
            if member.stream.state in (BROKEN, BOMB):
                offset = _find_member(window, offset, codec)
        else:
            offset += member.length


def _recognize_codec(window: Window) -> Codec | None:
    """Tell the compression from the first bytes, or from the first record found in 1 MiB."""
    window.load(window.base)
    if window.data.lstrip().startswith(_RECORD_MAGIC):
        return None
    if window.data.startswith(GZIP.magic):
        return GZIP
    if window.data.startswith(ZSTD.magic) or _skip_frame(window, window.base):
        return ZSTD
    return next((c for c in (GZIP, ZSTD) if _find_held_member(window, window.base, c) >= 0), None)


def _read_member(window: Window, offset: int, codec: Codec, max_member_bytes: int) -> Member | Gap:
    skipped = _skip_frame(window, offset) if codec is ZSTD else 0
    if skipped:
        return Member(offset, skipped, b"", WHOLE)
    window.load(offset + len(codec.magic) - 1)
    # At the end of the file the start of a magic number is the start of a member.
    if not codec.magic.startswith(bytes(window.view(offset)[: len(codec.magic)])):
        return Gap(offset, _find_member(window, offset + 1, codec) - offset)
    member = _read_whole_gzip(window, offset, max_member_bytes) if codec is GZIP else None
    return member or _decode_member(window, offset, codec, max_member_bytes)


def _read_whole_gzip(window: Window, offset: int, max_member_bytes: int) -> Member | None:
    """Decode a gzip member in one go if it ends where the next magic number stands.

    Returns:
        The member, or None if that guess was wrong or the member is not whole: the
        decoder, its CRC-32 and the length in the last four bytes must all agree.
    """
    end = _find_magic(window, offset + _SHORTEST_MEMBER_BYTES, GZIP, max_member_bytes)
    if end < 0:
        return None
    raw = window.data[offset - window.base : end - window.base]
    size = int.from_bytes(raw[-4:], "little")
    if size > max_member_bytes:
        return None
    try:
        content = GzipReader(io.BytesIO(raw)).read(size + 1)
    except OSError:
        return None
    return Member(offset, len(raw), content, WHOLE) if len(content) == size else None


def _decode_member(window: Window, offset: int, codec: Codec, max_member_bytes: int) -> Member:
    """Decode a member piece by piece until it ends, breaks or exceeds the limit."""
    stream = MemberStream(window, offset, codec.start())
    pieces = []
    size = 0
    while size <= max_member_bytes and (piece := stream.read(keep=True)):
        pieces.append(piece)
        size += len(piece)
    content = b"".join(pieces)
    if stream.state == OPEN:
        return Member(offset, 0, content, OPEN, stream)
    end = stream.end
    if stream.state != WHOLE:
        end = _find_member(window, offset + 1, codec)
    return Member(offset, end - offset, content, stream.state)


def _find_magic(window: Window, offset: int, codec: Codec, within_bytes: int) -> int:
    """Find the next magic number, at most so far ahead; -1 if there is none."""
    limit = offset + within_bytes
    while True:
        found = window.find(codec.magic, offset)
        if found >= 0 or offset > limit:
            return found
        offset = max(offset, window.base + len(window.data) - len(codec.magic) + 1)
        if not window.load(window.base + len(window.data)):
            return -1


def _find_member(window: Window, offset: int, codec: Codec) -> int:
    """Find the next member that starts a record; the end of the file if there is none."""
    while True:
        found = _find_held_member(window, offset, codec)
        if found >= 0:
            return found
        held = window.base + len(window.data)
        if not window.load(held):
            return held
        # The last bytes held may start a member that could not be probed in full.
        offset = max(offset, held - codec.probe_bytes)
        window.trim(offset)


def _find_held_member(window: Window, offset: int, codec: Codec) -> int:
    found = window.find(codec.magic, offset)
    while found >= 0 and not _starts_record(window.view(found), codec):
        found = window.find(codec.magic, found + 1)
    return found


def _starts_record(raw: memoryview, codec: Codec) -> bool:
    inflater = codec.start()
    content = b""
    fed = raw[: codec.probe_bytes]
    try:
        while len(content) < len(_RECORD_MAGIC) and not inflater.finished:
            piece, used = inflater.inflate(fed)
            content += piece
            fed = fed[used:]
            if not piece and not used:
                break
    except InflateError:
        return False
    return content.startswith(_RECORD_MAGIC)


def _skip_frame(window: Window, offset: int) -> int:
    """Measure a skippable zstd frame (RFC 8878, 3.1.2); 0 if there is none."""
    window.load(offset + 7)
    head = window.view(offset)[:8]
    if len(head) < 8 or head[0] & 0xF0 != 0x50 or bytes(head[1:4]) != b"\x2a\x4d\x18":
        return 0
    length = 8 + int.from_bytes(head[4:], "little")
    return length if window.load(offset + length - 1) else 0
