"""Character references of HTML, decoded into a buffer of UTF-8."""

import html.entities
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.html_elements import HASH_PRIME, HASH_START, hash_element
from gristmill.cleaning.page_board import Bytes

_SLOTS: Final = 8192
_LONGEST: Final = 32  # bytes of a name, semicolon included
_SHORTEST_LEGACY, _LONGEST_LEGACY = 2, 6  # bytes of names that need no semicolon
_REPLACEMENT: Final = 0xFFFD


def _tabulate_names() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint8]]:
    """Lay out names by their hashes: the hash, and length and bytes of the characters."""
    hashes = np.zeros(_SLOTS, np.uint64)
    values = np.zeros((_SLOTS, 8), np.uint8)
    for name, characters in sorted(html.entities.html5.items()):
        hashed = hash_element(name)
        slot = int(hashed) % _SLOTS
        while hashes[slot]:
            slot = (slot + 1) % _SLOTS
        encoded = characters.encode()
        hashes[slot] = hashed
        values[slot, 0] = len(encoded)
        values[slot, 1 : 1 + len(encoded)] = list(encoded)
    return hashes, values


def _tabulate_remapped() -> npt.NDArray[np.int64]:
    """Code points for 0x80 to 0x9F, which authors took from windows-1252; shape (32,)."""
    remapped = np.arange(0x80, 0xA0)
    for code in range(0x80, 0xA0):
        character = bytes([code]).decode("windows-1252", "ignore")
        if character:
            remapped[code - 0x80] = ord(character)
    return remapped


_HASHES, _VALUES = _tabulate_names()
_REMAPPED: Final = _tabulate_remapped()


@inlined
def _find_slot(hashed: np.uint64) -> int:
    """Find the slot of a name, or -1."""
    slot = np.int64(hashed & np.uint64(_SLOTS - 1))
    while _HASHES[slot] != 0 and _HASHES[slot] != hashed:
        slot = (slot + 1) & (_SLOTS - 1)
    return slot if _HASHES[slot] == hashed else -1  # type: ignore[return-value]


@compiled
def put_character(text: Bytes, out: int, code: Any) -> int:
    """Write a code point as UTF-8; returns where the text ends now."""
    if code < 0x80:
        text[out] = code
        return out + 1
    if code < 0x800:
        text[out] = 0xC0 | code >> 6
        text[out + 1] = 0x80 | code & 0x3F
        return out + 2
    if code < 0x10000:
        text[out] = 0xE0 | code >> 12
        text[out + 1] = 0x80 | code >> 6 & 0x3F
        text[out + 2] = 0x80 | code & 0x3F
        return out + 3
    text[out] = 0xF0 | code >> 18
    text[out + 1] = 0x80 | code >> 12 & 0x3F
    text[out + 2] = 0x80 | code >> 6 & 0x3F
    text[out + 3] = 0x80 | code & 0x3F
    return out + 4


@compiled
def decode_reference(html: Bytes, index: int, text: Bytes, out: int) -> tuple[int, int]:
    """Decode what follows an ampersand at `index`, by the rules for text.

    Returns:
        Where the reference ends in the page (`index` if it is none) and in the text.
    """
    start = index + 1
    if start < html.size and html[start] == 0x23:
        return _decode_number(html, index, text, out)
    hashed = HASH_START
    end = start
    slot = -1
    slot_end = index
    while end < html.size and end - start < _LONGEST:
        code = html[end]
        if not (0x30 <= code <= 0x39 or 0x61 <= code | 0x20 <= 0x7A):
            break
        hashed = (hashed ^ np.uint64(code)) * HASH_PRIME
        end += 1
        if _SHORTEST_LEGACY <= end - start <= _LONGEST_LEGACY:
            found = _find_slot(hashed)
            if found >= 0:
                slot, slot_end = found, end
    if end < html.size and html[end] == 0x3B:
        found = _find_slot((hashed ^ np.uint64(0x3B)) * HASH_PRIME)
        if found >= 0:
            slot, slot_end = found, end + 1
    if slot < 0:
        return index, out
    for place in range(_VALUES[slot, 0]):
        text[out + place] = _VALUES[slot, 1 + place]
    return slot_end, out + int(_VALUES[slot, 0])


@compiled
def _decode_number(html: Bytes, index: int, text: Bytes, out: int) -> tuple[int, int]:
    end = index + 2
    base = 10
    if end < html.size and html[end] | 0x20 == 0x78:
        base = 16
        end += 1
    first = end
    number = 0
    while end < html.size:
        digit = _read_digit(html[end])
        if digit >= base:
            break
        number = min(number * base + digit, 0x110000)
        end += 1
    if end == first:
        return index, out
    if end < html.size and html[end] == 0x3B:
        end += 1
    if 0x80 <= number < 0xA0:
        number = _REMAPPED[number - 0x80]
    if number == 0 or number > 0x10FFFF or 0xD800 <= number < 0xE000:
        number = _REPLACEMENT
    return end, put_character(text, out, number)


@inlined
def _read_digit(code: Any) -> int:
    """Value of a hexadecimal digit; 16 for what is none."""
    if 0x30 <= code <= 0x39:
        return np.int64(code) - 0x30  # type: ignore[return-value]
    letter = np.int64(code) | 0x20
    return letter - 0x57 if 0x61 <= letter <= 0x66 else 16  # type: ignore[return-value]


# kernels of: 3f1312defefba6f6
