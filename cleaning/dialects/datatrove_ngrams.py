"""The n-grams of a document as datatrove counts them.

The most frequent one counts even if it occurs once, the first seen among equals, with
a space between its words. Duplicates are looked for greedily: after a copy the search
goes on behind it. Their words are joined with nothing between, so that "ab c" equals
"a bc"; both are datatrove's own, and both are kept here.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.dialects.datatrove_runs import Tape, hash_stretch
from gristmill.cleaning.dialects.datatrove_tokens import Tokens
from gristmill.cleaning.repetition_signals import CountTable, empty_table
from gristmill.cleaning.segments import Bytes, mix_hash

TOP_ORDERS: Final = (2, 3, 4)
DUPLICATE_ORDERS: Final = (5, 6, 7, 8, 9, 10)
_FACTOR: Final = np.uint64(0xD1342543DE82EF95)
_COUNT_BITS: Final = np.uint64(32)
_COUNT_MASK: Final = np.uint64(0xFFFFFFFF)
# Places in the header of a `CountTable`.
_STAMP: Final = 0
_MASK: Final = 1
#: Duplicated n-grams are looked for only where so many characters occur twice.
_OPENING: Final = 16
_MARKS_PER_WORD: Final = 8


class Grams(NamedTuple):
    """Room for the n-grams of one document.

    `words` (w,) uint64: hash of each word; `keys` (w,) uint64: of the n-gram that begins
    there; `places` (w,) int64: those still looked at; `slots` (w,) int64: theirs in a table;
    `marks`, a power of two of uint8: which keys occur, and which may occur twice.
    """

    words: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    places: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]
    marks: Bytes


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def borrow_table(table: CountTable) -> CountTable:
    """Borrow a table of counts; see `datatrove_borrowing`."""
    return CountTable(
        borrow_array(table.keys), borrow_array(table.cells), borrow_array(table.header)
    )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_at(table: CountTable, slot: int) -> np.int64:
    return np.int64(table.cells[slot] & _COUNT_MASK)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _mark_key(marks: Bytes, shift: np.uint64, key: np.uint64) -> None:
    """Note that a key occurs: 1 at its place for once, 2 for more, or for two keys there."""
    place = np.int64(key >> shift)
    marks[place] = 1 + (marks[place] != 0)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _hash_pairs(tape: Tape, tokens: Tokens, count: int, grams: Grams, shift: np.uint64) -> int:
    """Hash words and pairs of words; lists the places whose pair may repeat, and their number."""
    start, last = 0, np.uint64(0)
    for place in range(count):
        end = tokens.ends[place]
        word = mix_hash(hash_stretch(tape, start, end))
        grams.words[place] = word
        if place > 0:
            key = mix_hash(last * _FACTOR + word)
            grams.keys[place - 1] = key
            _mark_key(grams.marks, shift, key)
        start, last = end, word
    listed = 0
    for place in range(count - 1):
        grams.places[listed] = place
        listed += grams.marks[np.int64(grams.keys[place] >> shift)] == 2
    return listed


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_grams(grams: Grams, listed: int, table: CountTable) -> tuple[int, int]:
    """Count the n-grams at the places listed; gives the top count, 1 if none repeats, and place."""
    empty_table(table)
    most = 1
    for index in range(listed):
        slot, before = count_inline(table, grams.keys[grams.places[index]])
        grams.slots[index] = slot
        most = max(most, before + 1)
    # The first place whose n-gram occurs so often is where datatrove saw it first.
    index, found = 0, most == 1
    while not found:
        found = _count_at(table, grams.slots[index]) == most
        index += not found
    return most, grams.places[index] if most > 1 else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _lengthen(grams: Grams, listed: int, order: int, table: CountTable) -> int:
    """List the places where both halves of the n-gram repeat, and hash that; gives their number."""
    kept, before, repeated = 0, -2, False
    for index in range(listed):
        place, repeats = grams.places[index], _count_at(table, grams.slots[index]) > 1
        if repeats and repeated and place == before + 1:
            grams.places[kept] = before
            kept += 1
        before, repeated = place, repeats
    for index in range(kept):
        place = grams.places[index]
        last = grams.words[place + order - 1]
        grams.keys[place] = mix_hash(grams.keys[place] * _FACTOR + last)
    return kept


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _list_openings(tape: Tape, tokens: Tokens, count: int, grams: Grams, shift: np.uint64) -> int:
    """List the places where a duplicated n-gram may begin; gives their number.

    Equal n-grams open with the same characters, wherever their words end: one that is
    not shorter than `_OPENING` and opens as no other place does has no copy.
    """
    grams.marks[:] = 0
    chars, start = tokens.ends[count - 1], 0
    for place in range(count):
        if start + _OPENING <= chars:
            key = hash_stretch(tape, start, start + _OPENING) * _FACTOR
            grams.keys[place] = key
            _mark_key(grams.marks, shift, key)
        start = tokens.ends[place]
    listed, start = 0, 0
    for place in range(count - DUPLICATE_ORDERS[0] + 1):
        end = tokens.ends[place + DUPLICATE_ORDERS[0] - 1]
        grams.places[listed] = place
        short = end - start < _OPENING
        listed += short or grams.marks[np.int64(grams.keys[place] >> shift)] == 2
        start = tokens.ends[place]
    return listed


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _duplicate_chars(
    tape: Tape,
    tokens: Tokens,
    count: int,
    order: int,
    grams: Grams,
    listed: int,
    table: CountTable,
) -> int:
    """Characters of the copies of n-grams, without spaces."""
    empty_table(table)
    chars, after, total = 0, 0, count - order + 1
    for index in range(listed):
        place = grams.places[index]
        if after <= place < total:
            start = tokens.ends[place - 1] if place > 0 else 0
            end = tokens.ends[place + order - 1]
            _, before = count_inline(table, mix_hash(hash_stretch(tape, start, end)))
            if before > 0:
                chars += end - start
                after = place + order
    return chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_shares(
    tape: Tape,
    tokens: Tokens,
    count: int,
    chars: int,
    table: CountTable,
    grams: Grams,
    row: npt.NDArray[np.float64],
) -> None:
    shift = np.uint64(64)
    while np.int64(1) << np.int64(np.uint64(64) - shift) < grams.marks.size:
        shift -= np.uint64(1)
    listed = _hash_pairs(tape, tokens, count, grams, shift)
    for order in TOP_ORDERS:
        row[order - 2] = np.nan
        if order <= count:
            if order > TOP_ORDERS[0]:
                listed = _lengthen(grams, listed, order, table)
            most, first = _count_grams(grams, listed, table)
            start = tokens.ends[first - 1] if first > 0 else 0
            size = tokens.ends[first + order - 1] - start
            row[order - 2] = (size + order - 1) * most / chars
    listed = 0
    if count >= DUPLICATE_ORDERS[0]:
        listed = _list_openings(tape, tokens, count, grams, shift)
    for order in DUPLICATE_ORDERS:
        found = _duplicate_chars(tape, tokens, count, order, grams, listed, table)
        row[order - 2] = found / chars


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
    size = 64
    while size < _MARKS_PER_WORD * count:
        size *= 2
    grams = Grams(
        np.empty(count, np.uint64),
        np.empty(count, np.uint64),
        np.empty(count, np.int64),
        tokens.stack,
        np.zeros(size, np.uint8),
    )
    _write_shares(tape, tokens, count, chars, table, grams, row)


# kernels of: fee339f48195ade4
