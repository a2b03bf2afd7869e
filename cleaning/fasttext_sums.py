"""The vector of a text: the mean of the rows of all that a fastText model sees in it.

What a word adds to the sum of a text depends on nothing but the word, so short words and
their sums are kept in a table. A word is compared whole: the table changes the time that a
text takes and never its vector.
"""

from typing import Final, NamedTuple

import numba
import numpy as np

from gristmill.cleaning.fasttext_features import (
    END_ENTRY,
    END_HASH,
    MAX_N,
    MIN_N,
    SUBWORD_ROOM,
    WORD_COUNT,
    WORD_NGRAMS,
    FeatureTables,
    Int32s,
    Words64,
    find_entry,
    hash_word,
    is_separator,
    list_subwords,
    list_word_ngrams,
    spells_end,
    spells_label,
    write_brackets,
)
from gristmill.cleaning.fasttext_format import Bytes, Floats, Ints
from gristmill.cleaning.segments import mix_hash
from gristmill.cleaning.text_spans import Spans

_KEPT_WORD_BYTES: Final = 16  # two integers
_CACHE_BYTES: Final = 4 << 20
_MOST_CACHED: Final = 1 << 16
_ROTATION: Final = np.uint64(31)
_BACK: Final = np.uint64(33)


class WordCache(NamedTuple):
    """Words seen before: the bytes of each as two integers, and what it adds.

    `keys` (slots, 2) uint64, zero for a free slot: no word has a NUL. `sums`
    (slots, dim) float32; `facts` (slots, 2) int32: rows summed up, and the word's hash.
    """

    keys: Words64
    sums: Floats
    facts: Int32s


class Scratch(NamedTuple):
    """Room for one text: a word, its rows, hashes of all words, the sum, the sum of a word."""

    word: Bytes
    ids: Int32s
    hashes: Int32s
    hidden: Floats
    word_sum: Floats


def new_cache(dim: int) -> WordCache:
    """Make an empty cache for a model of so many dimensions."""
    slots = _MOST_CACHED
    while slots > 64 and slots * dim * 4 > _CACHE_BYTES:
        slots //= 2
    return WordCache(
        np.zeros((slots, 2), np.uint64),
        np.empty((slots, dim), np.float32),
        np.empty((slots, 2), np.int32),
    )


@numba.njit(cache=True, nogil=True, forceinline=True)
def _add_rows(matrix: Floats, ids: Int32s, count: int, total: Floats) -> None:
    for index in range(count):
        row = ids[index]
        for dimension in range(total.size):
            total[dimension] += matrix[row, dimension]


@numba.njit(cache=True, nogil=True, forceinline=True)
def _sum_word(
    tables: FeatureTables,
    matrix: Floats,
    data: Bytes,
    word: tuple[int, int],
    scratch: Scratch,
) -> tuple[np.int64, np.int32]:
    """Sum up what a word adds into `scratch.word_sum`.

    Returns:
        (rows, hash); -1 rows for a label, which is no word.
    """
    start, end = word
    scratch.word_sum[:] = 0
    hashed = hash_word(data, start, end)
    entry = find_entry(tables, data, start, end, hashed)
    if entry >= tables.limits[WORD_COUNT] or (entry < 0 and spells_label(data, start, end)):
        return np.int64(-1), np.int32(0)
    rows = np.int64(0)
    if entry >= 0:
        scratch.ids[0] = entry
        _add_rows(matrix, scratch.ids, 1, scratch.word_sum)
        rows += 1
    if tables.limits[MAX_N] > 0:
        size, position = write_brackets(data, start, end, scratch.word), 0
        while position < size:
            listed, position = list_subwords(tables, scratch.word, size, position, scratch.ids)
            _add_rows(matrix, scratch.ids, listed, scratch.word_sum)
            rows += listed
    return rows, np.int32(hashed)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _add_vector(total: Floats, addend: Floats) -> None:
    for dimension in range(total.size):
        total[dimension] += addend[dimension]


@numba.njit(cache=True, nogil=True, forceinline=True)
def _learn_word(
    tables: FeatureTables,
    matrix: Floats,
    data: Bytes,
    word: tuple[int, int],
    scratch: Scratch,
    cache: WordCache,
    key: tuple[np.uint64, np.uint64, np.int64],
) -> None:
    """Put a word into its slot of the cache."""
    low, high, slot = key
    rows, hashed = _sum_word(tables, matrix, data, word, scratch)
    cache.keys[slot, 0], cache.keys[slot, 1] = low, high
    cache.facts[slot, 0], cache.facts[slot, 1] = rows, hashed
    for dimension in range(scratch.word_sum.size):
        cache.sums[slot, dimension] = scratch.word_sum[dimension]


@numba.njit(cache=True, nogil=True, forceinline=True)
def _add_word_ngrams(
    tables: FeatureTables, matrix: Floats, words: int, scratch: Scratch
) -> np.int64:
    rows = np.int64(0)
    for first in range(words):
        listed = list_word_ngrams(tables, scratch.hashes, words, first, scratch.ids)
        _add_rows(matrix, scratch.ids, listed, scratch.hidden)
        rows += listed
    return rows


@numba.njit(cache=True, nogil=True, forceinline=True)
def _shift_byte(byte: np.uint64, place: int) -> np.uint64:
    """Put a byte at its place among eight; nowhere if it is not one of them."""
    return byte << np.uint64(8 * place) if 0 <= place < 8 else np.uint64(0)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _pick_slot(low: np.uint64, high: np.uint64, cache: WordCache) -> np.int64:
    """Pick the slot of a word, by the two integers that it is written as."""
    mixed = mix_hash(low ^ (high << _ROTATION | high >> _BACK))
    return np.int64(mixed & np.uint64(cache.keys.shape[0] - 1))


@numba.njit(cache=True, nogil=True, forceinline=True)
def _sum_text(
    tables: FeatureTables,
    matrix: Floats,
    data: Bytes,
    bounds: tuple[int, int],
    scratch: Scratch,
    cache: WordCache,
) -> np.int64:
    """Sum up all rows of a text in `scratch.hidden`; returns how many there are."""
    position, end = bounds
    hidden = scratch.hidden
    rows, words, going_on = np.int64(0), 0, True
    hidden[:] = 0
    while going_on and position < end:
        start = position
        low, high = np.uint64(0), np.uint64(0)
        while position < end and not is_separator(data[position]):
            byte, place = np.uint64(data[position]), position - start
            low |= _shift_byte(byte, place)
            high |= _shift_byte(byte, place - 8)
            position += 1
        size = position - start
        if size > 0 and spells_end(data, start, position):
            going_on = False
        elif size > _KEPT_WORD_BYTES:
            added, hashed = _sum_word(tables, matrix, data, (start, position), scratch)
            _add_vector(hidden, scratch.word_sum)
            scratch.hashes[words] = hashed
            words += int(added >= 0)
            rows += max(added, np.int64(0))
        elif size > 0:
            slot = _pick_slot(low, high, cache)
            if cache.keys[slot, 0] != low or cache.keys[slot, 1] != high:
                key = (low, high, slot)
                _learn_word(tables, matrix, data, (start, position), scratch, cache, key)
            added = np.int64(cache.facts[slot, 0])
            _add_vector(hidden, cache.sums[slot])
            scratch.hashes[words] = cache.facts[slot, 1]
            words += int(added >= 0)
            rows += max(added, np.int64(0))
        position += 1
    if tables.limits[END_ENTRY] >= 0:
        _add_vector(hidden, matrix[tables.limits[END_ENTRY]])
        rows += 1
    scratch.hashes[words] = END_HASH
    if tables.limits[WORD_NGRAMS] > 1:
        rows += _add_word_ngrams(tables, matrix, words + 1, scratch)
    return rows


@numba.njit(cache=True, nogil=True)
def new_scratch(spans: Spans, dim: int, limits: Ints) -> Scratch:
    """Make room for the longest of some texts; `limits` is of the model's tables."""
    longest = np.int64(0)
    for row in range(spans.starts.size):
        longest = max(longest, spans.ends[row] - spans.starts[row])
    per_start = max(limits[MAX_N] - limits[MIN_N] + 1, limits[WORD_NGRAMS], 1)
    return Scratch(
        np.empty(longest + 2, np.uint8),
        np.empty(SUBWORD_ROOM + per_start + 1, np.int32),
        np.empty(longest // 2 + 3, np.int32),
        np.empty(dim, np.float32),
        np.empty(dim, np.float32),
    )


@numba.njit(cache=True, nogil=True, forceinline=True)
def average_text(
    tables: FeatureTables,
    matrix: Floats,
    data: Bytes,
    bounds: tuple[int, int],
    scratch: Scratch,
    cache: WordCache,
) -> bool:
    """Average the rows of a text in `scratch.hidden`; False if it has none."""
    rows = _sum_text(tables, matrix, data, bounds, scratch, cache)
    if rows > 0:
        share = np.float32(1.0 / rows)
        for dimension in range(scratch.hidden.size):
            scratch.hidden[dimension] *= share
    return bool(rows > 0)


# kernels of: 2b81afcdd228bde2
