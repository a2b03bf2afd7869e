"""The bytes of a MediaWiki dump as UTF-8, whatever container and encoding they come in."""

import codecs
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from gristmill.cleaning.bounded_streams import (
    CorruptStreamError,
    StreamError,
    decode_chunks,
)
from gristmill.cleaning.bzip2_blocks import BLOCK_MARK, StreamStart, decode_streams
from gristmill.cleaning.decompressors import detect_format

#: Cap on a whole decoded dump. English Wikipedia with full history is about 25 TB.
MAX_DUMP_BYTES: Final = 1 << 46

#: A siteinfo element is about 10 KB.
MAX_SITE_BYTES: Final = 1 << 20

SITE: Final = b"<siteinfo>"
SITE_END: Final = b"</siteinfo>"
DECLARATION: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_ENCODING: Final = re.compile(rb"<\?xml[^<>]{0,200}?encoding=[\"']([A-Za-z0-9_.-]{1,40})[\"']")
_ENCODINGS: Final = frozenset({"utf-8", "iso8859-1", "ascii", "utf-16", "utf-16-le", "utf-16-be"})

#: What a dump is decoded to: bytes, where a bz2 stream begins, and where bytes are lost.
Event = bytes | StreamError | StreamStart


class _Replay:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._stream.read(size)


def _decode_container(stream: BinaryIO, max_bytes: int, start: int = 0) -> Iterator[Event]:
    head = stream.read(1 << 12) or b""
    source = cast(BinaryIO, _Replay(head, stream))
    # The mark of a block tells the format as well, where the letters before it are damaged.
    if detect_format(head) == "bz2" or head[4:10] == BLOCK_MARK:
        yield from decode_streams(source, max_bytes=max_bytes, start=start)
        return
    try:
        yield from decode_chunks(source, max_bytes=max_bytes)
    except StreamError as fault:
        yield fault


def _find_encoding(head: bytes) -> str:
    """Name the codec of a dump; raises LookupError for one that is not read."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith((b"<\x00", b"\x00<")):
        return "utf-16-le" if head[0] else "utf-16-be"
    declared = _ENCODING.search(head[:400])
    name = codecs.lookup(declared[1].decode("ascii")).name if declared else "utf-8"
    if name not in _ENCODINGS:
        raise LookupError(name)
    return "utf-8" if name.startswith("utf-16") else name


def _transcode(events: Iterator[Event]) -> Iterator[Event]:
    """Bring a dump to UTF-8; UTF-8 itself passes and is checked page by page."""
    first = next(events, None)
    if isinstance(first, StreamStart):
        yield first
        first = next(events, None)
    head = first if isinstance(first, bytes) else b""
    try:
        name = _find_encoding(head)
    except LookupError:
        yield CorruptStreamError("unknown character set", 0)
        return
    decoder = None if name == "utf-8" else codecs.getincrementaldecoder(name)(errors="replace")
    for event in itertools.chain([] if first is None else [first], events):
        if decoder is None or not isinstance(event, bytes):
            yield event
        else:
            yield decoder.decode(event).encode("utf-8", "replace")


def decode_dump(stream: BinaryIO, *, max_bytes: int, start: int = 0) -> Iterator[Event]:
    """Yield the bytes of a dump, as UTF-8, and where they are interrupted.

    Args:
        stream: XML, plain or as bz2, gz, xz, lzma or zst, from where it stands.
        max_bytes: cap on the decoded bytes.
        start: where in the file `stream` stands.
    """
    return _transcode(_decode_container(stream, max_bytes, start))


def find_siteinfo(stream: BinaryIO) -> tuple[bytes | None, bool]:
    """Look for the siteinfo element in the first MiB of a dump.

    Returns:
        The element as UTF-8, or None; and whether a root element begins in the same MiB.
    """
    head = bytearray()
    has_root = False
    seen = 0
    for event in decode_dump(stream, max_bytes=MAX_DUMP_BYTES):
        if isinstance(event, StreamStart):
            continue
        if isinstance(event, StreamError):
            # What follows does not continue what came before.
            head.clear()
            continue
        head += event
        seen += len(event)
        has_root = has_root or b"<mediawiki" in head
        start = head.find(SITE)
        end = head.find(SITE_END, start) if start >= 0 else -1
        if DECLARATION.search(head[:start] if start >= 0 else head):
            break
        if end >= 0:
            return bytes(head[start : end + len(SITE_END)]), has_root
        if seen > MAX_SITE_BYTES:
            break
    return None, has_root
