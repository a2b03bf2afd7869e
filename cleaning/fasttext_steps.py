"""Gradient steps of a fastText classifier, text by text, in one thread."""

import math
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
from gristmill.cleaning.fasttext_outputs import look_up_sigmoid
from gristmill.cleaning.segments import mix_hash

#: The rate falls when so many tokens were read.
LR_UPDATE_TOKENS: Final = 100

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_LOW_HALF: Final = np.uint64(32)
_MANTISSA: Final = np.uint64(40)


class Weights(NamedTuple):
    """What is trained: `source` (words + buckets, dim), `target` (labels, dim)."""

    source: Floats
    target: Floats


class _Room(NamedTuple):
    """Room for one text: a word, all rows, hashes of its words, three vectors."""

    word: Bytes
    ids: Int32s
    hashes: Int32s
    hidden: Floats
    gradient: Floats
    scores: Floats


@numba.njit(cache=True, nogil=True, forceinline=True)
def _draw(seed: np.uint64, index: int) -> np.uint64:
    """Draw number `index` of a stream of 64-bit numbers."""
    return np.uint64(mix_hash(seed + _GOLDEN * np.uint64(index + 1)))


@numba.njit(cache=True, nogil=True)
def fill_uniform(matrix: Floats, seed: np.uint64) -> None:
    """Fill with numbers from -1/dim to 1/dim."""
    rows, columns = matrix.shape
    step = np.float32(2.0 / columns / 2**24)
    low = np.float32(-1.0 / columns)
    for row in range(rows):
        for column in range(columns):
            drawn = _draw(seed, row * columns + column) >> _MANTISSA
            matrix[row, column] = low + step * np.float32(drawn)


@numba.njit(cache=True, nogil=True)
def _shuffle(order: Ints, seed: np.uint64) -> None:
    for last in range(order.size - 1, 0, -1):
        drawn = _draw(seed, last) >> _LOW_HALF
        chosen = np.int64((drawn * np.uint64(last + 1)) >> _LOW_HALF)
        order[last], order[chosen] = order[chosen], order[last]


@numba.njit(cache=True, nogil=True)
def _list_word(
    tables: FeatureTables,
    data: Bytes,
    bounds: tuple[int, int],
    entry: int,
    room: _Room,
    listed: int,
) -> int:
    """List the rows of a word and of its n-grams behind those that are listed."""
    if entry >= 0:
        room.ids[listed] = entry
        listed += 1
    if tables.limits[MAX_N] > 0:
        size, position = write_brackets(data, bounds[0], bounds[1], room.word), 0
        while position < size:
            ids = room.ids[listed:]
            more, position = list_subwords(tables, room.word, size, position, ids)
            listed += more
    return listed


@numba.njit(cache=True, nogil=True)
def _list_features(
    tables: FeatureTables, data: Bytes, bounds: tuple[int, int], room: _Room
) -> tuple[int, int]:
    """List all rows of a text.

    Returns:
        (rows listed in `room.ids`, words without ``</s>``).
    """
    position, end = bounds
    listed, words, going_on = 0, 0, True
    while going_on and position < end:
        start = position
        while position < end and not is_separator(data[position]):
            position += 1
        if position > start and spells_end(data, start, position):
            going_on = False
        elif position > start and not spells_label(data, start, position):
            hashed = hash_word(data, start, position)
            entry = find_entry(tables, data, start, position, hashed)
            if entry < tables.limits[WORD_COUNT]:
                listed = _list_word(tables, data, (start, position), entry, room, listed)
                room.hashes[words] = np.int32(hashed)
                words += 1
        position += 1
    room.ids[listed] = tables.limits[END_ENTRY]
    listed += tables.limits[END_ENTRY] >= 0
    room.hashes[words] = END_HASH
    if tables.limits[WORD_NGRAMS] > 1:
        for first in range(words + 1):
            ids = room.ids[listed:]
            listed += list_word_ngrams(tables, room.hashes, words + 1, first, ids)
    return listed, words


@numba.njit(cache=True, nogil=True)
def _write_softmax(scores: Floats) -> None:
    largest, total = scores.max(), np.float32(0.0)
    for label in range(scores.size):
        scores[label] = np.float32(math.exp(np.float64(scores[label] - largest)))
        total += scores[label]
    for label in range(scores.size):
        scores[label] /= total


@numba.njit(cache=True, nogil=True)
def _step_output(
    target: Floats, room: _Room, label: int, rate: np.float32, sigmoids: Floats, softmax: bool
) -> None:
    """Move the output towards a label and leave the gradient in `room.gradient`."""
    dim = room.hidden.size
    for row in range(room.scores.size):
        total = np.float32(0.0)
        for dimension in range(dim):
            total += target[row, dimension] * room.hidden[dimension]
        room.scores[row] = total if softmax else look_up_sigmoid(sigmoids, total)
    if softmax:
        _write_softmax(room.scores)
    room.gradient[:] = 0
    for row in range(room.scores.size):
        wanted = np.float32(1.0) if row == label else np.float32(0.0)
        alpha = rate * (wanted - room.scores[row])
        for dimension in range(dim):
            room.gradient[dimension] += alpha * target[row, dimension]
        for dimension in range(dim):
            target[row, dimension] += alpha * room.hidden[dimension]


@numba.njit(cache=True, nogil=True)
def _step_text(
    weights: Weights,
    room: _Room,
    listed: int,
    label: int,
    rate: np.float32,
    sigmoids: Floats,
    softmax: bool,
) -> None:
    """Take one gradient step for a text whose rows are listed."""
    dim, share = room.hidden.size, np.float32(1.0 / listed)
    room.hidden[:] = 0
    for index in range(listed):
        row = room.ids[index]
        for dimension in range(dim):
            room.hidden[dimension] += weights.source[row, dimension]
    for dimension in range(dim):
        room.hidden[dimension] *= share
    _step_output(weights.target, room, label, rate, sigmoids, softmax)
    for dimension in range(dim):
        room.gradient[dimension] *= share
    for index in range(listed):
        row = room.ids[index]
        for dimension in range(dim):
            weights.source[row, dimension] += room.gradient[dimension]


@numba.njit(cache=True, nogil=True)
def _new_room(tables: FeatureTables, offsets: Ints, dim: int, labels: int) -> _Room:
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    words = longest // 2 + 2
    orders = max(tables.limits[MAX_N] - max(tables.limits[MIN_N], 1) + 1, 0)
    ids = (longest + 2 * words) * orders if tables.limits[MAX_N] > 0 else 0
    ids += words * (1 + tables.limits[WORD_NGRAMS]) + SUBWORD_ROOM + orders
    return _Room(
        np.empty(longest + 2, np.uint8),
        np.empty(ids, np.int32),
        np.empty(words + 1, np.int32),
        np.empty(dim, np.float32),
        np.empty(dim, np.float32),
        np.empty(labels, np.float32),
    )


@numba.njit(cache=True, nogil=True)
def train_epochs(
    data: Bytes,
    offsets: Ints,
    targets: Int32s,
    tables: FeatureTables,
    weights: Weights,
    sigmoids: Floats,
    plan: tuple[float, int, np.uint64, int, bool],
) -> None:
    """Read all texts again and again.

    `plan` is the first rate, the epochs, the seed, the tokens of an epoch and whether the
    loss is softmax.
    """
    lr, epochs, seed, tokens, softmax = plan
    room = _new_room(tables, offsets, weights.source.shape[1], weights.target.shape[0])
    order = np.arange(targets.size)
    seen, waiting, rate = 0, 0, np.float32(lr)
    for epoch in range(epochs):
        _shuffle(order, _draw(seed, epoch))
        for place in range(order.size):
            row = order[place]
            bounds = (offsets[row], offsets[row + 1])
            listed, words = _list_features(tables, data, bounds, room)
            if listed > 0:
                _step_text(weights, room, listed, targets[row], rate, sigmoids, softmax)
            waiting += words + 2
            if waiting > LR_UPDATE_TOKENS:
                seen += waiting
                waiting = 0
                rate = np.float32(lr * max(0.0, 1.0 - seen / (epochs * tokens)))


# kernels of: 9452e19ecdd443b6
