"""Pieces of a buffer of texts: whole texts, their heads, their lines."""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.segments import NEWLINE, Bytes

Ints = npt.NDArray[np.int64]


class Spans(NamedTuple):
    """Pieces of a buffer: `starts`, `ends` (n,) int64, each of whole UTF-8 characters."""

    starts: Ints
    ends: Ints


def span_texts(offsets: npt.NDArray[np.int32]) -> Spans:
    """Give the piece of each text of an Arrow buffer, from its (n + 1,) offsets."""
    edges = offsets.astype(np.int64)
    return Spans(edges[:-1], edges[1:])


@numba.njit(cache=True, nogil=True)
def _cut_ends(data: Bytes, starts: Ints, ends: Ints, longest: int) -> Ints:
    """Find the byte after the first `longest` characters of each piece."""
    cuts = ends.copy()
    for row in range(starts.size):
        position, end, chars = starts[row], ends[row], 0
        if end - position > longest:
            while position < end and chars <= longest:
                chars += data[position] & 0xC0 != 0x80
                position += 1
            cuts[row] = position - 1 if chars > longest else end
    return cuts


def cut_spans(data: Bytes, spans: Spans, longest: int) -> Spans:
    """Cut pieces down to their first `longest` characters, from 1.

    Args:
        data: UTF-8 bytes, read-only.
        spans: n pieces.
        longest: in code points.
    """
    return Spans(spans.starts, _cut_ends(data, spans.starts, spans.ends, longest))


@numba.njit(cache=True, nogil=True)
def _find_lines(data: Bytes, starts: Ints, ends: Ints, lines: Ints, shortest: int) -> int:
    """Write start, end and text of each line that is long enough; returns how many are."""
    count = 0
    for row in range(starts.size):
        first, end = starts[row], ends[row]
        for position in range(first, end + 1):
            if position == end or data[position] == NEWLINE:
                if position - first >= shortest:
                    lines[0, count], lines[1, count], lines[2, count] = first, position, row
                    count += 1
                first = position + 1
    return count


def find_lines(data: Bytes, spans: Spans, shortest: int) -> tuple[Spans, Ints]:
    r"""Find the lines of pieces, split at ``\n`` alone.

    Args:
        data: UTF-8 bytes, read-only.
        spans: n pieces.
        shortest: bytes that a line must have, from 1.

    Returns:
        (lines, owners): pieces, in order, and for each the number of the piece it is from.
    """
    room = int(np.sum(spans.ends - spans.starts)) // shortest
    lines = np.empty((3, room), np.int64)
    count = _find_lines(data, spans.starts, spans.ends, lines, shortest)
    return Spans(lines[0, :count], lines[1, :count]), lines[2, :count]


# kernels of: e3a4e3a25fe6a456
