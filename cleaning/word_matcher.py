"""A list of words and phrases made ready for the scan: its entries filed under their heads.

The head of an entry is the word that it begins with, or else its first three characters.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import TABLE_SIZE
from gristmill.cleaning.segments import extend_hash, mix_hash, start_hash
from gristmill.cleaning.word_borders import INSIDE_WORD, SPACING, UNSPACED, BorderTable

SPACE: Final = ord(" ")
#: A key that no head has: it marks the free slots.
FREE: Final = np.uint64(0)
#: Characters under which an entry is filed that begins outside words, at most.
LONGEST_HEAD: Final = 3
#: Bit of `Matcher.head_filter`: an entry begins with this character.
BEGINS: Final = 1

_FILTER_SIZE: Final = 1 << 14
_FILTER_FACTOR: Final = 40503


class Matcher(NamedTuple):
    """A list made ready for one table of borders.

    `keys`, `firsts`, `lasts` (s,): an open-addressing table from the hash of a head to its
    entries, `firsts` to before `lasts`; 0 is a free slot. `codes`: the
    characters of all entries, entry e has those from ``ends[e]`` to ``ends[e + 1]``.
    `sizes` (e,): words of an entry. `weights` (e,). `head_filter`: whether an entry that
    begins outside words may have a head of n characters, bit n, by a rough hash of those;
    bit 0: whether one begins with this character. All read-only.
    """

    keys: npt.NDArray[np.uint64]
    firsts: npt.NDArray[np.int32]
    lasts: npt.NDArray[np.int32]
    codes: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    head_filter: npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True, forceinline=True)
def hash_roughly(place: np.int64, code: np.int64) -> np.int64:
    """Go from the place of some characters in the filter to that of one more."""
    return np.int64(place * _FILTER_FACTOR + code) & np.int64(_FILTER_SIZE - 1)


@numba.njit(cache=True, nogil=True)
def _hash_codes(codes: npt.NDArray[np.uint32]) -> np.uint64:
    state = start_hash()
    for code in codes:
        state = extend_hash(state, np.uint64(code))
    mixed: np.uint64 = mix_hash(state)
    return mixed


def _find_head(codes: npt.NDArray[np.uint32], borders: BorderTable) -> npt.NDArray[np.uint32]:
    """Give the characters under which an entry is filed."""
    bits = borders[np.minimum(codes, TABLE_SIZE)]
    if bits[0] & INSIDE_WORD:
        outside = np.flatnonzero(bits & INSIDE_WORD == 0)
        return codes[: int(outside[0]) if outside.size else codes.size]
    head = codes[:LONGEST_HEAD].copy()
    head[1:][bits[1:LONGEST_HEAD] & SPACING != 0] = SPACE  # any spacing may stand there
    return head


def _count_words(bits: npt.NDArray[np.uint32]) -> int:
    inside = bits & INSIDE_WORD != 0
    starts = inside & ~np.concatenate([[False], inside[:-1]])
    return int(np.count_nonzero(starts) + np.count_nonzero(bits & UNSPACED))


def compile_matcher(entries: Sequence[tuple[str, float]], borders: BorderTable) -> Matcher:
    """Make a list ready.

    Args:
        entries: not empty, each once, with its weight. They are compared with texts in
            lower case as they are: an entry with a capital letter is never found.
        borders: see `gristmill.cleaning.word_borders`.
    """
    filed: dict[int, list[tuple[str, float]]] = {}
    head_filter = np.zeros(_FILTER_SIZE, np.uint8)
    for text, weight in entries:
        codes = _read_codes(text)
        head = _find_head(codes, borders)
        filed.setdefault(int(_hash_codes(head)), []).append((text, weight))
        if not borders[min(int(codes[0]), TABLE_SIZE)] & INSIDE_WORD:
            place = np.int64(0)
            head_filter[hash_roughly(place, np.int64(head[0]))] |= BEGINS
            for code in head:
                place = hash_roughly(place, np.int64(code))
            head_filter[place] |= 1 << head.size
    size = 16
    while size < 4 * len(filed):
        size *= 2
    keys = np.zeros(size, np.uint64)
    firsts, lasts = np.zeros(size, np.int32), np.zeros(size, np.int32)
    ordered: list[tuple[str, float]] = []
    for key in sorted(filed):
        slot = key & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], firsts[slot] = key, len(ordered)
        ordered += sorted(filed[key], key=lambda entry: (-len(entry[0]), entry[0]))
        lasts[slot] = len(ordered)
    parts = [_read_codes(text) for text, _ in ordered]
    words = [_count_words(borders[np.minimum(part, TABLE_SIZE)]) for part in parts]
    arrays = (
        keys,
        firsts,
        lasts,
        np.concatenate([*parts, np.zeros(0, np.uint32)]),
        np.cumsum([0, *map(len, parts)], dtype=np.int32),
        np.array(words, np.int32),
        np.array([weight for _, weight in ordered], np.float64),
        head_filter,
    )
    for array in arrays:
        array.flags.writeable = False  # numba compiles once for read-only arrays
    return Matcher(*arrays)


def _read_codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


# kernels of: 3b28edd1ff8d4e55
