"""Words and n-grams as RPv2 counts them: the first copy of a repeated n-gram counts too.

The top n-gram is the first of the most frequent, and takes up its characters times its
occurrences; words that any repeated n-gram covers count once, over all words.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.space_ngrams import find_top, lengthen_grams, read_count
from gristmill.cleaning.repetition_signals import CountTable, Row, Words, count_key, empty_table

#: Where a row has the nine n-gram measures: top 2 to 4, duplicates 5 to 10.
FIRST_GRAM: Final = 4
_GRAMS: Final = 9
_TOP_ORDERS: Final = 4
_LAST_ORDER: Final = 10


@numba.njit(cache=True, nogil=True, _nrt=False)
def _number_words(words: Words, count: int, table: CountTable) -> int:
    """Number the words by slot; returns how many distinct ones `words.ids` begins with."""
    empty_table(table)
    distinct = 0
    for place in range(count):
        slot, before = count_key(table, words.hashes[place])
        words.slots[place] = slot
        words.ids[distinct] = slot
        distinct += before == 0
    return distinct


@numba.njit(cache=True, nogil=True, _nrt=False)
def _measure_entropy(words: Words, count: int, distinct: int, table: CountTable) -> float:
    """Add up the entropy in the order of the words' first occurrence, in nats."""
    entropy, last, share = 0.0, np.int64(0), 0.0
    for index in range(distinct):
        times = read_count(table, words.ids[index])
        if times != last:
            last, share = times, -times / count * np.log(times / count)
        entropy += share
    return entropy


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keep_repeated(words: Words, count: int, table: CountTable) -> int:
    """Keep the places of the words that occur twice or more; returns how many."""
    kept = 0
    for place in range(count):
        slot = words.slots[place]
        words.ids[kept] = slot
        words.places[kept] = place
        kept += read_count(table, slot) >= 2
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_chars(words: Words, repeated: int, order: int, table: CountTable) -> int:
    """Characters of the top n-gram times its occurrences; 0 where none repeats."""
    place, times = find_top(words, repeated, table)
    size: int = words.char_ends[place + order] - words.char_ends[place] if times > 1 else 0
    return int(size * times)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _covered_chars(words: Words, repeated: int, order: int) -> int:
    """Characters of the words that repeated n-grams cover."""
    covered_chars, covered_end = 0, 0
    for index in range(repeated):
        place = words.places[index]
        first = max(place, covered_end)
        covered_end = place + order
        covered_chars += words.char_ends[covered_end] - words.char_ends[first]
    return covered_chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_grams(words: Words, count: int, table: CountTable, row: Row) -> None:
    """Measure the words of one document and their n-grams.

    Args:
        words: its words; the scratch columns are overwritten.
        count: how many.
        table: room for as many keys; emptied here.
        row: its metrics; the first thirteen are written: number of words, mean length,
            share of distinct ones and entropy (NaN where there is no word), then n-grams.
    """
    row[0] = count
    row[1:FIRST_GRAM] = np.nan
    row[FIRST_GRAM : FIRST_GRAM + _GRAMS] = 0.0
    if count == 0:
        return
    total = words.char_ends[count]
    distinct = _number_words(words, count, table)
    row[1] = total / count
    row[2] = distinct / count
    row[3] = _measure_entropy(words, count, distinct, table)
    repeated, order = _keep_repeated(words, count, table), 2
    while order <= _LAST_ORDER and repeated >= 2:
        repeated = lengthen_grams(words, repeated, order, table)
        if order <= _TOP_ORDERS:
            covered = _top_chars(words, repeated, order, table)
        else:
            covered = _covered_chars(words, repeated, order)
        row[FIRST_GRAM + order - 2] = covered / total
        order += 1


# kernels of: 8e138e2d3cf70b6c
