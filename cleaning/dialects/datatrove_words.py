"""A line of text to tokens: where its runs begin and end, and what is cut out of each."""

import functools

import numba
import numpy as np

from gristmill.cleaning import line_facts, segments
from gristmill.cleaning.dialects import datatrove_board as at
from gristmill.cleaning.dialects import datatrove_characters as traits
from gristmill.cleaning.dialects import datatrove_runs as runs
from gristmill.cleaning.dialects.datatrove_board import Board
from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.dialects.datatrove_exceptions import (
    LONG_CURRENCIES,
    UNITS,
    list_exceptions,
)
from gristmill.cleaning.dialects.datatrove_phrases import has_phrase, replace_phrases
from gristmill.cleaning.dialects.datatrove_runs import Tape, borrow_tape
from gristmill.cleaning.dialects.datatrove_tokens import (
    APART,
    GLUED,
    SPACED,
    Rules,
    Tokens,
    borrow_rules,
    borrow_tokens,
    cut_run,
    new_tokens,
)
from gristmill.cleaning.segments import Bytes


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def read_bits(
    data: Bytes, position: int, end: int, classes: traits.ClassTable
) -> tuple[np.int64, int, np.int64]:
    """Read the character at a byte.

    Returns:
        (code point, bytes, bits of its class).
    """
    code, width = segments.decode_character(data, position, end)
    return code, width, np.int64(classes[min(code, traits.TABLE_SIZE)])


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _read_run(
    data: Bytes, position: int, end: int, classes: traits.ClassTable, tape: Tape, chars: int
) -> tuple[int, int, int]:
    """Put the run at a byte on the tape, which has `chars` characters.

    Returns:
        (byte after it, characters now, union of the bits of its characters).
    """
    seen, state, inside = 0, tape.prefix[chars], True
    while inside and position < end:
        code, width, bits = read_bits(data, position, end, classes)
        inside = not bits & traits.SPACE
        if inside:
            state = runs.extend_hash(state, code)
            tape.codes[chars] = code
            tape.bits[chars] = bits
            tape.prefix[chars + 1] = state
            seen |= bits
            chars += 1
            position += width
    return position, chars, seen


@numba.njit(cache=True, nogil=True)
def _close_row(tape: Tape, rules: Rules, tokens: Tokens, board: Board) -> None:
    """Put exceptions in the place of the tokens of the row that ends here."""
    board[at.TOKENS] = replace_phrases(
        tape, rules.exceptions, tokens, board[at.ROW], board[at.TOKENS]
    )
    board[at.HAS_PHRASE] = 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_run(
    tape: Tape,
    rules: Rules,
    tokens: Tokens,
    board: Board,
    start: int,
    seen: int,
    gap: int,
) -> None:
    """Cut the run that ends the tape; `seen` is the union of its characters' bits."""
    first, end, last = board[at.TOKENS], board[at.TAPE_CHARS], tape.bits[board[at.TAPE_CHARS] - 1]
    measured = seen & traits.DIGIT != 0 and not last & traits.DIGIT
    if seen & traits.ACTIVE or measured or runs.find_run(tape, rules.exceptions, start, end) >= 0:
        count = cut_run(tape, rules, start, end, tokens, first)
        for place in range(first, count):
            tokens.gaps[place] = GLUED
        board[at.TOKENS] = count
        if count - first > 1 and has_phrase(tape, rules.exceptions, tokens, first, count):
            board[at.HAS_PHRASE] = 1
    else:
        tokens.ends[first] = end
        board[at.TOKENS] = first + 1
    tokens.gaps[first] = gap


@numba.njit(cache=True, nogil=True)
def cut_line(
    data: Bytes,
    start: int,
    end: int,
    rules: Rules,
    tape: Tape,
    tokens: Tokens,
    board: Board,
) -> None:
    """Cut one line, or any text, into tokens.

    White space is a token of its own to spaCy, but for one space behind a run; datatrove
    drops such tokens, and only sentences and exceptions notice them.

    Args:
        data: UTF-8 bytes.
        start: where the line begins in `data`.
        end: where it ends.
        rules: what the tokenizer knows.
        tape: gets the characters.
        tokens: gets the tokens.
        board: shape (BOARD_SIZE,); the counts go on, the line's own facts are set anew.
    """
    data, board, rules = borrow_array(data), borrow_array(board), borrow_rules(rules)
    tape, tokens = borrow_tape(tape), borrow_tokens(tokens)
    board[at.FIRST_TOKEN], board[at.ROW] = board[at.TOKENS], board[at.TOKENS]
    for place in range(at.RUNS, at.HAS_ENDING + 1):
        board[place] = 0
    position, gap, chars = start, APART, board[at.TAPE_CHARS]
    while position < end:
        code, width, bits = read_bits(data, position, end, rules.classes)
        if bits & traits.SPACE:
            # One space right behind a run is no token; anything else, or more, is.
            lone = gap == GLUED and code == ord(" ")
            gap = SPACED if lone else APART
            position += width
        else:
            if gap == APART and board[at.HAS_PHRASE]:
                _close_row(tape, rules, tokens, board)
            if gap == APART:
                board[at.ROW] = board[at.TOKENS]
            if board[at.RUNS] == 0:
                board[at.FIRST_BYTE] = position
            first = chars
            position, chars, seen = _read_run(data, position, end, rules.classes, tape, chars)
            board[at.TAPE_CHARS] = chars
            board[at.LAST_BYTE], board[at.LAST_RUN] = position, first
            board[at.RUNS] += 1
            board[at.LONGEST_RUN] = max(board[at.LONGEST_RUN], chars - first)
            board[at.LINE_BITS] |= seen
            board[at.HAS_ENDING] |= line_facts.is_phrase_ending(data, position)
            _take_run(tape, rules, tokens, board, first, seen, gap)
            gap = GLUED
    if board[at.HAS_PHRASE]:
        _close_row(tape, rules, tokens, board)
    board[at.ENDS_APART] = gap == APART


@functools.cache
def load_rules() -> Rules:
    """Build the tables that the tokenizer reads, once. Read-only."""
    currencies = [chr(code) for code in (0x24, 0xA3, 0xA5, 0xE3F, 0xFDFC, *range(0x20A0, 0x20C0))]
    units = runs.new_table((unit,) for unit in (*UNITS.split(), *LONG_CURRENCIES, *currencies))
    exceptions = runs.new_table(list_exceptions().values())
    plain = Rules(traits.class_table(), runs.new_table([("\0",)]), units)
    for run in list_exceptions():
        ends = _cut_text(run, plain)
        slot = runs.find_key(exceptions, np.uint64(runs.hash_run(run)))
        exceptions.patterns[slot] = sum(1 << (end - 1) for end in ends) if len(ends) > 1 else 0
    return Rules(traits.class_table(), exceptions, units)


def _cut_text(text: str, rules: Rules) -> list[int]:
    """Give the ends of a text's tokens, in characters that are not white space."""
    data = runs.encode_text(text)
    tape, tokens = runs.new_tape(data.size), new_tokens(data.size)
    board = np.zeros(at.BOARD_SIZE, np.int64)
    cut_line(data, 0, data.size, rules, tape, tokens, board)
    return [int(end) for end in tokens.ends[: board[at.TOKENS]]]


def split_words(text: str) -> list[str]:
    """Split a text into datatrove's English words, in order.

    For one text, for people and tests; stages use
    `gristmill.cleaning.dialects.datatrove.measure`, which never builds the words.
    """
    letters = "".join(text.split())
    ends = _cut_text(text, load_rules())
    return [letters[start:end] for start, end in zip([0, *ends], ends, strict=False)]


# kernels of: 80590e34d0c33458
