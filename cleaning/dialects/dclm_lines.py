"""What DCLM's line correction leaves of a text: RefinedWeb's rules as DCLM-Baseline ran them.

All works in place on code points: a step never makes a text longer. Where nothing is left
DCLM drops the page; here the text is empty from there on.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects.dclm_characters import (
    DECIMAL,
    DELETED_AFTER,
    DIGIT,
    NEWLINE,
    SPACE,
    UPPER,
    WORD,
)
from gristmill.cleaning.dialects.dclm_runs import (
    collapse_newlines,
    count_tokens,
    count_traits,
    find_newline,
    has_phrase,
    has_tokens,
    move_points,
    spell_phrase,
    strip_points,
    strip_text,
)
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

# The steps that delete, in the order of `dclm_baseline_refinedweb.yaml`. Before them it
# drops lines in capitals, lines of digits, counters and short lines, in that order.
_ITEMS_IN_CART: Final = 0
_READ_MORE: Final = 1
_SIGN_IN: Final = 2

_MAX_UPPERCASE: Final = 0.5
_MAX_NUMERIC: Final = 0.999999
_MIN_WORDS: Final = 2
_MAX_SUBSTRING_WORDS: Final = 10


_CART: Final = spell_phrase("items in cart")
_MORE: Final = spell_phrase("read more...")
_SIGN: Final = spell_phrase("sign-in")
# Where the first space or hyphen of each phrase is.
_CART_BEFORE: Final = 5
_MORE_BEFORE: Final = 4
_SIGN_BEFORE: Final = 4
_COUNTED: Final = tuple(
    map(
        spell_phrase,
        ("likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes",
         "downvotes", "downloads", "views", "followers"),
    )
)  # fmt: skip
_COUNTED_LETTERS: Final = np.concatenate(_COUNTED)
_COUNTED_ENDS: Final = np.cumsum([word.size for word in _COUNTED])


@numba.njit(cache=True, nogil=True, _nrt=False)
def _lower_ascii(point: int) -> int:
    """Lower a letter as ``str.lower`` does, where a counter's letters can come of it."""
    return point + 32 if 65 <= point <= 90 else 107 if point == 0x212A else point


@numba.njit(cache=True, nogil=True, _nrt=False)
def _after_counted(points: Points, start: int, end: int) -> int:
    """Find the end of the counted thing ("likes") at `start`; -1 if there is none."""
    for index in range(_COUNTED_ENDS.size):
        first = _COUNTED_ENDS[index - 1] if index else 0
        size = _COUNTED_ENDS[index] - first
        same = 0
        while (
            same < size
            and start + same < end
            and _lower_ascii(points[start + same]) == _COUNTED_LETTERS[first + same]
        ):
            same += 1
        if same == size:
            return int(start + size)
    return -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_counter(
    points: Points, start: int, end: int, traits: Traits, word_bit: int, space_bit: int
) -> bool:
    r"""Tell whether a line is a number of likes, views and so on, and nothing else.

    Args:
        points: code points; the line is ``points[start:end]``.
        start: where the line begins.
        end: where it ends.
        traits: table of characters.
        word_bit: trait of ``\w``: languages differ.
        space_bit: trait of ``\s``.
    """
    position = start
    while position < end and not trait_of(traits, points[position]) & word_bit:
        position += 1
    if position == end or not trait_of(traits, points[position]) & DECIMAL:
        return False
    while position < end and (
        points[position] == 44
        or points[position] == 46
        or trait_of(traits, points[position]) & DECIMAL
    ):
        position += 1
    if position < end and _lower_ascii(points[position]) in (107, 109, 98):
        position += 1
    spaces = position
    while position < end and trait_of(traits, points[position]) & space_bit:
        position += 1
    if position == spaces:
        return False
    position = _after_counted(points, position, end)
    if position < 0:
        return False
    while position < end and not trait_of(traits, points[position]) & word_bit:
        position += 1
    return bool(position == end)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cut_length(
    points: Points, start: int, position: int, end: int, traits: Traits, step: int
) -> int:
    """Tell how many characters a step that deletes takes away at `position`."""
    blank = trait_of(traits, points[position]) & SPACE != 0
    phrase = position + 1 if blank else position
    if step == _ITEMS_IN_CART and has_phrase(points, phrase, end, _CART):
        return phrase - position + _CART.size
    if step == _READ_MORE and end - phrase == _MORE.size and has_phrase(points, phrase, end, _MORE):
        return end - position
    if step == _SIGN_IN and position == start and has_phrase(points, position, end, _SIGN):
        after = position + _SIGN.size
        return _SIGN.size + (after < end and trait_of(traits, points[after]) & SPACE != 0)
    return 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cut_line(points: Points, start: int, end: int, write: int, traits: Traits, step: int) -> int:
    """Write what a step that deletes leaves of a line; returns the place after it, or -1.

    A line of which only whitespace is left is no line: -1.
    """
    if start == end:
        return write
    cuts = count_tokens(points, start, end, traits) <= _MAX_SUBSTRING_WORDS
    position, after, visible = start, write, not cuts
    while position < end:
        skipped = _cut_length(points, start, position, end, traits, step) if cuts else 0
        if skipped == 0:
            visible |= not trait_of(traits, points[position]) & SPACE
            points[after] = points[position]
            after += 1
            skipped = 1
        position += skipped
    return after if visible else -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _cut_phrases(points: Points, size: int, traits: Traits, step: int) -> int:
    """Apply a step that deletes to every line; returns the new size."""
    start, write, kept = 0, 0, 0
    while start <= size:
        end = find_newline(points, start, size)
        after = _cut_line(points, start, end, write + (kept > 0), traits, step)
        if after >= 0:
            if kept:
                points[write] = NEWLINE
            write = after
            kept += 1
        start = end + 1
    return int(strip_text(points, write, traits))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _may_hold_phrase(points: Points, size: int, traits: Traits) -> bool:
    """Tell whether a phrase to delete may stand in a text: look at spaces and hyphens."""
    found, before, entry = False, np.int64(0), np.int64(0)
    for position in range(1, size - 3):
        after = trait_of(traits, points[position + 1])
        if (before << 2 & entry << 1 & after) & DELETED_AFTER:
            found |= has_phrase(points, position - _CART_BEFORE, size, _CART)
            found |= has_phrase(points, position - _MORE_BEFORE, size, _MORE)
            found |= has_phrase(points, position - _SIGN_BEFORE, size, _SIGN)
        before, entry = entry, after
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keeps_uppercase(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Tell whether a line passes the first step, which sees it with all its whitespace."""
    if start == end:
        return True
    return bool(count_traits(points, start, end, traits, UPPER) / (end - start) <= _MAX_UPPERCASE)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_visible_line(points: Points, size: int, traits: Traits, backwards: bool) -> int:
    """Find where the first or last line begins that is visible and passes the first step.

    That is where DCLM strips the page before it looks for digits. Returns -1 for none.
    """
    start, end = 0, find_newline(points, 0, size)
    if backwards:
        start, end = size, size
    while 0 <= start <= size:
        if backwards:
            while start > 0 and points[start - 1] != NEWLINE:
                start -= 1
        first, after = strip_points(points, start, end, traits)
        if first < after and _keeps_uppercase(points, start, end, traits):
            return start
        if backwards:
            end = start - 1
            start = end
        else:
            start = end + 1
            end = find_newline(points, min(start, size), size)
    return -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _keeps_line(
    points: Points, start: int, end: int, stripped: tuple[int, int], traits: Traits
) -> bool:
    """Decide a line that is not empty by the four steps that keep or drop.

    Args:
        points: code points; the line is ``points[start:end]``.
        start: where the line begins.
        end: where it ends.
        stripped: the same after DCLM has stripped the page.
        traits: table of characters.
    """
    upper, digits = 0, 0
    for position in range(start, end):
        entry = trait_of(traits, points[position])
        upper += entry & UPPER != 0
        digits += entry & DIGIT != 0
    length = max(stripped[1] - stripped[0], 1)
    if upper / (end - start) > _MAX_UPPERCASE:
        return False
    if not has_tokens(points, start, end, traits, _MIN_WORDS):
        return False
    if digits == 0:
        return True
    counter = is_counter(points, start, end, traits, WORD, SPACE)
    return digits / length <= _MAX_NUMERIC and not counter


@numba.njit(cache=True, nogil=True, _nrt=False)
def _filter_lines(points: Points, size: int, traits: Traits) -> int:
    """Apply the four steps that keep or drop lines; returns the new size.

    DCLM strips the page after each of the first three. That matters to the digits of its
    first and last line alone: the other steps do not see whitespace.
    """
    first = _find_visible_line(points, size, traits, False)
    last = _find_visible_line(points, size, traits, True)
    start, write, kept = 0, 0, 0
    while start <= size:
        end = find_newline(points, start, size)
        trimmed = (
            strip_points(points, start, end, traits) if start in (first, last) else (start, end)
        )
        stripped = (
            trimmed[0] if start == first else start,
            trimmed[1] if start == last else end,
        )
        if start == end or _keeps_line(points, start, end, stripped, traits):
            if kept:
                points[write] = NEWLINE
                write += 1
            write = move_points(points, start, end, write)
            kept += 1
        start = end + 1
    return int(strip_text(points, write, traits))


@numba.njit(cache=True, nogil=True, _nrt=False)
def correct_lines(points: Points, size: int, traits: Traits) -> int:
    """Apply the whole line correction in place; returns the new size, 0 if nothing is left."""
    size = _filter_lines(points, collapse_newlines(points, size), traits)
    if _may_hold_phrase(points, size, traits):
        for step in range(_ITEMS_IN_CART, _SIGN_IN + 1):
            size = _cut_phrases(points, size, traits, step)
    return size


# kernels of: 81c3fa9f7330e641
