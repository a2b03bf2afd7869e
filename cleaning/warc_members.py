"""The compressed members of a WARC file, found again after damage.

A WARC file is a chain of gzip members or zstd frames, one per record, or one for
the whole file, or no compression at all. Every member is checked against its own
checksum and length before it counts as whole. Where one does not decode, the scan
goes on at the next place that starts a member whose content starts a record, so
that damage costs the member that holds it and no other::

    | member | mem#er | member | zeros | member | mem   <- end of file
      WHOLE    BROKEN   WHOLE     gap    WHOLE    TRUNCATED

What the scan finds from a member on depends on nothing before it, so a file can be
scanned in ranges that begin at members.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.inflation import InflateError, inflate_gzip
from gristmill.cleaning.member_streams import (
    GZIP,
    MAX_RATIO,
    OPEN,
    RATIO_FREE_BYTES,
    READ_BYTES,
    WHOLE,
    ZSTD,
    Codec,
    MemberStream,
    Window,
)
from gristmill.cleaning.record_headers import find_record

#: Decoded bytes of a member that are held: a record of 20 MiB and two header blocks.
MAX_MEMBER_BYTES: Final = 22 << 20
#: Compressed bytes at hand when a gzip member is decoded in one go; most are shorter.
_USUAL_MEMBER_BYTES: Final = 64 << 10
#: Longest skippable frame; those of WARC files hold a dictionary or an index.
_MAX_SKIPPED_BYTES: Final = 16 << 20
_WARC_MAGIC: Final = b"WARC/"
_WARC_HEAD_BYTES: Final = 64  # the magic, behind line ends of the record before it


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


class Dialect(NamedTuple):
    """What starts a record, by which members are found again and compression is told."""

    starts_record: Callable[[bytes], bool]  # of the first `head_bytes` of a member, or all of it
    head_bytes: int
    find_record: Callable[[bytes | bytearray, int], tuple[int, int]]  # as in `record_headers`


def _starts_warc(content: bytes) -> bool:
    return content[:_WARC_HEAD_BYTES].lstrip(b"\r\n").startswith(_WARC_MAGIC)


WARC: Final = Dialect(_starts_warc, _WARC_HEAD_BYTES, find_record)


def scan_members(
    stream: BinaryIO,
    *,
    max_member_bytes: int,
    dialect: Dialect = WARC,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Member | Gap]:
    """Yield the members of a file and the gaps between them, in order.

    Whoever takes a member that has a stream reads that to its end before taking the
    next member. A file that is not compressed is one member.

    Args:
        stream: file to read from its current position on; offsets are those of `tell`.
        max_member_bytes: decoded bytes to hold; a longer member stays `OPEN`.
        dialect: what starts a record.
        start: offset of the member to begin with, if that is not the first; the stream
            can seek then.
        stop: offset of a member that is left out with all behind it; None is the end.

    Yields:
        Members and gaps; every byte of the file lies in exactly one of them.
    """
    window = Window(stream)
    offset = window.base
    codec = _recognize_codec(window, dialect)
    if start > offset:
        offset = stream.seek(start)
        window = Window(stream)
    if codec is None:
        yield Member(offset, 0, b"", OPEN, MemberStream(window, offset, None))
        return
    while (stop is None or offset < stop) and window.load(offset):
        window.trim(offset)
        member = _read_member(window, offset, codec, dialect, max_member_bytes)
        yield member
        if isinstance(member, Member) and member.stream is not None:
            offset = member.stream.end
        else:
            offset += member.length


def index_members(
    stream: BinaryIO,
    *,
    every_bytes: int,
    dialect: Dialect = WARC,
    max_member_bytes: int = MAX_MEMBER_BYTES,
    list_plain: Callable[[Member], Iterable[int]] = lambda member: (),
) -> list[int]:
    """Find offsets at which a scan may start and stop with no effect on what is found.

    They are those of whole members that start a record. Reads no further than needed.

    Args:
        stream: file that can seek, read from its current position.
        every_bytes: least distance of two offsets.
        dialect: what starts a record.
        max_member_bytes: as `scan_members` will be given.
        list_plain: offsets in the one member of a file that is not compressed.

    Returns:
        Offsets in ascending order, first the file's start: the only one of a file of one
        compressed member.
    """
    base = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(base)
    members = scan_members(stream, max_member_bytes=max_member_bytes, dialect=dialect)
    offsets = _list_cuts(members, dialect, list_plain)
    cuts = [base]
    while cuts[-1] + every_bytes < size:
        offset = next((o for o in offsets if o >= cuts[-1] + every_bytes), None)
        if offset is None:
            break
        cuts.append(offset)
    return cuts


def _list_cuts(
    members: Iterable[Member | Gap],
    dialect: Dialect,
    list_plain: Callable[[Member], Iterable[int]],
) -> Iterator[int]:
    for item in members:
        if not isinstance(item, Member):
            continue
        if item.stream is not None and item.stream.is_plain:
            yield from list_plain(item)
            return
        while item.stream is not None and item.stream.read():
            pass
        state = item.state if item.stream is None else item.stream.state
        if state == WHOLE and begins_record(item.content, dialect):
            yield item.offset


def begins_record(content: bytes, dialect: Dialect = WARC) -> bool:
    """Say whether the first byte of a member is that of a record, and not of what was before."""
    return content[:1] not in (b"\r", b"\n") and dialect.starts_record(content)


def _recognize_codec(window: Window, dialect: Dialect) -> Codec | None:
    """Tell the compression by what the first record found in 1 MiB is in; None is none."""
    base = window.base
    window.load(base + READ_BYTES - 1)
    first: dict[Codec | None, int] = {
        codec: _find_held_member(window, base, codec, dialect) for codec in (GZIP, ZSTD)
    }
    plain, _ = dialect.find_record(window.data, 0)
    first[None] = base + plain if plain >= 0 else -1
    found = [codec for codec in first if first[codec] >= 0]
    if found:
        return min(found, key=first.__getitem__)
    if window.data.startswith(ZSTD.magic) or _skip_frame(window, base):
        return ZSTD
    return GZIP if window.data.startswith(GZIP.magic) else None


def _read_member(
    window: Window, offset: int, codec: Codec, dialect: Dialect, max_member_bytes: int
) -> Member | Gap:
    if codec is GZIP:
        member = _read_whole_gzip(window, offset, max_member_bytes)
        if member is not None:
            return member
    elif skipped := _skip_frame(window, offset):
        return Member(offset, skipped, b"", WHOLE)
    window.load(offset + len(codec.magic) - 1)
    # At the end of the file the start of a magic number is the start of a member.
    if not codec.magic.startswith(bytes(window.view(offset)[: len(codec.magic)])):
        return Gap(offset, _find_member(window, offset + 1, codec, dialect) - offset)
    return _decode_member(window, offset, codec, dialect, max_member_bytes)


def _read_whole_gzip(window: Window, offset: int, max_member_bytes: int) -> Member | None:
    """Decode an intact gzip member in one go; None leaves the verdict to `_decode_member`."""
    wanted = _USUAL_MEMBER_BYTES
    try:
        while True:
            at_hand = window.load(offset + wanted)
            found = inflate_gzip(window.data, offset - window.base, max_member_bytes)
            if found is not None:
                break
            if not at_hand:
                return None
            wanted = 2 * (window.base + len(window.data) - offset)
    except InflateError:
        return None
    content, end = found
    length = window.base + end - offset
    if len(content) > RATIO_FREE_BYTES + MAX_RATIO * length:
        return None
    return Member(offset, length, content, WHOLE)


def _decode_member(
    window: Window, offset: int, codec: Codec, dialect: Dialect, max_member_bytes: int
) -> Member:
    """Decode a member piece by piece until it ends, breaks or exceeds the limit."""
    stream = MemberStream(
        window, offset, codec.start(), lambda place: _find_member(window, place, codec, dialect)
    )
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
        end = _find_member(window, offset + 1, codec, dialect)
    return Member(offset, end - offset, content, stream.state)


def _find_member(window: Window, offset: int, codec: Codec, dialect: Dialect) -> int:
    """Find the next member that starts a record; the end of the file if there is none."""
    while True:
        found = _find_held_member(window, offset, codec, dialect)
        if found >= 0:
            return found
        held = window.base + len(window.data)
        if not window.load(held):
            return held
        offset = max(offset, held - len(codec.magic) + 1)
        window.trim(offset)


def _find_held_member(window: Window, offset: int, codec: Codec, dialect: Dialect) -> int:
    """Find the first member that starts among the bytes held; -1 if there is none."""
    found = window.find(codec.magic, offset)
    while found >= 0:
        # All that the probe may need, so that an earlier member is not missed for a later.
        window.load(found + codec.probe_bytes - 1)
        if _starts_record(window.view(found)[: codec.probe_bytes], codec, dialect):
            break
        found = window.find(codec.magic, found + 1)
    return found


def _starts_record(raw: memoryview, codec: Codec, dialect: Dialect) -> bool:
    inflater = codec.start()
    content = b""
    try:
        while len(content) < dialect.head_bytes and not inflater.finished:
            piece, used = inflater.inflate(raw)
            content += piece
            raw = raw[used:]
            if not piece and not used:
                break
    except InflateError:
        return False
    return dialect.starts_record(content)


def _skip_frame(window: Window, offset: int) -> int:
    """Measure a skippable zstd frame (RFC 8878, 3.1.2); 0 if there is none."""
    window.load(offset + 7)
    head = window.view(offset)[:8]
    if len(head) < 8 or head[0] & 0xF0 != 0x50 or bytes(head[1:4]) != b"\x2a\x4d\x18":
        return 0
    length = 8 + int.from_bytes(head[4:], "little")
    return length if length <= _MAX_SKIPPED_BYTES and window.load(offset + length - 1) else 0
