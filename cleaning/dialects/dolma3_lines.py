r"""What Dolma 3's line modifiers leave of a text (datamap-rs, `all_dressed_config.yaml`).

DCLM's line correction in Rust, with differences that are kept here: lengths are in bytes, the
page is never stripped, phrases must match in case and may stand in lines of any length (the
configuration's ``max_length`` is not what the code reads), what is left of "items in cart" is
a space, and each of the three deletions takes a carriage return off the end of every line and
the empty line off the end of the page.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.dclm_characters import (
    ALPHANUMERIC,
    DELETED_AFTER,
    NEWLINE,
    REGEX_WORD,
    UPPER,
    WHITE_SPACE,
)
from gristmill.cleaning.dialects.dclm_lines import is_counter
from gristmill.cleaning.dialects.dclm_runs import (
    ANY,
    collapse_newlines,
    count_traits,
    find_newline,
    move_points,
    spell_phrase,
)
from gristmill.cleaning.dialects.dolma3_scan import count_words
from gristmill.cleaning.dialects.madlad_rules import count_bytes, holds_trait
from gristmill.cleaning.word_breaks import Points, Traits, find_segment_end, trait_of

_MAX_UPPERCASE: Final = np.float32(0.5)
_MAX_NUMERIC: Final = np.float32(0.999999)
_MIN_WORDS: Final = 2
_RETURN: Final = 13
_SPACE: Final = ord(" ")

# The steps that delete.
_CART_STEP: Final = 0
_MORE_STEP: Final = 1
_SIGN_STEP: Final = 2
_STEPS: Final = 3


_CART: Final = spell_phrase("items in cart")
_MORE: Final = spell_phrase("Read more...")
_SIGN: Final = spell_phrase("Sign-in")
# Where the first space or hyphen of each phrase is.
_CART_BEFORE: Final = 5
_MORE_BEFORE: Final = 4
_SIGN_BEFORE: Final = 4


@numba.njit(cache=True, nogil=True, _nrt=False)
def _stands(points: Points, start: int, end: int, phrase: Points) -> bool:
    """Tell whether a phrase stands at `start`, to the letter."""
    if end - start < phrase.size:
        return False
    index = 0
    while index < phrase.size and (phrase[index] == ANY or points[start + index] == phrase[index]):
        index += 1
    return index == phrase.size


@numba.njit(cache=True, nogil=True, _nrt=False)
def _has_spaced_words(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Tell whether letters or digits stand both before and after a space: two words or more."""
    position, stage = start, 0
    while position < end and stage < 3:
        if stage == 1:
            stage += points[position] == _SPACE
        else:
            stage += trait_of(traits, points[position]) & ALPHANUMERIC != 0
        position += 1
    return stage == 3


@numba.njit(cache=True, nogil=True, _nrt=False)
def _has_words(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Tell whether a line has as many words as it needs."""
    if _has_spaced_words(points, start, end, traits):
        return True
    position, count = start, 0
    while position < end and count < _MIN_WORDS:
        after = find_segment_end(points, position, end, traits)
        count += holds_trait(points, position, after, traits, ALPHANUMERIC)
        position = after
    return count >= _MIN_WORDS


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keeps_line(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Decide a line that is not empty by the four steps that keep or drop."""
    upper, digits, size = count_traits(points, start, end, traits, UPPER), 0, 0
    for position in range(start, end):
        point = points[position]
        digits += 48 <= point <= 57
        size += count_bytes(point)
    if np.float32(upper) / np.float32(size) > _MAX_UPPERCASE:
        return False
    if np.float32(digits) / np.float32(size) > _MAX_NUMERIC:
        return False
    if is_counter(points, start, end, traits, REGEX_WORD, WHITE_SPACE):
        return False
    return bool(_has_words(points, start, end, traits))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _filter_lines(points: Points, size: int, traits: Traits, bounds: Points) -> tuple[int, int]:
    """Apply the four steps that keep or drop lines.

    Returns:
        (new size, 0 if no line with a letter is left; words of the lines dropped).
    """
    start, write, kept, filled, dropped = 0, 0, 0, False, 0
    while start <= size:
        end = find_newline(points, start, size)
        if start == end or _keeps_line(points, start, end, traits):
            if kept:
                points[write] = NEWLINE
                write += 1
            write = move_points(points, start, end, write)
            filled |= end > start
            kept += 1
        else:
            dropped += count_words(points, start, end, traits, bounds)
        start = end + 1
    return write if filled else 0, dropped


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cut_line(points: Points, start: int, end: int, write: int, traits: Traits, step: int) -> int:
    """Write what a step that deletes leaves of a line; returns the place after it."""
    position = start
    while position < end:
        blank = trait_of(traits, points[position]) & WHITE_SPACE != 0
        phrase, after = position + int(blank), position
        cart = step == _CART_STEP and phrase < end and points[phrase] == _CART[0]
        if cart and _stands(points, phrase, end, _CART):
            after = phrase + _CART.size
            after += after < end and trait_of(traits, points[after]) & WHITE_SPACE != 0
            points[write] = 32
            write += 1
        elif (
            step == _MORE_STEP
            and end - phrase == _MORE.size
            and _stands(points, phrase, end, _MORE)
        ):
            after = end
        elif step == _SIGN_STEP and position == start and _stands(points, position, end, _SIGN):
            after = position + _SIGN.size
            after += after < end and trait_of(traits, points[after]) & WHITE_SPACE != 0
        if after == position:
            points[write] = points[position]
            write += 1
            after += 1
        position = after
    return write


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cut_phrases(points: Points, size: int, traits: Traits, step: int) -> int:
    """Apply a step that deletes to every line; returns the new size."""
    start, write, kept = 0, 0, 0
    # The empty line after a final newline is not read.
    while start < size:
        newline = find_newline(points, start, size)
        end = newline - (newline < size and newline > start and points[newline - 1] == _RETURN)
        place = write + (kept > 0)
        after = _cut_line(points, start, end, place, traits, step)
        if start == end or holds_visible(points, place, after, traits):
            if kept:
                points[write] = NEWLINE
            write = after
            kept += 1
        start = newline + 1
    return write


@numba.njit(cache=True, nogil=True, _nrt=False)
def holds_visible(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Tell whether a run holds something else than whitespace."""
    while start < end and trait_of(traits, points[start]) & WHITE_SPACE:
        start += 1
    return start < end


@numba.njit(cache=True, nogil=True, _nrt=False)
def _needs_cutting(points: Points, size: int, traits: Traits) -> bool:
    """Tell whether a carriage return or a phrase stands in a text: look at spaces and hyphens."""
    found, before, entry = False, np.int64(0), np.int64(0)
    for position in range(size):
        after = trait_of(traits, points[position + 1]) if position + 1 < size else np.int64(0)
        found |= points[position] == _RETURN
        hit = (before << 2 & entry << 1 & after) & DELETED_AFTER
        if hit and position >= _CART_BEFORE:
            found |= _stands(points, position - _CART_BEFORE, size, _CART)
            found |= _stands(points, position - _MORE_BEFORE, size, _MORE)
            found |= _stands(points, position - _SIGN_BEFORE, size, _SIGN)
        before, entry = entry, after
    return found or _stands(points, 0, size, _SIGN) or _stands(points, 0, size, _MORE)


@numba.njit(cache=True, nogil=True, _nrt=False)
def correct_lines(points: Points, size: int, traits: Traits, bounds: Points) -> tuple[int, int]:
    """Apply every modifier in place.

    Returns:
        (new size, 0 if nothing is left; words of the lines dropped, or -1 if words within
        lines may be gone too).
    """
    size, dropped = _filter_lines(points, collapse_newlines(points, size), traits, bounds)
    needed = _needs_cutting(points, size, traits)
    for step in range(_STEPS):
        if needed:
            size = _cut_phrases(points, size, traits, step)
        elif size > 0 and points[size - 1] == NEWLINE:
            # Reading a page by lines forgets its final newline, if nothing else.
            size -= 1
    return int(collapse_newlines(points, size)), -1 if needed else dropped


# kernels of: 6f45196c42ed8b23
