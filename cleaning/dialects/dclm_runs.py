"""Runs of code points: phrases, whitespace, newlines; what the filters of several dialects share."""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.dclm_characters import NEWLINE, SPACE
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

#: In a phrase, any character: DCLM does not escape the dots of "Read more...".
ANY: Final = 0
_MAX_NEWLINES: Final = 2


def spell_phrase(text: str) -> Points:
    """Give the code points of a phrase whose dots stand for any character."""
    return np.array([ANY if letter == "." else ord(letter) for letter in text], np.int32)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def fold_point(point: int) -> int:
    """Give the lower-case letter that Python's ``re.IGNORECASE`` takes a character for."""
    if 65 <= point <= 90:
        return point + 32
    if point == 0x130 or point == 0x131:
        return 105
    if point == 0x17F:
        return 115
    return 107 if point == 0x212A else point


@numba.njit(cache=True, nogil=True, _nrt=False)
def has_phrase(points: Points, start: int, end: int, phrase: Points) -> bool:
    """Tell whether a phrase stands at `start`, whatever its case."""
    if start < 0 or end - start < phrase.size:
        return False
    index = 0
    while index < phrase.size and (
        phrase[index] == ANY or fold_point(points[start + index]) == phrase[index]
    ):
        index += 1
    return index == phrase.size


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_tokens(points: Points, start: int, end: int, traits: Traits) -> int:
    """Count the runs without whitespace: ``len(line.split())``."""
    count, inside = 0, False
    for position in range(start, end):
        blank = trait_of(traits, points[position]) & SPACE != 0
        count += not blank and not inside
        inside = not blank
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
def has_tokens(points: Points, start: int, end: int, traits: Traits, wanted: int) -> bool:
    """Tell whether there are so many runs without whitespace."""
    count, inside, position = 0, False, start
    while count < wanted and position < end:
        blank = trait_of(traits, points[position]) & SPACE != 0
        count += not blank and not inside
        inside = not blank
        position += 1
    return count >= wanted


@numba.njit(cache=True, nogil=True, _nrt=False)
def move_points(points: Points, start: int, end: int, write: int) -> int:
    """Move a run to `write`, at or before its start; returns the place after it."""
    if write != start:
        for position in range(start, end):
            points[write + position - start] = points[position]
    return write + end - start


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_traits(points: Points, start: int, end: int, traits: Traits, bit: int) -> int:
    """Count the characters that have a trait."""
    count = 0
    for position in range(start, end):
        count += trait_of(traits, points[position]) & bit != 0
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
def strip_points(points: Points, start: int, end: int, traits: Traits) -> tuple[int, int]:
    """Leave out whitespace at both ends; returns (start, end)."""
    while start < end and trait_of(traits, points[start]) & SPACE:
        start += 1
    while start < end and trait_of(traits, points[end - 1]) & SPACE:
        end -= 1
    return start, end


@numba.njit(cache=True, nogil=True, _nrt=False)
def strip_text(points: Points, size: int, traits: Traits) -> int:
    """Strip a text in place; returns its size."""
    first, after = strip_points(points, 0, size, traits)
    return int(move_points(points, first, after, 0))


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_newline(points: Points, start: int, size: int) -> int:
    """Find the next newline from `start` on, or the end."""
    while start < size and points[start] != NEWLINE:
        start += 1
    return start


@numba.njit(cache=True, nogil=True, _nrt=False)
def collapse_newlines(points: Points, size: int) -> int:
    """Cut runs of more than two newlines down to two; returns the new size."""
    first = _MAX_NEWLINES
    while first < size and not (
        points[first] == NEWLINE and points[first - 1] == NEWLINE and points[first - 2] == NEWLINE
    ):
        # None of three newlines is any other character.
        first += 1 if points[first] == NEWLINE else _MAX_NEWLINES + 1
    if first >= size:
        return size
    write, run = first, _MAX_NEWLINES
    for position in range(first, size):
        run = run + 1 if points[position] == NEWLINE else 0
        if run <= _MAX_NEWLINES:
            points[write] = points[position]
            write += 1
    return write


# kernels of: 3f8c8906a5c4a4dc
