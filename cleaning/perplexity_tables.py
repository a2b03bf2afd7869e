"""The n-grams of a language model in one open-addressing table, and how a line is scored.

An n-gram is a 64-bit key made from its last word backwards, so that one more word of
history is one more step. The chance that two of 100 million n-grams share a key is 3 in
10,000, and then the reader refuses the file, since a key may be stored once only.
Sums are in float32 in the order of KenLM's (Heafield 2011), so that scores are its own.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.segments import Bytes, extend_hash, mix_hash, start_hash

#: Longest n-gram; KenLM is built for 6 unless told otherwise.
MAX_ORDER: Final = 8
#: KenLM gives an unknown word this log10 probability where a model has no ``<unk>``.
MISSING_UNKNOWN: Final = -100.0

_EMPTY: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_KEY_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_NEWLINE: Final = 10

Counts = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


class NgramTable(NamedTuple):
    """n-grams of every order: `keys` (size,) uint64, 0 is free; log10 values float32.

    `specials` (3,) uint64: keys of ``<s>``, ``</s>`` and ``<unk>``. Size is a power of two.
    """

    keys: npt.NDArray[np.uint64]
    log_probs: npt.NDArray[np.float32]
    backoffs: npt.NDArray[np.float32]
    specials: npt.NDArray[np.uint64]


def new_table(count: int) -> NgramTable:
    """Allocate a table that `count` n-grams fill by three quarters at most."""
    size = 16
    while 3 * size < 4 * count:
        size *= 2
    specials = np.array([hash_text(word) for word in ("<s>", "</s>", "<unk>")], np.uint64)
    return NgramTable(
        np.zeros(size, np.uint64), np.zeros(size, np.float32), np.zeros(size, np.float32), specials
    )


def hash_text(word: str) -> np.uint64:
    """Give the key of a word."""
    data = np.frombuffer(word.encode("utf-8"), np.uint8)
    return np.uint64(hash_word(data, 0, data.size))


@numba.njit(cache=True, nogil=True)
def hash_word(data: Bytes, start: int, end: int) -> np.uint64:
    """Hash the bytes of a word; KenLM takes ``<UNK>`` for ``<unk>``, so that both are one."""
    state = start_hash()
    is_unknown = end - start == 5
    for position in range(start, end):
        state = extend_hash(state, np.uint64(data[position]))
    if is_unknown:
        name = (data[start + 1], data[start + 2], data[start + 3])
        if data[start] == 60 and data[end - 1] == 62 and name == (85, 78, 75):
            state = start_hash()
            for code in (60, 117, 110, 107, 62):
                state = extend_hash(state, np.uint64(code))
    return np.uint64(max(mix_hash(state), _ONE))


@numba.njit(cache=True, nogil=True, forceinline=True)
def extend_key(key: np.uint64, word: np.uint64) -> np.uint64:
    """Put a word before an n-gram."""
    return np.uint64(max(mix_hash(key * _KEY_FACTOR + word), _ONE))


@numba.njit(cache=True, nogil=True, forceinline=True)
def find_key(keys: Keys, key: np.uint64) -> np.int64:
    """Find the slot of a key; -1 if it is not there."""
    mask = np.int64(keys.size - 1)
    slot = np.int64(key) & mask
    while keys[slot] != key and keys[slot] != _EMPTY:
        slot = (slot + 1) & mask
    return slot if keys[slot] == key else np.int64(-1)


@numba.njit(cache=True, nogil=True)
def insert_key(table: NgramTable, key: np.uint64, log_prob: float, backoff: float) -> bool:
    """Store an n-gram; False if its key is there already."""
    mask = np.int64(table.keys.size - 1)
    slot = np.int64(key) & mask
    while table.keys[slot] != _EMPTY:
        if table.keys[slot] == key:
            return False
        slot = (slot + 1) & mask
    table.keys[slot] = key
    table.log_probs[slot] = log_prob
    table.backoffs[slot] = backoff
    return True


@numba.njit(cache=True, nogil=True, forceinline=True)
def _score_word(
    table: NgramTable,
    words: Keys,
    last: int,
    weights: npt.NDArray[np.float32],
    known: int,
) -> tuple[np.float32, int]:
    """Score a word of a line after those before it.

    Args:
        table: the model.
        words: of the line.
        last: the word's place.
        weights: (2, order - 1) backoffs: row 0 of the contexts that end before the word, by
            length, row 1 to write those that end with it.
        known: how many there are in row 0.

    Returns:
        (log10 probability, how many were written).
    """
    room = weights.shape[1]
    longest = min(room, last)
    key = words[last]
    slot = find_key(table.keys, key)
    log_prob, matched = np.float32(0.0), 0
    while slot >= 0:
        log_prob = table.log_probs[slot]
        if matched < room:
            weights[1, matched] = table.backoffs[slot]
        slot = -1
        if matched < longest:
            key = extend_key(key, words[last - matched - 1])
            slot = find_key(table.keys, key)
        matched += 1
    for context in range(matched - 1, known):
        log_prob += weights[0, context]
    return log_prob, min(matched, room)


@numba.njit(cache=True, nogil=True)
def _score_line(table: NgramTable, words: Keys, weights: npt.NDArray[np.float32]) -> np.float32:
    """Score a line: ``<s>``, its words, ``</s>``; `words` holds them all."""
    total, known = np.float32(0.0), min(1, weights.shape[1])
    if known:
        weights[0, 0] = table.backoffs[find_key(table.keys, words[0])]
    for last in range(1, words.size):
        log_prob, written = _score_word(table, words, last, weights, known)
        for context in range(written):
            weights[0, context] = weights[1, context]
        known = written
        total += log_prob
    return total


@numba.njit(cache=True, nogil=True, forceinline=True)
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@numba.njit(cache=True, nogil=True)
def _read_line(
    data: Bytes, start: int, end: int, table: NgramTable, words: Keys
) -> tuple[int, int]:
    """Read the words of a line behind ``<s>``; returns (their number, where the next starts)."""
    count, position = 0, start
    while position < end and data[position] != _NEWLINE:
        if _is_space(data[position]):
            position += 1
            continue
        first = position
        while position < end and not _is_space(data[position]):
            position += 1
        word = hash_word(data, first, position)
        count += 1
        words[count] = word if find_key(table.keys, word) >= 0 else table.specials[2]
    return count, position + 1


@numba.njit(cache=True, nogil=True)
def score_lines(
    data: Bytes, offsets: npt.NDArray[np.int32], table: NgramTable, order: int
) -> tuple[npt.NDArray[np.float64], Counts]:
    """Score every line that has a word, and add up what each text's lines come to.

    Args:
        data: UTF-8; words are what lies between ASCII spaces.
        offsets: (n + 1,) of the texts.
        table: the model.
        order: of its longest n-grams.

    Returns:
        (log10 probabilities (n,), words and ends of lines (n,)).
    """
    totals = np.zeros(offsets.size - 1, np.float64)
    lengths = np.zeros(offsets.size - 1, np.int64)
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    words = np.empty(longest // 2 + 4, np.uint64)
    words[0] = table.specials[0]
    weights = np.empty((2, order - 1), np.float32)
    for row in range(offsets.size - 1):
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        while position < end:
            count, position = _read_line(data, position, end, table, words)
            if count:
                words[count + 1] = table.specials[1]
                totals[row] += _score_line(table, words[: count + 2], weights)
                lengths[row] += count + 1
    return totals, lengths


# kernels of: e3a4e3a25fe6a456
