"""Kernels of best-fit packing; `packing` states the rule."""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_Int64 = npt.NDArray[np.int64]
_Bits = npt.NDArray[np.uint64]


@numba.njit(cache=True, nogil=True)
def cut_documents(lengths: npt.NDArray[np.int32], capacity: int) -> tuple[_Int64, _Int64, _Int64]:
    """Cut documents every `capacity` tokens; returns documents, starts and sizes of segments."""
    total = 0
    for i in range(lengths.size):
        total += (int(lengths[i]) + capacity - 1) // capacity
    documents = np.empty(total, dtype=np.int64)
    starts = np.empty(total, dtype=np.int64)
    sizes = np.empty(total, dtype=np.int64)
    s = 0
    for document in range(lengths.size):
        length = int(lengths[document])
        for start in range(0, length, capacity):
            documents[s], starts[s] = document, start
            sizes[s] = min(capacity, length - start)
            s += 1
    return documents, starts, sizes


@numba.njit(cache=True, nogil=True)
def sort_segments(sizes: _Int64, capacity: int) -> _Int64:
    """Sort by size descending; among equals the later segment first. A counting sort."""
    places = np.zeros(capacity + 2, dtype=np.int64)
    for size in sizes:
        places[size] += 1
    before = 0
    for size in range(capacity, -1, -1):
        count = places[size]
        places[size] = before
        before += count
    order = np.empty(sizes.size, dtype=np.int64)
    for s in range(sizes.size - 1, -1, -1):
        order[places[sizes[s]]] = s
        places[sizes[s]] += 1
    return order


@numba.njit(cache=True, nogil=True)
def _lowest_bit(word: np.uint64) -> Any:
    """Index of the lowest set bit of a non-zero word."""
    index = 0
    for width in (32, 16, 8, 4, 2, 1):
        if word & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)) == 0:
            word >>= np.uint64(width)
            index += width
    return index


@numba.njit(cache=True, nogil=True)
def _next_set(words: _Bits, summary: _Bits, first: int) -> Any:
    """Smallest set bit >= first, or -1. Bit w of `summary` is set where words[w] is not 0."""
    w = first >> 6
    if w >= words.size:
        return -1
    rest = words[w] >> np.uint64(first & 63)
    if rest != 0:
        return first + _lowest_bit(rest)
    w += 1
    v = w >> 6
    if v >= summary.size:
        return -1
    rest = summary[v] >> np.uint64(w & 63)
    if rest != 0:
        w += _lowest_bit(rest)
        return (w << 6) + _lowest_bit(words[w])
    for later in range(v + 1, summary.size):
        if summary[later] != 0:
            w = (later << 6) + _lowest_bit(summary[later])
            return (w << 6) + _lowest_bit(words[w])
    return -1


@numba.njit(cache=True, nogil=True)
def fit_segments(sizes: _Int64, capacity: int) -> tuple[_Int64, int]:
    """Put each segment, in order, into the row where the least room stays free.

    Args:
        sizes: int64, shape (s,), 1..capacity.
        capacity: places of a row.

    Returns:
        The row of each segment, int64, shape (s,), and the number of rows.
    """
    tops = np.full(capacity + 1, -1, dtype=np.int64)  # last pushed row of each free capacity
    below = np.empty(sizes.size, dtype=np.int64)  # the row under a row in its stack
    words = np.zeros((capacity >> 6) + 1, dtype=np.uint64)
    summary = np.zeros((words.size >> 6) + 1, dtype=np.uint64)
    one, low = np.uint64(1), np.int64(63)
    rows = np.empty(sizes.size, dtype=np.int64)
    n_rows = 0
    for s in range(sizes.size):
        free = _next_set(words, summary, sizes[s])
        if free < 0:
            free, row = capacity, n_rows
            n_rows += 1
        else:
            row = tops[free]
            tops[free] = below[row]
            if tops[free] < 0:
                words[free >> 6] &= ~(one << np.uint64(free & low))
                if words[free >> 6] == 0:
                    summary[free >> 12] &= ~(one << np.uint64((free >> 6) & low))
        rows[s] = row
        rest = free - sizes[s]
        if rest > 0:
            below[row] = tops[rest]
            tops[rest] = row
            words[rest >> 6] |= one << np.uint64(rest & low)
            summary[rest >> 12] |= one << np.uint64((rest >> 6) & low)
    return rows, n_rows


@numba.njit(cache=True, nogil=True)
def group_by_row(rows: _Int64, n_rows: int) -> tuple[_Int64, _Int64]:
    """Order segments by row, stably; returns the order and row pointers."""
    row_ptr = np.zeros(n_rows + 1, dtype=np.int64)
    for row in rows:
        row_ptr[row + 1] += 1
    for row in range(n_rows):
        row_ptr[row + 1] += row_ptr[row]
    places = row_ptr[:-1].copy()
    order = np.empty(rows.size, dtype=np.int64)
    for s in range(rows.size):
        order[places[rows[s]]] = s
        places[rows[s]] += 1
    return order, row_ptr
