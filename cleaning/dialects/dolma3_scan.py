"""Words, symbols, lines and paragraphs of one document as datamap-rs counts them.

Lengths are in bytes, letters and whitespace are Rust's, lines are not stripped.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import (
    ALPHABETIC,
    ALPHANUMERIC,
    WHITE_SPACE,
)
from gristmill.cleaning.dialects.dclm_runs import find_newline
from gristmill.cleaning.dialects.dclm_scan import (
    BULLET_POINTS,
    count_part,
    ends_with_ellipsis,
    find_paragraph_end,
    hash_points,
    is_spaced_ellipsis,
    is_stop_word,
    spell_on,
)
from gristmill.cleaning.dialects.madlad_rules import count_bytes, holds_trait
from gristmill.cleaning.repetition_signals import CountTable, Words, empty_table
from gristmill.cleaning.word_breaks import Points, Traits, find_segments, trait_of

#: What the scan counts; each is a place in its row.
COUNTS: Final = (
    "tokens",
    "token_bytes",
    "plain_tokens",  # without a letter
    "stop_words",
    "symbols",
    "spaced_ellipses",
    "lines",
    "bullet_lines",
    "filled_lines",
    "ellipsis_lines",
    "parts",
    "repeated_parts",
    "part_bytes",
    "repeated_part_bytes",
    "paragraphs",
    "repeated_paragraphs",
    "paragraph_bytes",
    "repeated_paragraph_bytes",
)
Counts = npt.NDArray[np.int64]

TOKENS: Final = COUNTS.index("tokens")
TOKEN_BYTES: Final = COUNTS.index("token_bytes")
PLAIN_TOKENS: Final = COUNTS.index("plain_tokens")
STOP_WORDS: Final = COUNTS.index("stop_words")
SYMBOLS: Final = COUNTS.index("symbols")
SPACED_ELLIPSES: Final = COUNTS.index("spaced_ellipses")
LINES: Final = COUNTS.index("lines")
BULLET_LINES: Final = COUNTS.index("bullet_lines")
FILLED_LINES: Final = COUNTS.index("filled_lines")
ELLIPSIS_LINES: Final = COUNTS.index("ellipsis_lines")
#: How many, how many repeat, bytes; those of the repeated ones follow.
LINE_PLACES: Final = tuple(map(COUNTS.index, ("parts", "repeated_parts", "part_bytes")))
PARAGRAPH_PLACES: Final = tuple(
    map(COUNTS.index, ("paragraphs", "repeated_paragraphs", "paragraph_bytes"))
)

_ELLIPSIS: Final = 0x2026
_RETURN: Final = 13


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def measure_run(points: Points, start: int, end: int) -> int:
    """Measure a run of characters in bytes."""
    size, seen = end - start, 0
    for position in range(start, end):
        seen |= points[position]
    if seen >= 128:
        size = 0
        for position in range(start, end):
            size += count_bytes(points[position])
    return size


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_tokens(points: Points, size: int, traits: Traits, counts: Counts) -> None:
    """Count the tokens between whitespace, and what kinds they are."""
    # As in `gristmill.cleaning.dialects.dclm_scan.count_tokens`.
    tokens, length, plain, stops = 0, 0, 0, 0
    inside, seen, code = False, np.int64(0), np.uint64(0)
    for position in range(size):
        point = points[position]
        entry = trait_of(traits, point)
        filled = entry & WHITE_SPACE == 0
        ends = inside & ~filled
        tokens += ends
        length += count_bytes(point) * filled
        plain += ends & (seen & ALPHABETIC == 0)
        stops += ends & is_stop_word(code)
        seen = (seen | entry) * filled
        code = spell_on(code, point) * np.uint64(filled)
        inside = filled
    counts[TOKENS] += tokens + inside
    counts[TOKEN_BYTES] += length
    counts[PLAIN_TOKENS] += plain + (inside & (seen & ALPHABETIC == 0))
    counts[STOP_WORDS] += stops + (inside & is_stop_word(code))


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_symbols(points: Points, size: int, counts: Counts) -> None:
    """Count ``#``, ``...``, ``. . .`` and the ellipsis, each without overlaps."""
    dots, spaced_end = 0, 0
    for position in range(size):
        point = points[position]
        dots = dots + 1 if point == 46 else 0
        if dots == 3:
            counts[SYMBOLS] += 1
            dots = 0
        if point == 35 or point == _ELLIPSIS:
            counts[SYMBOLS] += 1
        elif point == 46 and position >= spaced_end and is_spaced_ellipsis(points, position, size):
            counts[SYMBOLS] += 1
            counts[SPACED_ELLIPSES] += 1
            spaced_end = position + 5


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_plain_words(points: Points, size: int, traits: Traits) -> int:
    """Count words for the page's length: in ASCII, runs of letters and digits.

    In any other text they are the segments of `split_words`; returns -1 for those.
    """
    count, inside, plain = 0, False, True
    for position in range(size):
        plain &= points[position] < 128
        word = trait_of(traits, points[position]) & ALPHANUMERIC != 0
        count += word and not inside
        inside = word
    return count if plain else -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def split_words(points: Points, size: int, traits: Traits, words: Words, bounds: Points) -> int:
    """Hash the segments of UAX #29 that hold a letter or digit; returns how many."""
    count = 0
    for index in range(find_segments(points, 0, size, traits, bounds)):
        start, end = bounds[2 * index], bounds[2 * index + 1]
        if holds_trait(points, start, end, traits, ALPHANUMERIC):
            words.hashes[count] = hash_points(points, start, end)
            length = measure_run(points, start, end)
            words.char_ends[count + 1] = words.char_ends[count] + length
            count += 1
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_lines(points: Points, size: int, table: CountTable, counts: Counts) -> None:
    """Count lines: bullets among all, ellipses among those not empty, repetition."""
    empty_table(table)
    start = 0
    while start <= size:
        end = find_newline(points, start, size)
        counts[LINES] += 1
        if start < end:
            counts[BULLET_LINES] += points[start] in BULLET_POINTS
            key, length = hash_points(points, start, end), measure_run(points, start, end)
            count_part(key, length, table, LINE_PLACES, counts)
            # What ends in a carriage return and a newline ends before both.
            seen = end - (end < size and points[end - 1] == _RETURN)
            counts[FILLED_LINES] += seen > start
            counts[ELLIPSIS_LINES] += ends_with_ellipsis(points, start, seen)
        start = end + 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_paragraphs(points: Points, size: int, table: CountTable, counts: Counts) -> None:
    """Count paragraphs that are not empty, in a text without runs of three newlines."""
    empty_table(table)
    start = 0
    while start < size:
        end = find_paragraph_end(points, start, size)
        if start < end:
            key, length = hash_points(points, start, end), measure_run(points, start, end)
            count_part(key, length, table, PARAGRAPH_PLACES, counts)
        start = end + 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_words(points: Points, first: int, after: int, traits: Traits, bounds: Points) -> int:
    """Count the segments of UAX #29 that hold a letter or digit, in whole lines."""
    count = 0
    for index in range(find_segments(points, first, after, traits, bounds)):
        start, end = bounds[2 * index], bounds[2 * index + 1]
        count += holds_trait(points, start, end, traits, ALPHANUMERIC)
    return count


# kernels of: 5fa04c26479c0fba
