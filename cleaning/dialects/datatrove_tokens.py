"""From runs to tokens, by the rules of spaCy 3.8's English tokenizer.

First marks are split off in front and behind, over and over, until what is left is an
exception or has no such mark; then an address stays whole; then what is left is cut at
marks inside it. A token of several characters, such as ``U.S.``, is one because no
rule applies to it.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects import datatrove_characters as traits
from gristmill.cleaning.dialects.datatrove_addresses import is_address
from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.dialects.datatrove_runs import RunTable, Tape, borrow_runs, find_run

# What stands before a token: nothing, one space, or white space that is itself a token.
GLUED: Final = 0
SPACED: Final = 1
APART: Final = 2

_DOT, _PLUS, _HYPHEN, _STAR, _HAT, _COMMA = (ord(mark) for mark in ".+-*^,")
_ELLIPSIS, _EN_DASH, _EM_DASH, _TILDE, _DEGREE = 0x2026, 0x2013, 0x2014, ord("~"), 0xB0
_LONGEST_UNIT: Final = 5


class Rules(NamedTuple):
    """What the tokenizer knows: classes of characters, exceptions, units after a number."""

    classes: traits.ClassTable
    exceptions: RunTable
    units: RunTable


class Tokens(NamedTuple):
    """Room for the tokens of one document, in order.

    `ends` (t,) int64: after which character of the tape each ends; `gaps` (t,) uint8:
    what stands before each; `stack` (t,) int64: scratch.
    """

    ends: npt.NDArray[np.int64]
    gaps: npt.NDArray[np.uint8]
    stack: npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def new_tokens(capacity: int) -> Tokens:
    """Allocate room for `capacity` tokens."""
    return Tokens(
        np.empty(capacity, np.int64), np.empty(capacity, np.uint8), np.empty(capacity, np.int64)
    )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def borrow_rules(rules: Rules) -> Rules:
    """Borrow what the tokenizer knows; see `datatrove_borrowing`."""
    return Rules(
        borrow_array(rules.classes), borrow_runs(rules.exceptions), borrow_runs(rules.units)
    )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def borrow_tokens(tokens: Tokens) -> Tokens:
    """Borrow the tokens of a document."""
    return Tokens(borrow_array(tokens.ends), borrow_array(tokens.gaps), borrow_array(tokens.stack))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_dots(tape: Tape, start: int, end: int) -> int:
    """Count the full stops in a row from `start` on; 0 if it is one alone."""
    position = start
    while position < end and tape.codes[position] == _DOT:
        position += 1
    return position - start if position - start >= 2 else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _prefix_size(tape: Tape, start: int, end: int) -> int:
    """Count the characters that are split off in front."""
    code = tape.codes[start]
    if tape.bits[start] & traits.PREFIX:
        return 1
    if code == _PLUS:
        return 1 - (start + 1 < end and tape.bits[start + 1] & traits.DIGIT != 0)
    if code == _DOT:
        return int(_count_dots(tape, start, end))
    if code == ord("U") and start + 2 < end:
        dollars = tape.codes[start + 1] == ord("S") and tape.codes[start + 2] == ord("$")
        return 3 if dollars else 0
    if (code == ord("C") or code == ord("A")) and start + 1 < end:
        return 2 if tape.codes[start + 1] == ord("$") else 0
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _stop_size(tape: Tape, start: int, end: int) -> int:
    """Count the characters of a suffix that ends in a full stop."""
    position = end
    while position > start and tape.codes[position - 1] == _DOT:
        position -= 1
    if end - position >= 2:
        return end - position
    if end - 2 < start:
        return 0
    before = tape.bits[end - 2]
    single = before & traits.BEFORE_STOP != 0
    if end - 3 >= start:
        single |= (before & traits.UPPER and tape.bits[end - 3] & traits.UPPER) != 0
        code = tape.codes[end - 2]
        scale = code == ord("F") or code == ord("C") or code == ord("K")
        single |= scale and tape.codes[end - 3] == _DEGREE
    return 1 if single else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _unit_size(tape: Tape, units: RunTable, start: int, end: int) -> int:
    """Count the characters of a unit or currency that ends a run, right after a digit."""
    place, found = end - 1, False
    while not found and place >= start and end - place <= _LONGEST_UNIT + 1:
        found = tape.bits[place] & traits.DIGIT != 0
        place -= not found
    size = end - place - 1
    if not found or size == 0:
        return 0
    return size if find_run(tape, units, place + 1, end) >= 0 else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _suffix_size(tape: Tape, units: RunTable, start: int, end: int) -> int:
    """Count the characters that are split off behind: as many as any rule allows."""
    if start >= end:
        return 0
    code = tape.codes[end - 1]
    if code == _DOT:
        return int(_stop_size(tape, start, end))
    size = 1 if tape.bits[end - 1] & traits.SUFFIX else 0
    if end - 2 >= start:
        before = tape.codes[end - 2]
        if code == _ELLIPSIS and before == _ELLIPSIS:
            return 2
        if (code == ord("s") or code == ord("S")) and (before == ord("'") or before == 0x2019):
            return 2
        if code == _PLUS and tape.bits[end - 2] & traits.DIGIT:
            return 1
        if size == 0:
            size = _unit_size(tape, units, start, end)
    return size


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_letter(tape: Tape, place: int, end: int) -> bool:
    return place < end and tape.bits[place] & traits.LETTER != 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _hyphen_size(tape: Tape, place: int, end: int) -> int:
    """Count the characters of a dash between a letter or digit, passed, and a letter."""
    code = tape.codes[place]
    if code != _HYPHEN and code != _EN_DASH and code != _EM_DASH and code != _TILDE:
        return 0
    if _is_letter(tape, place + 1, end):
        return 1
    longest = 3 if code == _HYPHEN else 2 if code == _EM_DASH else 1
    size = 1
    while size < longest and place + size < end and tape.codes[place + size] == code:
        size += 1
        if _is_letter(tape, place + size, end):
            return size
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _infix_size(tape: Tape, start: int, place: int, end: int) -> int:
    """Count the characters at `place` that are a token between two others."""
    code = tape.codes[place]
    size: int = _count_dots(tape, place, end)
    if code == _ELLIPSIS or tape.bits[place] & traits.ICON:
        size = 1
    if size or place == start or place + 1 >= end:
        return size
    before, after = tape.bits[place - 1], tape.bits[place + 1]
    if code == _DOT:
        lower = before & (traits.LOWER | traits.QUOTE) != 0
        return 1 if lower and after & (traits.UPPER | traits.QUOTE) else 0
    between = before & after & traits.LETTER != 0
    if code == _COMMA:
        return 1 if between else 0
    figure = after & traits.DIGIT != 0 or tape.codes[place + 1] == _HYPHEN
    if before & traits.DIGIT and figure and code in (_PLUS, _HYPHEN, _STAR, _HAT):
        return 1
    if not before & (traits.LETTER | traits.DIGIT):
        return 0
    if ord(":") == code or ord("<") <= code <= ord(">") or code == ord("/"):
        return 1 if after & traits.LETTER else 0
    return int(_hyphen_size(tape, place, end))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _cut_inside(tape: Tape, start: int, end: int, tokens: Tokens, count: int) -> int:
    """Cut what is left of a run at the marks inside it; returns the number of tokens."""
    begin, place = start, start
    while place < end:
        size = 0
        if tape.bits[place] & traits.ACTIVE:
            size = _infix_size(tape, start, place, end)
        if size > 0 and place != start:
            if place != begin:
                tokens.ends[count] = place
                count += 1
            begin = place + size
            tokens.ends[count] = begin
            count += 1
        place += max(size, 1)
    if begin < end:
        tokens.ends[count] = end
        count += 1
    return count


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def cut_marked(start: int, marks: int, tokens: Tokens, count: int) -> int:
    """Write the tokens of an exception that begins at `start`; returns their number."""
    size = 0
    while marks:
        size += 1
        if marks & 1:
            tokens.ends[count] = start + size
            count += 1
        marks >>= 1
    return count


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _cut_middle(
    tape: Tape, rules: Rules, start: int, end: int, slot: int, tokens: Tokens, count: int
) -> int:
    """Cut what is left of a run, the exception at `slot` or no exception, into tokens."""
    if slot >= 0:
        count = cut_marked(start, np.int64(rules.exceptions.cuts[slot]), tokens, count)
    elif start < end:
        seen, dotted = np.uint32(0), False
        for place in range(start, end):
            seen |= tape.bits[place]
            dotted |= tape.codes[place] == _DOT
        if not seen & traits.ACTIVE or (dotted and is_address(tape, start, end)):
            tokens.ends[count] = end
            count += 1
        else:
            count = _cut_inside(tape, start, end, tokens, count)
    return count


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def cut_run(tape: Tape, rules: Rules, start: int, end: int, tokens: Tokens, count: int) -> int:
    """Cut the run at ``[start, end)`` of the tape.

    Args:
        tape: the characters.
        rules: what the tokenizer knows.
        start: where the run begins.
        end: where it ends.
        tokens: gets the ends of its tokens; the gaps are left as they are.
        count: tokens before it.

    Returns:
        Tokens after it.
    """
    exceptions = rules.exceptions
    slot, behind, previous = find_run(tape, exceptions, start, end), 0, -1
    while slot < 0 and start < end and end - start != previous:
        previous = end - start
        front = _prefix_size(tape, start, end)
        back = 0
        if front:
            slot = find_run(tape, exceptions, start + front, end)
        if slot < 0:
            back = _suffix_size(tape, rules.units, start + front, end)
            if back:
                slot = find_run(tape, exceptions, start, end - back)
                front = 0 if slot >= 0 else front
        if front:
            start += front
            tokens.ends[count] = start
            count += 1
        if back:
            tokens.stack[behind] = end
            behind += 1
            end -= back
        if slot < 0 and front and back:
            slot = find_run(tape, exceptions, start, end)
    count = _cut_middle(tape, rules, start, end, slot, tokens, count)
    while behind > 0:
        behind -= 1
        tokens.ends[count] = tokens.stack[behind]
        count += 1
    return count


# kernels of: 75bd0f9244ea8e30
