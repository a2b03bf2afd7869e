"""Reads tags: their names, and of their attributes what the page engine looks at."""

from typing import Any, Final

import numpy as np

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import (
    ASSIGN,
    CLASSES,
    SOLIDUS,
    SPACE_BYTE,
    TAG_END,
    Bytes,
    Words,
    compiled,
    equals_word,
    find_value,
    inlined,
    read_attribute,
)
from gristmill.cleaning.html_elements import HASH_PRIME, HASH_START
from gristmill.cleaning.page_board import Numbers
from gristmill.cleaning.page_keywords import (
    KEYWORDS,
    LETTER_SYMBOLS,
    PASSED_OVER,
    STYLE_SYMBOLS,
    STYLES,
    SYMBOLS,
)

_MOVES, _FOUND = KEYWORDS
_STYLE_MOVES, _STYLE_FOUND = STYLES
_SHIFT: Final = SYMBOLS.bit_length() - 1
_ARIA_HIDDEN: Final = np.frombuffer(b"aria-hidden", np.uint8)
_HIDDEN: Final = np.frombuffer(b"hidden", np.uint8)
_CLASS: Final = np.frombuffer(b"class", np.uint8)
_STYLE: Final = np.frombuffer(b"style", np.uint8)
_HREF: Final = np.frombuffer(b"href", np.uint8)
_ROLE: Final = np.frombuffer(b"role", np.uint8)
_ITEMPROP: Final = np.frombuffer(b"itemprop", np.uint8)
_ID: Final = np.frombuffer(b"id", np.uint8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)


@compiled
def read_attributes(html: Bytes, words: Words, index: int, board: Numbers) -> int:
    """Step behind the ``>`` of a start tag, and leave what it says on the board."""
    board[at.BITS] = board[at.SIGNATURE] = 0
    board[at.IS_ARIA_HIDDEN] = 0
    board[at.HIDES] = board[at.IS_SELF_CLOSING] = board[at.HAS_HREF] = 0
    size = html.size
    while index < size:
        kind = CLASSES[html[index]]
        if kind & TAG_END:
            return index + 1
        if kind & (SPACE_BYTE | SOLIDUS):
            board[at.IS_SELF_CLOSING] = kind & SOLIDUS
            index += 1
            continue
        board[at.IS_SELF_CLOSING] = 0
        start = index
        name_end, value, value_end, index = read_attribute(html, words, start, SPACE_BYTE)
        _note_attribute(html, start, name_end, value, value_end, board)
    return index


@compiled
def skip_attributes(html: Bytes, words: Words, index: int) -> int:
    """Step behind the ``>`` of an end tag."""
    size = html.size
    while index < size:
        kind = CLASSES[html[index]]
        index += 1
        if kind & TAG_END:
            return index
        if kind & ASSIGN:
            _, _, index = find_value(html, words, index, SPACE_BYTE)
    return index


@inlined
def _names_part(html: Bytes, start: int, end: int) -> bool:
    """Say whether this attribute is one that says what an element is for."""
    return (
        equals_word(html, start, end, _ID)
        or equals_word(html, start, end, _ROLE)
        or equals_word(html, start, end, _ITEMPROP)
    )


@inlined
def _note_attribute(
    html: Bytes, start: int, name_end: int, value: int, value_end: int, board: Numbers
) -> None:
    letter: Any = html[start] | 0x20
    length = name_end - start
    if letter == 0x63 and length == 5 and equals_word(html, start, name_end, _CLASS):
        board[at.SIGNATURE] = _note_keywords(html, value, value_end, board)
    elif letter == 0x68 and length == 4 and equals_word(html, start, name_end, _HREF):
        board[at.HAS_HREF] = 1
    elif letter == 0x73 and length == 5 and equals_word(html, start, name_end, _STYLE):
        board[at.HIDES] |= _hides_element(html, value, value_end)
    elif length in (2, 4, 8) and _names_part(html, start, name_end):
        _note_keywords(html, value, value_end, board)
    elif length == 6 and equals_word(html, start, name_end, _HIDDEN):
        board[at.HIDES] = 1
    elif length == 11 and equals_word(html, start, name_end, _ARIA_HIDDEN):
        board[at.IS_ARIA_HIDDEN] = equals_word(html, value, value_end, _TRUE)


@compiled
def _note_keywords(html: Bytes, index: int, end: int, board: Numbers) -> int:
    """Add the keywords of a value to the board; returns a hash of the value."""
    hashed = HASH_START
    state = np.int64(_MOVES[0])
    found = np.int64(0)
    was_small = False
    was_boundary = True
    while index < end:
        code = html[index]
        hashed = (hashed ^ np.uint64(code)) * HASH_PRIME
        symbol = np.int64(LETTER_SYMBOLS[code])
        if symbol == 0:
            if not was_boundary:
                state = np.int64(_MOVES[state])
                found |= _FOUND[state >> _SHIFT]
            was_boundary = True
            was_small = False
        else:
            is_small = code >= 0x61
            if was_small and not is_small:
                state = np.int64(_MOVES[state])
                found |= _FOUND[state >> _SHIFT]
            state = np.int64(_MOVES[state + symbol])
            found |= _FOUND[state >> _SHIFT]
            was_small = is_small
            was_boundary = False
        index += 1
    if not was_boundary:
        state = np.int64(_MOVES[state])
        found |= _FOUND[state >> _SHIFT]
    board[at.BITS] |= found
    return np.int64(hashed)  # type: ignore[return-value]


@compiled
def _hides_element(html: Bytes, index: int, end: int) -> int:
    """Say whether an inline style hides an element or makes its text too small to read."""
    state = np.int64(0)
    found = np.int64(0)
    while index < end:
        symbol = np.int64(STYLE_SYMBOLS[html[index]])
        if symbol != PASSED_OVER:
            state = np.int64(_STYLE_MOVES[state + symbol])
            found |= _STYLE_FOUND[state >> _SHIFT]
        index += 1
    state = np.int64(_STYLE_MOVES[state + STYLE_SYMBOLS[0x3B]])
    return found | _STYLE_FOUND[state >> _SHIFT]  # type: ignore[no-any-return]


# kernels of: 0cf90e4a7e64c3e9
