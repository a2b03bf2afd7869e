"""n-grams that repeat, order by order: what several dialects build their measures on.

An n-gram is the pair of its first n - 1 words and its last word, each numbered by its
slot in a table. Only where both halves repeat can the whole repeat, so each order looks
at the survivors of the one before (as in `gristmill.cleaning.repetition_signals`).
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.repetition_signals import CountTable, Words, count_key, empty_table

_COUNT_BITS: Final = np.uint64(32)
_COUNT_MASK: Final = np.uint64(0xFFFFFFFF)
_TAKEN: Final = np.uint64(0x80000000)  # more than any count: a text has fewer bytes


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def read_count(table: CountTable, slot: int) -> np.int64:
    """Read how often the key in a slot occurs."""
    return np.int64(table.cells[slot] & _COUNT_MASK)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def take_first(table: CountTable, slot: int) -> bool:
    """Tell whether a slot is asked for the first time; `read_count` is wrong from then on."""
    first: bool = table.cells[slot] & _TAKEN == 0
    table.cells[slot] |= _TAKEN
    return first


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keep_repeated(words: Words, candidates: int, table: CountTable) -> int:
    """Keep the places whose n-gram occurs twice or more; returns how many."""
    kept = 0
    for index in range(candidates):
        slot = words.ids[index]
        words.places[kept] = words.places[index]
        words.ids[kept] = slot
        kept += read_count(table, slot) >= 2
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def number_words(words: Words, word_count: int, table: CountTable) -> int:
    """Number the words by slot and keep the places of those that repeat.

    Args:
        words: its `hashes` are read; `slots`, `ids` and `places` are written.
        word_count: w.
        table: room for w keys; emptied here.

    Returns:
        How many places are kept: ``ids[:k]`` and ``places[:k]``, in order.
    """
    empty_table(table)
    for place in range(word_count):
        slot, _ = count_key(table, words.hashes[place])
        words.slots[place] = slot
        words.ids[place] = slot
        words.places[place] = place
    kept: int = _keep_repeated(words, word_count, table)
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def lengthen_grams(words: Words, repeated: int, order: int, table: CountTable) -> int:
    """Go from the repeated (n - 1)-grams to the n-grams that repeat.

    Args:
        words: `ids` and `places` hold the repeated (n - 1)-grams, and then the n-grams.
        repeated: how many (n - 1)-grams there are.
        order: n, 2 or more.
        table: emptied here; afterwards `read_count(table, id)` tells how often one occurs.

    Returns:
        How many places are kept.
    """
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
    kept: int = _keep_repeated(words, candidates, table)
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_top(words: Words, repeated: int, table: CountTable) -> tuple[int, int]:
    """Find the most frequent n-gram of those that repeat; ties go to the first seen.

    Returns:
        (place of its first occurrence, how often it occurs): the first n-gram of the
        text and 1 where none repeats.
    """
    top_place, top_count = 0, 1
    for index in range(repeated):
        count = read_count(table, words.ids[index])
        if count > top_count:
            top_place, top_count = words.places[index], count
    return top_place, top_count


# kernels of: 5332876078544573
