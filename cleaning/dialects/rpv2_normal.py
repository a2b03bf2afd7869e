"""RPv2's normalised text: no ASCII punctuation, lower case, canonically decomposed (NFD).

What `str.lower` and `unicodedata.normalize` do to one character is tabulated from the
interpreter itself; what they do by context - the final sigma, the order of marks - is here.
"""

import functools
import string
import unicodedata
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.word_breaks import Points

#: Nothing from here on has a case, a decomposition or an order, but in compatibility blocks.
_LAST_CASED: Final = 0x30000
_SIGMA: Final = 0x3A3
_FINAL_SIGMA: Final = 0x3C2
LATIN_END: Final = 128

# Bits of a character beside its order.
PUNCTUATION: Final = 1
_CASED: Final = 2
CASE_IGNORABLE: Final = 4

#: ASCII in lower case.
FOLDED: Final = np.frombuffer(bytes(range(LATIN_END)).lower(), np.uint8)


class NormalForms(NamedTuple):
    """What becomes of each character.

    `ends` (c + 1,) int32 and `letters` (l,) int32: character i becomes
    ``letters[ends[i]:ends[i + 1]]``; `orders` (c,) uint8: canonical combining class;
    `bits` (c,) uint8.
    """

    ends: npt.NDArray[np.int32]
    letters: Points
    orders: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint8]


def _describe(code: int) -> int:
    """Collect the bits of a character: ask `str.lower` how it looks before a capital sigma."""
    character = chr(code)
    cased = (character + "\u03a3").lower()[-1] == "\u03c2"
    skipped = ("A" + character + "\u03a3").lower()[-1] == "\u03c2" and not cased
    punctuation = character in string.punctuation
    return PUNCTUATION * punctuation | _CASED * cased | CASE_IGNORABLE * skipped


@functools.cache
def normal_forms() -> NormalForms:
    """Tabulate lower case and decomposition of every character, punctuation and order."""
    # Surrogates are in no text.
    characters = [" " if 0xD800 <= code < 0xE000 else chr(code) for code in range(_LAST_CASED)]
    forms = [unicodedata.normalize("NFD", character.lower()) for character in characters]
    ends = np.zeros(_LAST_CASED + 1, np.int32)
    np.cumsum([len(form) for form in forms], out=ends[1:])
    return NormalForms(
        ends,
        np.frombuffer("".join(forms).encode("utf-32-le"), np.int32),
        np.fromiter(map(unicodedata.combining, characters), np.uint8),
        np.fromiter(map(_describe, map(ord, characters)), np.uint8),
    )


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_cased(
    points: Points, start: int, size: int, step: int, bits: npt.NDArray[np.uint8], ignored: int
) -> bool:
    """Tell whether the next character that is not ignored has a case."""
    position, skipped = start, True
    while skipped and 0 <= position < size:
        point = points[position]
        skipped = point < _LAST_CASED and bits[point] & ignored != 0
        position += step
    if skipped:
        return False
    point = points[position - step]
    return bool(point < _LAST_CASED and bits[point] & _CASED != 0)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _sort_marks(points: Points, last: int, orders: npt.NDArray[np.uint8]) -> None:
    """Move the mark at `last` before the marks of a higher order that precede it."""
    mark = points[last]
    order = orders[mark]
    place, moving = last, True
    while moving and place > 0:
        earlier = points[place - 1]
        moving = earlier < _LAST_CASED and orders[earlier] > order
        if moving:
            points[place] = earlier
            place -= 1
    points[place] = mark


@numba.njit(cache=True, nogil=True, _nrt=False)
def normalize_at(
    points: Points,
    position: int,
    size: int,
    forms: NormalForms,
    ignored: int,
    out: Points,
    write: int,
) -> int:
    """Write the normal form of one character that is not of ASCII.

    Args:
        points: code points of the text.
        position: where the character stands.
        size: how many there are.
        forms: `normal_forms()`.
        ignored: bits of what does not part a sigma from the letters of its word:
            `CASE_IGNORABLE`, and `PUNCTUATION` if that is deleted.
        out: the normal form, with room for four times as many.
        write: how much of it there is.

    Returns:
        How much of it there is then.
    """
    ends, letters, orders, bits = forms
    point = points[position]
    if point >= _LAST_CASED:
        out[write] = point
        return write + 1
    if point == _SIGMA:
        before = _find_cased(points, position - 1, size, -1, bits, ignored)
        after = _find_cased(points, position + 1, size, 1, bits, ignored)
        out[write] = _FINAL_SIGMA if before and not after else _FINAL_SIGMA + 1
        return write + 1
    for index in range(ends[point], ends[point + 1]):
        out[write] = letters[index]
        if orders[letters[index]]:
            _sort_marks(out, write, orders)
        write += 1
    return write


@numba.njit(cache=True, nogil=True, _nrt=False)
def normalize_points(points: Points, size: int, forms: NormalForms, out: Points) -> int:
    """Write the normal form of a text with its punctuation, for tests; returns its size.

    Args:
        points: code points.
        size: how many.
        forms: `normal_forms()`.
        out: room for four times as many.
    """
    write = 0
    for position in range(size):
        point = points[position]
        if point < LATIN_END:
            out[write] = FOLDED[point]
            write += 1
        else:
            write = normalize_at(points, position, size, forms, CASE_IGNORABLE, out, write)
    return write


# kernels of: 39c81cc205b7fcf3
