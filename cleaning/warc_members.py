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
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from fastwarc.stream_io import GzipReader

from gristmill.cleaning.inflation import InflateError
from gristmill.cleaning.member_streams import (
    BOMB,
    BROKEN,
    GZIP,
    OPEN,
    WHOLE,
    ZSTD,
    Codec,
    MemberStream,
    Window,
)
from gristmill.cleaning.record_headers import find_record

#: A gzip member is no shorter: 10 bytes of header and 8 of trailer (RFC 1952).
_SHORTEST_MEMBER_BYTES: Final = 18
_RECORD_MAGIC: Final = b"WARC/"


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
    """Tell the compression by what the first record found in 1 MiB is in; None is none."""
    window.load(window.base)
    first: dict[Codec | None, int] = {
        codec: _find_held_member(window, window.base, codec) for codec in (GZIP, ZSTD)
    }
    plain, _ = find_record(window.data, 0)
    first[None] = window.base + plain if plain >= 0 else -1
    found = [codec for codec in first if first[codec] >= 0]
    if found:
        return min(found, key=first.__getitem__)
    if window.data.startswith(ZSTD.magic) or _skip_frame(window, window.base):
        return ZSTD
    return GZIP if window.data.startswith(GZIP.magic) else None


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
