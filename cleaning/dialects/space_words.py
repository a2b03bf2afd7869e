"""Words between white space: what Python's ``str.split()`` gives, from UTF-8 bytes.

Shared by the dialects whose peers split so. White space is what `str.isspace` says and a
letter what `str.isalpha` says, both by the interpreter's `unicodedata`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import TABLE_SIZE
from gristmill.cleaning.segments import (
    Bytes,
    decode_character,
    extend_hash,
    mix_hash,
    start_hash,
)

#: Traits of every Unicode character, shape (TABLE_SIZE + 1,): one bit each.
TraitTable = npt.NDArray[np.uint8]

SPACE: Final = 1
ALPHA: Final = 2
#: The first bit that a dialect may give a meaning of its own.
FIRST_FREE: Final = 4

_NEWLINE: Final = 10
# What `extend_hash` and `mix_hash` multiply by.
_HASH_PRIME: Final = 0x100000001B3
_MIX_FACTOR: Final = 0xD6E8FEB86659FD93
_HASH_MASK: Final = (1 << 64) - 1


def hash_word(word: str) -> int:
    """Hash a word as `scan_space_word` does."""
    state = int(start_hash.py_func())
    for character in word:
        state = (state ^ ord(character)) * _HASH_PRIME & _HASH_MASK
    for _ in range(2):
        state = (state ^ state >> 32) * _MIX_FACTOR & _HASH_MASK
    return state ^ state >> 32


def tabulate_words(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Put the hashes of a few words each at the place that its low bits name; see `is_listed`."""
    hashes, size = [hash_word(word) for word in words], 1
    while len({value % size for value in hashes}) < len(hashes):
        size *= 2
    table = np.zeros(size, np.uint64)
    for value in hashes:
        table[value % size] = value
    return table


#: Rae et al. 2021, arXiv:2112.11446, appendix A, as every peer here spells them.
_STOP_WORDS: Final = tabulate_words(("the", "be", "to", "of", "and", "that", "have", "with"))


def trait_table(traits: Mapping[int, str]) -> TraitTable:
    """Tabulate `SPACE`, `ALPHA` and a dialect's own traits.

    Args:
        traits: bits from `FIRST_FREE` on, each with the characters that it marks.

    Returns:
        Shape (TABLE_SIZE + 1,), dtype uint8, read-only. The last entry stands for all
        characters from U+40000 on, which are neither letters nor white space.
    """
    table = np.zeros(TABLE_SIZE + 1, np.uint8)
    characters = [chr(code) for code in range(TABLE_SIZE)]
    table[:-1] |= np.fromiter(map(str.isspace, characters), np.bool_, TABLE_SIZE) * np.uint8(SPACE)
    table[:-1] |= np.fromiter(map(str.isalpha, characters), np.bool_, TABLE_SIZE) * np.uint8(ALPHA)
    for bit, marked in traits.items():
        table[[ord(character) for character in marked]] |= np.uint8(bit)
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def look_up(traits: TraitTable, code_point: int) -> np.int64:
    """Look up the traits of a character."""
    return np.int64(traits[min(code_point, TABLE_SIZE)])


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def scan_space_word(
    data: Bytes, start: int, end: int, traits: TraitTable
) -> tuple[int, np.uint64, int, np.int64]:
    """Read the word that begins at `start`, where no white space stands.

    Returns:
        (byte after it, 64-bit hash, code points, union of the traits of its characters).
    """
    position, chars, seen, inside = start, 0, np.int64(0), True
    state = start_hash()
    while inside and position < end:
        code_point, width = decode_character(data, position, end)
        bits = look_up(traits, code_point)
        inside = bits & SPACE == 0
        if inside:
            seen |= bits
            state = extend_hash(state, np.uint64(code_point))
            chars += 1
            position += width
    return position, mix_hash(state), chars, seen


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def is_listed(word_hash: np.uint64, table: npt.NDArray[np.uint64]) -> bool:
    """Tell whether a word is one of a few, by its hash and without a branch."""
    found: bool = table[np.int64(word_hash) & (table.size - 1)] == word_hash
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def is_stop_word(word_hash: np.uint64) -> bool:
    """Tell whether a word is one of Gopher's eight, in lower case."""
    found: bool = is_listed(word_hash, _STOP_WORDS)
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_newlines(data: Bytes, start: int, end: int) -> int:
    r"""Count ``\n`` in ``data[start:end]``."""
    newlines = 0
    for position in range(start, end):
        newlines += data[position] == _NEWLINE
    return newlines


@numba.njit(cache=True, nogil=True, _nrt=False)
def longest_text(offsets: npt.NDArray[np.int32]) -> int:
    """Give the length of the longest of the texts between these offsets, in bytes."""
    longest = 0
    for row in range(offsets.size - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@numba.njit(cache=True, nogil=True)
def _find_bounds(data: Bytes, traits: TraitTable) -> npt.NDArray[np.int64]:
    bounds = np.empty((data.size // 2 + 1, 2), np.int64)
    count, position = 0, 0
    while position < data.size:
        after, _, chars, _ = scan_space_word(data, position, data.size, traits)
        if chars:
            bounds[count, 0] = position
            bounds[count, 1] = after
            count += 1
            position = after
        else:
            position += decode_character(data, position, data.size)[1]
    return bounds[:count]


def split_space_words(text: str, traits: TraitTable) -> list[str]:
    """Split a text as the kernels do, for people and tests: equals ``text.split()``."""
    payload = text.encode("utf-8")
    data = np.frombuffer(payload or b" ", np.uint8)
    return [payload[start:end].decode("utf-8") for start, end in _find_bounds(data, traits)]


# kernels of: e3a4e3a25fe6a456
