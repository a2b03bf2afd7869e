"""datatrove's reading of C4's rules on lines, and what they leave of a page.

Per line of `str.splitlines`, stripped: a run of more than 1,000 characters drops it;
citations are deleted; it must end in ``. ? ! "`` or ``'`` and not in ``...`` (not as
FineWeb ran it); fewer than three runs drop it; "lorem ipsum" drops the page;
"javascript" drops the line; ``{`` drops the page; a policy phrase drops the line.
Sentences are those of spaCy's sentencizer in what is left of each line that stays.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning import line_facts
from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects import datatrove_characters as traits
from gristmill.cleaning.dialects.datatrove_board import Board
from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array, freeze_array
from gristmill.cleaning.dialects.datatrove_runs import Tape, borrow_tape, new_tape
from gristmill.cleaning.dialects.datatrove_tokens import (
    APART,
    Rules,
    Tokens,
    borrow_rules,
    borrow_tokens,
    new_tokens,
)
from gristmill.cleaning.dialects.datatrove_words import cut_line, read_bits
from gristmill.cleaning.segments import Bytes
from gristmill.schemas.tables import LINE_LOREM_IPSUM, LINE_POLICY_PHRASE

LONGEST_WORD: Final = 1000
FEWEST_WORDS: Final = 3
_KELVIN: Final = (0xE2, 0x84, 0xAA)
_EDIT: Final = np.frombuffer(b"[edit]", np.uint8)
_CITATION_NEEDED: Final = np.frombuffer(b"[citation needed]", np.uint8)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_sentences(tape: Tape, tokens: Tokens, first: int, board: Board) -> int:
    """Count the sentences in the tokens from `first` on; a text of white space has one."""
    sentences, ended, start = 1, False, 0
    if first > 0:
        start = tokens.ends[first - 1]
    for place in range(first, board[at.TOKENS]):
        end = tokens.ends[place]
        if ended and place > first and tokens.gaps[place] == APART:
            sentences += 1
            ended = False
        mark = end - start == 1 and tape.bits[start] & traits.SENTENCE_END != 0
        if mark:
            ended = True
        elif ended:
            for letter in range(start, end):
                ended &= tape.bits[letter] & traits.PUNCTUATION != 0
            sentences += not ended
        start = end
    return sentences + (ended and board[at.ENDS_APART] != 0)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _ends_in_dots(tape: Tape, start: int, end: int) -> bool:
    """Tell whether the run at ``[start, end)`` ends in three full stops."""
    found: bool = end - start >= 3
    for place in range(max(end - 3, start), end):
        found &= tape.codes[place] == ord(".")
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _ends_terminal(tape: Tape, start: int, end: int) -> bool:
    """Tell whether the run at ``[start, end)`` ends a line that stays."""
    mark = tape.codes[end - 1]
    found = mark in (ord("."), ord("?"), ord("!"), ord('"'), ord("'"))
    return found and not _ends_in_dots(tape, start, end)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _judge_line(
    data: Bytes, start: int, end: int, line: Board, terminal: bool, sentences: int, board: Board
) -> None:
    """Count a line for both readings.

    ``data[start:end]`` is what is left of it; `line` knows it, `board` is counted on.
    """
    found = 0
    if line[at.HAS_ENDING] or line[at.LINE_BITS] & traits.KELVIN:
        found, _ = line_facts.count_phrases(data, start, end)
    script = 0
    if line[at.LINE_BITS] & traits.LETTER_J:
        script = line_facts.find_javascript(data, start, end)
    bracket = False
    if line[at.LINE_BITS] & traits.ACTIVE:
        for position in range(start, end):
            bracket |= data[position] == ord("{")
    for place in (at.STRICT, at.LOOSE):
        if place == at.LOOSE or terminal:
            if found & LINE_LOREM_IPSUM:
                board[place + at.LOREM_LINES] += 1
            if script == 0:
                board[place + at.BRACKET_LINES] += bracket
                if not found & LINE_POLICY_PHRASE:
                    board[place + at.SENTENCES] += sentences


@numba.njit(cache=True, nogil=True, _nrt=False)
def _digits_end(data: Bytes, start: int, end: int, classes: traits.ClassTable) -> int:
    """Find the end of the decimal digits, of any script, at `start`."""
    position, inside = start, True
    while position < end and inside:
        _, width, bits = read_bits(data, position, end, classes)
        inside = bits & traits.DECIMAL != 0
        position += width * inside
    return position


@numba.njit(cache=True, nogil=True, _nrt=False)
def _citation_size(data: Bytes, start: int, end: int, classes: traits.ClassTable) -> int:
    """Count the bytes of the citation at `start`; 0 if none is there."""
    if data[start] != ord("["):
        return 0
    after = _digits_end(data, start + 1, end, classes)
    if after < end and data[after] == ord("]"):
        size: int = after + 1 - start
        return size
    for phrase in (_EDIT, _CITATION_NEEDED):
        same = start + phrase.size <= end
        for offset in range(phrase.size if same else 0):
            same &= data[start + offset] == phrase[offset]
        if same:
            return phrase.size
    return 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _drop_citations(
    data: Bytes, start: int, end: int, classes: traits.ClassTable, out: Bytes
) -> int:
    """Copy a line without its citations; returns the bytes written."""
    position, written = start, 0
    while position < end:
        size = _citation_size(data, position, end, classes)
        if size == 0:
            out[written] = data[position]
            written += 1
        position += max(size, 1)
    return written


@numba.njit(cache=True, nogil=True, _nrt=False)
def _fold_kelvin(data: Bytes, size: int) -> int:
    """Write k for the Kelvin sign, which is its small letter; returns the bytes left."""
    position, written = 0, 0
    while position < size:
        sign = position + 2 < size and data[position] == _KELVIN[0]
        sign = sign and data[position + 1] == _KELVIN[1] and data[position + 2] == _KELVIN[2]
        data[written] = ord("k") if sign else data[position]
        position += 3 if sign else 1
        written += 1
    return written


@numba.njit(cache=True, nogil=True)
def _judge_copy(data: Bytes, rules: Rules, board: Board) -> None:
    """Judge a line that has citations or Kelvin signs, on a copy without them."""
    start, end = board[at.FIRST_BYTE], board[at.LAST_BYTE]
    out = np.empty(end - start, np.uint8)
    size = _drop_citations(data, start, end, rules.classes, out)
    tape, tokens, copy = new_tape(size), new_tokens(size), np.zeros(at.BOARD_SIZE, np.int64)
    cut_line(freeze_array(out), np.int64(0), np.int64(size), rules, tape, tokens, copy)
    terminal = False
    if copy[at.RUNS] > 0 and copy[at.LAST_BYTE] == size:
        terminal = _ends_terminal(tape, copy[at.LAST_RUN], copy[at.TAPE_CHARS])
    sentences = _count_sentences(tape, tokens, 0, copy)
    size = _fold_kelvin(out, size)
    _judge_line(freeze_array(out), np.int64(0), np.int64(size), copy, terminal, sentences, board)


@numba.njit(cache=True, nogil=True)
def judge_line(data: Bytes, rules: Rules, tape: Tape, tokens: Tokens, board: Board) -> None:
    """Apply C4's rules to the line that `datatrove_words.cut_line` has just cut.

    Args:
        data: UTF-8 bytes.
        rules: what the tokenizer knows.
        tape: the characters.
        tokens: the tokens.
        board: shape (BOARD_SIZE,); the lines and sentences of C4 are counted.
    """
    data, board, rules = borrow_array(data), borrow_array(board), borrow_rules(rules)
    tape, tokens = borrow_tape(tape), borrow_tokens(tokens)
    long_word = board[at.LONGEST_RUN] > LONGEST_WORD
    if long_word or board[at.RUNS] < FEWEST_WORDS:
        return
    if board[at.LINE_BITS] & (traits.CITATION | traits.KELVIN):
        _judge_copy(data, rules, board)
        return
    # White space behind the last run is not part of the stripped line.
    board[at.ENDS_APART] = 0
    sentences = _count_sentences(tape, tokens, board[at.FIRST_TOKEN], board)
    terminal = _ends_terminal(tape, board[at.LAST_RUN], board[at.TAPE_CHARS])
    start, end = board[at.FIRST_BYTE], board[at.LAST_BYTE]
    _judge_line(data, start, end, board, terminal, sentences, board)


# kernels of: cd535a0a3535cd71
