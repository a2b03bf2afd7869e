r"""MADLAD-400's rules for one sentence (Kudugunta et al. 2023, arXiv:2309.04662), as datamap-rs has them.

Lengths are in bytes. Of the list of "cursed" strings datamap-rs takes all but the last four
literally, although some were meant as patterns (``Vol\.`` needs the backslash in the text),
and those four as patterns in which a dot is any character.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.dclm_characters import ALPHANUMERIC, NEWLINE, UPPER
from gristmill.cleaning.dialects.dclm_runs import count_traits
from gristmill.cleaning.word_breaks import Points, Traits, find_segments, trait_of

_MIN_WORDS: Final = 12
_MIN_BYTES: Final = 20
_MAX_BYTES: Final = 500
_MAX_TECHNICAL: Final = np.float32(0.2)
_TECHNICAL: Final = np.zeros(128, np.bool_)
_TECHNICAL[list(b"0123456789{}+/()>")] = True

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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _mix(first: int, second: int, third: int) -> int:
    return ((first * 61 + second) * 61 + third) & (_FILTER_SIZE - 1)


#: Which three first characters open a cursed string; those of two stand alone below.
_OPENINGS: Final = np.zeros(_FILTER_SIZE, np.bool_)
_OPENINGS[[_mix.py_func(*map(ord, text[:3])) for text in CURSED if len(text) > 2]] = True
_NUMERO: Final = ord("\u2116")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_bytes(point: int) -> int:
    """Tell how many bytes a character takes in UTF-8."""
    return 1 + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000)


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_list_case(points: Points, start: int, end: int, traits: Traits, bounds: Points) -> bool:
    """Tell whether more than half of twelve or more words begin in upper case (rule 2)."""
    if count_traits(points, start, end, traits, UPPER) <= _MIN_WORDS // 2:
        return False
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
def measure_bytes(points: Points, start: int, end: int) -> tuple[bool, bool]:
    """Decide by length (rule 3) and by technical characters (rule 4)."""
    size, technical = 0, 0
    for position in range(start, end):
        size += count_bytes(points[position])
        technical += points[position] < _TECHNICAL.size and _TECHNICAL[points[position]]
    abnormal = size < _MIN_BYTES or size > _MAX_BYTES
    return abnormal, bool(np.float32(technical) > np.float32(size) * _MAX_TECHNICAL)


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
def is_cursed(points: Points, start: int, end: int) -> bool:
    """Tell whether a sentence holds a cursed string or pattern (rule 5)."""
    position, found = start, False
    while position + 1 < end and not found:
        point, after = np.int64(points[position]), np.int64(points[position + 1])
        third = np.int64(points[position + 2]) if position + 2 < end else 0
        if _OPENINGS[_mix(point, after, third)]:
            found = _is_string(points, position, end)
        if point == 32 and not found:
            found = (
                after == _NUMERO
                or (
                    position + 4 < end
                    and points[position + 4] == 32
                    and _is_spaced(points, position, end, 3)
                )
                or (
                    position + 5 < end
                    and points[position + 5] == 32
                    and _is_spaced(points, position, end, 4)
                )
                or (
                    position + 2 < end
                    and points[position + 2] == 32
                    and _is_spaced(points, position, end, 1)
                )
            )
        elif point == 44 and after == 32 and not found:
            found = _is_comma_list(points, position, end)
        position += 1
    return found


# kernels of: e95343b0060c2e02
