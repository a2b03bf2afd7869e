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
from gristmill.cleaning.character_signals import write_characters
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
_URL_CHARS: Final = _place("url_char_fraction")
_URL_COUNT: Final = _place("url_count")
_ALL_CAPS_WORDS: Final = _place("all_caps_word_fraction")
_STOP_WORD_COUNT: Final = _place("stop_word_count")
_STOP_WORD_FRACTION: Final = _place("stop_word_fraction")
_SYMBOL_TO_WORD: Final = _place("symbol_to_word_ratio")
_LONG_WORD_COUNT: Final = _place("long_word_count")
_PARAGRAPH_COUNT: Final = _place("paragraph_count")
_LONGEST_LINE: Final = _place("longest_line_chars")
_MEAN_LINE_LENGTH: Final = _place("mean_line_length")
_NUMERIC_LINES: Final = _place("numeric_line_fraction")
_TERMINAL_LINES: Final = _place("terminal_line_fraction")
_JAVASCRIPT_LINES: Final = _place("javascript_line_count")
_POLICY_LINES: Final = _place("policy_line_count")
_ODD_LENGTH_SENTENCES: Final = _place("short_or_long_sentence_fraction")
_LIST_CASE_SENTENCES: Final = _place("list_case_sentence_fraction")
_TECHNICAL_SENTENCES: Final = _place("technical_char_sentence_fraction")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def add_stop_word(data: Bytes, start: int, end: int, board: Board) -> None:
    """Count the word at ``[start, end)`` if it is a stop word in some ASCII case.

    Its bit is set only if it is one in lower case.
    """
    if end - start < 2 or end - start > 4:
        return
    code, folded = np.int64(0), np.int64(0)
    for position in range(start, end):
        code = code << 8 | np.int64(data[position])
        folded = folded << 8 | np.int64(data[position] | 32)
    for index in range(_STOP_WORD_CODES.size):
        if folded == _STOP_WORD_CODES[index]:
            board[at.STOP_WORD_COUNT] += 1
            board[at.STOP_WORDS] |= np.int64(code == folded) << index


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_bits(value: int) -> int:
    count = 0
    while value:
        value &= value - 1
        count += 1
    return count


@numba.njit(cache=True, nogil=True, _nrt=False)
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
    row[_ALL_CAPS_WORDS] = board[at.ALL_CAPS_WORDS] / max(words, 1)
    row[_STOP_WORD_COUNT] = board[at.STOP_WORD_COUNT]
    row[_STOP_WORD_FRACTION] = board[at.STOP_WORD_COUNT] / max(words, 1)
    row[_SYMBOL_TO_WORD] = (board[at.HASHES] + board[at.ELLIPSES]) / max(words, 1)
    row[_LONG_WORD_COUNT] = board[at.LONG_WORDS]
    row[_URL_COUNT] = board[at.URLS]
    row[_URL_CHARS] = board[at.URL_CHARS] / max(board[at.CHARS], 1)
    row[_DISTINCT_STOP_WORDS] = _count_bits(board[at.STOP_WORDS])
    row[_LOREM_IPSUM_COUNT] = board[at.LOREM_IPSUMS]
    row[_CURLY_BRACKET_COUNT] = board[at.CURLY_BRACKETS]
    _write_lines(board, row)
    _write_sentences(board, row)
    write_characters(board, row)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
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
    row[_LONGEST_LINE] = board[at.LONGEST_LINE]
    row[_MEAN_LINE_LENGTH] = board[at.LINE_CHARS] / lines
    row[_NUMERIC_LINES] = board[at.NUMERIC_LINES] / lines
    row[_TERMINAL_LINES] = board[at.TERMINAL_LINES] / lines
    row[_JAVASCRIPT_LINES] = board[at.JAVASCRIPT_LINES]
    row[_POLICY_LINES] = board[at.POLICY_LINES]
    row[_PARAGRAPH_COUNT] = board[at.PARAGRAPHS]
    row[_DUPLICATE_PARAGRAPHS] = board[at.DUPLICATE_PARAGRAPHS] / paragraphs
    row[_DUPLICATE_PARAGRAPH_CHARS] = board[at.DUPLICATE_PARAGRAPH_CHARS] / line_chars
    # FineWeb counts newlines after C4 has removed the blank lines.
    row[_NEWLINE_TO_WORD] = (lines - 1) / max(board[at.WORDS], 1)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _write_sentences(board: Board, row: npt.NDArray[np.float64]) -> None:
    sentences = max(board[at.SENTENCES], 1)
    row[_ODD_LENGTH_SENTENCES] = board[at.ODD_LENGTH_SENTENCES] / sentences
    row[_LIST_CASE_SENTENCES] = board[at.LIST_CASE_SENTENCES] / sentences
    row[_TECHNICAL_SENTENCES] = board[at.TECHNICAL_SENTENCES] / sentences


# kernels of: 2befa4e2f27b9411
