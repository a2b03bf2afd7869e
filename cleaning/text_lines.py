"""Cut a stream into lines, each with its place; a line over the cap costs itself."""

from collections.abc import Iterator
from typing import NamedTuple

from gristmill.cleaning.bounded_streams import StreamError
from gristmill.schemas.fates import Damaged


class TextLine(NamedTuple):
    """A line with its end: its number from 0, its bytes, where they lie in the decoded stream."""

    ordinal: int
    raw: bytes
    offset: int
    length: int


class _Splitter:
    """Cuts chunks at line feeds; a line over the cap is dropped as it comes in."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max_line_bytes = max_line_bytes
        self._pieces: list[bytes] = []
        self._line_bytes = 0
        self._offset = 0
        self._ordinal = 0

    def _add(self, piece: bytes) -> None:
        self._line_bytes += len(piece)
        if self._line_bytes <= self._max_line_bytes:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _finish(self) -> TextLine | Damaged:
        raw = b"".join(self._pieces)
        length, offset, ordinal = self._line_bytes, self._offset, self._ordinal
        self._pieces.clear()
        self._line_bytes = 0
        self._offset += length
        self._ordinal += 1
        if length > self._max_line_bytes:
            detail = f"line of {length} bytes > {self._max_line_bytes}"
            return Damaged("too_large", detail, offset, length, f"line:{ordinal}")
        return TextLine(ordinal, raw, offset, length)

    def feed(self, chunk: bytes) -> Iterator[TextLine | Damaged]:
        start = 0
        while (end := chunk.find(b"\n", start) + 1) > 0:
            self._add(chunk[start:end])
            yield self._finish()
            start = end
        self._add(chunk[start:])

    def end(self) -> Iterator[TextLine | Damaged]:
        """Yield the last line, if no line feed ends it."""
        if self._line_bytes:
            yield self._finish()

    def fail(self, fault: StreamError) -> Damaged:
        """Describe the line that a fault of the stream cuts off."""
        place = (self._offset, self._line_bytes, f"line:{self._ordinal}")
        return Damaged(fault.reason, str(fault), *place)


def split_lines(chunks: Iterator[bytes], *, max_line_bytes: int) -> Iterator[TextLine | Damaged]:
    """Yield the lines of a decoded stream, blank ones too.

    Args:
        chunks: the stream in pieces, as `decode_chunks` gives them.
        max_line_bytes: cap on one line; a longer one is damaged, and the next follows.

    Yields:
        Lines as they are; a last `Damaged` if the stream breaks off, in the place of the
        line that it cuts.
    """
    splitter = _Splitter(max_line_bytes)
    try:
        for chunk in chunks:
            yield from splitter.feed(chunk)
    except StreamError as fault:
        yield splitter.fail(fault)
        return
    yield from splitter.end()
