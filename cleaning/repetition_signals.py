"""How much of a text repeats: lines, paragraphs and n-grams (Gopher, table A1).

Reference definition (Rae et al. 2021, arXiv:2112.11446, with the choices that the
paper leaves open): copies after the first count; blank lines do not; the top n-gram
counts only if it occurs twice or more; n-gram fractions are characters of words over
the characters of all words, and a word that several n-grams cover counts once.

n-grams are compared exactly, not by hash: an n-gram is the pair of its first n - 1
words and its last word, each numbered by its slot. Only where both halves repeat can
the whole repeat, so each order looks at the survivors of the one before.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.segments import mix_hash
from gristmill.schemas.tables import DOCUMENT_METRICS

Row = npt.NDArray[np.float64]

_TOP_2GRAM: Final = DOCUMENT_METRICS.index("top_2gram_char_fraction")
_DUPLICATE_5GRAM: Final = DOCUMENT_METRICS.index("duplicate_5gram_char_fraction")
_DISTINCT_WORDS: Final = DOCUMENT_METRICS.index("distinct_word_fraction")
_ENTROPY: Final = DOCUMENT_METRICS.index("unigram_entropy")
#: Logarithms are rounded to this, so that their sum is exact in any order.
_LOG_UNIT: Final = 1 << 30
_TOP_ORDERS: Final = 4
_FIRST_DUPLICATE_ORDER: Final = 5
_LAST_ORDER: Final = 10
_COUNT_BITS: Final = np.uint64(32)
_COUNT_MASK: Final = np.uint64(0xFFFFFFFF)
_ONE: Final = np.uint64(1)
# Places in the header of a table.
_STAMP: Final = 0
_MASK: Final = 1


class CountTable(NamedTuple):
    """An open-addressing table of counts that is emptied by taking a new stamp.

    `cells` holds stamp << 32 | count; a cell with an old stamp is free. `header` is
    the current stamp and the mask of the part in use: a small document after a large
    one stays within the processor's cache. Sizes are powers of two.
    """

    keys: npt.NDArray[np.uint64]
    cells: npt.NDArray[np.uint64]
    header: npt.NDArray[np.uint64]


class Words(NamedTuple):
    """The words of one document and room to work on them, allocated once per batch.

    `hashes` (w,) uint64; `char_ends` (w + 1,) int64, running sum of characters;
    `slots`, `ids`, `places` (w,) int64: scratch of `write_ngrams`.
    """

    hashes: npt.NDArray[np.uint64]
    char_ends: npt.NDArray[np.int64]
    slots: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def new_words(capacity: int) -> Words:
    """Allocate room for `capacity` words."""
    char_ends = np.empty(capacity + 1, np.int64)
    char_ends[0] = 0
    return Words(
        np.empty(capacity, np.uint64),
        char_ends,
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
    )


@numba.njit(cache=True, nogil=True, _nrt=False)
def _table_size(capacity: int) -> int:
    """Find the power of two that `capacity` keys fill at most by half."""
    size = 16
    while size < 2 * capacity:
        size *= 2
    return size


@numba.njit(cache=True, nogil=True)
def _allocate_table(size: int) -> CountTable:
    # Stamp 0 is never current: it marks the cells of a fresh table as free.
    return CountTable(np.zeros(size, np.uint64), np.zeros(size, np.uint64), np.zeros(2, np.uint64))


@numba.njit(cache=True, nogil=True)
def reserve_table(table: CountTable, capacity: int) -> CountTable:
    """Give the table, emptied, or a larger one if `capacity` keys do not fit."""
    size = _table_size(capacity)
    if table.keys.size < size:
        table = _allocate_table(size)
    table.header[_MASK] = np.uint64(size - 1)
    empty_table(table)
    return table


@numba.njit(cache=True, nogil=True)
def new_table(capacity: int) -> CountTable:
    """Allocate a table for `capacity` keys."""
    table: CountTable = reserve_table(_allocate_table(_table_size(capacity)), capacity)
    return table


@numba.njit(cache=True, nogil=True, _nrt=False)
def empty_table(table: CountTable) -> None:
    """Forget every key."""
    table.header[_STAMP] += _ONE


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_key(table: CountTable, key: np.uint64) -> tuple[np.int64, np.int64]:
    """Count one occurrence of a key.

    Returns:
        (slot of the key, how often it had occurred before).
    """
    mask = np.int64(table.header[_MASK])
    slot = np.int64(mix_hash(key)) & mask
    stamp = table.header[_STAMP] << _COUNT_BITS
    while True:
        cell = table.cells[slot]
        if cell & ~_COUNT_MASK != stamp:
            table.keys[slot] = key
            table.cells[slot] = stamp | _ONE
            return slot, np.int64(0)
        if table.keys[slot] == key:
            table.cells[slot] = cell + _ONE
            return slot, np.int64(cell & _COUNT_MASK)
        slot = (slot + 1) & mask


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_at(table: CountTable, slot: int) -> np.int64:
    return np.int64(table.cells[slot] & _COUNT_MASK)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _number_words(words: Words, word_count: int, table: CountTable) -> int:
    """Number the words by slot; returns how many distinct ones there are."""
    empty_table(table)
    distinct = 0
    for place in range(word_count):
        slot, before = count_key(table, words.hashes[place])
        distinct += before == 0
        words.slots[place] = slot
        words.ids[place] = slot
        words.places[place] = place
    return distinct


@numba.njit(cache=True, nogil=True, _nrt=False)
def _round_log(count: int) -> np.int64:
    return np.int64(np.rint(np.log(np.float64(count)) * _LOG_UNIT))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _measure_entropy(words: Words, word_count: int, repeated: int, table: CountTable) -> float:
    """Measure the entropy of the words, in nats.

    That is ln w less the mean of ln c over the words of the text, where c is how often
    a word occurs; for those that occur once ln c is 0.
    """
    total, last, log = np.int64(0), np.int64(1), np.int64(0)
    for index in range(repeated):
        count = _count_at(table, words.ids[index])
        if count != last:
            last, log = count, _round_log(count)
        total += log
    spread = word_count * _round_log(word_count) - total
    entropy: float = spread / _LOG_UNIT / word_count
    return entropy


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keep_repeated(words: Words, candidates: int, table: CountTable) -> int:
    """Keep the places whose n-gram occurs twice or more; returns how many."""
    kept = 0
    for index in range(candidates):
        if _count_at(table, words.ids[index]) >= 2:
            words.ids[kept] = words.ids[index]
            words.places[kept] = words.places[index]
            kept += 1
    return kept


@numba.njit(cache=True, nogil=True, _nrt=False)
def _lengthen(words: Words, repeated: int, order: int, table: CountTable) -> tuple[int, int]:
    """Go from repeated (n-1)-grams to the n-grams that may repeat, and count those.

    Returns:
        (number of candidates, characters of the words that second and later
        occurrences cover).
    """
    empty_table(table)
    candidates, covered_chars, covered_end = 0, 0, 0
    for index in range(repeated - 1):
        place = words.places[index]
        if words.places[index + 1] != place + 1:
            continue
        last = np.uint64(words.slots[place + order - 1])
        slot, before = count_key(table, np.uint64(words.ids[index]) << _COUNT_BITS | last)
        if before > 0:
            first = max(place, covered_end)
            covered_end = place + order
            covered_chars += words.char_ends[covered_end] - words.char_ends[first]
        words.ids[candidates] = slot
        words.places[candidates] = place
        candidates += 1
    return candidates, covered_chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def _top_chars(words: Words, candidates: int, order: int, table: CountTable) -> int:
    """Measure the most frequent n-gram that repeats; ties go to the longest, then the first.

    Returns:
        Characters of the words that its occurrences cover; 0 if nothing repeats.
    """
    top_count, top_size, top_slot = 1, 0, -1
    for index in range(candidates):
        place, slot = words.places[index], words.ids[index]
        count = _count_at(table, slot)
        size = words.char_ends[place + order] - words.char_ends[place]
        if count > top_count or (count == top_count and count > 1 and size > top_size):
            top_count, top_size, top_slot = count, size, slot
    covered_chars, covered_end = 0, 0
    for index in range(candidates):
        if words.ids[index] == top_slot:
            place = words.places[index]
            first = max(place, covered_end)
            covered_end = place + order
            covered_chars += words.char_ends[covered_end] - words.char_ends[first]
    return covered_chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_ngrams(words: Words, word_count: int, table: CountTable, row: Row) -> None:
    """Measure the n-grams of one document.

    Args:
        words: its words; the scratch columns are overwritten.
        word_count: w.
        table: room for w keys; emptied here.
        row: shape (len(DOCUMENT_METRICS),); the nine n-gram fractions, the share of
            distinct words and their entropy are written.
    """
    row[_TOP_2GRAM : _DUPLICATE_5GRAM + _LAST_ORDER - _FIRST_DUPLICATE_ORDER + 1] = 0.0
    row[_DISTINCT_WORDS], row[_ENTROPY] = 0.0, 0.0
    if word_count == 0:
        return
    row[_DISTINCT_WORDS] = _number_words(words, word_count, table) / word_count
    total = words.char_ends[word_count]
    repeated = _keep_repeated(words, word_count, table)
    row[_ENTROPY] = _measure_entropy(words, word_count, repeated, table)
    for order in range(2, _LAST_ORDER + 1):
        if repeated < 2:
            break
        candidates, covered = _lengthen(words, repeated, order, table)
        if order >= _FIRST_DUPLICATE_ORDER:
            row[_DUPLICATE_5GRAM + order - _FIRST_DUPLICATE_ORDER] = covered / total
        elif order <= _TOP_ORDERS:
            row[_TOP_2GRAM + order - 2] = _top_chars(words, candidates, order, table) / total
        repeated = _keep_repeated(words, candidates, table)


# kernels of: e5f3010d5ad00e33
