"""Which kinds of personal data a text can hold at all: one compiled pass over a batch.

Most texts have no at-sign, no long number and no long token. This pass, at a multiple of
the speed of any pattern, tells them from the others. It may hint at what is not there,
and never misses what a finder would find.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]
Marks = npt.NDArray[np.int64]

AT_SIGN: Final = 1
#: Four numbers joined by dots.
DOTTED: Final = 2
#: Four hexadecimal digits, the first a 2 or 3, and a colon.
HEX_GROUP: Final = 4
#: 16 letters, digits and ``+/_-`` with a digit among them, or the start of a key block.
LONG_TOKEN: Final = 8
#: Two letters and two digits, which start a word.
IBAN_START: Final = 16
#: So many digits with nothing but spaces and joints between them.
SIX_DIGITS: Final = 32
SEVEN_DIGITS: Final = 64
TWELVE_DIGITS: Final = 128

_IS_DIGIT: Final = 1
_IS_GAP: Final = 2
_IS_TOKEN: Final = 4
_IS_SIGN: Final = 8  # one of . : @ -
_IS_LETTER: Final = 16
_IS_HEX: Final = 32


def _classify_bytes() -> npt.NDArray[np.uint8]:
    """Build the table of what each byte can be part of."""
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        sign = chr(byte) if byte < 0x80 else ""
        table[byte] |= _IS_DIGIT * sign.isdigit() | _IS_LETTER * sign.isalpha()
        table[byte] |= _IS_TOKEN * (sign.isalnum() or sign in tuple("+/_-"))
        table[byte] |= _IS_SIGN * (sign in tuple(".:@-"))
        table[byte] |= _IS_HEX * (sign in tuple("0123456789abcdefABCDEF"))
    # ASCII joints, and the bytes of U+00A0 and U+2010 to U+2013.
    table[list(b" .-/()+\xc2\xa0\xe2\x80\x90\x91\x92\x93")] |= _IS_GAP
    return table


_CLASSES: Final = _classify_bytes()


@numba.njit(cache=True, nogil=True, forceinline=True)
def _read_sign(data: Bytes, start: int, end: int, place: int) -> int:
    """Tell what an at-sign, a colon or a hyphen at `place` hints at."""
    sign = data[place]
    if sign == 0x40:
        return AT_SIGN
    if place < start + 4 or place + 1 == end:
        return 0
    if sign == 0x3A:
        hexadecimal = (
            _CLASSES[data[place - 1]] & _CLASSES[data[place - 2]] & _CLASSES[data[place - 3]]
        ) & _IS_HEX
        return HEX_GROUP if hexadecimal and 0x32 <= data[place - 4] <= 0x33 else 0
    if data[place + 1] == 0x42 and data[place - 1] == 0x2D and data[place - 4] == 0x2D:
        return LONG_TOKEN
    return 0


@numba.njit(cache=True, nogil=True, forceinline=True)
def _starts_iban(data: Bytes, start: int, place: int) -> bool:
    """Tell whether two letters and two digits, the last at `place`, start a word."""
    if place < start + 3 or not _CLASSES[data[place - 1]] & _IS_DIGIT:
        return False
    if not _CLASSES[data[place - 2]] & _CLASSES[data[place - 3]] & _IS_LETTER:
        return False
    return place == start + 3 or not _CLASSES[data[place - 4]] & (_IS_LETTER | _IS_DIGIT)


@numba.njit(cache=True, nogil=True)
def _mark_text(data: Bytes, start: int, end: int) -> int:
    """Find the hints of one text."""
    marks = digits = most_digits = token = token_digits = joints = 0
    last_joint = start - 9
    for place in range(start, end):
        traits = int(_CLASSES[data[place]])
        is_digit = traits & _IS_DIGIT
        is_token = traits >> 2 & 1
        digits = (digits + is_digit) * (is_digit | traits >> 1 & 1)
        most_digits = max(most_digits, digits)
        token = (token + 1) * is_token
        token_digits = (token_digits + is_digit) * is_token
        if token >= 16 and token_digits:
            marks |= LONG_TOKEN
        if traits & (_IS_DIGIT | _IS_SIGN):
            if is_digit:
                if _starts_iban(data, start, place):
                    marks |= IBAN_START
            elif data[place] == 0x2E:
                before = place > start and _CLASSES[data[place - 1]] & _IS_DIGIT
                if before and place + 1 < end and _CLASSES[data[place + 1]] & _IS_DIGIT:
                    joints = joints + 1 if place - last_joint <= 4 else 1
                    last_joint = place
                    if joints == 3:
                        marks |= DOTTED
            else:
                marks |= _read_sign(data, start, end, place)
    marks |= SIX_DIGITS * (most_digits >= 6) | SEVEN_DIGITS * (most_digits >= 7)
    return marks | TWELVE_DIGITS * (most_digits >= 12)


@numba.njit(cache=True, nogil=True)
def mark_texts(data: Bytes, offsets: Offsets) -> Marks:
    """Find the hints of each text.

    Args:
        data: the texts, one behind the other; read-only.
        offsets: n + 1 places; text i is ``data[offsets[i]:offsets[i + 1]]``.

    Returns:
        The hints, as bits; shape (n,).
    """
    marks = np.zeros(offsets.size - 1, np.int64)
    for row in range(marks.size):
        marks[row] = _mark_text(data, offsets[row], offsets[row + 1])
    return marks
