"""Cut one JSON array into its elements without parsing it, each with its place.

Only strings, braces and brackets are looked at, so that an element that is no valid JSON
inside costs itself, and memory is bounded by one element.
"""

import re
from collections.abc import Iterator
from typing import Final

from gristmill.cleaning.bounded_streams import StreamError
from gristmill.cleaning.text_lines import TextLine
from gristmill.schemas.fates import Damaged

_STRUCTURE: Final = re.compile(rb'["{}\[\]]')
_IN_STRING: Final = re.compile(rb"[^\"\\]*+(?:\\.[^\"\\]*+)*+", re.DOTALL)
_BETWEEN: Final = b" \t\r\n,"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class _Splitter:
    """Follows strings and nesting through chunks; holds one element at most."""

    def __init__(self, max_element_bytes: int) -> None:
        self._max_element_bytes = max_element_bytes
        self._pieces: list[bytes] = []
        self._held = 0  # bytes of the element or gap at hand
        self._offset = 0  # where that begins
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the chunk before ended with a backslash
        self._ordinal = 0
        self._trailed = False
        self.closed = False

    def feed(self, chunk: bytes) -> Iterator[TextLine | Damaged]:
        """Add a chunk and yield the elements that it completes."""
        start = position = 0
        while (position := self._step(chunk, position)) >= 0:
            sign = chunk[position : position + 1]
            if sign in b"{[":
                self._depth += 1
                if self._depth == 2:
                    yield from self._finish(chunk[start:position], is_element=False)
                    start = position
            elif sign in b"}]":
                self._depth -= 1
                if self._depth == 1:
                    yield from self._finish(chunk[start : position + 1], is_element=True)
                    start = position + 1
                elif self._depth <= 0:
                    self.closed = True
                    yield from self._finish(chunk[start:position], is_element=False)
                    yield from self.trail(chunk[position + 1 :])
                    return
            position += 1
        self._add(chunk[start:])

    def trail(self, rest: bytes) -> Iterator[Damaged]:
        """Yield what follows the end of the array, if that is anything."""
        if rest.strip(_BETWEEN) and not self._trailed:
            self._trailed = True
            yield self.fail("bad_row", "bytes after the array")

    def end(self) -> Iterator[TextLine | Damaged]:
        """Yield what an array without an end leaves open."""
        if not self.closed:
            yield self.fail("truncated_record", "no end of the array")

    def fail(self, reason: str, detail: str) -> Damaged:
        """Describe the element that is cut off."""
        return Damaged(reason, detail, self._offset, self._held, f"line:{self._ordinal}")

    def _step(self, chunk: bytes, position: int) -> int:
        """Find the next brace or bracket outside of strings; -1 if the chunk ends before."""
        while True:
            if self._escaped and position < len(chunk):
                position += 1
                self._escaped = False
            if self._in_string:
                match = _IN_STRING.match(chunk, position)
                position = match.end() if match else position
                if position >= len(chunk):
                    return -1
                if chunk[position : position + 1] == b"\\":
                    self._escaped = True
                    return -1
                self._in_string = False
                position += 1
            found = _STRUCTURE.search(chunk, position)
            if found is None:
                return -1
            if found[0] != b'"':
                return found.start()
            self._in_string = True
            position = found.end()

    def _add(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held <= self._max_element_bytes:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _finish(self, piece: bytes, *, is_element: bool) -> Iterator[TextLine | Damaged]:
        self._add(piece)
        raw, held, offset = b"".join(self._pieces), self._held, self._offset
        self._pieces.clear()
        self._held = 0
        self._offset += held
        if not is_element and not self._is_stray(raw, offset, held):
            return
        name = f"line:{self._ordinal}"
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        if held > self._max_element_bytes:
            detail = f"element of {held} bytes > {self._max_element_bytes}"
            yield Damaged("too_large", detail, offset, held, name)
        elif is_element:
            yield TextLine(ordinal, raw, offset, held)
        else:
            yield Damaged("bad_row", "no JSON object between two", offset, held, name)

    def _is_stray(self, gap: bytes, offset: int, held: int) -> bool:
        """Tell whether there is more between two elements than a comma."""
        if offset == 0:
            gap = gap.removeprefix(_BYTE_ORDER_MARK).lstrip(_BETWEEN).removeprefix(b"[")
        return held > self._max_element_bytes or bool(gap.strip(_BETWEEN))


def split_elements(
    chunks: Iterator[bytes], *, max_element_bytes: int
) -> Iterator[TextLine | Damaged]:
    """Yield the objects and arrays in an array.

    Args:
        chunks: the decoded file in pieces; its first sign is a bracket.
        max_element_bytes: cap on one element; a longer one is damaged, and the next follows.

    Yields:
        Elements, numbered from 0; `Damaged` for anything else between two of them, and
        last for an array without an end, a stream that breaks off, or bytes after the end.
    """
    splitter = _Splitter(max_element_bytes)
    try:
        for chunk in chunks:
            if splitter.closed:
                yield from splitter.trail(chunk)
            else:
                yield from splitter.feed(chunk)
    except StreamError as fault:
        yield splitter.fail(fault.reason, str(fault))
        return
    yield from splitter.end()
