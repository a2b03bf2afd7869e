"""The n-grams of a document as datatrove counts them.

The most frequent one counts even if it occurs once, the first seen among equals, with
a space between its words. Duplicates are looked for greedily: after a copy the search
goes on behind it. Their words are joined with nothing between, so that "ab c" equals
"a bc"; both are datatrove's own, and both are kept here.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.dialects.datatrove_runs import Tape, borrow_tape, hash_stretch
from gristmill.cleaning.dialects.datatrove_tokens import Tokens, borrow_tokens
from gristmill.cleaning.repetition_signals import CountTable, empty_table
from gristmill.cleaning.segments import mix_hash

TOP_ORDERS: Final = (2, 3, 4)
DUPLICATE_ORDERS: Final = (5, 6, 7, 8, 9, 10)
_FACTOR: Final = np.uint64(0xD1342543DE82EF95)
_COUNT_BITS: Final = np.uint64(32)
_COUNT_MASK: Final = np.uint64(0xFFFFFFFF)
# Places in the header of a `CountTable`.
_STAMP: Final = 0
_MASK: Final = 1


@numba.njit(cache=True, nogil=True, forceinline=True)
def borrow_table(table: CountTable) -> CountTable:
    """Borrow a table of counts; see `datatrove_borrowing`."""
    return CountTable(
        borrow_array(table.keys), borrow_array(table.cells), borrow_array(table.header)
    )


@numba.njit(cache=True, nogil=True, forceinline=True)
def count_inline(table: CountTable, key: np.uint64) -> tuple[np.int64, np.int64]:
    """Count a key that is spread over 64 bits, as `repetition_signals.count_key` does.

    A call for each word and order would take longer than what it does.

    Returns:
        (slot of the key, how often it had occurred before).
    """
    mask = np.int64(table.header[_MASK])
    stamp = table.header[_STAMP] << _COUNT_BITS
    slot = np.int64(key) & mask
    while table.cells[slot] & ~_COUNT_MASK == stamp and table.keys[slot] != key:
        slot = (slot + 1) & mask
    if table.cells[slot] & ~_COUNT_MASK != stamp:
        table.keys[slot] = key
        table.cells[slot] = stamp
    before = np.int64(table.cells[slot] & _COUNT_MASK)
    table.cells[slot] += np.uint64(1)
    return slot, before


@numba.njit(cache=True, nogil=True, forceinline=True)
def _hash_words(tape: Tape, tokens: Tokens, count: int) -> npt.NDArray[np.uint64]:
    keys = np.empty(count, np.uint64)
    start = 0
    for place in range(count):
        end = tokens.ends[place]
        keys[place] = mix_hash(hash_stretch(tape, start, end))
        start = end
    return keys


@numba.njit(cache=True, nogil=True, forceinline=True)
def _top_chars(keys: npt.NDArray[np.uint64], tokens: Tokens, order: int, table: CountTable) -> int:
    """Characters of the most frequent n-gram, spaces included, times its occurrences."""
    empty_table(table)
    total = keys.size - order + 1
    slots = tokens.stack
    most = 0
    for place in range(total):
        slot, before = count_inline(table, keys[place])
        slots[place] = slot
        most = max(most, before + 1)
    # The first place whose n-gram occurs so often is where datatrove saw it first.
    first, found = 0, False
    while not found:
        found = np.int64(table.cells[slots[first]] & _COUNT_MASK) == most
        first += not found
    start = tokens.ends[first - 1] if first > 0 else 0
    size: int = tokens.ends[first + order - 1] - start
    return (size + order - 1) * most


@numba.njit(cache=True, nogil=True, forceinline=True)
def _duplicate_chars(tape: Tape, tokens: Tokens, count: int, order: int, table: CountTable) -> int:
    """Characters of the copies of n-grams, without spaces."""
    empty_table(table)
    chars, place = 0, 0
    while place < count - order + 1:
        start = tokens.ends[place - 1] if place > 0 else 0
        end = tokens.ends[place + order - 1]
        _, before = count_inline(table, mix_hash(hash_stretch(tape, start, end)))
        if before > 0:
            chars += end - start
            place += order
        else:
            place += 1
    return chars


@numba.njit(cache=True, nogil=True)
def write_ngrams(
    tape: Tape,
    tokens: Tokens,
    count: int,
    chars: int,
    table: CountTable,
    row: npt.NDArray[np.float64],
) -> None:
    """Write the shares of nine orders of n-grams in the characters of a text.

    Args:
        tape: the characters.
        tokens: the words; the scratch column is overwritten.
        count: how many.
        chars: characters of the text, at least one.
        table: room for `count` keys; emptied here.
        row: shape (9,): the top 2-, 3- and 4-gram, NaN if the text has fewer words;
            duplicated 5- to 10-grams.
    """
    tape, tokens, table = borrow_tape(tape), borrow_tokens(tokens), borrow_table(table)
    keys = _hash_words(tape, tokens, count)
    hashes = keys.copy()
    for order in TOP_ORDERS:
        total = count - order + 1
        row[order - 2] = np.nan
        if total > 0:
            for place in range(total):
                keys[place] = mix_hash(keys[place] * _FACTOR + hashes[place + order - 1])
            row[order - 2] = _top_chars(keys[: total + order - 1], tokens, order, table) / chars
    for order in DUPLICATE_ORDERS:
        row[order - 2] = _duplicate_chars(tape, tokens, count, order, table) / chars


# kernels of: 31817392c23e6926
