"""n-grams as NeMo Curator counts them: over all characters of the text, spaces too.

The top n-gram is joined by single spaces and deleted from the text wherever that string
stands, inside other words too; where something else parts its words, it is missed. It
counts where it occurs once. Which one of several is the top is left to the order of
Python's hashes there; here it is the first seen. Documents of fewer words than n score 1.
"""

from typing import Final

import numba
import numpy as np

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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_same(data: Bytes, start: int, other: int, size: int) -> bool:
    """Compare so many bytes that stand at two places."""
    offset = 0
    while offset < size and data[start + offset] == data[other + offset]:
        offset += 1
    return offset == size


@numba.njit(cache=True, nogil=True, _nrt=False)
def _continues(data: Bytes, place: int, first: int, order: int, places: WordPlaces) -> bool:
    """Tell whether the n-gram at `first` goes on after its first word, and so at `place`.

    Single spaces part the words; of the last one, more may follow.
    """
    starts, ends = places
    step, same = 1, True
    while same and step < order:
        size = ends[first + step] - starts[first + step]
        there = ends[place + step] - starts[place + step]
        same = (
            data[ends[place + step - 1]] == _BLANK
            and starts[place + step] == ends[place + step - 1] + 1
            and (there == size or (there > size and step == order - 1))
            and _is_same(data, starts[place + step], starts[first + step], size)
        )
        step += 1
    return same


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_matches(data: Bytes, word_count: int, first: int, order: int, places: WordPlaces) -> int:
    """Count occurrences of the n-gram's string from the left that do not overlap.

    Where it stands, a word ends in its first word, a space follows, and so on: only
    words are looked at, and each of them n times at most.
    """
    starts, ends = places
    size, found, covered_end = ends[first] - starts[first], 0, np.int64(0)
    last = data[ends[first] - 1]
    for place in range(word_count - order + 1):
        after = ends[place]
        if data[after - 1] == last:
            start = after - size
            if (
                start >= starts[place]
                and start >= covered_end
                and _is_same(data, start, starts[first], size)
                and _continues(data, place, first, order, places)
            ):
                found += 1
                final = first + order - 1
                covered_end = starts[place + order - 1] + ends[final] - starts[final]
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_chars(
    data: Bytes, word_count: int, words: Words, places: WordPlaces, first: int, order: int
) -> int:
    """Count the characters that go when the n-gram at `first` is deleted from the text."""
    found: int = _count_matches(data, word_count, first, order, places)
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
    sizes: tuple[int, int],
    words: Words,
    places: WordPlaces,
    table: CountTable,
    grams: Row,
) -> None:
    """Measure the n-grams of one document.

    Args:
        data: UTF-8 bytes of the batch.
        sizes: number of words w, and of characters.
        words: its words; the scratch columns are overwritten.
        places: where the words stand.
        table: room for w keys; emptied here.
        grams: shape (9,): top 2 to 4, duplicates 5 to 10; 1 where w < n.
    """
    word_count, chars = sizes
    repeated = number_words(words, word_count, table)
    for order in range(2, _LAST_ORDER + 1):
        repeated = lengthen_grams(words, repeated, order, table)
        if word_count < order:
            grams[order - 2] = 1.0
        elif order <= _TOP_ORDERS:
            first, _ = find_top(words, repeated, table)
            covered = _top_chars(data, word_count, words, places, first, order)
            grams[order - 2] = covered / chars
        else:
            grams[order - 2] = _duplicate_chars(words, repeated, order, table) / chars


# kernels of: 6a698ff080c947f3
