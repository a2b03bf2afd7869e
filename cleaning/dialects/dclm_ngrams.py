"""n-grams as DCLM, RPv2 and Dolma 3 count them: the first copy of a repeated n-gram counts too.

All three take the words that any repeated n-gram covers, once each, over all words; they
differ in the most frequent one. As in `gristmill.cleaning.repetition_signals`, n-grams are
compared exactly: an n-gram is its first n - 1 words and its last one.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.repetition_signals import CountTable, Words, count_key, empty_table

# Which n-gram is the top one, and what it takes up.
LONGEST_TIMES_COUNT: Final = 0  # DCLM
FIRST_TIMES_COUNT: Final = 1  # RPv2
LONGEST_COVER: Final = 2  # Dolma 3

TOP_ORDERS: Final = (2, 3, 4)
DUPLICATE_ORDERS: Final = (5, 6, 7, 8, 9, 10)
NGRAM_METRICS: Final = (
    *(f"top_{order}gram_char_fraction" for order in TOP_ORDERS),
    *(f"duplicate_{order}gram_char_fraction" for order in DUPLICATE_ORDERS),
)

_LAST_TOP: Final = TOP_ORDERS[-1]
_LAST_ORDER: Final = DUPLICATE_ORDERS[-1]
_COUNT_BITS: Final = np.uint64(32)
_COUNT_MASK: Final = np.uint64(0xFFFFFFFF)

Row = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keep_repeated(words: Words, candidates: int, table: CountTable) -> int:
    """Keep the places whose n-gram occurs twice or more; returns how many."""
    kept = 0
    for index in range(candidates):
        slot = words.ids[index]
        words.ids[kept] = slot
        words.places[kept] = words.places[index]
        kept += table.cells[slot] & _COUNT_MASK >= np.uint64(2)
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def _number_words(words: Words, word_count: int, table: CountTable) -> int:
    """Number the words by their slots; returns how many places hold a repeated word."""
    empty_table(table)
    for place in range(word_count):
        slot, _ = count_key(table, words.hashes[place])
        words.slots[place] = slot
        words.ids[place] = slot
        words.places[place] = place
    return int(_keep_repeated(words, word_count, table))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _lengthen(words: Words, repeated: int, order: int, table: CountTable) -> int:
    """Go from repeated (n-1)-grams to repeated n-grams; returns how many places."""
    empty_table(table)
    candidates = 0
    for index in range(repeated - 1):
        place = words.places[index]
        if words.places[index + 1] == place + 1:
            last = np.uint64(words.slots[place + order - 1])
            slot, _ = count_key(table, np.uint64(words.ids[index]) << _COUNT_BITS | last)
            words.ids[candidates] = slot
            words.places[candidates] = place
            candidates += 1
    return int(_keep_repeated(words, candidates, table))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_top(words: Words, repeated: int, order: int, table: CountTable, rule: int) -> int:
    """Find the most frequent n-gram; returns the first index of it, -1 if nothing repeats."""
    top_count, top_size, top = np.uint64(1), 0, -1
    for index in range(repeated):
        place = words.places[index]
        count = table.cells[words.ids[index]] & _COUNT_MASK
        size = words.char_ends[place + order] - words.char_ends[place]
        longer = rule != FIRST_TIMES_COUNT and count == top_count and size > top_size
        if count > top_count or longer:
            top_count, top_size, top = count, size, index
    return top


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cover(words: Words, repeated: int, order: int, only: int) -> int:
    """Add up the characters of the words that n-grams cover: all, or the one numbered `only`."""
    covered_chars, covered_end = 0, 0
    for index in range(repeated):
        if only < 0 or words.ids[index] == only:
            place = words.places[index]
            first = max(place, covered_end)
            covered_end = place + order
            covered_chars += words.char_ends[covered_end] - words.char_ends[first]
    return covered_chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_chars(words: Words, repeated: int, order: int, table: CountTable, rule: int) -> int:
    top = _find_top(words, repeated, order, table, rule)
    if top < 0:
        return 0
    if rule == LONGEST_COVER:
        return int(_cover(words, repeated, order, words.ids[top]))
    place = words.places[top]
    count = np.int64(table.cells[words.ids[top]] & _COUNT_MASK)
    size: int = words.char_ends[place + order] - words.char_ends[place]
    return int(size * count)


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_ngrams(words: Words, word_count: int, table: CountTable, rule: int, row: Row) -> None:
    """Measure the n-grams of one document.

    Args:
        words: its words; the scratch columns are overwritten.
        word_count: w.
        table: room for w keys; emptied here.
        rule: `LONGEST_TIMES_COUNT` and so on.
        row: shape (len(NGRAM_METRICS),); overwritten.
    """
    row[:] = 0.0
    total = words.char_ends[word_count]
    repeated = _number_words(words, word_count, table)
    order = 2
    while order <= _LAST_ORDER and repeated >= 2:
        repeated = _lengthen(words, repeated, order, table)
        if total == 0:
            repeated = 0
        elif order <= _LAST_TOP:
            row[order - 2] = _top_chars(words, repeated, order, table, rule) / total
        else:
            row[order - 2] = _cover(words, repeated, order, -1) / total
        order += 1


# kernels of: 5332876078544573
