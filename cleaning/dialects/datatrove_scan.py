"""One pass over a document: its words, and its lines as Gopher and C4 see them."""

import numba
import numpy as np

from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects import datatrove_characters as traits
from gristmill.cleaning.dialects.datatrove_board import Board
from gristmill.cleaning.dialects.datatrove_borrowing import HIGH_BITS, ONES, borrow_array, load_word
from gristmill.cleaning.dialects.datatrove_c4 import judge_line
from gristmill.cleaning.dialects.datatrove_runs import Tape, borrow_tape
from gristmill.cleaning.dialects.datatrove_tokens import (
    Rules,
    Tokens,
    borrow_rules,
    borrow_tokens,
)
from gristmill.cleaning.dialects.datatrove_words import cut_line, read_bits
from gristmill.cleaning.segments import Bytes

_BULLET, _ELLIPSIS, _DOT = 0x2022, 0x2026, ord(".")
_RETURN, _NEWLINE = ord("\r"), ord("\n")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_printable(word: np.uint64) -> bool:
    """Tell whether eight bytes are all of ASCII, and none a control character."""
    found: bool = (word | (word - ONES * np.uint64(ord(" ")))) & HIGH_BITS == 0
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _find_break(data: Bytes, start: int, end: int, classes: traits.ClassTable) -> tuple[int, int]:
    r"""Find the next end of a line; returns where it is and its bytes, 0 at the end.

    Line ends beyond ASCII are U+0085, U+2028 and U+2029; ``\r\n`` is one.
    """
    position = start
    while position < end:
        while position + 8 <= end and _is_printable(load_word(data, position)):
            position += 8
        if position == end:
            return end, 0
        byte = data[position]
        if byte < 0x80:
            if classes[byte] & traits.LINE_BREAK:
                pair = byte == _RETURN and position + 1 < end and data[position + 1] == _NEWLINE
                return position, 2 if pair else 1
        elif byte in (0xC2, 0xE2):
            _, width, bits = read_bits(data, position, end, classes)
            if bits & traits.LINE_BREAK:
                return position, width
        position += 1
    return end, 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_ends(tape: Tape, first: int, board: Board) -> None:
    """Count the line if it opens with a bullet, or ends in an ellipsis."""
    code, end = tape.codes[first], board[at.TAPE_CHARS]
    board[at.BULLET_LINES] += code in (_BULLET, ord("-"))
    dots = end - board[at.LAST_RUN] >= 3
    for place in range(max(end - 3, first), end):
        dots &= tape.codes[place] == _DOT
    board[at.ELLIPSIS_LINES] += dots or tape.codes[end - 1] == _ELLIPSIS


@numba.njit(cache=True, nogil=True)
def scan_document(
    data: Bytes,
    start: int,
    end: int,
    rules: Rules,
    tape: Tape,
    tokens: Tokens,
    board: Board,
) -> int:
    """Cut one document into words, and count its lines.

    Args:
        data: UTF-8 bytes of the batch.
        start: where the document begins in `data`.
        end: where it ends.
        rules: what the tokenizer knows.
        tape: gets the characters.
        tokens: gets the words.
        board: shape (BOARD_SIZE,), zeros.

    Returns:
        Words.
    """
    data, board, rules = borrow_array(data), borrow_array(board), borrow_rules(rules)
    tape, tokens = borrow_tape(tape), borrow_tokens(tokens)
    position = start
    while position < end:
        stop, width = _find_break(data, position, end, rules.classes)
        first = board[at.TAPE_CHARS]
        cut_line(data, position, stop, rules, tape, tokens, board)
        board[at.SPLIT_LINES] += 1
        if board[at.RUNS] > 0:
            _note_ends(tape, first, board)
            judge_line(data, rules, tape, tokens, board)
        position = stop + width
    words: int = board[at.TOKENS]
    return words


# kernels of: 375ef9b5d4a64378
