r"""What a character is to a word list: its lower case, and whether a word goes on there.

Three readings of where a word ends:

* `reference_borders`: letters, digits, marks and connectors are inside words; letters of scripts
  written without spaces are not, so that entries in those may stand anywhere;
* `c4_borders`: as Python's ``\w`` has it, which ends words of Indic scripts at every vowel sign;
* `open_borders`: no character is inside a word, so that an entry may stand anywhere.
"""

import functools
from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import (
    KIND_DIGIT,
    KIND_JOINER,
    KIND_LETTER,
    KIND_MARK,
    KIND_MASK,
    KIND_SINGLE,
    TABLE_SIZE,
    class_table,
)

BorderTable = npt.NDArray[np.uint32]

#: Bits of an entry; the rest is the character in lower case.
INSIDE_WORD: Final = np.uint32(1 << 31)
SPACING: Final = np.uint32(1 << 30)  # white space or a hyphen: what parts the words of a phrase
UNSPACED: Final = np.uint32(1 << 29)  # a letter of a script written without spaces
EXTENDS: Final = np.uint32(1 << 28)  # a mark on such a letter: an entry ends behind it
CODE_MASK: Final = np.uint32((1 << 21) - 1)

_HYPHENS: Final = "-\u2010\u2011"
_WORD_KINDS: Final = (KIND_LETTER, KIND_DIGIT, KIND_JOINER, KIND_MARK)
#: Blocks of scripts without spaces, for their marks: Thai to Tai Viet, and kana.
_UNSPACED_BLOCKS: Final = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0x3099, 0x309A),
    (0xA9E0, 0xA9FF),
    (0xAA60, 0xAADF),
)


@functools.cache
def _lower_table() -> BorderTable:
    """Tabulate lower case where it is one character, which is everywhere but at U+0130."""
    table = np.arange(TABLE_SIZE + 1, dtype=np.uint32)
    for code in range(TABLE_SIZE):
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    return table


def _finish(table: BorderTable) -> BorderTable:
    for code in range(0x3001):
        if chr(code).isspace() or chr(code) in _HYPHENS:
            table[code] |= SPACING
    table.flags.writeable = False
    return table


@functools.cache
def reference_borders() -> BorderTable:
    """Tabulate lower case and words after the reference segmentation.

    Returns:
        Shape (TABLE_SIZE + 1,), read-only; the last entry stands for all characters from
        U+40000 on, which are in no word and no list.
    """
    lower = _lower_table()
    kinds = class_table()[np.minimum(lower, TABLE_SIZE)] & KIND_MASK
    bits = np.isin(kinds, _WORD_KINDS) * INSIDE_WORD
    for first, last in _UNSPACED_BLOCKS:
        bits[first : last + 1][kinds[first : last + 1] == KIND_MARK] = EXTENDS
    bits[kinds == KIND_SINGLE] = UNSPACED
    return _finish(lower | bits)


@functools.cache
def c4_borders() -> BorderTable:
    r"""Tabulate lower case and words as Python's ``re`` has ``\w``; see `reference_borders`."""
    table = _lower_table().copy()
    for code in range(TABLE_SIZE):
        lower = chr(int(table[code]))
        if lower.isalnum() or lower == "_":
            table[code] |= INSIDE_WORD
    return _finish(table)


@functools.cache
def open_borders() -> BorderTable:
    """Tabulate lower case alone: entries may stand anywhere; see `reference_borders`."""
    return _finish(_lower_table().copy())
