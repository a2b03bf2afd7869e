"""n-grams as NeMo Curator counts them: over all characters of the text, spaces too.

The top n-gram is joined by single spaces and deleted from the text wherever that string
stands, inside other words too; where something else parts its words, it is missed. It
counts where it occurs once. Which one of several is the top is left to the order of
Python's hashes there; here it is the first seen. Documents of fewer words than n score 1.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.nemo_scan import WordPlaces
from gristmill.cleaning.dialects.space_ngrams import (
    find_top,
    lengthen_grams,
    number_words,
    take_first,
)
from gristmill.cleaning.repetition_signals import CountTable, Row, Words
from gristmill.cleaning.segments import Bytes

_TOP_ORDERS: Final = 4
_LAST_ORDER: Final = 10
_BLANK: Final = ord(" ")


@numba.njit(cache=True, nogil=True, _nrt=False)
def _fill_fallbacks(pattern: Bytes, size: int, fallbacks: npt.NDArray[np.int32]) -> None:
    """Tabulate how much of the pattern still matches after a mismatch (Knuth, Morris, Pratt)."""
    matched, fallbacks[0] = 0, 0
    for index in range(1, size):
        while matched > 0 and pattern[index] != pattern[matched]:
            matched = fallbacks[matched - 1]
        matched += pattern[index] == pattern[matched]
        fallbacks[index] = matched


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_matches(
    data: Bytes,
    start: int,
    end: int,
    pattern: Bytes,
    size: int,
    fallbacks: npt.NDArray[np.int32],
) -> int:
    """Count occurrences from the left that do not overlap, in linear time; size >= 2."""
    matched, found, position = 0, 0, start
    while position < end:
        if matched == 0:
            while position < end and data[position] != pattern[0]:
                position += 1
            matched = 1
        elif data[position] == pattern[matched]:
            matched += 1
        else:
            matched = fallbacks[matched - 1]
            position -= 1
        position += 1
        if matched == size:
            found += 1
            matched = 0
    return found


class Scratch(NamedTuple):
    """Room for the string of an n-gram, allocated once per batch: (bytes,) each."""

    pattern: npt.NDArray[np.uint8]
    fallbacks: npt.NDArray[np.int32]


@numba.njit(cache=True, nogil=True)
def new_scratch(capacity: int) -> Scratch:
    """Allocate room for n-grams of a text of so many bytes."""
    return Scratch(np.empty(capacity, np.uint8), np.empty(capacity, np.int32))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _join_words(data: Bytes, places: WordPlaces, first: int, order: int, scratch: Scratch) -> int:
    """Write the n-gram that starts at a place, joined by spaces; returns its bytes."""
    size = 0
    for place in range(first, first + order):
        if place > first:
            scratch.pattern[size] = _BLANK
            size += 1
        for position in range(places.starts[place], places.ends[place]):
            scratch.pattern[size] = data[position]
            size += 1
    return size


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_chars(
    data: Bytes,
    bounds: tuple[int, int],
    words: Words,
    places: WordPlaces,
    first: int,
    order: int,
    scratch: Scratch,
) -> int:
    """Count the characters that go when the n-gram at `first` is deleted from the text."""
    size = _join_words(data, places, first, order, scratch)
    _fill_fallbacks(scratch.pattern, size, scratch.fallbacks)
    start, end = bounds
    found: int = _count_matches(data, start, end, scratch.pattern, size, scratch.fallbacks)
    chars: int = words.char_ends[first + order] - words.char_ends[first] + order - 1
    return found * chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def _duplicate_chars(words: Words, repeated: int, order: int, table: CountTable) -> int:
    """Count characters of second and later copies, and the spaces between their words.

    A word that the copy before covers does not count again. A copy that continues
    another counts one space per new word, but never more than n - 1.
    """
    covered_end, chars = 0, 0
    for index in range(repeated):
        place = words.places[index]
        if take_first(table, words.ids[index]):
            continue
        overlap = max(covered_end - place, 0)
        covered_end = place + order
        chars += words.char_ends[covered_end] - words.char_ends[place + overlap]
        chars += min(order - overlap, order - 1)
    return chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_ngrams(
    data: Bytes,
    bounds: tuple[int, int],
    sizes: tuple[int, int],
    words: Words,
    room: tuple[WordPlaces, Scratch],
    table: CountTable,
    grams: Row,
) -> None:
    """Measure the n-grams of one document.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where the document begins and ends in `data`.
        sizes: number of words w, and of characters.
        words: its words; the scratch columns are overwritten.
        room: where the words stand, and scratch for the document's bytes.
        table: room for w keys; emptied here.
        grams: shape (9,): top 2 to 4, duplicates 5 to 10; 1 where w < n.
    """
    word_count, chars = sizes
    places, scratch = room
    repeated = number_words(words, word_count, table)
    for order in range(2, _LAST_ORDER + 1):
        repeated = lengthen_grams(words, repeated, order, table)
        if word_count < order:
            grams[order - 2] = 1.0
        elif order <= _TOP_ORDERS:
            first, _ = find_top(words, repeated, table)
            covered = _top_chars(data, bounds, words, places, first, order, scratch)
            grams[order - 2] = covered / chars
        else:
            grams[order - 2] = _duplicate_chars(words, repeated, order, table) / chars


# kernels of: c8db6a82ed0977c9
