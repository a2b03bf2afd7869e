"""Words, symbols, lines and paragraphs of one document as DCLM's filters count them."""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import ALNUM, ALPHA, NEWLINE, SEPARATOR, SPACE
from gristmill.cleaning.dialects.dclm_runs import find_newline, strip_points
from gristmill.cleaning.quality_signals import STOP_WORDS_LIST
from gristmill.cleaning.repetition_signals import CountTable, Words, count_key, empty_table
from gristmill.cleaning.segments import extend_hash, mix_hash, start_hash
from gristmill.cleaning.word_breaks import Points, Traits, find_segments, trait_of

#: What the scan counts; each is a place in its row.
COUNTS: Final = (
    "tokens",  # str.split
    "token_chars",
    "plain_tokens",  # without a letter
    "stop_words",
    "words",  # fastText's tokens that begin with a letter or digit
    "symbols",
    "lines",
    "bullet_lines",
    "ellipsis_lines",
    "repeated_lines",
    "line_chars",
    "repeated_line_chars",
    "paragraphs",
    "repeated_paragraphs",
    "paragraph_chars",
    "repeated_paragraph_chars",
)
Counts = npt.NDArray[np.int64]

TOKENS: Final = COUNTS.index("tokens")
TOKEN_CHARS: Final = COUNTS.index("token_chars")
PLAIN_TOKENS: Final = COUNTS.index("plain_tokens")
STOP_WORDS: Final = COUNTS.index("stop_words")
WORDS: Final = COUNTS.index("words")
SYMBOLS: Final = COUNTS.index("symbols")
BULLET_LINES: Final = COUNTS.index("bullet_lines")
ELLIPSIS_LINES: Final = COUNTS.index("ellipsis_lines")
#: How many, how many repeat, characters; those of the repeated ones follow.
LINE_PLACES: Final = (
    COUNTS.index("lines"),
    COUNTS.index("repeated_lines"),
    COUNTS.index("line_chars"),
)
PARAGRAPH_PLACES: Final = (
    COUNTS.index("paragraphs"),
    COUNTS.index("repeated_paragraphs"),
    COUNTS.index("paragraph_chars"),
)

_DOT: Final = ord(".")
_ELLIPSIS: Final = 0x2026
BULLET_POINTS: Final = (0x25CF, 0x2022, ord("*"), ord("-"))
_STOP_WORD_CODES: Final = tuple(
    int.from_bytes(word.encode("ascii"), "big") for word in STOP_WORDS_LIST
)
_STOP_BITS: Final = 5
_STOP_SHIFT: Final = np.uint64(64 - _STOP_BITS)
#: The golden ratio; the next odd number from there on that gives every stop word its own place.
_FIRST_FACTOR: Final = 0x9E3779B97F4A7C15


def _place_stop_words() -> tuple[np.uint64, npt.NDArray[np.uint64]]:
    """Find a factor whose products tell stop words apart, and put each in its place."""
    factor, places = _FIRST_FACTOR, [0]
    while len(set(places)) < len(_STOP_WORD_CODES):
        factor = factor + 2 & 0xFFFFFFFFFFFFFFFF
        products = [code * factor & 0xFFFFFFFFFFFFFFFF for code in _STOP_WORD_CODES]
        places = [product >> 64 - _STOP_BITS for product in products]
    codes = np.zeros(1 << _STOP_BITS, np.uint64)
    codes[places] = _STOP_WORD_CODES
    return np.uint64(factor), codes


_STOP_FACTOR, _STOP_PLACES = _place_stop_words()
#: Letters of ASCII in lower case; 255 for what no stop word holds, NUL and beyond ASCII.
_LOWER: Final = np.array([255, *(ord(chr(code).lower()) for code in range(1, 128)), 255], np.uint64)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def spell_on(code: np.uint64, point: int) -> np.uint64:
    """Add a character to the code of a token: its last eight, in lower case."""
    lower: np.uint64 = _LOWER[min(np.uint64(np.uint32(point)), np.uint64(128))]
    return code << np.uint64(8) | lower


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def is_stop_word(code: np.uint64) -> bool:
    """Tell whether a token is one of Gopher's stop words, whatever its case, by its code."""
    found: bool = _STOP_PLACES[code * _STOP_FACTOR >> _STOP_SHIFT] == code
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_words(points: Points, size: int, traits: Traits) -> int:
    """Count fastText's tokens that begin with a letter or digit: DCLM's words."""
    count, before = 0, SEPARATOR
    for position in range(size):
        entry = trait_of(traits, points[position])
        count += (before & SEPARATOR != 0) & (entry & (SEPARATOR | ALNUM) == ALNUM)
        before = entry
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_tokens(points: Points, size: int, traits: Traits, counts: Counts) -> None:
    """Count the tokens between whitespace, and what kinds they are."""
    # No branch depends on the text: a wrong guess costs more than all the rest of a token.
    tokens, chars, plain, stops = 0, 0, 0, 0
    inside, seen, code = False, np.int64(0), np.uint64(0)
    for position in range(size):
        point = points[position]
        entry = trait_of(traits, point)
        filled = entry & SPACE == 0
        ends = inside & ~filled
        tokens += ends
        chars += filled
        plain += ends & (seen & ALPHA == 0)
        stops += ends & is_stop_word(code)
        seen = (seen | entry) * filled
        code = spell_on(code, point) * np.uint64(filled)
        inside = filled
    counts[TOKENS] += tokens + inside
    counts[TOKEN_CHARS] += chars
    counts[PLAIN_TOKENS] += plain + (inside & (seen & ALPHA == 0))
    counts[STOP_WORDS] += stops + (inside & is_stop_word(code))
    counts[WORDS] = count_words(points, size, traits)


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_symbols(points: Points, size: int, counts: Counts) -> None:
    """Count ``#``, ``...``, ``. . .`` and the ellipsis, each without overlaps."""
    close_end, spaced_end = 0, 0
    for position in range(size):
        point = points[position]
        if point == 35 or point == _ELLIPSIS:
            counts[SYMBOLS] += 1
        elif point == _DOT:
            if (
                position >= close_end
                and position + 2 < size
                and points[position + 1] == _DOT
                and points[position + 2] == _DOT
            ):
                counts[SYMBOLS] += 1
                close_end = position + 3
            if position >= spaced_end and is_spaced_ellipsis(points, position, size):
                counts[SYMBOLS] += 1
                spaced_end = position + 5


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_spaced_ellipsis(points: Points, start: int, end: int) -> bool:
    """Tell whether ``. . .`` stands at `start`."""
    return (
        end - start >= 5
        and points[start] == _DOT
        and points[start + 1] == 32
        and points[start + 2] == _DOT
        and points[start + 3] == 32
        and points[start + 4] == _DOT
    )


@numba.njit(cache=True, nogil=True, _nrt=False)
def ends_with_ellipsis(points: Points, start: int, end: int) -> bool:
    """Tell whether ``...``, ``. . .`` or the ellipsis ends a line."""
    if end > start and points[end - 1] == _ELLIPSIS:
        return True
    close = (
        end - start >= 3
        and points[end - 1] == _DOT
        and points[end - 2] == _DOT
        and points[end - 3] == _DOT
    )
    return close or (end - start >= 5 and is_spaced_ellipsis(points, end - 5, end))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def hash_points(points: Points, start: int, end: int) -> np.uint64:
    """Hash a run of characters to 64 bits."""
    # Two characters at a time, and then the length, which tells an odd one from a NUL.
    state, position = start_hash(), start
    while position + 1 < end:
        pair = np.uint64(points[position]) << np.uint64(32) | np.uint64(points[position + 1])
        state = extend_hash(state, pair)
        position += 2
    if position < end:
        state = extend_hash(state, np.uint64(points[position]))
    return np.uint64(mix_hash(extend_hash(state, np.uint64(end - start))))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_part(
    key: np.uint64, size: int, table: CountTable, places: tuple[int, int, int], counts: Counts
) -> None:
    """Count a line or paragraph; all copies of one that repeats count, the first too."""
    total, repeated, chars = places
    _, before = count_key(table, key)
    copies = 2 if before == 1 else min(before, 1)
    counts[total] += 1
    counts[chars] += size
    counts[repeated] += copies
    counts[chars + 1] += copies * size


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_lines(
    points: Points, size: int, traits: Traits, table: CountTable, counts: Counts
) -> None:
    """Count lines, stripped and without blank ones: bullets, ellipses, repetition."""
    empty_table(table)
    position = 0
    while position < size:
        newline = find_newline(points, position, size)
        start, end = strip_points(points, position, newline, traits)
        if start < end:
            first = points[start]
            counts[BULLET_LINES] += first in BULLET_POINTS
            counts[ELLIPSIS_LINES] += ends_with_ellipsis(points, start, end)
            key = hash_points(points, start, end)
            count_part(key, end - start, table, LINE_PLACES, counts)
        position = newline + 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_paragraph_end(points: Points, start: int, size: int) -> int:
    """Find the next pair of newlines from `start` on, or the end."""
    while start < size and not (
        points[start] == NEWLINE and start + 1 < size and points[start + 1] == NEWLINE
    ):
        start += 1
    return start


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_paragraphs(
    points: Points, size: int, traits: Traits, table: CountTable, counts: Counts
) -> None:
    """Count paragraphs, stripped and without blank ones."""
    empty_table(table)
    position = 0
    while position < size:
        after = find_paragraph_end(points, position, size)
        start, end = strip_points(points, position, after, traits)
        if start < end:
            key = hash_points(points, start, end)
            count_part(key, end - start, table, PARAGRAPH_PLACES, counts)
        position = after + 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def split_words(points: Points, size: int, traits: Traits, words: Words, bounds: Points) -> int:
    """Hash the segments of UAX #29 that begin with a letter or digit; returns how many.

    Args:
        points: code points.
        size: how many.
        traits: table of characters.
        words: room for the words.
        bounds: room for twice as many places as there are characters.
    """
    count = 0
    for index in range(find_segments(points, 0, size, traits, bounds)):
        start, end = bounds[2 * index], bounds[2 * index + 1]
        if trait_of(traits, points[start]) & ALNUM:
            words.hashes[count] = hash_points(points, start, end)
            words.char_ends[count + 1] = words.char_ends[count] + end - start
            count += 1
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_newlines(points: Points, size: int) -> int:
    """Count the newlines."""
    count = 0
    for position in range(size):
        count += points[position] == NEWLINE
    return count


# kernels of: 84de62b8f8e480f2
