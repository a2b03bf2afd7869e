r"""Lines and paragraphs as datatrove's repetition, FineWeb and paragraph rules cut them.

Gopher's repetition rules cut at every run of newlines, and so count an empty piece
before a newline that opens the text and after one that ends it; FineWeb's lines are
those pieces that are not white space. Paragraphs are cut at two newlines or more, in
the stripped text. Copies after the first count, and they are compared unstripped.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning import segments
from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects.datatrove_board import Board
from gristmill.cleaning.dialects.datatrove_borrowing import HIGH_BITS, ONES, borrow_array, load_word
from gristmill.cleaning.dialects.datatrove_characters import (
    LINE_END,
    SPACE,
    TABLE_SIZE,
    ClassTable,
)
from gristmill.cleaning.dialects.datatrove_ngrams import borrow_table, count_inline
from gristmill.cleaning.repetition_signals import CountTable, empty_table
from gristmill.cleaning.segments import NEWLINE, Bytes

#: FineWeb: lines up to this length are short. In characters.
_SHORT_LINE: Final = 30
_ELLIPSIS: Final = (0xE2, 0x80, 0xA6)
_FACTOR: Final = np.uint64(0xD1342543DE82EF95)
_SPREAD: Final = np.uint64(29)
_SIX: Final = np.uint64(6)
_SEVEN: Final = np.uint64(7)
_LAST_BYTE: Final = np.uint64(56)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _hash_bytes(data: Bytes, start: int, end: int) -> tuple[np.uint64, np.int64]:
    """Hash a stretch, eight bytes at a time; returns its hash and its characters."""
    chars, position = np.int64(end - start), start
    state = segments.start_hash() ^ np.uint64(chars)
    while position + 8 <= end:
        word = load_word(data, position)
        state = (state ^ word) * _FACTOR
        state ^= state >> _SPREAD
        chars -= np.int64((((word >> _SEVEN) & ~(word >> _SIX) & ONES) * ONES) >> _LAST_BYTE)
        position += 8
    for place in range(position, end):
        state = (state ^ np.uint64(data[place])) * _FACTOR
        state ^= state >> _SPREAD
        chars -= data[place] & 0xC0 == 0x80
    return segments.mix_hash(state), chars


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _has_byte(word: np.uint64, byte: int) -> bool:
    """Tell whether one of eight bytes is this one."""
    other = word ^ (ONES * np.uint64(byte))
    found: bool = (other - ONES) & ~other & HIGH_BITS != 0
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _has_symbol(word: np.uint64) -> bool:
    """Tell whether one of eight bytes is a newline, or of a symbol that counts."""
    found: bool = _has_byte(word, ord(".")) | _has_byte(word, ord("#"))
    found |= _has_byte(word, NEWLINE) | _has_byte(word, _ELLIPSIS[0])
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def find_visible(data: Bytes, start: int, end: int, classes: ClassTable) -> tuple[int, int]:
    """Strip white space off a stretch; returns where the rest begins and ends."""
    first, blank = start, True
    while first < end and blank:
        code, width = segments.decode_character(data, first, end)
        blank = classes[min(code, TABLE_SIZE)] & SPACE != 0
        first += width * blank
    last, blank = end, True
    while last > first and blank:
        lead = _lead_byte(data, first, last)
        code, _ = segments.decode_character(data, lead, last)
        blank = classes[min(code, TABLE_SIZE)] & SPACE != 0
        last = lead if blank else last
    return first, last


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _lead_byte(data: Bytes, start: int, end: int) -> int:
    """Find where the last character of a stretch that is not empty begins."""
    lead = end - 1
    while lead > start and data[lead] & 0xC0 == 0x80:
        lead -= 1
    return lead


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_length(board: Board, length: np.int64) -> None:
    """Keep the three longest lines."""
    for place in range(at.LONGEST_LINES, at.LONGEST_LINES + 3):
        if length > board[place]:
            board[place], length = length, board[place]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_piece(
    data: Bytes, start: int, end: int, classes: ClassTable, table: CountTable, board: Board
) -> None:
    """Count one piece between newlines, which may be empty at an end of the text."""
    key, chars = _hash_bytes(data, start, end)
    _, before = count_inline(table, key)
    board[at.PIECES] += 1
    if before > 0:
        board[at.DUPLICATE_PIECES] += 1
        board[at.DUPLICATE_PIECE_CHARS] += chars
    first, last = find_visible(data, start, end, classes)
    if first < last:
        code, _ = segments.decode_character(data, _lead_byte(data, start, end), end)
        board[at.LINES] += 1
        board[at.PUNCTUATED_LINES] += classes[min(code, TABLE_SIZE)] & LINE_END != 0
        board[at.SHORT_LINES] += chars <= _SHORT_LINE
        if before > 0:
            board[at.DUPLICATE_LINE_CHARS] += chars
    board[at.CHARS] += chars
    _note_length(board, chars)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_symbol(data: Bytes, position: int, end: int, dots: int, board: Board) -> int:
    """Count a hash or an ellipsis; returns the full stops in a row, which three make one."""
    byte = data[position]
    if byte == ord("."):
        dots += 1
        if dots == 3:
            board[at.ELLIPSES] += 1
            dots = 0
        return dots
    if byte == ord("#"):
        board[at.HASHES] += 1
    elif byte == _ELLIPSIS[0] and position + 2 < end:
        found = data[position + 1] == _ELLIPSIS[1] and data[position + 2] == _ELLIPSIS[2]
        board[at.ELLIPSES] += found
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_pieces(
    data: Bytes, start: int, end: int, classes: ClassTable, table: CountTable, board: Board
) -> None:
    position, begin, dots = start, start, 0
    while position < end:
        stop = min(position + 8, end)
        if stop - position == 8 and not _has_symbol(load_word(data, position)):
            position, dots = stop, 0
        while position < stop:
            if data[position] != NEWLINE:
                dots = _count_symbol(data, position, end, dots, board)
                position += 1
            else:
                _take_piece(data, begin, position, classes, table, board)
                while position < end and data[position] == NEWLINE:
                    board[at.NEWLINES] += 1
                    position += 1
                begin, dots = position, 0
    _take_piece(data, begin, end, classes, table, board)
    board[at.CHARS] += board[at.NEWLINES]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _find_paragraph_end(data: Bytes, start: int, end: int) -> int:
    """Find the first of two newlines; `end` if there are none."""
    position, found = start, False
    while position < end and not found:
        if position + 8 <= end and not _has_byte(load_word(data, position), NEWLINE):
            position += 8
        else:
            stop = min(position + 8, end)
            while position < stop and not found:
                found = data[position] == NEWLINE
                found = found and position + 1 < end and data[position + 1] == NEWLINE
                position += not found
    return position


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_paragraphs(data: Bytes, start: int, end: int, table: CountTable, board: Board) -> None:
    position, begin, open_text = start, start, True
    while open_text:
        position = _find_paragraph_end(data, position, end)
        key, chars = _hash_bytes(data, begin, position)
        _, before = count_inline(table, key)
        board[at.PARAGRAPHS] += 1
        board[at.DUPLICATE_PARAGRAPHS] += before > 0
        board[at.DUPLICATE_PARAGRAPH_CHARS] += chars * (before > 0)
        open_text = position < end
        while position < end and data[position] == NEWLINE:
            position += 1
        begin = position


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_lines(
    data: Bytes, start: int, end: int, classes: ClassTable, table: CountTable, board: Board
) -> None:
    """Count the lines and paragraphs of one document.

    Args:
        data: UTF-8 bytes.
        start: where the document begins in `data`.
        end: where it ends.
        classes: see `gristmill.cleaning.dialects.datatrove_characters.class_table`.
        table: room for one key more than the text has newlines; emptied here.
        board: shape (BOARD_SIZE,), zeros where this counts.
    """
    data, classes, board = borrow_array(data), borrow_array(classes), borrow_array(board)
    table = borrow_table(table)
    empty_table(table)
    _count_pieces(data, start, end, classes, table, board)
    first, last = find_visible(data, start, end, classes)
    empty_table(table)
    _count_paragraphs(data, first, last, table, board)


# kernels of: 7dce6d47a9f304c0
