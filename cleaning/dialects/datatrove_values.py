"""From counts to the numbers that datatrove's filters compare."""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects.datatrove_board import Board
from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.dialects.datatrove_characters import ALPHABETIC, SYMBOL
from gristmill.cleaning.dialects.datatrove_runs import Tape, borrow_tape
from gristmill.cleaning.dialects.datatrove_tokens import Tokens, borrow_tokens
from gristmill.cleaning.quality_signals import STOP_WORDS_LIST

_QUALITY: Final = (
    "char_count",
    "word_count",
    "mean_word_length",
    "hash_to_word_ratio",
    "ellipsis_to_word_ratio",
    "bullet_line_fraction",
    "ellipsis_line_fraction",
    "alphabetic_word_fraction",
    "distinct_stop_words",
)
_REPETITION: Final = (
    "duplicate_line_fraction",
    "duplicate_paragraph_fraction",
    "duplicate_line_char_fraction",
    "duplicate_paragraph_char_fraction",
)
_NGRAMS: Final = tuple(f"top_{order}gram_char_fraction" for order in (2, 3, 4)) + tuple(
    f"duplicate_{order}gram_char_fraction" for order in range(5, 11)
)
_FINEWEB: Final = (
    "line_count",
    "punctuated_line_fraction",
    "short_line_fraction",
    "fineweb_duplicate_line_char_fraction",
    "newline_to_word_ratio",
)
_C4: Final = (
    "c4_sentence_count",
    "c4_lorem_ipsum_lines",
    "c4_curly_bracket_lines",
    "c4_terminal_sentence_count",
    "c4_terminal_lorem_ipsum_lines",
    "c4_terminal_curly_bracket_lines",
    "third_longest_line_length",
)
#: What is measured, in the order of the columns.
METRICS: Final = (*_QUALITY, *_REPETITION, *_NGRAMS, *_FINEWEB, *_C4)
#: Where the nine n-gram metrics begin.
NGRAMS: Final = METRICS.index("top_2gram_char_fraction")

_QUALITY_AT: Final = METRICS.index("char_count")
_REPETITION_AT: Final = METRICS.index("duplicate_line_fraction")
_FINEWEB_AT: Final = METRICS.index("line_count")
_C4_AT: Final = METRICS.index("c4_sentence_count")
_STOP_CODES: Final = np.array(
    [int.from_bytes(word.encode("ascii"), "big") for word in STOP_WORDS_LIST], np.int64
)

Row = npt.NDArray[np.float64]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _find_stop_word(tape: Tape, start: int, end: int) -> int:
    """Give the bit of the stop word at ``[start, end)``, 0 if it is none; case matters."""
    if not 2 <= end - start <= 4:
        return 0
    code, largest, found = np.int64(0), np.int64(0), 0
    for place in range(start, end):
        letter = np.int64(tape.codes[place])
        largest = max(largest, letter)
        code = code << 8 | letter
    for index in range(_STOP_CODES.size):
        found |= (code == _STOP_CODES[index]) << index
    return found if largest <= 0x7F else 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_words(tape: Tape, tokens: Tokens, count: int, board: Board) -> None:
    """Count the words of a document, and which kinds they are of.

    Args:
        tape: the characters.
        tokens: the words.
        count: how many.
        board: shape (BOARD_SIZE,); the counts of words are written.
    """
    tape, tokens, board = borrow_tape(tape), borrow_tokens(tokens), borrow_array(board)
    start, named, named_chars, letters, stop_words = 0, 0, 0, 0, 0
    for place in range(count):
        end = tokens.ends[place]
        named_word, letter_word, letter = False, False, start
        while letter < end and not (named_word and letter_word):
            bits = tape.bits[letter]
            named_word |= not bits & SYMBOL
            letter_word |= bits & ALPHABETIC != 0
            letter += 1
        named += named_word
        named_chars += (end - start) * named_word
        letters += letter_word
        stop_words |= _find_stop_word(tape, start, end)
        start = end
    board[at.WORDS], board[at.NAMED_WORDS], board[at.NAMED_CHARS] = count, named, named_chars
    board[at.LETTER_WORDS], board[at.STOP_WORDS] = letters, stop_words


@numba.njit(cache=True, nogil=True, _nrt=False)
def _divide(part: int, whole: int) -> float:
    return part / whole if whole > 0 else np.nan


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_quality(board: Board, row: Row) -> None:
    words, lines = board[at.WORDS], board[at.SPLIT_LINES]
    row[0], row[1] = board[at.CHARS], board[at.NAMED_WORDS]
    row[2] = _divide(board[at.NAMED_CHARS], board[at.NAMED_WORDS])
    if words == 0:
        # datatrove has dropped such a text, or fails on it.
        row[3 : len(_QUALITY)] = np.nan
        return
    row[3] = board[at.HASHES] / words
    row[4] = board[at.ELLIPSES] / words
    row[5] = board[at.BULLET_LINES] / lines
    row[6] = board[at.ELLIPSIS_LINES] / lines
    row[7] = board[at.LETTER_WORDS] / words
    stop_words = board[at.STOP_WORDS]
    while stop_words:
        stop_words &= stop_words - 1
        row[8] += 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_repetition(board: Board, row: Row) -> None:
    chars = board[at.CHARS]
    if chars == 0:
        row[:] = np.nan
        return
    row[0] = board[at.DUPLICATE_PIECES] / board[at.PIECES]
    row[1] = board[at.DUPLICATE_PARAGRAPHS] / board[at.PARAGRAPHS]
    row[2] = board[at.DUPLICATE_PIECE_CHARS] / chars
    row[3] = board[at.DUPLICATE_PARAGRAPH_CHARS] / chars


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_fineweb(board: Board, row: Row) -> None:
    lines = board[at.LINES]
    row[0] = lines
    row[1] = _divide(board[at.PUNCTUATED_LINES], lines)
    row[2] = _divide(board[at.SHORT_LINES], lines)
    row[3] = _divide(board[at.DUPLICATE_LINE_CHARS], board[at.CHARS] - board[at.NEWLINES])
    row[4] = _divide(board[at.NEWLINES], board[at.WORDS])
    if lines == 0:
        row[3:] = np.nan


@numba.njit(cache=True, nogil=True, _nrt=False)
def write_values(board: Board, row: Row) -> None:
    """Turn the counts of one document into metrics.

    Args:
        board: shape (BOARD_SIZE,).
        row: shape (len(METRICS),), zeros; all metrics but n-grams are written, and those
            too, as NaN, if the text is empty.
    """
    _write_quality(board, row[_QUALITY_AT:_REPETITION_AT])
    _write_repetition(board, row[_REPETITION_AT:_FINEWEB_AT])
    _write_fineweb(board, row[_FINEWEB_AT:_C4_AT])
    for offset in range(3):
        row[_C4_AT + offset] = board[at.LOOSE + offset]
        row[_C4_AT + 3 + offset] = board[at.STRICT + offset]
    row[_C4_AT + 6] = board[at.LONGEST_LINES + 2]


# kernels of: df0535b95f2887f8
