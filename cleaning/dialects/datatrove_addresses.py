"""Web and mail addresses as spaCy 3.8 knows them: such a run is one token.

An address may begin with a scheme and with anything before an at sign; then comes a
host, by name or by number, perhaps a port, perhaps ``/``, ``?`` or ``#`` and anything.
A private network's number is no host. spaCy finds this by backtracking; here each
place where a host could begin is tried once, so that time is linear in the run.
"""

from typing import Final

import numba

from gristmill.cleaning.dialects.datatrove_characters import DECIMAL, HOST, LOWER, WORD
from gristmill.cleaning.dialects.datatrove_runs import Tape

_DOT, _AT, _COLON, _SLASH, _HYPHEN, _LINE, _PLUS = (ord(mark) for mark in ".@:/-_+")
_LONGEST_LABEL: Final = 64
_LONGEST_DOMAIN: Final = 63
_PORT_DIGITS: Final = (2, 5)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _opens_path(code: int) -> bool:
    return code == ord("/") or code == ord("?") or code == ord("#")


@numba.njit(cache=True, nogil=True, _nrt=False)
def _ends_well(tape: Tape, start: int, end: int) -> bool:
    """Tell whether a port, a path or nothing follows the host that ends at `start`."""
    position = start
    if start < end and tape.codes[start] == _COLON:
        position += 1
        while position < end and tape.bits[position] & DECIMAL:
            position += 1
        digits = position - start - 1
        if digits < _PORT_DIGITS[0] or digits > _PORT_DIGITS[1]:
            return False
    return position == end or _opens_path(tape.codes[position])


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_label(tape: Tape, start: int, end: int) -> bool:
    """Tell whether a stretch is one part of a host's name."""
    if not 0 < end - start <= _LONGEST_LABEL:
        return False
    if not (tape.bits[start] & HOST and tape.bits[end - 1] & HOST):
        return False
    fits = True
    for place in range(start, end):
        code = tape.codes[place]
        fits &= tape.bits[place] & HOST != 0 or code in (_HYPHEN, _LINE)
    return fits


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_name(tape: Tape, start: int, end: int) -> bool:
    """Tell whether a stretch is a host's name: labels, then a domain in lower case."""
    label, fits = start, True
    for place in range(start, end):
        if tape.codes[place] == _DOT:
            fits &= _is_label(tape, label, place)
            label = place + 1
    if label == start or not 2 <= end - label <= _LONGEST_DOMAIN:
        return False
    for place in range(label, end):
        fits &= tape.bits[place] & LOWER != 0
    return fits


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_octet(tape: Tape, start: int, end: int, place: int) -> bool:
    """Tell whether a stretch is the part of a number at `place` (0 to 3).

    Digits of any script count, except where a range starts with certain ones.
    """
    size = end - start
    if not 1 <= size <= 3:
        return False
    for position in range(start, end):
        if not tape.bits[position] & DECIMAL:
            return False
    first = tape.codes[start] - ord("0")
    second = tape.codes[start + 1] - ord("0") if size > 1 else 0
    third = tape.codes[start + 2] - ord("0") if size > 2 else 0
    if size < 3:
        return 1 <= first <= 9 or place in (1, 2)
    if first == 1:
        return True
    if first != 2:
        return False
    if place == 0:
        return 0 <= second <= 1 or (second == 2 and 0 <= third <= 3)
    return 0 <= second <= 4 or (second == 5 and 0 <= third <= (4 if place == 3 else 5))


@numba.njit(cache=True, nogil=True, _nrt=False)
def _read_number(tape: Tape, start: int, end: int) -> int:
    """Read ASCII digits; other digits give no number of a private network: -1."""
    value = 0
    for place in range(start, end):
        digit = tape.codes[place] - ord("0")
        if digit < 0 or digit > 9:
            return -1
        value = 10 * value + digit
    return value


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_number(tape: Tape, start: int, end: int) -> bool:
    """Tell whether a stretch is a host's number, of no private network."""
    if end - start > 15 or end - start < 7:
        return False
    begin, count, first, second, second_tens, fits = start, 0, 0, 0, 0, True
    for place in range(start, end + 1):
        if place == end or tape.codes[place] == _DOT:
            fits &= count < 4 and _is_octet(tape, begin, place, count)
            if count == 0:
                first = _read_number(tape, begin, place)
            elif count == 1:
                second = _read_number(tape, begin, place)
                second_tens = place - begin == 2 and tape.codes[begin] == ord("2")
            count += 1
            begin = place + 1
    private = first == 10 or first == 127
    private |= (first == 169 and second == 254) or (first == 192 and second == 168)
    shared = first == 172 and (second_tens or 16 <= second <= 31)
    return fits and count == 4 and not private and not shared


@numba.njit(cache=True, nogil=True, _nrt=False)
def _opens_host(tape: Tape, start: int, end: int) -> bool:
    """Tell whether a host begins at `start`, and with it an address up to `end`."""
    position, inside = start, True
    while position < end and inside:
        code = tape.codes[position]
        inside = tape.bits[position] & HOST != 0 or code in (_DOT, _HYPHEN, _LINE)
        position += inside
    if not _ends_well(tape, position, end):
        return False
    found: bool = _is_name(tape, start, position) or _is_number(tape, start, position)
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def is_address(tape: Tape, start: int, end: int) -> bool:
    """Tell whether the characters at ``[start, end)`` are an address."""
    dotted = False
    for place in range(start, end):
        dotted |= tape.codes[place] == _DOT
    if not dotted:
        return False
    if _opens_host(tape, start, end):
        return True
    after, inside = start, True
    while after < end and inside:
        code = tape.codes[after]
        inside = tape.bits[after] & WORD != 0 or code in (_PLUS, _HYPHEN, _DOT)
        after += inside
    scheme = after - start >= 2 and after + 3 <= end and tape.codes[after] == _COLON
    scheme = scheme and tape.codes[after + 1] == _SLASH and tape.codes[after + 2] == _SLASH
    if scheme and _opens_host(tape, after + 3, end):
        return True
    for place in range(start + 1, end):
        if tape.codes[place] == _AT and _opens_host(tape, place + 1, end):
            return True
    return False


# kernels of: 58211f26c61347b2
