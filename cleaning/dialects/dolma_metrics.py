"""From counts to Dolma's measures: the metrics of one document, and their rounding."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects import dolma_scan as at
from gristmill.cleaning.dialects.dolma_scan import Board
from gristmill.cleaning.repetition_signals import Row, Words
from gristmill.cleaning.segments import NEWLINE, Bytes

#: Metric to the attribute of Dolma's taggers that it is; None where it is made of several.
ATTRIBUTES: Final[Mapping[str, str | None]] = MappingProxyType(
    {
        "char_count": "gopher_v1__character_count",
        "word_count": "gopher_v1__word_count",
        "median_word_length": "gopher_v1__median_word_length",
        "symbol_to_word_ratio": "gopher_v1__symbol_to_word_ratio",
        "alphabetic_word_fraction": "gopher_v1__fraction_of_words_with_alpha_character",
        "stop_word_count": "gopher_v1__required_word_count",
        "bullet_line_fraction": "gopher_v1__fraction_of_lines_starting_with_bullet_point",
        "ellipsis_line_fraction": "gopher_v1__fraction_of_lines_ending_with_ellipsis",
        "duplicate_line_fraction": "gopher_v1__fraction_of_duplicate_lines",
        "duplicate_line_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_lines",
        "bullet_line_fraction_v2": "gopher_v2__fraction_of_lines_starting_with_bullet_point",
        "ellipsis_line_fraction_v2": "gopher_v2__fraction_of_lines_ending_with_ellipsis",
        "duplicate_line_fraction_v2": "gopher_v2__fraction_of_duplicate_lines",
        "duplicate_line_char_fraction_v2": "gopher_v2__fraction_of_characters_in_duplicate_lines",
        "line_count": "c4_v1__line_count",
        "has_curly_brace": "c4_v2__has_curly_brace",
        "has_lorem_ipsum": "c4_v2__has_lorem_ipsum",
        "has_javascript": "c4_v2__has_javascript",
        "has_javascript_word": "c4_v1__has_javascript",
        "unpunctuated_line_fraction": None,  # of the lines, those c4_v1 tags so
        "few_word_line_fraction": None,
        "c4_line_count": None,  # of what `remove_tagged_lines` leaves
        "c4_char_count": None,
        "top_2gram_char_fraction": "gopher_v1__fraction_of_characters_in_most_common_2grams",
        "top_3gram_char_fraction": "gopher_v1__fraction_of_characters_in_most_common_3grams",
        "top_4gram_char_fraction": "gopher_v1__fraction_of_characters_in_most_common_4grams",
        "duplicate_5gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_5grams",
        "duplicate_6gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_6grams",
        "duplicate_7gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_7grams",
        "duplicate_8gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_8grams",
        "duplicate_9gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_9grams",
        "duplicate_10gram_char_fraction": "gopher_v1__fraction_of_characters_in_duplicate_10grams",
    }
)

#: In the order of the rows that the kernels write.
METRICS: Final = tuple(ATTRIBUTES)
#: Where the nine n-gram measures begin: top 2 to 4, duplicates 5 to 10.
FIRST_GRAM: Final = METRICS.index("top_2gram_char_fraction")

#: Decimals that Dolma's taggers keep.
_DECIMALS: Final = 5
_SCALE: Final = 10.0**_DECIMALS
#: So close to a half a scaled value can have been moved across it: far more than an ulp.
_HALF_WIDTH: Final = 1e-6

_place: Final = METRICS.index
_CHAR_COUNT: Final = _place("char_count")
_WORD_COUNT: Final = _place("word_count")
_MEDIAN: Final = _place("median_word_length")
_SYMBOLS: Final = _place("symbol_to_word_ratio")
_ALPHABETIC: Final = _place("alphabetic_word_fraction")
_STOP_WORDS: Final = _place("stop_word_count")
_BULLETS: Final = _place("bullet_line_fraction")
_ELLIPSES: Final = _place("ellipsis_line_fraction")
_DUPLICATES: Final = _place("duplicate_line_fraction")
_DUPLICATE_CHARS: Final = _place("duplicate_line_char_fraction")
_BULLETS_V2: Final = _place("bullet_line_fraction_v2")
_ELLIPSES_V2: Final = _place("ellipsis_line_fraction_v2")
_DUPLICATES_V2: Final = _place("duplicate_line_fraction_v2")
_DUPLICATE_CHARS_V2: Final = _place("duplicate_line_char_fraction_v2")
_LINE_COUNT: Final = _place("line_count")
_CURLY: Final = _place("has_curly_brace")
_LOREM: Final = _place("has_lorem_ipsum")
_JAVASCRIPT: Final = _place("has_javascript")
_JAVASCRIPT_WORD: Final = _place("has_javascript_word")
_UNPUNCTUATED: Final = _place("unpunctuated_line_fraction")
_FEW_WORDS: Final = _place("few_word_line_fraction")
_GOOD_LINES: Final = _place("c4_line_count")
_GOOD_CHARS: Final = _place("c4_char_count")


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_up_to(words: Words, count: int, length: int) -> int:
    """Count the words up to a length."""
    found = 0
    for place in range(count):
        found += words.char_ends[place + 1] - words.char_ends[place] <= length
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_middle(words: Words, count: int, rank: int, board: Board) -> int:
    """Find the length of the word with that rank by length, 0 the shortest."""
    shortest, below = 0, board[at.LENGTHS]
    while below <= rank and shortest < at.LONGEST_LENGTH:
        shortest += 1
        below += board[at.LENGTHS + shortest]
    longest = words.char_ends[count] if shortest == at.LONGEST_LENGTH else shortest
    while shortest < longest:
        middle = (shortest + longest) // 2
        if _count_up_to(words, count, middle) > rank:
            longest = middle
        else:
            shortest = middle + 1
    return shortest


@numba.njit(cache=True, nogil=True, _nrt=False)
def _median_length(words: Words, count: int, board: Board) -> float:
    if count == 0:
        return 0.0
    lower: int = _find_middle(words, count, (count - 1) // 2, board)
    upper: int = lower if count % 2 else _find_middle(words, count, count // 2, board)
    return (lower + upper) / 2


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_lines(opened: bool, closed: bool, board: Board, row: Row) -> None:
    """Write the measures of lines, split at newlines (v1) and at runs of them (v2).

    `opened` and `closed` say whether the text begins and ends with a newline: in v2
    nothing else makes an empty line.
    """
    lines = board[at.LINES]
    lines_v2 = max(board[at.FILLED_LINES] + opened + closed, 1)
    empty_copies = 2 if opened and closed else 0
    row[_BULLETS] = board[at.BULLET_LINES] / lines
    row[_ELLIPSES] = board[at.ELLIPSIS_LINES] / lines
    row[_DUPLICATES] = board[at.DUPLICATE_LINES] / lines
    row[_BULLETS_V2] = board[at.BULLET_LINES] / lines_v2
    row[_ELLIPSES_V2] = board[at.ELLIPSIS_LINES] / lines_v2
    row[_DUPLICATES_V2] = (board[at.DUPLICATE_FILLED_LINES] + empty_copies) / lines_v2
    row[_LINE_COUNT] = lines
    row[_UNPUNCTUATED] = board[at.UNPUNCTUATED_LINES] / lines
    row[_FEW_WORDS] = board[at.FEW_WORD_LINES] / lines


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_counts(data: Bytes, start: int, end: int, board: Board, words: Words, row: Row) -> None:
    """Write all metrics of a document but its n-grams.

    Args:
        data: UTF-8 bytes of the batch.
        start: where the document begins in `data`.
        end: where it ends.
        board: what `dolma_scan.scan_document` found.
        words: its words.
        row: shape (len(METRICS),).
    """
    count = board[at.WORDS]
    copied = board[at.DUPLICATE_LINE_CHARS] / max(words.char_ends[count], 1)
    row[_CHAR_COUNT] = board[at.CHARS]
    row[_WORD_COUNT] = count
    row[_MEDIAN] = _median_length(words, count, board)
    row[_SYMBOLS] = board[at.SYMBOL_WORDS] / max(count, 1)
    row[_ALPHABETIC] = board[at.ALPHA_WORDS] / max(count, 1)
    row[_STOP_WORDS] = board[at.STOP_WORDS]
    row[_DUPLICATE_CHARS] = copied
    row[_DUPLICATE_CHARS_V2] = copied
    row[_CURLY] = board[at.CURLY_WORDS] > 0
    row[_LOREM] = board[at.LOREM_IPSUMS] > 0
    row[_JAVASCRIPT] = board[at.JAVASCRIPTS] > 0
    row[_JAVASCRIPT_WORD] = board[at.JAVASCRIPT_WORDS] > 0
    row[_GOOD_LINES] = board[at.GOOD_LINES]
    row[_GOOD_CHARS] = board[at.GOOD_CHARS]
    opened = end > start and data[start] == NEWLINE
    closed = end > start and data[end - 1] == NEWLINE
    _write_lines(opened, closed, board, row)


def round_metrics(metrics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round to five decimals exactly as Python's `round` does; NaN stays.

    `np.round` errs where scaling moves a value across a half: those few are rounded
    one by one.
    """
    scaled = metrics * _SCALE
    rounded: npt.NDArray[np.float64] = np.rint(scaled) / _SCALE
    close = np.abs(scaled - np.floor(scaled) - 0.5) < _HALF_WIDTH
    for place in np.argwhere(close):
        rounded[tuple(place)] = round(float(metrics[tuple(place)]), _DECIMALS)
    return rounded


# kernels of: 44ceab19c4c72cb3
