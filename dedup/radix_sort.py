"""Sorting runs of hashes with bounded cost: a crafted document cannot make it quadratic."""

import numba
import numpy as np
import numpy.typing as npt

#: Runs up to this length are sorted by insertion, where eight histograms cost more.
_INSERTION_LENGTH = 48


@numba.njit(cache=True, nogil=True)
def _insertion_sort(values: npt.NDArray[np.uint64]) -> None:
    for i in range(1, len(values)):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value


@numba.njit(cache=True, nogil=True)
def _count_bytes(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    counts = np.zeros((8, 256), dtype=np.int64)
    for value in values:
        for digit in range(8):
            counts[digit, value >> np.uint64(8 * digit) & np.uint64(0xFF)] += 1
    return counts


@numba.njit(cache=True, nogil=True)
def _sort_bytes(values: npt.NDArray[np.uint64], scratch: npt.NDArray[np.uint64]) -> None:
    """Sort by one byte at a time, lowest first; every pass keeps the order of equals."""
    counts = _count_bytes(values)
    source, target = values, scratch
    for digit in range(8):
        position = 0
        for byte in range(256):
            count = counts[digit, byte]
            counts[digit, byte] = position
            position += count
        for value in source:
            bucket = value >> np.uint64(8 * digit) & np.uint64(0xFF)
            target[counts[digit, bucket]] = value
            counts[digit, bucket] += 1
        source, target = target, source


@numba.njit(cache=True, nogil=True)
def sort_distinct(values: npt.NDArray[np.uint64], scratch: npt.NDArray[np.uint64]) -> int:
    """Sort hashes in place and drop repeats; linear in their number.

    Args:
        values: shape (n,), uint64; afterwards the first `count` are ascending and distinct.
        scratch: uint64, at least n long; overwritten.

    Returns:
        `count`, the number of distinct hashes.
    """
    if len(values) <= _INSERTION_LENGTH:
        _insertion_sort(values)
    else:
        _sort_bytes(values, scratch[: len(values)])
    count = 0
    for i in range(len(values)):
        if i == 0 or values[i] != values[i - 1]:
            values[count] = values[i]
            count += 1
    return count
