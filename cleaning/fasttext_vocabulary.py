"""The dictionary of a training set: its words by falling count, then its labels."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.fasttext_features import (
    hash_word,
    is_separator,
    spells_end,
    spells_label,
)
from gristmill.cleaning.fasttext_format import (
    END_OF_LINE,
    LABEL_PREFIX,
    Bytes,
    Dictionary,
    Ints,
    build_dictionary,
)
from gristmill.cleaning.segments import mix_hash
from gristmill.schemas.errors import UsageError


class WordCounts(NamedTuple):
    """Distinct words in order of their first occurrence; all arrays have room for more.

    `spans` (w, 2) int64: first byte and the byte after; `hashes`, `counts` (w,);
    `slots`: words by hash, -1 for none; at most half of it is full.
    """

    spans: Ints
    hashes: npt.NDArray[np.uint64]
    counts: Ints
    slots: Ints


@numba.njit(cache=True, nogil=True)
def _new_counts(capacity: int) -> WordCounts:
    return WordCounts(
        np.empty((capacity, 2), np.int64),
        np.empty(capacity, np.uint64),
        np.zeros(capacity, np.int64),
        np.full(2 * capacity, -1, np.int64),
    )


@numba.njit(cache=True, nogil=True)
def _double_counts(old: WordCounts) -> WordCounts:
    """Give room for twice as many words."""
    size = old.counts.size
    grown: WordCounts = _new_counts(2 * size)
    mask = grown.slots.size - 1
    for word in range(size):
        grown.spans[word, 0], grown.spans[word, 1] = old.spans[word, 0], old.spans[word, 1]
        grown.hashes[word], grown.counts[word] = old.hashes[word], old.counts[word]
        slot = np.int64(old.hashes[word] & np.uint64(mask))
        while grown.slots[slot] >= 0:
            slot = (slot + 1) & mask
        grown.slots[slot] = word
    return grown


@numba.njit(cache=True, nogil=True)
def _same_bytes(data: Bytes, first: int, after: int, start: int, end: int) -> bool:
    same = after - first == end - start
    step = 0
    while same and step < end - start:
        same = data[first + step] == data[start + step]
        step += 1
    return same


@numba.njit(cache=True, nogil=True)
def _count_word(data: Bytes, start: int, end: int, found: WordCounts, words: int) -> int:
    """Count one occurrence; returns how many distinct words there are."""
    # Two hashes, so that words made to collide in fastText's do not crowd one place.
    second = np.uint64(0)
    for position in range(start, end):
        second = second * np.uint64(0x100000001B3) + np.uint64(data[position] + 1)
    hashed = mix_hash(second ^ np.uint64(hash_word(data, start, end)) << np.uint64(32))
    mask = found.slots.size - 1
    slot = np.int64(hashed & np.uint64(mask))
    word = found.slots[slot]
    while word >= 0 and not (
        found.hashes[word] == hashed
        and _same_bytes(data, found.spans[word, 0], found.spans[word, 1], start, end)
    ):
        slot = (slot + 1) & mask
        word = found.slots[slot]
    if word < 0:
        word = np.int64(words)
        found.slots[slot] = word
        found.spans[word, 0], found.spans[word, 1] = start, end
        found.hashes[word] = hashed
        words += 1
    found.counts[word] += 1
    return words


@numba.njit(cache=True, nogil=True)
def _count_words(data: Bytes, offsets: Ints) -> tuple[Ints, Ints, np.int64]:
    """Count the words of all texts.

    Returns:
        (spans (w, 2), counts (w,), tokens): distinct words, and all of them together.
    """
    found, words, tokens = _new_counts(1 << 12), 0, np.int64(0)
    for row in range(offsets.size - 1):
        position, end = offsets[row], offsets[row + 1]
        going_on = True
        while going_on and position < end:
            start = position
            while position < end and not is_separator(data[position]):
                position += 1
            if position > start and spells_end(data, start, position):
                going_on = False
            elif position > start and not spells_label(data, start, position):
                if words == found.counts.size:
                    found = _double_counts(found)
                words = _count_word(data, start, position, found, words)
                tokens += 1
            position += 1
    return found.spans[:words], found.counts[:words], tokens


def count_vocabulary(
    data: Bytes, offsets: Ints, labels: Sequence[str], min_count: int
) -> tuple[Dictionary, npt.NDArray[np.int32]]:
    """Make the dictionary of a training set.

    Args:
        data: UTF-8 bytes of n texts.
        offsets: (n + 1,) int64: text i is ``data[offsets[i]:offsets[i + 1]]``.
        labels: of the texts.
        min_count: words that occur less often are left out; ``</s>``, which ends each
            text, is not.

    Returns:
        (dictionary, targets): words by falling count, equals as they occur first, and
        labels by falling count, equals by name; per text the number of its label.

    Raises:
        UsageError: a label cannot be written, because it is empty or has a space in it.
    """
    spans, counts, tokens = _count_words(data, offsets)
    kept = np.flatnonzero(counts >= min_count)
    entries = [END_OF_LINE, *(data[start:end].tobytes() for start, end in spans[kept])]
    totals = np.array([len(labels), *counts[kept]], np.int64)
    order = np.argsort(-totals, kind="stable")
    by_label = sorted(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))
    for label, _ in by_label:
        if not label or any(is_separator(byte) for byte in label.encode("utf-8", "replace")):
            raise UsageError(f"label {label!r} cannot be written: give it no spaces")
    names = [f"{LABEL_PREFIX}{label}".encode() for label, _ in by_label]
    dictionary = build_dictionary(
        [*(entries[index] for index in order), *names],
        [*totals[order].tolist(), *(count for _, count in by_label)],
        len(entries),
        int(tokens) + 2 * len(labels),  # a label and an end per text
    )
    numbers = {label: number for number, (label, _) in enumerate(by_label)}
    return dictionary, np.array([numbers[label] for label in labels], np.int32)


# kernels of: b70aa43d37cd1622
