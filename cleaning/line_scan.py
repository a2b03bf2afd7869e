"""The line half of the scan: what happens where a line or a paragraph opens or closes."""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import line_facts, segments
from gristmill.cleaning import scan_board as at
from gristmill.cleaning.character_classes import ClassTable
from gristmill.cleaning.repetition_signals import CountTable, count_key
from gristmill.cleaning.scan_board import Board
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.tables import LINE_BLANK, LINE_ELLIPSIS, LINE_LONG_WORD

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


@numba.njit(cache=True, nogil=True, forceinline=True)
def append(board: Board, place: int, value: int) -> None:
    """Append a value to one of the running hashes."""
    state = segments.extend_hash(np.uint64(board[place]), np.uint64(value))
    board[place] = np.int64(state)


@numba.njit(cache=True, nogil=True, forceinline=True)
def open_line(board: Board, position: int) -> None:
    """Start a line at a byte."""
    chars = board[at.CHARS]
    board[at.LINE_START_BYTE] = position
    board[at.LINE_START_CHAR] = chars
    board[at.LINE_FIRST_BYTE] = -1
    board[at.TOKEN_START_CHAR] = chars
    board[at.LINE_FLAGS] = 0
    board[at.LINE_WORDS] = 0
    board[at.LINE_SENTENCES] = 0
    board[at.SENTENCE_BOUNDARY] = segments.INSIDE
    board[at.AFTER_INITIAL] = 0
    board[at.HAS_LETTER_J] = 0
    board[at.HAS_ENDING] = 0
    board[at.LINE_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True)
def open_paragraph(board: Board) -> None:
    """Start a paragraph; it counts once it has a line that is not blank."""
    board[at.PARAGRAPH_CHARS] = 0
    board[at.PARAGRAPH_LINES] = 0
    board[at.PARAGRAPH_HASH] = np.int64(segments.start_hash())


@numba.njit(cache=True, nogil=True, forceinline=True)
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


@numba.njit(cache=True, nogil=True, forceinline=True)
def check_token(board: Board) -> None:
    """Note a run without whitespace that is too long; it ends here."""
    if board[at.CHARS] - board[at.TOKEN_START_CHAR] > _LONGEST_WORD:
        board[at.LINE_FLAGS] |= LINE_LONG_WORD


@numba.njit(cache=True, nogil=True, forceinline=True)
def close_paragraph(board: Board, table: CountTable) -> None:
    """Count the paragraph that ends here, if any, and whether it is a copy."""
    if board[at.PARAGRAPH_LINES] > 0:
        board[at.PARAGRAPHS] += 1
        key = np.uint64(board[at.PARAGRAPH_HASH]) ^ _PARAGRAPH_SALT
        if count_key(table, key)[1] > 0:
            board[at.DUPLICATE_PARAGRAPHS] += 1
            board[at.DUPLICATE_PARAGRAPH_CHARS] += board[at.PARAGRAPH_CHARS]
        open_paragraph(board)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _count_line(
    data: Bytes, end: int, classes: ClassTable, board: Board, table: CountTable
) -> None:
    """Add a line that is not blank to the counts and to its paragraph."""
    start, chars = board[at.LINE_START_BYTE], board[at.LINE_LAST_CHAR] - board[at.LINE_FIRST_CHAR]
    board[at.LINE_FLAGS] |= line_facts.judge_line_end(data, start, end, classes)
    if board[at.HAS_LETTER_J]:
        board[at.LINE_FLAGS] |= line_facts.find_javascript(data, start, end)
    if board[at.HAS_ENDING]:
        found, lorem_ipsums = line_facts.count_phrases(data, start, end)
        board[at.LINE_FLAGS] |= found
        board[at.LOREM_IPSUMS] += lorem_ipsums
    board[at.LINES] += 1
    board[at.LINE_CHARS] += chars
    board[at.SENTENCES] += board[at.LINE_SENTENCES]
    board[at.ELLIPSIS_LINES] += board[at.LINE_FLAGS] & LINE_ELLIPSIS != 0
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


@numba.njit(cache=True, nogil=True)
def close_line(
    data: Bytes,
    end: int,
    classes: ClassTable,
    board: Board,
    table: CountTable,
    columns: LineColumns,
) -> None:
    """End the line before byte `end`: write its facts, count it or close the paragraph."""
    check_token(board)
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


# kernels of: ac573c95b6f574ec
