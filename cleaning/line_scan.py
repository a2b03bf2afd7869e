"""The line half of the scan: what happens where a line or a paragraph opens or closes."""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import character_classes as traits
from gristmill.cleaning import line_facts, segments, sentence_scan
from gristmill.cleaning import scan_board as at
from gristmill.cleaning.character_classes import ClassTable
from gristmill.cleaning.repetition_signals import CountTable, count_key
from gristmill.cleaning.scan_board import Board
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.tables import (
    LINE_BLANK,
    LINE_ELLIPSIS,
    LINE_JAVASCRIPT,
    LINE_LONG_WORD,
    LINE_POLICY_PHRASE,
    LINE_TERMINAL_MARK,
)

#: C4 (TFDS): a longer word drops its line. In characters.
_LONGEST_WORD: Final = 1000
#: FineWeb: lines up to this length are short. In characters.
_SHORT_LINE: Final = 30
_LARGEST_COUNT: Final = 0xFFFF
_PARAGRAPH_SALT: Final = np.uint64(0x9E3779B97F4A7C15)


class LineColumns(NamedTuple):
    """Facts of every line of a batch, shape (lines,) each."""

    flags: npt.NDArray[np.uint8]
    words: npt.NDArray[np.uint16]
    sentences: npt.NDArray[np.uint16]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def append(board: Board, place: int, value: int) -> None:
    """Append a value to one of the running hashes."""
    state = segments.extend_hash(np.uint64(board[place]), np.uint64(value))
    board[place] = np.int64(state)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def count_digits(board: Board) -> np.int64:
    """Count the decimal digits so far, of any script."""
    found: np.int64 = (
        board[at.TALLY + traits.TALLY_ASCII_DIGIT] + board[at.TALLY + traits.TALLY_OTHER_DIGIT]
    )
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def open_line(board: Board, position: int) -> None:
    """Start a line at a byte."""
    chars = board[at.CHARS]
    board[at.LINE_START_BYTE] = position
    board[at.LINE_START_CHAR] = chars
    board[at.LINE_FIRST_BYTE] = -1
    board[at.TOKEN_START_CHAR] = chars
    board[at.URL_START_CHAR] = -1
    board[at.LINE_START_DIGITS] = count_digits(board)
    board[at.LINE_TRAITS] = 0
    board[at.LINE_FLAGS] = 0
    sentence_scan.open_line(board)
    board[at.AFTER_INITIAL] = 0
    board[at.HAS_ENDING] = 0
    board[at.LINE_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def open_paragraph(board: Board) -> None:
    """Start a paragraph; it counts once it has a line that is not blank."""
    board[at.PARAGRAPH_CHARS] = 0
    board[at.PARAGRAPH_LINES] = 0
    board[at.PARAGRAPH_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def add_visible(board: Board, position: int, value: int, chars: int) -> None:
    """Add a word or a visible character to the line."""
    if board[at.LINE_FIRST_BYTE] < 0:
        board[at.LINE_FIRST_BYTE] = position
        board[at.LINE_FIRST_CHAR] = board[at.CHARS]
        board[at.LINE_HASH] = np.int64(segments.start_hash())
    append(board, at.LINE_HASH, value)
    board[at.STRIPPED_HASH] = board[at.LINE_HASH]
    board[at.CHARS] += chars
    board[at.LINE_LAST_CHAR] = board[at.CHARS]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def close_token(board: Board) -> None:
    """End a run without whitespace: note one that is too long, and count its URL."""
    if board[at.CHARS] - board[at.TOKEN_START_CHAR] > _LONGEST_WORD:
        board[at.LINE_FLAGS] |= LINE_LONG_WORD
        board[at.LONG_WORDS] += 1
    if board[at.URL_START_CHAR] >= 0:
        board[at.URL_CHARS] += board[at.CHARS] - board[at.URL_START_CHAR]
        board[at.URL_START_CHAR] = -1


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def open_url(data: Bytes, position: int, end: int, board: Board) -> None:
    """Open a URL if the colon at `position` is that of ``http://`` or ``https://``.

    The board counts the colon already.
    """
    start = board[at.LINE_START_BYTE]
    scheme = line_facts.http_scheme(data, start, position, end)
    if scheme and board[at.URL_START_CHAR] < 0:
        board[at.URLS] += 1
        board[at.URL_START_CHAR] = board[at.CHARS] - scheme - 1


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def close_paragraph(board: Board, table: CountTable) -> None:
    """Count the paragraph that ends here, if any, and whether it is a copy."""
    if board[at.PARAGRAPH_LINES] > 0:
        board[at.PARAGRAPHS] += 1
        key = np.uint64(board[at.PARAGRAPH_HASH]) ^ _PARAGRAPH_SALT
        if count_key(table, key)[1] > 0:
            board[at.DUPLICATE_PARAGRAPHS] += 1
            board[at.DUPLICATE_PARAGRAPH_CHARS] += board[at.PARAGRAPH_CHARS]
        open_paragraph(board)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_flags(board: Board, flags: int) -> None:
    board[at.ELLIPSIS_LINES] += flags & LINE_ELLIPSIS != 0
    board[at.TERMINAL_LINES] += flags & LINE_TERMINAL_MARK != 0
    board[at.JAVASCRIPT_LINES] += flags & LINE_JAVASCRIPT != 0
    board[at.POLICY_LINES] += flags & LINE_POLICY_PHRASE != 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_line(
    data: Bytes, end: int, classes: ClassTable, board: Board, table: CountTable
) -> None:
    """Add a line that is not blank to the counts and to its paragraph."""
    start, chars = board[at.LINE_START_BYTE], board[at.LINE_LAST_CHAR] - board[at.LINE_FIRST_CHAR]
    board[at.LINE_FLAGS] |= line_facts.judge_line_end(data, start, end, classes)
    if board[at.LINE_TRAITS] & traits.LETTER_J:
        board[at.LINE_FLAGS] |= line_facts.find_javascript(data, start, end)
    if board[at.HAS_ENDING]:
        found, lorem_ipsums = line_facts.count_phrases(data, start, end)
        board[at.LINE_FLAGS] |= found
        board[at.LOREM_IPSUMS] += lorem_ipsums
    board[at.LINES] += 1
    board[at.LINE_CHARS] += chars
    board[at.LONGEST_LINE] = max(board[at.LONGEST_LINE], chars)
    board[at.SENTENCES] += board[at.LINE_SENTENCES]
    if board[at.LINE_SENTENCES] > 0:
        sentence_scan.close_sentence(board, board[at.LINE_LAST_CHAR])
    _count_flags(board, board[at.LINE_FLAGS])
    board[at.NUMERIC_LINES] += (
        board[at.LINE_TRAITS] & traits.LETTER == 0
        and count_digits(board) > board[at.LINE_START_DIGITS]
    )
    board[at.BULLET_LINES] += line_facts.opens_with_bullet(data, board[at.LINE_FIRST_BYTE], end)
    board[at.PUNCTUATED_LINES] += line_facts.ends_punctuated(data, start, end, classes)
    length = board[at.CHARS] - board[at.LINE_START_CHAR]
    board[at.SHORT_LINES] += length <= _SHORT_LINE
    stripped = board[at.STRIPPED_HASH]
    _, before = count_key(table, np.uint64(stripped))
    if before > 0:
        board[at.DUPLICATE_LINES] += 1
        board[at.DUPLICATE_LINE_CHARS] += chars
    board[at.PARAGRAPH_LINES] += 1
    board[at.PARAGRAPH_CHARS] += chars
    append(board, at.PARAGRAPH_HASH, stripped)


@numba.njit(cache=True, nogil=True, _nrt=False)
def close_line(
    data: Bytes,
    end: int,
    classes: ClassTable,
    board: Board,
    table: CountTable,
    columns: LineColumns,
) -> None:
    """End the line before byte `end`: write its facts, count it or close the paragraph."""
    close_token(board)
    if board[at.LINE_FIRST_BYTE] < 0:
        board[at.LINE_FLAGS] |= LINE_BLANK
        close_paragraph(board, table)
    else:
        _count_line(data, end, classes, board, table)
    index = board[at.LINE_INDEX]
    columns.flags[index] = board[at.LINE_FLAGS]
    columns.words[index] = min(board[at.LINE_WORDS], _LARGEST_COUNT)
    columns.sentences[index] = min(board[at.LINE_SENTENCES], _LARGEST_COUNT)
    board[at.LINE_INDEX] += 1


# kernels of: fc58349302ff49b6
