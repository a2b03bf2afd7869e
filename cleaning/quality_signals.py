"""Counts of words, lines and symbols in one document, and the metrics made of them.

The words of Gopher's rules (Rae et al. 2021, arXiv:2112.11446, appendix A) and the
lines of FineWeb's (arXiv:2406.17557, section 3.6), in the reference definition: words
are those of `gristmill.cleaning.segments`, blank lines do not count. Fractions of an
empty whole are 0; ratios to words divide by at least one word, so that a text of
symbols alone shows them.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import scan_board as at
from gristmill.cleaning.scan_board import Board
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.tables import DOCUMENT_METRICS

#: Gopher, appendix A: a document needs two of these.
STOP_WORDS_LIST: Final = ("the", "be", "to", "of", "and", "that", "have", "with")
_STOP_WORD_CODES: Final = np.array(
    [int.from_bytes(word.encode("ascii"), "big") for word in STOP_WORDS_LIST], np.int64
)


def _place(metric: str) -> int:
    return DOCUMENT_METRICS.index(metric)


_CHAR_COUNT: Final = _place("char_count")
_WORD_COUNT: Final = _place("word_count")
_LINE_COUNT: Final = _place("line_count")
_SENTENCE_COUNT: Final = _place("sentence_count")
_MEAN_WORD_LENGTH: Final = _place("mean_word_length")
_HASH_TO_WORD: Final = _place("hash_to_word_ratio")
_ELLIPSIS_TO_WORD: Final = _place("ellipsis_to_word_ratio")
_BULLET_LINES: Final = _place("bullet_line_fraction")
_ELLIPSIS_LINES: Final = _place("ellipsis_line_fraction")
_ALPHABETIC_WORDS: Final = _place("alphabetic_word_fraction")
_DISTINCT_STOP_WORDS: Final = _place("distinct_stop_words")
_DUPLICATE_LINES: Final = _place("duplicate_line_fraction")
_DUPLICATE_PARAGRAPHS: Final = _place("duplicate_paragraph_fraction")
_DUPLICATE_LINE_CHARS: Final = _place("duplicate_line_char_fraction")
_DUPLICATE_PARAGRAPH_CHARS: Final = _place("duplicate_paragraph_char_fraction")
_PUNCTUATED_LINES: Final = _place("punctuated_line_fraction")
_SHORT_LINES: Final = _place("short_line_fraction")
_NEWLINE_TO_WORD: Final = _place("newline_to_word_ratio")
_LOREM_IPSUM_COUNT: Final = _place("lorem_ipsum_count")
_CURLY_BRACKET_COUNT: Final = _place("curly_bracket_count")


@numba.njit(cache=True, nogil=True, forceinline=True)
def find_stop_word(data: Bytes, start: int, end: int) -> int:
    """Give the bit of the stop word at ``[start, end)``, 0 if it is none; case matters."""
    if end - start < 2 or end - start > 4:
        return 0
    code = np.int64(0)
    for position in range(start, end):
        code = code << 8 | np.int64(data[position])
    for index in range(_STOP_WORD_CODES.size):
        if code == _STOP_WORD_CODES[index]:
            return 1 << index
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True)
def _count_bits(value: int) -> int:
    count = 0
    while value:
        value &= value - 1
        count += 1
    return count


@numba.njit(cache=True, nogil=True, forceinline=True)
def write_quality(board: Board, word_chars: int, row: npt.NDArray[np.float64]) -> None:
    """Turn the counts of one document into metrics.

    Args:
        board: shape (BOARD_SIZE,).
        word_chars: characters of all words.
        row: shape (len(DOCUMENT_METRICS),); all metrics but n-grams are written.
    """
    words = board[at.WORDS]
    row[_CHAR_COUNT] = board[at.CHARS]
    row[_WORD_COUNT] = words
    row[_SENTENCE_COUNT] = board[at.SENTENCES]
    row[_MEAN_WORD_LENGTH] = word_chars / max(words, 1)
    row[_HASH_TO_WORD] = board[at.HASHES] / max(words, 1)
    row[_ELLIPSIS_TO_WORD] = board[at.ELLIPSES] / max(words, 1)
    row[_ALPHABETIC_WORDS] = board[at.LETTER_WORDS] / max(words, 1)
    row[_DISTINCT_STOP_WORDS] = _count_bits(board[at.STOP_WORDS])
    row[_LOREM_IPSUM_COUNT] = board[at.LOREM_IPSUMS]
    row[_CURLY_BRACKET_COUNT] = board[at.CURLY_BRACKETS]
    _write_lines(board, row)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _write_lines(board: Board, row: npt.NDArray[np.float64]) -> None:
    lines, line_chars = max(board[at.LINES], 1), max(board[at.LINE_CHARS], 1)
    paragraphs = max(board[at.PARAGRAPHS], 1)
    row[_LINE_COUNT] = board[at.LINES]
    row[_BULLET_LINES] = board[at.BULLET_LINES] / lines
    row[_ELLIPSIS_LINES] = board[at.ELLIPSIS_LINES] / lines
    row[_PUNCTUATED_LINES] = board[at.PUNCTUATED_LINES] / lines
    row[_SHORT_LINES] = board[at.SHORT_LINES] / lines
    row[_DUPLICATE_LINES] = board[at.DUPLICATE_LINES] / lines
    row[_DUPLICATE_LINE_CHARS] = board[at.DUPLICATE_LINE_CHARS] / line_chars
    row[_DUPLICATE_PARAGRAPHS] = board[at.DUPLICATE_PARAGRAPHS] / paragraphs
    row[_DUPLICATE_PARAGRAPH_CHARS] = board[at.DUPLICATE_PARAGRAPH_CHARS] / line_chars
    # FineWeb counts newlines after C4 has removed the blank lines.
    row[_NEWLINE_TO_WORD] = (lines - 1) / max(board[at.WORDS], 1)


# kernels of: e88d0a9d77b6994f
