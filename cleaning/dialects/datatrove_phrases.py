"""Exceptions that spaCy finds among tokens: ``and/or`` within ``him/and/or/her``.

After runs are cut, spaCy looks for the tokens of every exception in a row, and puts
its own tokens in their place. The longest goes first, then the first; one that begins
or ends within one already seen is passed over. Spaces between the tokens do not keep
spaCy from finding them, only from replacing them: so they may hide another exception.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.datatrove_runs import RunTable, Tape, find_run
from gristmill.cleaning.dialects.datatrove_tokens import GLUED, Tokens, cut_marked

_LONGEST: Final = 12


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _token_start(tokens: Tokens, place: int) -> int:
    return tokens.ends[place - 1] if place > 0 else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _find_phrase(tape: Tape, exceptions: RunTable, tokens: Tokens, first: int, last: int) -> int:
    """Give the slot of the exception whose tokens are those at ``[first, last]``, or -1."""
    start = _token_start(tokens, first)
    slot = find_run(tape, exceptions, start, tokens.ends[last])
    if slot < 0:
        return -1
    marks = 0
    for place in range(first, last + 1):
        marks |= 1 << (tokens.ends[place] - start - 1)
    return slot if marks == np.int64(exceptions.patterns[slot]) else -1


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def has_phrase(tape: Tape, exceptions: RunTable, tokens: Tokens, first: int, count: int) -> bool:
    """Tell whether an exception that would change the tokens stands among those of a run.

    Args:
        tape: the characters.
        exceptions: runs known by heart.
        tokens: all tokens so far.
        first: the run's first token.
        count: its last token, plus one.
    """
    for place in range(first, count - 1):
        start, last = _token_start(tokens, place), place + 1
        while last < count and tokens.ends[last] - start <= _LONGEST:
            slot = _find_phrase(tape, exceptions, tokens, place, last)
            if slot >= 0 and exceptions.cuts[slot] != exceptions.patterns[slot]:
                return True
            last += 1
    return False


@numba.njit(cache=True, nogil=True)
def _choose_phrases(
    tape: Tape, exceptions: RunTable, tokens: Tokens, first: int, count: int
) -> npt.NDArray[np.int64]:
    """For each token, give the size of the phrase that is chosen there, or 0; shape (t,)."""
    total = count - first
    sizes, seen = np.zeros(total, np.int64), np.zeros(total, np.bool_)
    for size in range(min(_LONGEST, total), 1, -1):
        for place in range(total - size + 1):
            last = place + size - 1
            if _find_phrase(tape, exceptions, tokens, first + place, first + last) >= 0:
                if not (seen[place] or seen[last]):
                    sizes[place] = size
                seen[place : last + 1] = True
    return sizes


@numba.njit(cache=True, nogil=True)
def replace_phrases(
    tape: Tape, exceptions: RunTable, tokens: Tokens, first: int, count: int
) -> int:
    """Put exceptions in the place of tokens between two stretches of white space.

    Args:
        tape: the characters.
        exceptions: runs known by heart.
        tokens: all tokens so far; those from `first` on are rewritten.
        first: the first token of the row.
        count: the last token of it, plus one.

    Returns:
        Tokens now.
    """
    sizes = _choose_phrases(tape, exceptions, tokens, first, count)
    ends, gaps = tokens.ends[first:count].copy(), tokens.gaps[first:count].copy()
    start, place, written = _token_start(tokens, first), 0, first
    while place < sizes.size:
        size, whole = max(sizes[place], 1), sizes[place] > 1
        for inner in range(place + 1, place + size):
            whole &= gaps[inner] == GLUED
        before = written
        if whole:
            slot = find_run(tape, exceptions, start, ends[place + size - 1])
            written = cut_marked(start, np.int64(exceptions.cuts[slot]), tokens, written)
            tokens.gaps[before:written] = GLUED
        else:
            tokens.ends[written : written + size] = ends[place : place + size]
            tokens.gaps[written : written + size] = gaps[place : place + size]
            written += size
        tokens.gaps[before] = gaps[place]
        place += size
        start = ends[place - 1]
    return written


# kernels of: 0610e8f5a589b3ae
