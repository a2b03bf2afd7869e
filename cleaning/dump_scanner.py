"""Find page and siteinfo elements in the bytes of a MediaWiki dump.

`<` cannot stand in XML text, so searching for the tags as bytes is exact. Pages that are
cut short are given up at the next page's start.
"""

import codecs
import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple, cast

from gristmill.cleaning.bounded_streams import (
    CorruptStreamError,
    StreamError,
    decode_chunks,
)
from gristmill.cleaning.bzip2_blocks import decode_blocks
from gristmill.cleaning.decompressors import detect_format
from gristmill.schemas.fates import Damaged

#: Cap on the XML of one page with one revision; the largest real article is under 3 MiB.
MAX_PAGE_BYTES: Final = 64 << 20

#: Cap on a whole decoded dump. English Wikipedia with full history is about 25 TB.
MAX_DUMP_BYTES: Final = 1 << 46

#: A siteinfo element is about 10 KB.
_SITE_BYTES: Final = 1 << 20

#: Older revisions of the page at hand are dropped each time the buffer passes this,
#: doubled while nothing can be dropped.
_TRIM_BYTES: Final = 4 << 20

_PAGE, _PAGE_END = b"<page>", b"</page>"
_SITE, _SITE_END = b"<siteinfo>", b"</siteinfo>"
_REVISION: Final = b"<revision>"
_TAIL_BYTES: Final = 16
_DECLARATION: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_ENCODING: Final = re.compile(rb"<\?xml[^<>]{0,200}?encoding=[\"']([A-Za-z0-9_.-]{1,40})[\"']")
_ENCODINGS: Final = frozenset({"utf-8", "iso8859-1", "ascii", "utf-16", "utf-16-le", "utf-16-be"})


class Element(NamedTuple):
    """XML of a page or siteinfo element in UTF-8, without the page's older revisions.

    `offset` and `length` count bytes of the decoded stream, as UTF-8.
    """

    payload: bytes
    offset: int
    length: int
    is_site: bool


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


def _decode_container(stream: BinaryIO, max_bytes: int) -> Iterator[bytes | StreamError]:
    head = stream.read(1 << 12) or b""
    source = cast(BinaryIO, _Replay(head, stream))
    if detect_format(head) == "bz2":
        yield from decode_blocks(source, max_bytes=max_bytes)
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


def _transcode(events: Iterator[bytes | StreamError]) -> Iterator[bytes | StreamError]:
    """Bring a dump to UTF-8; UTF-8 itself passes and is checked page by page."""
    first = next(events, None)
    head = first if isinstance(first, bytes) else b""
    try:
        name = _find_encoding(head)
    except LookupError:
        yield CorruptStreamError("unknown character set", 0)
        return
    decoder = None if name == "utf-8" else codecs.getincrementaldecoder(name)(errors="replace")
    for event in itertools.chain([] if first is None else [first], events):
        if decoder is None or isinstance(event, StreamError):
            yield event
        else:
            yield decoder.decode(event).encode("utf-8", "replace")


class _Scanner:
    """Finds the elements in a sequence of chunks; holds one page at most."""

    def __init__(self, max_page_bytes: int) -> None:
        self._max_page_bytes = max_page_bytes
        self._buffer = bytearray()
        self._offset = 0  # decoded position of the buffer's first byte
        self._end_tag = b""  # of the element that the buffer begins with; empty in a gap
        self._dropped = 0  # bytes taken out of the middle of that element
        self._searched = 0
        self._trim_bytes = _TRIM_BYTES
        self._overlong = False
        self.num_elements = 0
        self.root_open = False
        self.root_closed = False
        self.refused = False

    def feed(self, chunk: bytes) -> Iterator[Element | Damaged]:
        """Add a chunk and yield what it completes."""
        self._buffer += chunk
        while not self.refused:
            if not self._end_tag:
                start = self._find_start()
                yield from self._check_gap(start)
                if not self._end_tag:
                    return
            end = self._buffer.find(self._end_tag, self._searched)
            if end < 0:
                yield from self._trim()
                return
            yield from self._finish(end + len(self._end_tag))

    def give_up(self, detail: str, reason: str = "truncated_record") -> Damaged:
        """Leave the element at hand, or a gap, because what follows does not continue it."""
        damaged = Damaged(reason, detail, self._offset, len(self._buffer) + self._dropped)
        self._leave(len(self._buffer))
        return damaged

    def end(self, whole: bool) -> Iterator[Element | Damaged]:
        """Yield what the end of the stream leaves open."""
        if self._end_tag == _SITE_END:
            yield from self._reopen_site()
        if self._end_tag and not self._overlong:
            yield self.give_up("dump ends inside a page")
        elif whole and self.root_open and not self.root_closed:
            yield self.give_up("no end of the root element")
        elif self.num_elements == 0 and not self.root_open:
            yield self.give_up("no page element", "damaged_record")

    def _leave(self, count: int) -> None:
        """Step over `count` bytes of the buffer and be in a gap."""
        del self._buffer[:count]
        self._offset += count + self._dropped
        self._dropped = self._searched = 0
        self._trim_bytes = _TRIM_BYTES
        self._end_tag = b""
        self._overlong = False

    def _find_start(self) -> int:
        """Find where the gap ends, and which element begins there."""
        page, site = self._buffer.find(_PAGE), self._buffer.find(_SITE)
        if page < 0 and site < 0:
            return -1
        is_site = page < 0 or 0 <= site < page
        self._end_tag = _SITE_END if is_site else _PAGE_END
        return site if is_site else page

    def _check_gap(self, start: int) -> Iterator[Damaged]:
        """Look at the bytes before an element, or at all of them if `start` is -1."""
        gap = bytes(self._buffer[: start if start >= 0 else len(self._buffer)])
        self.root_open = self.root_open or b"<mediawiki" in gap
        self.root_closed = self.root_closed or b"</mediawiki>" in gap
        if _DECLARATION.search(gap):
            self.refused = True
            yield Damaged("damaged_record", "document type declaration", self._offset, 0)
            return
        end_tag = self._end_tag
        self._leave(start if start >= 0 else max(len(self._buffer) - _TAIL_BYTES, 0))
        self._end_tag = end_tag

    def _reopen_site(self) -> Iterator[Element | Damaged]:
        """Treat a siteinfo tag without an end as nothing, so that no page is lost to it."""
        self._leave(len(_SITE))
        yield from self.feed(b"")

    def _trim(self) -> Iterator[Element | Damaged]:
        """Bound the memory of an element whose end is not there yet."""
        self._searched = max(len(self._buffer) - len(self._end_tag), 0)
        if self._end_tag == _SITE_END:
            if len(self._buffer) > _SITE_BYTES:
                yield from self._reopen_site()
        elif self._overlong:
            self._drop(0, self._searched)
        elif len(self._buffer) >= min(self._trim_bytes, self._max_page_bytes):
            yield from self._restart(len(self._buffer))
            first, last = self._buffer.find(_REVISION), self._buffer.rfind(_REVISION)
            if last > first:
                self._drop(first, last)
            self._trim_bytes = max(_TRIM_BYTES, 2 * len(self._buffer))
            if len(self._buffer) > self._max_page_bytes:
                yield self._refuse_page()
                self._drop(0, self._searched)

    def _refuse_page(self) -> Damaged:
        self._overlong = True
        detail = f"page over {self._max_page_bytes} bytes"
        return Damaged("too_large", detail, self._offset, len(self._buffer) + self._dropped)

    def _drop(self, start: int, end: int) -> None:
        del self._buffer[start:end]
        self._dropped += end - start
        self._searched = max(self._searched - (end - start), 0)

    def _restart(self, end: int) -> Iterator[Damaged]:
        """Give up a page before `end` that another page's start interrupts."""
        start = self._buffer.rfind(_PAGE, 1, end)
        if start > 0:
            if not self._overlong:
                length = start + self._dropped
                yield Damaged("truncated_record", "page without an end", self._offset, length)
            self._leave(start)
            self._end_tag = _PAGE_END

    def _finish(self, end: int) -> Iterator[Element | Damaged]:
        buffer_bytes = len(self._buffer)
        is_site = self._end_tag == _SITE_END
        if not is_site:
            yield from self._restart(end)
            end -= buffer_bytes - len(self._buffer)
        if end > self._max_page_bytes and not self._overlong:
            yield self._refuse_page()
        if not self._overlong:
            self.num_elements += 1
            payload = bytes(self._buffer[:end])
            yield Element(payload, self._offset, end + self._dropped, is_site)
        self._leave(end)


def scan_elements(
    stream: BinaryIO, *, max_page_bytes: int, max_bytes: int, whole: bool
) -> Iterator[Element | Damaged]:
    """Yield the page and siteinfo elements of a dump in order.

    Args:
        stream: XML, plain or as bz2, gz, xz, lzma or zst.
        max_page_bytes: cap on one page with one revision.
        max_bytes: cap on the decoded stream.
        whole: whether a root element that is not closed is damage.

    Yields:
        `Damaged` for each page that is cut short or too large, for each stretch that
        cannot be decoded, for a document type declaration (nothing follows it), and for
        a stream that holds no page and no root element.
    """
    scanner = _Scanner(max_page_bytes)
    last_fault: StreamError | None = None
    for event in _transcode(_decode_container(stream, max_bytes)):
        if isinstance(event, StreamError):
            yield scanner.give_up(str(event), event.reason)
            last_fault = event
            continue
        last_fault = None
        yield from scanner.feed(event)
        if scanner.refused:
            return
    if last_fault is None:
        yield from scanner.end(whole)


def find_siteinfo(stream: BinaryIO) -> bytes | None:
    """Return the siteinfo element within the first MiB of a dump, as UTF-8, or None."""
    head = bytearray()
    for event in _transcode(_decode_container(stream, MAX_DUMP_BYTES)):
        if isinstance(event, StreamError):
            return None
        head += event
        start = head.find(_SITE)
        end = head.find(_SITE_END, start) if start >= 0 else -1
        if _DECLARATION.search(head[:start] if start >= 0 else head):
            return None
        if end >= 0:
            return bytes(head[start : end + len(_SITE_END)])
        if len(head) > _SITE_BYTES:
            return None
    return None
