"""Importance weights: how much likelier a text's words are in one corpus than in another.

Hashed bags of words and of pairs of words (Xie et al. 2023, arXiv:2302.03169), the
``importance`` signals of RedPajama-V2: log p/q with p made of the texts that are wanted
and q of those at hand. Words are reference words, case and all, but for scripts without
spaces, whose letters are words each: weights then outlive the dictionary of the day.
"""

from pathlib import Path
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.cleaning.character_classes import (
    ALNUM,
    KIND_LETTER,
    KIND_MASK,
    KIND_SINGLE,
    ClassTable,
    class_table,
)
from gristmill.cleaning.segments import (
    Bytes,
    classify_character,
    decode_character,
    extend_hash,
    mix_hash,
    scan_word,
    start_hash,
)
from gristmill.cleaning.text_signals import Offsets, read_buffers
from gristmill.schemas.errors import InputError

#: Buckets that n-grams share (arXiv:2302.03169, section 4).
BUCKETS: Final = 10_000
#: Each bucket is taken to have been seen this often besides: no log-ratio is infinite.
SMOOTHING: Final = 1.0
_LARGEST_FILE: Final = 1 << 20

Weights = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True, forceinline=True)
def _find_bucket(ngram: np.uint64) -> np.int64:
    # The top half times the count, halved: even, and no division.
    return np.int64(((mix_hash(ngram) >> np.uint64(32)) * np.uint64(BUCKETS)) >> np.uint64(32))


@numba.njit(cache=True, nogil=True, forceinline=True)
def _join_words(first: np.uint64, second: np.uint64) -> np.uint64:
    joined: np.uint64 = extend_hash(extend_hash(start_hash(), first), second)
    return joined


@numba.njit(cache=True, nogil=True)
def _next_word(
    data: Bytes, start: int, end: int, classes: ClassTable
) -> tuple[int, np.uint64, bool]:
    """Find the next word; returns (byte after it, its hash, whether there is one)."""
    position = start
    while position < end:
        code_point, width = decode_character(data, position, end)
        kind = classify_character(classes, code_point) & KIND_MASK
        if KIND_LETTER <= kind <= KIND_SINGLE:
            position, hashed, _, seen = scan_word(data, position, end, classes)
            if seen & ALNUM:
                return position, hashed, True
        else:
            position += width
    return end, np.uint64(0), False


@numba.njit(cache=True, nogil=True)
def _sum_weights(
    data: Bytes, offsets: Offsets, classes: ClassTable, weights: Weights
) -> tuple[Weights, npt.NDArray[np.int64]]:
    """Add up the weights of each text's n-grams; returns (sums (n,), n-grams (n,))."""
    sums = np.zeros(offsets.size - 1, np.float64)
    counts = np.zeros(offsets.size - 1, np.int64)
    for row in range(offsets.size - 1):
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        previous = np.uint64(0)
        position, word, found = _next_word(data, position, end, classes)
        while found:
            sums[row] += weights[_find_bucket(word)]
            counts[row] += 1
            if counts[row] > 1:
                sums[row] += weights[_find_bucket(_join_words(previous, word))]
                counts[row] += 1
            previous = word
            position, word, found = _next_word(data, position, end, classes)
    return sums, counts


@numba.njit(cache=True, nogil=True)
def _count_buckets(
    data: Bytes, offsets: Offsets, classes: ClassTable, counts: npt.NDArray[np.int64]
) -> None:
    for row in range(offsets.size - 1):
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        previous, first = np.uint64(0), True
        position, word, found = _next_word(data, position, end, classes)
        while found:
            counts[_find_bucket(word)] += 1
            if not first:
                counts[_find_bucket(_join_words(previous, word))] += 1
            previous, first = word, False
            position, word, found = _next_word(data, position, end, classes)


def count_ngrams(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """Count the words and pairs of words of some texts by bucket, shape (`BUCKETS`,)."""
    data, offsets = read_buffers(texts)
    counts = np.zeros(BUCKETS, np.int64)
    _count_buckets(data, offsets, class_table(), counts)
    return counts


def fit_weights(wanted: pa.StringArray, others: pa.StringArray) -> Weights:
    """Make log p/q by bucket, shape (`BUCKETS`,), of texts that are wanted and others."""
    p, q = (count_ngrams(texts) + SMOOTHING for texts in (wanted, others))
    weights: Weights = np.log(p / p.sum()) - np.log(q / q.sum())
    return weights


def measure_importance(
    texts: pa.StringArray, weights: Weights
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weigh texts.

    Args:
        texts: n texts, no nulls; may be a slice.
        weights: from `fit_weights`.

    Returns:
        (log p/q of each text, the same per n-gram): (n,) float64 in nats; NaN without words.
    """
    data, offsets = read_buffers(texts)
    sums, counts = _sum_weights(data, offsets, class_table(), weights)
    whole = np.where(counts > 0, sums, np.nan)
    return whole, whole / np.maximum(counts, 1)


def read_weights(path: Path) -> Weights:
    """Read weights that `write_weights` wrote.

    Raises:
        InputError: the file is missing or holds something else.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError(f"{path}: over {_LARGEST_FILE} bytes, so no importance weights")
        # Mapped: the shape in the file's header is not believed beyond the file's size.
        weights: Weights = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    except OSError as error:
        raise InputError(f"importance weights {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} holds no importance weights: {error}") from error
    wanted = getattr(weights, "shape", None) == (BUCKETS,) and weights.dtype == np.float64
    if not wanted or not np.isfinite(weights).all():
        raise InputError(f"{path} holds no importance weights: {BUCKETS} float64 numbers")
    return weights


def write_weights(weights: Weights, path: Path) -> None:
    """Write weights; the same numbers are the same bytes."""
    with path.open("wb") as stream:
        np.save(stream, weights, allow_pickle=False)


# kernels of: 389e077c27d93652
