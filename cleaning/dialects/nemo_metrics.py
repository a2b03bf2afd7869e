"""From counts to NeMo Curator's measures: the metrics of one document."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects import nemo_scan as at
from gristmill.cleaning.dialects.nemo_phrases import count_characters
from gristmill.cleaning.dialects.nemo_scan import Board
from gristmill.cleaning.repetition_signals import Row, Words
from gristmill.cleaning.segments import Bytes

#: Metric to the filter of NeMo Curator whose score it is.
FILTERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "non_alphanumeric_fraction": "NonAlphaNumericFilter",
        "symbol_to_word_ratio": "SymbolsToWordsFilter",
        "digit_fraction": "NumbersFilter",
        "url_char_fraction": "UrlsFilter",
        "white_space_fraction": "WhiteSpaceFilter",
        "parenthesis_fraction": "ParenthesesFilter",
        "boilerplate_paragraph_fraction": "BoilerPlateStringFilter",
        "unique_line_fraction": "RepeatedLinesFilter",
        "unique_paragraph_fraction": "RepeatedParagraphsFilter",
        "unique_line_char_fraction": "RepeatedLinesByCharFilter",
        "unique_paragraph_char_fraction": "RepeatedParagraphsByCharFilter",
        "word_count": "WordCountFilter",
        "unpunctuated_line_fraction": "PunctuationFilter",
        "alphabetic_word_fraction": "WordsWithoutAlphabetsFilter",
        "stop_word_count": "CommonEnglishWordsFilter",
        "mean_word_length": "MeanWordLengthFilter",
        "longest_word": "LongWordFilter",
        "ellipsis_line_fraction": "EllipsisFilter",
        "bullet_line_fraction": "BulletsFilter",
        "top_2gram_char_fraction": "RepeatingTopNGramsFilter(2)",
        "top_3gram_char_fraction": "RepeatingTopNGramsFilter(3)",
        "top_4gram_char_fraction": "RepeatingTopNGramsFilter(4)",
        "duplicate_5gram_char_fraction": "RepeatingDuplicateNGramsFilter(5)",
        "duplicate_6gram_char_fraction": "RepeatingDuplicateNGramsFilter(6)",
        "duplicate_7gram_char_fraction": "RepeatingDuplicateNGramsFilter(7)",
        "duplicate_8gram_char_fraction": "RepeatingDuplicateNGramsFilter(8)",
        "duplicate_9gram_char_fraction": "RepeatingDuplicateNGramsFilter(9)",
        "duplicate_10gram_char_fraction": "RepeatingDuplicateNGramsFilter(10)",
    }
)

#: In the order of the rows that the kernels write.
METRICS: Final = tuple(FILTERS)
#: Where the nine n-gram measures begin: top 2 to 4, duplicates 5 to 10.
FIRST_GRAM: Final = METRICS.index("top_2gram_char_fraction")

_place: Final = METRICS.index
_NON_ALPHANUMERIC: Final = _place("non_alphanumeric_fraction")
_SYMBOLS: Final = _place("symbol_to_word_ratio")
_DIGITS: Final = _place("digit_fraction")
_ADDRESSES: Final = _place("url_char_fraction")
_WHITE_SPACE: Final = _place("white_space_fraction")
_PARENTHESES: Final = _place("parenthesis_fraction")
_BOILERPLATE: Final = _place("boilerplate_paragraph_fraction")
_UNIQUE_LINES: Final = _place("unique_line_fraction")
_UNIQUE_PARAGRAPHS: Final = _place("unique_paragraph_fraction")
_UNIQUE_LINE_CHARS: Final = _place("unique_line_char_fraction")
_UNIQUE_PARAGRAPH_CHARS: Final = _place("unique_paragraph_char_fraction")
_WORD_COUNT: Final = _place("word_count")
_UNPUNCTUATED: Final = _place("unpunctuated_line_fraction")
_ALPHABETIC: Final = _place("alphabetic_word_fraction")
_STOP_WORDS: Final = _place("stop_word_count")
_WORD_LENGTH: Final = _place("mean_word_length")
_LONGEST_WORD: Final = _place("longest_word")
_ELLIPSES: Final = _place("ellipsis_line_fraction")
_BULLETS: Final = _place("bullet_line_fraction")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _divide(part: int, whole: int) -> float:
    """Divide; NaN where NeMo Curator divides by nothing."""
    return part / whole if whole > 0 else np.nan


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_characters(data: Bytes, start: int, end: int, addresses: int, row: Row) -> None:
    counts = count_characters(data, start, end)
    chars = counts.chars
    # An empty text scores 1.0 there.
    row[_NON_ALPHANUMERIC] = (chars - counts.alphanumeric) / chars if chars else 1.0
    row[_DIGITS] = counts.digits / chars if chars else 1.0
    row[_ADDRESSES] = addresses / chars if chars else 1.0
    row[_WHITE_SPACE] = counts.blanks / chars if chars else 1.0
    row[_PARENTHESES] = counts.parentheses / chars if chars else 1.0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_lines(board: Board, row: Row) -> None:
    """Write the measures of lines and paragraphs."""
    lines = board[at.LINES]
    row[_UNIQUE_LINES] = _divide(board[at.UNIQUE_LINES], lines)
    row[_UNIQUE_LINE_CHARS] = _divide(board[at.UNIQUE_LINE_CHARS], board[at.LINE_CHARS])
    row[_UNIQUE_PARAGRAPHS] = _divide(board[at.UNIQUE_PARAGRAPHS], board[at.PARAGRAPHS])
    row[_UNIQUE_PARAGRAPH_CHARS] = _divide(
        board[at.UNIQUE_PARAGRAPH_CHARS], board[at.PARAGRAPH_CHARS]
    )
    row[_UNPUNCTUATED] = _divide(board[at.UNPUNCTUATED_LINES], lines)
    row[_ELLIPSES] = _divide(board[at.ELLIPSIS_LINES], lines)
    row[_BULLETS] = _divide(board[at.BULLET_LINES], lines)
    boilerplate = board[at.POLICY_PARAGRAPHS] / board[at.PARAGRAPHS]
    row[_BOILERPLATE] = 1.0 if board[at.LOREM_IPSUMS] else boilerplate


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_counts(data: Bytes, start: int, end: int, board: Board, words: Words, row: Row) -> None:
    """Write all metrics of a document but its n-grams.

    Args:
        data: UTF-8 bytes of the batch.
        start: where the document begins in `data`.
        end: where it ends.
        board: what `nemo_scan.scan_document` found.
        words: its words.
        row: shape (len(METRICS),).
    """
    count = board[at.WORDS]
    row[_WORD_COUNT] = count
    row[_STOP_WORDS] = board[at.STOP_WORDS]
    row[_SYMBOLS] = _divide(board[at.SYMBOL_WORDS], count)
    row[_ALPHABETIC] = _divide(board[at.ALPHA_WORDS], count)
    row[_WORD_LENGTH] = _divide(words.char_ends[count], count)
    row[_LONGEST_WORD] = board[at.LONGEST_WORD] if count else np.nan
    _write_characters(data, start, end, board[at.ADDRESS_CHARS], row)
    _write_lines(board, row)


# kernels of: 50ce4de896344da2
