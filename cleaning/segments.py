r"""Characters, words and sentence boundaries: the segmentation that every ratio depends on.

The reference word is a Unicode word segment with a letter or digit (UAX #29),
with three simplifications, each of which keeps a word a matter of local context:

* A letter of a script written without spaces (Han, kana, Thai, Lao, Khmer,
  Myanmar, Tai scripts) ends the segment, with the marks that follow it. Which of them
  make words together only a dictionary knows: `gristmill.cleaning.word_boundaries`.
* The Hebrew quotation rules (WB7a-c) are left out.
* U+202F, the narrow no-break space, separates words like every other space.

Letters, digits and connector punctuation join; marks and format characters (but
not U+200B) belong to the word before them; ``: .`` and their kin join two letters,
``, .`` and theirs two digits.

All kernels read UTF-8 bytes by position and never past the `end` they are given. They
are compiled without numba's runtime (``_nrt=False``), which they do not need as they make
no array: else it counts references to arrays, which takes half of the time or more.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import (
    CLOSER,
    KIND_DIGIT,
    KIND_LETTER,
    KIND_MARK,
    KIND_MASK,
    KIND_MID_DIGIT,
    KIND_MID_LETTER,
    KIND_OTHER,
    KIND_SINGLE,
    LOWER,
    SPACE,
    TABLE_SIZE,
    TERMINAL,
    WIDE_TERMINAL,
    ClassTable,
)

Bytes = npt.NDArray[np.uint8]

# Where the reader stands between two sentences.
INSIDE: Final = 0
AFTER_MARK: Final = 1
AFTER_SPACE: Final = 2
AFTER_WIDE_MARK: Final = 3

NEWLINE: Final = 10

_HASH_SEED: Final = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
_HASH_PRIME: Final = np.uint64(0x00000100000001B3)
_SHIFT: Final = np.uint64(32)
_MIX_FACTOR: Final = np.uint64(0xD6E8FEB86659FD93)  # Mulvey's 64-bit finaliser


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def decode_character(data: Bytes, start: int, end: int) -> tuple[np.int64, int]:
    """Decode the UTF-8 character at `start`.

    Returns:
        (code point, bytes). A character cut off by `end` is U+FFFD.
    """
    lead = np.int64(data[start])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        width, code_point = 2, lead & 0x1F
    elif lead < 0xF0:
        width, code_point = 3, lead & 0x0F
    else:
        width, code_point = 4, lead & 0x07
    if start + width > end:
        return np.int64(0xFFFD), end - start
    for position in range(start + 1, start + width):
        code_point = code_point << 6 | np.int64(data[position]) & 0x3F
    return code_point, width


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def classify_character(classes: ClassTable, code_point: int) -> np.int64:
    """Look up the kind and the bits of a character."""
    return np.int64(classes[min(code_point, TABLE_SIZE)])


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def mix_hash(value: np.uint64) -> np.uint64:
    """Spread every input bit over 64 bits (Mulvey 2016)."""
    value = (value ^ (value >> _SHIFT)) * _MIX_FACTOR
    value = (value ^ (value >> _SHIFT)) * _MIX_FACTOR
    return value ^ (value >> _SHIFT)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def extend_hash(state: np.uint64, value: np.uint64) -> np.uint64:
    """Append a value to a running hash (FNV-1a over whole values)."""
    return (state ^ value) * _HASH_PRIME


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def start_hash() -> np.uint64:
    """Give the state of a running hash before the first value."""
    return _HASH_SEED


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _joins_next(
    data: Bytes, start: int, end: int, classes: ClassTable, kind: int, last: int
) -> bool:
    """Tell whether a mid-word mark stands between two letters or two digits."""
    following = KIND_OTHER
    if start < end:
        code_point, _ = decode_character(data, start, end)
        following = classify_character(classes, code_point) & KIND_MASK
    letters = following == KIND_LETTER and kind != KIND_MID_DIGIT
    digits = following == KIND_DIGIT and kind != KIND_MID_LETTER
    return following == last and (letters or digits)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def scan_segment(
    data: Bytes, start: int, end: int, classes: ClassTable, known_end: int
) -> tuple[int, np.uint64, int, int]:
    """Read the segment that begins with the letter, digit or joiner at `start`.

    Args:
        data: UTF-8 bytes.
        start: where the segment begins.
        end: where the text ends.
        classes: see `gristmill.cleaning.character_classes.class_table`.
        known_end: where the word ends if a dictionary says so; 0 if none does.

    Returns:
        (byte after it, 64-bit hash, code points, union of the bits of its characters).
        It is a word if the union holds `ALNUM`; else it is a run of joiners.
    """
    position, chars, seen, last, inside = start, 0, 0, KIND_OTHER, True
    state = start_hash()
    while inside and position < end:
        code_point, width = decode_character(data, position, end)
        bits = classify_character(classes, code_point)
        kind = bits & KIND_MASK
        if known_end > 0:
            inside = position < known_end
        elif kind > KIND_MARK:
            inside = _joins_next(data, position + width, end, classes, kind, last)
        elif kind != KIND_MARK:
            inside = kind != KIND_OTHER and (
                chars == 0 or (kind != KIND_SINGLE and last != KIND_SINGLE)
            )
            last = kind
        if inside:
            seen |= bits
            state = extend_hash(state, np.uint64(code_point))
            chars += 1
            position += width
    return position, mix_hash(state), chars, seen


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def scan_word(
    data: Bytes, start: int, end: int, classes: ClassTable
) -> tuple[int, np.uint64, int, int]:
    """Read a segment as `scan_segment` does, without a dictionary."""
    found: tuple[int, np.uint64, int, int] = scan_segment(data, start, end, classes, 0)
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def next_boundary(boundary: int, bits: int, after_initial: bool) -> int:
    """Move between sentences over one character that is not part of a word.

    A sentence ends with a terminal mark, closing quotes and brackets, and a space;
    wide marks need no space. A mark right after a word of one letter ends nothing:
    it is an initial or the end of an abbreviation such as ``e.g.``

    Args:
        boundary: where the reader stood (`INSIDE` and so on).
        bits: bits of the character.
        after_initial: whether the character stands right after a word of one letter.
    """
    if boundary == AFTER_WIDE_MARK or bits & WIDE_TERMINAL:
        return AFTER_WIDE_MARK
    if bits & TERMINAL:
        return INSIDE if after_initial else AFTER_MARK
    if bits & SPACE:
        return AFTER_SPACE if boundary == AFTER_MARK else boundary
    if bits & CLOSER or boundary == AFTER_SPACE:
        return boundary
    return INSIDE


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def opens_sentence(boundary: int, bits: int) -> bool:
    """Tell whether a word opens a sentence: not in lower case, after the end of another."""
    return boundary == AFTER_WIDE_MARK or (boundary == AFTER_SPACE and not bits & LOWER)


# kernels of: 0ee5d39855f85e31
