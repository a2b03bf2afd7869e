"""Phrases, addresses and character counts that NeMo Curator's heuristics look for."""

import string
from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.segments import Bytes, extend_hash, start_hash

#: What stands before and after the first space of each phrase; "lorem ipsum" comes first,
#: then nine phrases of policies, then how three notices of several sentences begin. Two
#: more notices contain a shorter phrase anyway.
_PHRASES: Final = (
    ("lorem", "ipsum"),
    ("terms", "of use"),
    ("privacy", "policy"),
    ("privacy", "overview"),
    ("privacy", "& cookies policy"),
    ("privacy", "and cookies policy"),
    ("cookie", "policy"),
    ("uses", "cookies"),
    ("use", "of cookies"),
    ("use", "cookies"),
    ("necessary", "cookies"),
    ("any", "cookies"),
    ("if you continue", "to browse"),
)
_FIRST_NOTICE: Final = 10


def _tabulate(phrases: Sequence[str]) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Put phrases into the rows of one array; returns it and their lengths."""
    sizes = np.array([len(phrase) for phrase in phrases], np.int64)
    rows = np.zeros((len(phrases), int(sizes.max())), np.uint8)
    for row, phrase in zip(rows, phrases, strict=True):
        row[: len(phrase)] = np.frombuffer(phrase.encode("ascii"), np.uint8)
    return rows, sizes


_BEFORE, _BEFORE_SIZES = _tabulate([before for before, _ in _PHRASES])
_AFTER, _AFTER_SIZES = _tabulate([" " + after for _, after in _PHRASES])
#: Characters and FNV-1a digest, in lower case, of the three.
LONG_PHRASES: Final = (
    (242, np.uint64(0x56CEC0BFA7D1E841)),
    (302, np.uint64(0x21484ACB0B2A473B)),
    (113, np.uint64(0x7C677EC736B8C787)),
)
#: Last three bytes of the words before the first space of a phrase; the last is with U+212A.
_ENDINGS: Final = tuple(
    int.from_bytes(ending, "big")
    for ending in (
        b"rem",
        b"rms",
        b"acy",
        b"kie",
        b"\xaaie",
        b"use",
        b"ses",
        b"ary",
        b"any",
        b"nue",
    )
)
_HTTP, _SLASHES = np.frombuffer(b"http", np.uint8), np.frombuffer(b"://", np.uint8)
_BLANK: Final = ord(" ")
#: U+212A, the sign for kelvin: the only character but K whose lower case is k.
_KELVIN: Final = (0xE2, 0x84, 0xAA)
_IN_ADDRESS: Final = np.isin(
    np.arange(256), list(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
) | np.isin(np.arange(256), list(b"$-_@.&+/:=?#~!*(),"))


class CharacterCounts(NamedTuple):
    """How many characters a text has, and how many of them are what NeMo counts."""

    chars: int
    alphanumeric: int
    digits: int
    blanks: int
    parentheses: int


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _fold(data: Bytes, position: int, end: int) -> tuple[np.int64, int]:
    """Read a byte in lower case, U+212A as k: (byte, bytes read)."""
    byte = np.int64(data[position])
    if ord("A") <= byte <= ord("Z"):
        return byte | 32, 1
    kelvin = byte == _KELVIN[0] and position + 3 <= end
    if kelvin:
        kelvin = data[position + 1] == _KELVIN[1] and data[position + 2] == _KELVIN[2]
    return (np.int64(ord("k")), 3) if kelvin else (byte, 1)


@numba.njit(cache=True, nogil=True, _nrt=False)
def matches_folded(data: Bytes, start: int, end: int, phrase: Bytes, size: int) -> int:
    """Compare ``data[start:end]`` with the first bytes of a phrase of lower case.

    Returns:
        The byte after the phrase, or -1 if it does not stand there.
    """
    position, index = start, 0
    while index < size and 0 <= position < end:
        byte, width = _fold(data, position, end)
        position = position + width if byte == phrase[index] else -1
        index += 1
    return position if index == size else -1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _starts_before(data: Bytes, start: int, middle: int, which: int) -> int:
    """Find where the part before the space starts, if it ends at `middle`; else -1."""
    size, found = _BEFORE_SIZES[which], -1
    for extra in (0, 2):  # a U+212A takes two bytes more
        first = middle - size - extra
        if first >= start and found < 0:
            after = matches_folded(data, first, middle, _BEFORE[which], size)
            found = first if after == middle else -1
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_notice(data: Bytes, start: int, end: int, which: int) -> bool:
    """Tell whether one of the notices stands at `start`."""
    state, position, chars = start_hash(), start, 0
    length, digest = LONG_PHRASES[which - _FIRST_NOTICE]
    while chars < length and position < end:
        byte, width = _fold(data, position, end)
        state = extend_hash(state, np.uint64(byte))
        position += width
        chars += 1
    same: bool = chars == length and state == digest
    return same


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_phrase(data: Bytes, start: int, middle: int, end: int) -> int:
    """Look through all phrases: as `find_phrase`."""
    result = 0
    for which in range(len(_PHRASES)):
        first = _starts_before(data, start, middle, which)
        found = first >= 0
        if found:
            found = matches_folded(data, middle, end, _AFTER[which], _AFTER_SIZES[which]) >= 0
        if found and which >= _FIRST_NOTICE:
            found = _is_notice(data, first, end, which)
        if found:
            result = max(result, 2 if which == 0 else 1)
    return result


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def find_phrase(data: Bytes, start: int, middle: int, end: int) -> int:
    """Look for a phrase whose first space is at `middle`.

    Args:
        data: UTF-8 bytes of the batch.
        start: where the document begins.
        middle: where a word ends.
        end: where the document ends.

    Returns:
        2 for "lorem ipsum", 1 for one of NeMo's policy phrases, else 0.
    """
    result = 0
    if middle < end and data[middle] == _BLANK and middle - start >= 3:
        ending = (
            np.int64(data[middle - 3] | 32) << 16
            | np.int64(data[middle - 2] | 32) << 8
            | np.int64(data[middle - 1] | 32)
        )
        likely = False
        for candidate in _ENDINGS:
            likely |= ending == candidate
        if likely:
            result = _find_phrase(data, start, middle, end)
    return result


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _is_hexadecimal(byte: int) -> bool:
    return ord("0") <= byte <= ord("9") or ord("a") <= byte | 32 <= ord("f")


@numba.njit(cache=True, nogil=True, _nrt=False)
def _address_end(data: Bytes, start: int, end: int) -> int:
    """Find the end of the run of address characters at `start`."""
    position, inside = start, True
    while inside and position < end:
        inside = _IN_ADDRESS[data[position]]
        if inside:
            position += 1
        elif data[position] == ord("%") and position + 2 < end:
            inside = _is_hexadecimal(data[position + 1]) and _is_hexadecimal(data[position + 2])
            position += 3 if inside else 0
    return position


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_address_chars(data: Bytes, start: int, end: int) -> int:
    """Count the characters of web addresses in a word: ``http://`` or ``https://`` and more."""
    total, position = 0, start
    while position < end:
        after = matches_exact(data, position, end, _HTTP)
        if after >= 0:
            secure = after + (after < end and data[after] == ord("s"))
            after = matches_exact(data, secure, end, _SLASHES)
        stop = _address_end(data, after, end) if after >= 0 else -1
        if stop > after:
            total += stop - position
            position = stop
        else:
            position += 1
    return total


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def matches_exact(data: Bytes, start: int, end: int, phrase: Bytes) -> int:
    """Compare ``data[start:end]`` with a phrase; the byte after it, or -1."""
    same, offset = start + phrase.size <= end, 0
    while same and offset < phrase.size:
        same = data[start + offset] == phrase[offset]
        offset += 1
    return start + phrase.size if same else -1


#: So many bytes at a time fill no field.
_FIELD_BITS: Final = 10
_BLOCK: Final = (1 << _FIELD_BITS) - 1
#: How U+27E8 and U+27E9 begin.
_WIDE_BRACKETS: Final = b"\xe2\x9f"


def _pack_kinds() -> npt.NDArray[np.uint64]:
    """Put what a byte counts as into one number, a field for each kind."""
    kinds = (
        [byte for byte in range(256) if byte & 0xC0 != 0x80],
        (string.ascii_letters + string.digits + "\n?!,.").encode(),
        string.digits.encode(),
        b" \b\t\n\r",
        b"()[]{}",
        _WIDE_BRACKETS[:1],
    )
    packed = np.zeros(256, np.uint64)
    for field, members in enumerate(kinds):
        packed[list(members)] |= np.uint64(1 << field * _FIELD_BITS)
    return packed


_PACKED: Final = _pack_kinds()


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _read_field(packed: np.uint64, field: int) -> np.int64:
    return np.int64(packed) >> field * _FIELD_BITS & _BLOCK


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_wide_brackets(data: Bytes, start: int, end: int) -> int:
    brackets = 0
    for position in range(start, end - 2):
        brackets += (
            (data[position] == _WIDE_BRACKETS[0])
            & (data[position + 1] == _WIDE_BRACKETS[1])
            & ((data[position + 2] & 0xFE) == 0xA8)
        )
    return brackets


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_characters(data: Bytes, start: int, end: int) -> CharacterCounts:
    r"""Count characters, and those of ``a-zA-Z0-9\n?!,.``, digits, blanks and brackets."""
    chars, alphanumeric, digits, blanks, parentheses, wide = 0, 0, 0, 0, 0, 0
    first = start
    while first < end:
        packed, after = np.uint64(0), min(first + _BLOCK, end)
        for position in range(first, after):
            packed += _PACKED[data[position]]
        chars += _read_field(packed, 0)
        alphanumeric += _read_field(packed, 1)
        digits += _read_field(packed, 2)
        blanks += _read_field(packed, 3)
        parentheses += _read_field(packed, 4)
        wide += _read_field(packed, 5)
        first = after
    if wide:
        parentheses += _count_wide_brackets(data, start, end)
    return CharacterCounts(chars, alphanumeric, digits, blanks, parentheses)


def hash_characters(text: str) -> np.uint64:
    """Digest a phrase as the kernels do: FNV-1a over its characters, not finished."""
    state = 0xCBF29CE484222325
    for character in text:
        state = (state ^ ord(character)) * 0x100000001B3 % 2**64
    return np.uint64(state)


# kernels of: e3a4e3a25fe6a456
