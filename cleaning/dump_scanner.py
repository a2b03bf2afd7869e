"""Find page and siteinfo elements in the bytes of a MediaWiki dump.

`<` cannot stand in XML text, so searching for the tags as bytes is exact. Pages that are
cut short are given up at the next page's start.

A dump in several bz2 streams can be read in ranges of streams. An element belongs to the
stream that holds its first byte, and what lies in the streams of a range is told the same
whether the range is read alone or with all others: in reading on past the end of the range
for an element that reaches beyond it, and in telling damage of each stream for itself.
"""

import itertools
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from gristmill.cleaning.bounded_streams import StreamError
from gristmill.cleaning.bzip2_blocks import StreamStart
from gristmill.cleaning.dump_streams import (
    DECLARATION,
    MAX_SITE_BYTES,
    SITE,
    SITE_END,
    Event,
    decode_dump,
)
from gristmill.schemas.fates import Damaged

#: Cap on the XML of one page with one revision; the largest real article is under 3 MiB.
MAX_PAGE_BYTES: Final = 64 << 20

#: Older revisions of the page at hand are dropped each time the buffer passes this,
#: doubled while nothing can be dropped.
_TRIM_BYTES: Final = 4 << 20

_PAGE, _PAGE_END = b"<page>", b"</page>"
_REVISION: Final = b"<revision>"
_STARTS: Final = tuple(tag[:size] for tag in (_PAGE, SITE) for size in range(len(tag) - 1, 0, -1))
_TAIL_BYTES: Final = 16


class Element(NamedTuple):
    """XML of a page or siteinfo element in UTF-8, without the page's older revisions.

    `position` and `length` count decoded bytes, as UTF-8: of the bz2 stream that holds the
    element's first byte, if the file has several, else of the file. `offset` is where that
    stream begins in the file, or `position` again in a file's first or only stream.
    """

    payload: bytes
    offset: int
    position: int
    length: int
    is_site: bool


class _Scanner:
    """Finds the elements in a sequence of chunks; holds one page at most.

    Attributes:
        item_start: where in the decoded bytes the item that came last begins.
    """

    def __init__(self, max_page_bytes: int, *, root_open: bool) -> None:
        self._max_page_bytes = max_page_bytes
        self._buffer = bytearray()
        self._offset = 0  # decoded position of the buffer's first byte
        self._end_tag = b""  # of the element that the buffer begins with; empty in a gap
        self._dropped = 0  # bytes taken out of the middle of that element
        self._searched = 0
        self._trim_bytes = _TRIM_BYTES
        # Decoded position and place in the file of streams, from the one at `_offset` on.
        self._streams: deque[tuple[int, int]] = deque([(0, 0)])
        self._found_any = root_open
        self._root_open = root_open
        self._root_closed = False
        self.item_start = 0
        self.refused = False

    @property
    def end_position(self) -> int:
        """Decoded bytes that were fed."""
        return self._offset + self._dropped + len(self._buffer)

    def start_stream(self, offset: int) -> None:
        """Note that what is fed next is of the bz2 stream at `offset` of the file."""
        self._streams.append((self.end_position, offset))

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

    def awaits(self, border: int) -> bool:
        """Tell whether what comes next may belong to an element that begins before `border`."""
        if self._end_tag:
            return self._offset < border
        end = self.end_position
        return any(end - len(start) < border and self._buffer.endswith(start) for start in _STARTS)

    def fail(self, fault: StreamError) -> Iterator[Damaged]:
        """Leave the element at hand, or a gap, because what follows does not continue it."""
        if self._end_tag == _PAGE_END:
            yield from self._restart(len(self._buffer))
        stream = self._locate()[0]
        was_open = bool(self._end_tag)
        if was_open:
            yield self._give_up(fault.reason, str(fault))
        if not was_open or self._streams[-1][1] != stream:
            self._leave(len(self._buffer))
            yield self._damage(fault.reason, str(fault), 0)

    def end(self, whole: bool) -> Iterator[Element | Damaged]:
        """Yield what the end of the stream leaves open; `whole` if reading began at its start."""
        if self._end_tag == SITE_END:
            yield from self._reopen_site()
        if self._end_tag:
            yield from self._restart(len(self._buffer))
            yield self._give_up("truncated_record", "dump ends inside a page")
        elif self._root_open and not self._root_closed:
            yield self._give_up("truncated_record", "no end of the root element")
        elif whole and not self._found_any:
            yield self._give_up("damaged_record", "no page element")

    def _locate(self) -> tuple[int, int]:
        """Tell the stream that the buffer begins in, and where in that."""
        while len(self._streams) > 1 and self._streams[1][0] <= self._offset:
            self._streams.popleft()
        return self._streams[0][1], self._offset - self._streams[0][0]

    def _damage(self, reason: str, detail: str, length: int) -> Damaged:
        stream, position = self._locate()
        self.item_start = self._offset
        return Damaged(reason, detail, stream or position, length)

    def _give_up(self, reason: str, detail: str) -> Damaged:
        damaged = self._damage(reason, detail, len(self._buffer) + self._dropped)
        self._leave(len(self._buffer))
        return damaged

    def _leave(self, count: int) -> None:
        """Step over `count` bytes of the buffer and be in a gap."""
        del self._buffer[:count]
        self._offset += count + self._dropped
        self._dropped = self._searched = 0
        self._trim_bytes = _TRIM_BYTES
        self._end_tag = b""

    def _find_start(self) -> int:
        """Find where the gap ends, and which element begins there."""
        page, site = self._buffer.find(_PAGE), self._buffer.find(SITE)
        if page < 0 and site < 0:
            return -1
        is_site = page < 0 or 0 <= site < page
        self._end_tag = SITE_END if is_site else _PAGE_END
        return site if is_site else page

    def _check_gap(self, start: int) -> Iterator[Damaged]:
        """Look at the bytes before an element, or at all of them if `start` is -1."""
        gap = bytes(self._buffer[: start if start >= 0 else len(self._buffer)])
        self._root_open = self._root_open or b"<mediawiki" in gap
        # Only in the prolog is a declaration one; and no page is parsed with what is outside.
        if not self._found_any and DECLARATION.search(gap):
            self.refused = True
            yield self._damage("damaged_record", "document type declaration", 0)
            return
        self._found_any = self._found_any or self._root_open or start >= 0
        self._root_closed = start < 0 and (self._root_closed or b"</mediawiki>" in gap)
        end_tag = self._end_tag
        self._leave(start if start >= 0 else max(len(self._buffer) - _TAIL_BYTES, 0))
        self._end_tag = end_tag

    def _reopen_site(self) -> Iterator[Element | Damaged]:
        """Treat a siteinfo tag without an end as nothing, so that no page is lost to it."""
        self._leave(len(SITE))
        yield from self.feed(b"")

    def _trim(self) -> Iterator[Element | Damaged]:
        """Bound the memory of an element whose end is not there yet."""
        self._searched = max(len(self._buffer) - len(self._end_tag), 0)
        if self._end_tag == SITE_END:
            if len(self._buffer) > MAX_SITE_BYTES:
                yield from self._reopen_site()
        elif len(self._buffer) >= min(self._trim_bytes, self._max_page_bytes):
            yield from self._restart(len(self._buffer))
            first, last = self._buffer.find(_REVISION), self._buffer.rfind(_REVISION)
            if last > first:
                del self._buffer[first:last]
                self._dropped += last - first
                self._searched = max(self._searched - (last - first), 0)
            self._trim_bytes = max(_TRIM_BYTES, 2 * len(self._buffer))
            if len(self._buffer) > self._max_page_bytes:
                yield self._refuse_page()
                # The rest of the page is a gap: no page begins in it.
                self._leave(max(len(self._buffer) - _TAIL_BYTES, 0))

    def _refuse_page(self) -> Damaged:
        detail = f"page over {self._max_page_bytes} bytes"
        return self._damage("too_large", detail, len(self._buffer) + self._dropped)

    def _restart(self, end: int) -> Iterator[Damaged]:
        """Give up pages before `end` that another page's start interrupts."""
        while (start := self._find_restart(end)) > 0:
            yield self._damage("truncated_record", "page without an end", start + self._dropped)
            self._leave(start)
            self._end_tag = _PAGE_END
            end -= start

    def _find_restart(self, end: int) -> int:
        """Find the last page start of this stream, or else the first of those after it."""
        self._locate()
        border = end
        if len(self._streams) > 1:
            border = max(self._streams[1][0] - self._offset - self._dropped, 1)
        start = self._buffer.rfind(_PAGE, 1, min(border - 1 + len(_PAGE), end))
        return start if start > 0 else self._buffer.find(_PAGE, border, end)

    def _finish(self, end: int) -> Iterator[Element | Damaged]:
        buffer_bytes = len(self._buffer)
        is_site = self._end_tag == SITE_END
        if not is_site:
            yield from self._restart(end)
            end -= buffer_bytes - len(self._buffer)
        if end > self._max_page_bytes:
            yield self._refuse_page()
        else:
            payload = bytes(self._buffer[:end])
            stream, position = self._locate()
            self.item_start = self._offset
            length = end + self._dropped
            yield Element(payload, stream or position, position, length, is_site)
        self._leave(end)


def scan_elements(
    stream: BinaryIO,
    *,
    max_page_bytes: int,
    max_bytes: int,
    start: int = 0,
    stop: int | None = None,
    root_open: bool = False,
) -> Iterator[Element | Damaged]:
    """Yield the page and siteinfo elements of a dump in order.

    Args:
        stream: XML, plain or as bz2, gz, xz, lzma or zst, from where it stands.
        max_page_bytes: cap on one page with one revision.
        max_bytes: cap on the decoded stream.
        start: where in the file `stream` stands: 0, or where one of its bz2 streams begins.
        stop: where the bz2 stream begins whose elements are another's; None for the end.
        root_open: whether the file has a root element that begins before `start`.

    Yields:
        `Damaged` for each page that is cut short or too large, for each stretch that
        cannot be decoded, for a document type declaration (nothing follows it), for a root
        element that is not closed, and for a file that holds no page and no root element.
    """
    scanner = _Scanner(max_page_bytes, root_open=root_open)
    border: int | None = None  # decoded position from which on all is another's
    last: Event | None = None
    events = decode_dump(stream, max_bytes=max_bytes, start=start)
    for event in itertools.chain(events, [None]):
        if isinstance(event, StreamStart) and border is None and _is_past(event, stop):
            border = scanner.end_position
        for item in _apply_event(scanner, event, last, whole=start == 0):
            if border is not None and scanner.item_start >= border:
                return
            yield item
        if scanner.refused or (border is not None and not scanner.awaits(border)):
            return
        last = event


def _is_past(event: StreamStart, stop: int | None) -> bool:
    return stop is not None and event.offset >= stop


def _apply_event(
    scanner: _Scanner, event: Event | None, last: Event | None, *, whole: bool
) -> Iterator[Element | Damaged]:
    """Tell the scanner what came next, or with None that nothing does."""
    if event is None:
        # After a fault all that the end could leave open is told already.
        return iter(()) if isinstance(last, StreamError) else scanner.end(whole)
    if isinstance(event, StreamStart):
        scanner.start_stream(event.offset)
        return iter(())
    return scanner.fail(event) if isinstance(event, StreamError) else scanner.feed(event)
