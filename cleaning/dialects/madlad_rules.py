r"""MADLAD-400's rules for one sentence (Kudugunta et al. 2023, arXiv:2309.04662), as datamap-rs has them.

Lengths are in bytes. Of the list of "cursed" strings datamap-rs takes all but the last four
literally, although some were meant as patterns (``Vol\.`` needs the backslash in the text),
and those four as patterns in which a dot is any character.
"""

import string
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import (
    ALPHANUMERIC,
    NEWLINE,
    UPPER,
    WHITE_SPACE,
)
from gristmill.cleaning.word_breaks import Points, Traits, find_segments, trait_of

_MIN_WORDS: Final = 12
_MIN_BYTES: Final = 20
_MAX_BYTES: Final = 500
_MAX_TECHNICAL: Final = np.float32(0.2)

# What a character of ASCII is to a sentence.
_TECHNICAL: Final = 1
_CAPITAL: Final = 2
_MARK: Final = 4
_KINDS: Final = np.zeros(128, np.uint8)
_KINDS[list(b"0123456789{}+/()>")] = _TECHNICAL
_KINDS[list(string.ascii_uppercase.encode())] = _CAPITAL
_KINDS[list(b".!?")] = _MARK

CURSED: Final = (
    " \u2116", "\ufffd\ufffd\ufffd", "\\|\\s*$", " nr\\.$", "aute irure dolor ",
    " sunt in culpa qui ", "orem ipsum ", " quis nostrud ", " adipisicing ", " dolore eu ",
    " cupidatat ", "autem vel eum", "wisi enim ad", " sex ", " porn ",
    "\u9ec4\u8272\u7535\u5f71", "mp3", "ownload", "Vol\\.", " Ep\\.", "Episode",
    " \u0433\\.\\s*$", " \u043a\u0433\\.\\s*$", " \u0448\u0442\\.", "Develop", "Facebook",
    " crusher ", " xxx ",
)  # fmt: skip
_LETTERS: Final = np.frombuffer("".join(CURSED).encode("utf-32-le"), np.int32)
_ENDS: Final = np.cumsum([len(text) for text in CURSED])
_FILTER_SIZE: Final = 1 << 14
#: Nine groups of three, four or one characters, a space before each.
_GROUPS: Final = 9


#: Spaces every two or four characters, and every five: bits of the last 64 characters.
_EVEN_SPACES: Final = sum(1 << place for place in range(0, 17, 4))
_FIFTH_SPACES: Final = sum(1 << place for place in range(0, 41, 5))
#: The low seven bits of the last characters.
_LAST_TWO: Final = (1 << 14) - 1
_LAST_FOUR: Final = (1 << 28) - 1
_COMMA_SPACE: Final = ord(",") << 7 | ord(" ")
_NUMERO: Final = ord("\u2116")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _mix(last: int) -> int:
    return (last * 0x9E3779B1 >> 20) & (_FILTER_SIZE - 1)


def _tabulate_openings() -> npt.NDArray[np.bool_]:
    """Mark what four characters open a cursed string, with any character before three."""
    table = np.zeros(_FILTER_SIZE, np.bool_)
    for text in CURSED:
        code = 0
        for letter in text[:4]:
            code = code << 7 | (ord(letter) & 127)
        befores = range(128) if len(text) == 3 else range(1)
        table[[_mix.py_func(before << 21 | code) for before in befores]] = True
    return table


_OPENINGS: Final = _tabulate_openings()


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_bytes(point: int) -> int:
    """Tell how many bytes a character takes in UTF-8."""
    return 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_list_case(points: Points, start: int, end: int, traits: Traits, bounds: Points) -> bool:
    """Tell whether more than half of twelve or more words begin in upper case (rule 2)."""
    words, capitals = 0, 0
    for index in range(find_segments(points, start, end, traits, bounds)):
        first, after = bounds[2 * index], bounds[2 * index + 1]
        if holds_trait(points, first, after, traits, ALPHANUMERIC):
            words += 1
            capitals += trait_of(traits, points[first]) & UPPER != 0
    return words >= _MIN_WORDS and 2 * capitals > words


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def holds_trait(points: Points, start: int, end: int, traits: Traits, bit: int) -> bool:
    """Tell whether some character has a trait."""
    position = start
    while position < end and not trait_of(traits, points[position]) & bit:
        position += 1
    return position < end


@numba.njit(cache=True, nogil=True, _nrt=False)
def read_sentence(
    points: Points, start: int, size: int, traits: Traits
) -> tuple[int, int, int, int, int]:
    """Read the sentence at `start`.

    Returns:
        (its end, where the next one begins, its bytes, technical characters and
        characters in upper case).
    """
    end, after, length, technical, upper = start, start, 0, 0, 0
    while end < size and after == end:
        kind = np.uint8(0)
        if points[end] < _KINDS.size:
            kind = _KINDS[points[end]]
            technical += kind & _TECHNICAL
            upper += kind >> 1 & 1
            length += 1
        else:
            length += count_bytes(points[end])
            upper += trait_of(traits, points[end]) & UPPER != 0
        end += 1
        after = end
        if kind & _MARK:
            while after < size and points[after] < _KINDS.size and _KINDS[points[after]] & _MARK:
                after += 1
            marks = after
            while after < size and trait_of(traits, points[after]) & WHITE_SPACE:
                after += 1
            length, end = (length - 1, end - 1) if after > marks else (length + after - end, after)
    return end, after, length, technical, upper


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def judge_counts(length: int, technical: int, upper: int) -> tuple[bool, bool, bool]:
    """Decide by length (rule 3) and technical characters (rule 4), and whether 2 may apply."""
    abnormal = length < _MIN_BYTES or length > _MAX_BYTES
    marked = bool(np.float32(technical) > np.float32(length) * _MAX_TECHNICAL)
    return abnormal, marked, upper > _MIN_WORDS // 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_string(points: Points, start: int, end: int) -> bool:
    """Tell whether a cursed string stands at `start`."""
    found = False
    for index in range(_ENDS.size):
        first = _ENDS[index - 1] if index else 0
        size = _ENDS[index] - first
        same = 0
        while same < size and start + same < end and points[start + same] == _LETTERS[first + same]:
            same += 1
        found |= same == size
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_spaced(points: Points, start: int, end: int, width: int) -> bool:
    """Tell whether nine groups stand at `start`, a space before each."""
    step = width + 1
    if end - start < _GROUPS * step:
        return False
    offset, same = 0, True
    while same and offset < _GROUPS * step:
        point = points[start + offset]
        if offset % step == 0:
            same = point == 32
        else:
            same = point != 32 if width == 1 else point != NEWLINE
        offset += 1
    return same


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_comma_list(points: Points, start: int, end: int) -> bool:
    """Tell whether ``, ..,,? ..,,? ..,,? ..,,?`` matches at the comma at `start`."""
    position, groups, same = start + 1, 0, True
    while same and groups < 4:
        same = (
            position + 4 <= end
            and points[position] == 32
            and points[position + 1] != NEWLINE
            and points[position + 2] != NEWLINE
            and points[position + 3] == 44
        )
        position += 4
        if same and groups < 3 and position < end and points[position] == 44:
            position += 1
        groups += 1
    return same


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_cursed_at(points: Points, start: int, position: int, end: int) -> bool:
    """Look closely whether something cursed shows at a character of a sentence.

    Strings show at their fourth character or at their last, groups at the ninth space,
    commas at the space after the first.
    """
    found = _is_comma_list(points, position - 1, end) if position > start else False
    for first in range(max(position - 3, start), position):
        found |= _is_string(points, first, end)
    for width in (1, 3, 4):
        first = position - (_GROUPS - 1) * (width + 1)
        if first >= start:
            found |= _is_spaced(points, first, end, width)
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_cursed(points: Points, start: int, end: int) -> bool:
    """Tell whether a sentence holds a cursed string or pattern (rule 5)."""
    position, found, last, spaces = start, False, np.int64(0), np.int64(0)
    while position < end and not found:
        point = np.int64(points[position])
        last = (last << 7 | (point & 127)) & _LAST_FOUR
        spaces = spaces << 1 | np.int64(point == 32)
        if (
            _OPENINGS[_mix(last)]
            | (point == _NUMERO)
            | (last & _LAST_TWO == _COMMA_SPACE)
            | (spaces & _EVEN_SPACES == _EVEN_SPACES)
            | (spaces & _FIFTH_SPACES == _FIFTH_SPACES)
        ):
            found = _is_cursed_at(points, start, position, end)
        position += 1
    return found


# kernels of: 3f8c8906a5c4a4dc
