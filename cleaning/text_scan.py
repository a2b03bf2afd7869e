"""One pass over the UTF-8 bytes of a document: words, lines and counts.

The scan moves by words and by single characters between words; what it knows stands
on the board (`gristmill.cleaning.scan_board`).
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import character_classes as traits
from gristmill.cleaning import line_facts, line_scan, segments
from gristmill.cleaning import scan_board as at
from gristmill.cleaning.character_classes import ClassTable
from gristmill.cleaning.line_scan import LineColumns
from gristmill.cleaning.quality_signals import find_stop_word
from gristmill.cleaning.repetition_signals import CountTable, Words
from gristmill.cleaning.scan_board import Board
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.tables import LINE_CURLY_BRACKET

_ELLIPSIS: Final = 0x2026


@numba.njit(cache=True, nogil=True, forceinline=True)
def _add_word(board: Board, start: int, first: int, seen: int) -> None:
    """Count the word at `start`; `first` and `seen` are bits of its characters."""
    board[at.WORDS] += 1
    board[at.LETTER_WORDS] += seen & traits.LETTER != 0
    board[at.HAS_LETTER_J] |= seen & traits.LETTER_J
    if start >= board[at.CITATION_END_BYTE]:
        if board[at.LINE_WORDS] == 0 or segments.opens_sentence(board[at.SENTENCE_BOUNDARY], first):
            board[at.LINE_SENTENCES] += 1
        board[at.SENTENCE_BOUNDARY] = segments.INSIDE
        board[at.LINE_WORDS] += 1


@numba.njit(cache=True, nogil=True, forceinline=True)
def _take_segment(
    data: Bytes,
    position: int,
    end: int,
    classes: ClassTable,
    board: Board,
    hashes: npt.NDArray[np.uint64],
    char_ends: npt.NDArray[np.int64],
) -> int:
    """Read the segment at `position`; returns the byte after it."""
    first, _ = segments.decode_character(data, position, end)
    first_bits = segments.classify_character(classes, first)
    after: int
    after, word_hash, chars, seen = segments.scan_word(data, position, end, classes)
    line_scan.add_visible(board, position, np.int64(word_hash), chars)
    board[at.AFTER_INITIAL] = chars == 1 and seen & traits.LETTER != 0
    board[at.STOP_WORDS] |= find_stop_word(data, position, after)
    board[at.HAS_ENDING] |= line_facts.is_phrase_ending(data, after)
    # A run of joiners writes a word too; the next word overwrites it.
    count = board[at.WORDS]
    hashes[count] = word_hash
    char_ends[count + 1] = char_ends[count] + chars
    if seen & traits.ALNUM:
        _add_word(board, position, first_bits, seen)
    else:
        board[at.SENTENCE_BOUNDARY] = segments.next_boundary(
            board[at.SENTENCE_BOUNDARY], traits.KIND_JOINER, False
        )
    return after


@numba.njit(cache=True, nogil=True, forceinline=True)
def _note_symbol(data: Bytes, position: int, end: int, code_point: int, board: Board) -> None:
    """Count the symbols that some rule looks at."""
    if code_point == ord("#"):
        board[at.HASHES] += 1
    elif code_point == ord("{"):
        board[at.CURLY_BRACKETS] += 1
        board[at.LINE_FLAGS] |= LINE_CURLY_BRACKET
    elif code_point == ord("["):
        after = line_facts.citation_end(data, position, end)
        board[at.CITATION_END_BYTE] = max(board[at.CITATION_END_BYTE], after)
    elif code_point == _ELLIPSIS:
        board[at.ELLIPSES] += 1
    elif (
        code_point == ord(".")
        and position >= board[at.ELLIPSIS_END_BYTE]
        and position + 2 < end
        and data[position + 1] == ord(".")
        and data[position + 2] == ord(".")
    ):
        board[at.ELLIPSES] += 1
        board[at.ELLIPSIS_END_BYTE] = position + 3


@numba.njit(cache=True, nogil=True, forceinline=True)
def _take_character(
    data: Bytes, position: int, end: int, code_point: int, bits: int, board: Board
) -> None:
    """Read one character that is part of no word and does not end the line."""
    if bits & traits.SPACE:
        line_scan.check_token(board)
        board[at.CHARS] += 1
        board[at.TOKEN_START_CHAR] = board[at.CHARS]
        line_scan.append(board, at.LINE_HASH, code_point)
    else:
        line_scan.add_visible(board, position, code_point, 1)
        if bits & traits.SYMBOL:
            _note_symbol(data, position, end, code_point, board)
    if position >= board[at.CITATION_END_BYTE]:
        board[at.SENTENCE_BOUNDARY] = segments.next_boundary(
            board[at.SENTENCE_BOUNDARY], bits, board[at.AFTER_INITIAL] != 0
        )
    board[at.AFTER_INITIAL] = 0


@numba.njit(cache=True, nogil=True)
def scan_document(
    data: Bytes,
    bounds: tuple[int, int, int],
    classes: ClassTable,
    board: Board,
    words: Words,
    table: CountTable,
    columns: LineColumns,
) -> None:
    """Scan one document.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where the document begins and ends in `data`, and its first line's index.
        classes: see `gristmill.cleaning.character_classes.class_table`.
        board: shape (BOARD_SIZE,); gets the counts.
        words: gets the words.
        table: emptied, with room for two keys per line.
        columns: gets the facts of each line.
    """
    position, end, board[:] = bounds[0], bounds[1], 0
    board[at.LINE_INDEX] = bounds[2]
    hashes, char_ends = words.hashes, words.char_ends
    line_scan.open_paragraph(board)
    line_scan.open_line(board, position)
    while position < end:
        code_point, width = segments.decode_character(data, position, end)
        bits = segments.classify_character(classes, code_point)
        kind = bits & traits.KIND_MASK
        if traits.KIND_LETTER <= kind <= traits.KIND_SINGLE:
            position = _take_segment(data, position, end, classes, board, hashes, char_ends)
        elif code_point == segments.NEWLINE:
            line_scan.close_line(data, position, classes, board, table, columns)
            board[at.CHARS] += 1
            position += 1
            line_scan.open_line(board, position)
        else:
            _take_character(data, position, end, code_point, bits, board)
            position += width
    line_scan.close_line(data, end, classes, board, table, columns)
    line_scan.close_paragraph(board, table)


# kernels of: d98c8bc698c8da2a
