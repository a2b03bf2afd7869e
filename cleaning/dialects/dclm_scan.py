"""Words, symbols, lines and paragraphs of one document as DCLM's filters count them."""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import ALNUM, ALPHA, NEWLINE, SPACE
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
_STOP_WORD_CODES: Final = np.array(
    [int.from_bytes(word.encode("ascii"), "big") for word in STOP_WORDS_LIST], np.int64
)


@numba.njit(cache=True, nogil=True, forceinline=True)
def separates_fasttext(point: int) -> bool:
    """Tell whether fastText's tokenizer splits at a character."""
    return point == 32 or 9 <= point <= 13 or point == 0


@numba.njit(cache=True, nogil=True, forceinline=True)
def is_stop_word(points: Points, start: int, end: int) -> bool:
    """Tell whether a token is one of Gopher's stop words, whatever its case."""
    if end - start < 2 or end - start > 4:
        return False
    code = np.int64(0)
    for position in range(start, end):
        point = points[position]
        code = code << 8 | (point + 32 if 65 <= point <= 90 else point)
        if point >= 128:
            return False
    found = False
    for known in _STOP_WORD_CODES:
        found |= known == code
    return found


@numba.njit(cache=True, nogil=True)
def count_words(points: Points, size: int, traits: Traits) -> int:
    """Count fastText's tokens that begin with a letter or digit: DCLM's words."""
    count, opens = 0, True
    for position in range(size):
        point = points[position]
        blank = separates_fasttext(point)
        count += opens and not blank and trait_of(traits, point) & ALNUM != 0
        opens = blank
    return count


@numba.njit(cache=True, nogil=True)
def count_tokens(points: Points, size: int, traits: Traits, counts: Counts) -> None:
    """Count the tokens between whitespace, and what kinds they are."""
    position = 0
    while position < size:
        start, seen = position, 0
        entry = trait_of(traits, points[position])
        while not entry & SPACE and position < size:
            seen |= entry
            position += 1
            if position < size:
                entry = trait_of(traits, points[position])
        if position > start:
            counts[TOKENS] += 1
            counts[TOKEN_CHARS] += position - start
            counts[PLAIN_TOKENS] += not seen & ALPHA
            counts[STOP_WORDS] += is_stop_word(points, start, position)
        position += 1
    counts[WORDS] = count_words(points, size, traits)


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True, forceinline=True)
def hash_points(points: Points, start: int, end: int) -> np.uint64:
    """Hash a run of characters to 64 bits."""
    state = start_hash()
    for position in range(start, end):
        state = extend_hash(state, np.uint64(points[position]))
    return np.uint64(mix_hash(state))


@numba.njit(cache=True, nogil=True, forceinline=True)
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


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def find_paragraph_end(points: Points, start: int, size: int) -> int:
    """Find the next pair of newlines from `start` on, or the end."""
    while start < size and not (
        points[start] == NEWLINE and start + 1 < size and points[start + 1] == NEWLINE
    ):
        start += 1
    return start


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def count_newlines(points: Points, size: int) -> int:
    """Count the newlines."""
    count = 0
    for position in range(size):
        count += points[position] == NEWLINE
    return count


# kernels of: 061eb1c3fe5c948f
