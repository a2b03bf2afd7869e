"""Cut a multistream dump into ranges of bz2 streams that can be read side by side.

A multistream dump is a chain of bz2 streams: a head, one for each hundred pages, a tail.
Its index names the stream of each page (``offset:page id:title`` a line). Where there is
no index, the heads of streams are found in the file itself: a head stands on a byte, holds
the mark of a block, and follows the end mark of the stream before, 198 bits in all.
"""

import os
import re
from collections.abc import Sequence
from typing import BinaryIO, Final

from gristmill.cleaning.bounded_streams import StreamError, decode_chunks
from gristmill.cleaning.bzip2_blocks import BLOCK_MARK, decode_streams
from gristmill.cleaning.decompressors import detect_format
from gristmill.cleaning.dump_streams import find_siteinfo
from gristmill.schemas.errors import InputError

#: Cap on a decoded index: that of English Wikipedia is 1.1 GB.
MAX_INDEX_BYTES: Final = 1 << 34
MAX_STREAMS: Final = 10_000_000

#: Bytes after a wished-for cut in which the head of a stream is looked for.
_LOOK_BYTES: Final = 64 << 20
_READ_BYTES: Final = 1 << 20

_HEAD: Final = re.compile(rb"BZh[1-9]" + re.escape(BLOCK_MARK))
_HEAD_BYTES: Final = 10
_END_MARK: Final = 0x177245385090
#: The end mark, the checksum and up to 7 bits of padding stand before a head.
_TAIL_BYTES: Final = 11

_INDEX_LINE: Final = re.compile(rb"^([0-9]{1,15}):[0-9]{1,15}:", re.MULTILINE)
_MAX_LINE_BYTES: Final = 1 << 12


def read_index(stream: BinaryIO, *, max_bytes: int = MAX_INDEX_BYTES) -> list[int]:
    """Read where streams begin from the index of a multistream dump.

    Args:
        stream: ``…-multistream-index.txt``, plain or compressed.
        max_bytes: cap on the decoded index.

    Returns:
        Offsets in rising order, each once, 0 first: the dump's head is in no index.

    Raises:
        InputError: the index cannot be decoded, or is none.
    """
    offsets = {0}
    rest = b""
    try:
        for chunk in decode_chunks(stream, max_bytes=max_bytes):
            lines, feed, rest = (rest + chunk).rpartition(b"\n")
            offsets.update(map(int, set(_INDEX_LINE.findall(lines + feed))))
            if len(rest) > _MAX_LINE_BYTES or len(offsets) > MAX_STREAMS:
                raise InputError("no index of a multistream dump; its lines are offset:page:title")
    except StreamError as fault:
        raise InputError(f"the index of the dump cannot be read: {fault}; fetch it again") from None
    offsets.update(map(int, _INDEX_LINE.findall(rest)))
    if len(offsets) == 1:
        raise InputError("no index of a multistream dump; its lines are offset:page:title")
    return sorted(offsets)


def name_indexes(dump_name: str) -> tuple[str, ...]:
    """Name the files that may hold the index of a dump file, the likeliest first.

    Returns:
        Nothing for a name that is not a multistream dump's.
    """
    head, mark, tail = dump_name.rpartition("-multistream")
    if not mark or ".xml" not in tail:
        return ()
    packed = f"{head}-multistream-index{tail.replace('.xml', '.txt')}"
    return packed, packed.removesuffix(".bz2")


def cut_ranges(offsets: Sequence[int], size: int, every_bytes: int) -> list[tuple[int, int]]:
    """Group streams to ranges of at least a number of bytes; the last may be shorter.

    Args:
        offsets: where streams begin, in rising order, 0 first.
        size: bytes of the file.
        every_bytes: least length of a range, over 0.

    Returns:
        Pairs of start and stop that cover the file without gap or overlap.
    """
    starts = [0]
    for offset in offsets:
        if offset - starts[-1] >= every_bytes and offset < size:
            starts.append(offset)
    return list(zip(starts, [*starts[1:], size], strict=True))


def index_streams(stream: BinaryIO, *, every_bytes: int) -> list[int]:
    """Find heads of bz2 streams about `every_bytes` apart, reading no more than it takes.

    Args:
        stream: a bz2 file, seekable; it may be a remote one that is read in ranges.
        every_bytes: least distance of two cuts, over 0.

    Returns:
        Offsets in rising order, 0 first; 0 alone for a file of one stream, or if the
        streams are longer than 64 MiB and than `every_bytes`.
    """
    size = stream.seek(0, os.SEEK_END)
    offsets = [0]
    while (start := offsets[-1] + every_bytes) < size:
        found = _find_head(stream, start, min(size, start + max(_LOOK_BYTES, every_bytes)))
        if found is None:
            break
        offsets.append(found)
    stream.seek(0)
    return offsets


def plan_ranges(
    stream: BinaryIO, *, every_bytes: int, index: BinaryIO | None = None
) -> list[tuple[int, int]]:
    """Cut a dump into ranges for `wikipedia_dump.iterate`.

    Args:
        stream: the dump, seekable.
        every_bytes: least length of a range.
        index: the index of the dump, if there is one; it is checked against the dump.

    Returns:
        Pairs of start and stop; one for the whole file, if it is no multistream dump.

    Raises:
        InputError: the index belongs to another dump.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    is_bz2 = detect_format(stream.read(13)) == "bz2"
    stream.seek(0)
    if size <= every_bytes or not is_bz2 or not _begins_dump(stream):
        return [(0, size)]
    if index is None:
        ranges = cut_ranges(index_streams(stream, every_bytes=every_bytes), size, every_bytes)
    else:
        ranges = _join_damaged(stream, cut_ranges(read_index(index), size, every_bytes))
    # What ends the dump follows its last page, and is told with it.
    while len(ranges) > 1 and not _begins_page(stream, ranges[-1][0]):
        ranges = [*ranges[:-2], (ranges[-2][0], size)]
    stream.seek(0)
    return ranges


def _join_damaged(stream: BinaryIO, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join a range that does not begin with the head of a stream to the one before it."""
    joined = ranges[:1]
    odd: list[int] = []
    for start, stop in ranges[1:]:
        if _find_head(stream, start, start + _HEAD_BYTES) is None:
            odd.append(start)
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    if 2 * len(odd) > len(ranges) - 1:
        raise InputError(
            f"the index names a stream at byte {odd[0]} of the dump, where none begins; "
            "fetch both files of the same date again, or remove the index"
        )
    return joined


def _begins_page(stream: BinaryIO, start: int) -> bool:
    """Tell whether a page begins in the first MiB of what is decoded from `start` on."""
    stream.seek(start)
    head = b""
    for event in decode_streams(stream, max_bytes=_READ_BYTES):
        if isinstance(event, bytes):
            head = head[-8:] + event
            if b"<page>" in head:
                return True
    return False


def _begins_dump(stream: BinaryIO) -> bool:
    """Tell whether the head of a file is that of a dump in UTF-8 with a root element."""
    _, has_root = find_siteinfo(stream)
    stream.seek(0)
    return has_root


def _find_head(stream: BinaryIO, start: int, stop: int) -> int | None:
    """Find the first head of a stream that begins in a stretch of the file."""
    place = max(start - _TAIL_BYTES, 0)
    stream.seek(place)
    held = b""
    while place < stop:
        more = stream.read(_READ_BYTES) or b""
        held += more
        for match in _HEAD.finditer(held):
            offset = place + match.start()
            if start <= offset < stop and _follows_end(held, match.start()):
                return offset
        if not more:
            return None
        keep = min(len(held), _TAIL_BYTES + _HEAD_BYTES)
        place += len(held) - keep
        held = held[-keep:]
    return None


def _follows_end(data: bytes, place: int) -> bool:
    """Tell whether the last bits before `place` are an end mark, a checksum and padding."""
    bits = int.from_bytes(data[max(place - _TAIL_BYTES, 0) : place], "big")
    return any(bits >> (32 + pad) & ((1 << 48) - 1) == _END_MARK for pad in range(8))
