"""What one line of a text shows: the flags that line rules and line fractions read.

The phrases are those of C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2; TFDS
`c4_utils.py` is the code that made C4). They are found as TFDS finds them, as
substrings and in any ASCII case. A line is stripped and its citations, ``[1]``,
``[edit]`` and ``[citation needed]``, are passed over before its last mark is read.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.segments import (
    LINE_FINAL,
    SPACE,
    Bytes,
    ClassTable,
    classify_character,
    decode_character,
)
from gristmill.schemas.tables import (
    LINE_ELLIPSIS,
    LINE_JAVASCRIPT,
    LINE_LOREM_IPSUM,
    LINE_POLICY_PHRASE,
    LINE_TERMINAL_MARK,
)

_OPEN, _CLOSE, _ZERO, _NINE = ord("["), ord("]"), ord("0"), ord("9")


def _phrase(text: str) -> Bytes:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_JAVASCRIPT: Final = _phrase("javascript")
_EDIT: Final = _phrase("[edit]")
_CITATION_NEEDED: Final = _phrase("[citation needed]")
_LOREM, _IPSUM = _phrase("lorem"), _phrase(" ipsum")
_TERMS, _OF_USE = _phrase("terms"), _phrase(" of use")
_PRIVACY, _COOKIE, _POLICY = _phrase("privacy"), _phrase("cookie"), _phrase(" policy")
_USE, _USES = _phrase("use"), _phrase("uses")
_COOKIES, _OF_COOKIES = _phrase(" cookies"), _phrase(" of cookies")


@numba.njit(cache=True, nogil=True)
def _matches(data: Bytes, start: int, end: int, phrase: Bytes) -> bool:
    """Compare ``data[start:]`` with a phrase in lower case, ignoring ASCII case."""
    same, offset = start + phrase.size <= end, 0
    while same and offset < phrase.size:
        byte = data[start + offset]
        upper = ord("A") <= byte <= ord("Z")
        same = (byte | 32 if upper else byte) == phrase[offset]
        offset += 1
    return same


@numba.njit(cache=True, nogil=True)
def _equals(data: Bytes, start: int, end: int, phrase: Bytes) -> bool:
    """Compare ``data[start:]`` with a phrase, byte by byte."""
    same, offset = start + phrase.size <= end, 0
    while same and offset < phrase.size:
        same = data[start + offset] == phrase[offset]
        offset += 1
    return same


@numba.njit(cache=True, nogil=True)
def _matches_around(
    data: Bytes, start: int, middle: int, end: int, before: Bytes, after: Bytes
) -> bool:
    """Tell whether `before` ends and `after` begins at `middle`, within ``[start, end)``."""
    found = middle - before.size >= start
    if found:
        found = _matches(data, middle, end, after)
    if found:
        found = _matches(data, middle - before.size, middle, before)
    return found


@numba.njit(cache=True, nogil=True)
def may_end_phrase(before: int, last: int) -> bool:
    """Tell from the last two bytes of a word whether `find_phrase` may find something."""
    before, last = before | 32, last | 32
    if last == ord("e"):
        return before == ord("i") or before == ord("s")
    if last == ord("s"):
        return before == ord("m") or before == ord("e")
    return (last == ord("m") and before == ord("e")) or (last == ord("y") and before == ord("c"))


@numba.njit(cache=True, nogil=True)
def find_phrase(data: Bytes, start: int, middle: int, end: int) -> int:
    """Recognise a phrase whose first word ends at `middle`, where a space stands.

    Args:
        data: UTF-8 bytes.
        start: where the document begins.
        middle: end of a word.
        end: where the document ends.

    Returns:
        `LINE_LOREM_IPSUM`, `LINE_POLICY_PHRASE` or 0.
    """
    last = data[middle - 1] | 32
    lorem, policy = False, False
    if last == ord("m"):
        lorem = _matches_around(data, start, middle, end, _LOREM, _IPSUM)
    elif last == ord("y"):
        policy = _matches_around(data, start, middle, end, _PRIVACY, _POLICY)
    elif last == ord("s"):
        policy = _matches_around(data, start, middle, end, _TERMS, _OF_USE)
        policy |= _matches_around(data, start, middle, end, _USES, _COOKIES)
    elif last == ord("e"):
        policy = _matches_around(data, start, middle, end, _COOKIE, _POLICY)
        policy |= _matches_around(data, start, middle, end, _USE, _COOKIES)
        policy |= _matches_around(data, start, middle, end, _USE, _OF_COOKIES)
    return LINE_LOREM_IPSUM * lorem | LINE_POLICY_PHRASE * policy


@numba.njit(cache=True, nogil=True)
def find_javascript(data: Bytes, start: int, end: int) -> int:
    """Give `LINE_JAVASCRIPT` if the word at ``[start, end)`` contains "javascript", else 0."""
    for position in range(start, end - _JAVASCRIPT.size + 1):
        if _matches(data, position, end, _JAVASCRIPT):
            return LINE_JAVASCRIPT
    return 0


@numba.njit(cache=True, nogil=True)
def citation_end(data: Bytes, start: int, end: int) -> int:
    """Find the end of the citation that opens at `start`; `start` itself if none does."""
    position = start + 1
    while position < end and _ZERO <= data[position] <= _NINE:
        position += 1
    after = start
    if data[start] == _OPEN and position < end and data[position] == _CLOSE:
        after = position + 1
    # TFDS deletes these two in lower case only.
    elif _equals(data, start, end, _EDIT):
        after = start + _EDIT.size
    elif _equals(data, start, end, _CITATION_NEEDED):
        after = start + _CITATION_NEEDED.size
    return after


@numba.njit(cache=True, nogil=True)
def _citation_start(data: Bytes, start: int, end: int) -> int:
    """Find the start of the citation that ends at `end`; `end` if there is none."""
    position, found = end - 2, end
    if end > start and data[end - 1] == _CLOSE:
        while position >= start and _ZERO <= data[position] <= _NINE:
            position -= 1
        edit, needed = end - _EDIT.size, end - _CITATION_NEEDED.size
        if position >= start and data[position] == _OPEN:
            found = position
        elif edit >= start and _equals(data, edit, end, _EDIT):
            found = edit
        elif needed >= start and _equals(data, needed, end, _CITATION_NEEDED):
            found = needed
    return found


@numba.njit(cache=True, nogil=True)
def _last_character(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Decode the character that ends at `end`: (byte where it starts, code point)."""
    position = end - 1
    while position > start and data[position] & 0xC0 == 0x80:
        position -= 1
    return position, decode_character(data, position, end)[0]


@numba.njit(cache=True, nogil=True)
def _strip_end(data: Bytes, start: int, end: int, classes: ClassTable) -> int:
    """Move `end` back over whitespace."""
    blank = True
    while blank and end > start:
        position, code_point = _last_character(data, start, end)
        blank = classify_character(classes, code_point) & SPACE != 0
        end = position if blank else end
    return end


@numba.njit(cache=True, nogil=True)
def _ends_with_ellipsis(data: Bytes, start: int, end: int) -> bool:
    if end - start < 3:
        return False
    first, second, third = data[end - 3], data[end - 2], data[end - 1]
    dots = first == ord(".") and second == ord(".") and third == ord(".")
    return dots or (first == 0xE2 and second == 0x80 and third == 0xA6)


@numba.njit(cache=True, nogil=True)
def judge_line_end(data: Bytes, start: int, end: int, classes: ClassTable) -> int:
    """Read the end of a line that is not blank.

    Returns:
        `LINE_ELLIPSIS` if the stripped line ends in ``...`` or ``…``; and
        `LINE_TERMINAL_MARK` if, citations passed over, it ends in one of ``. ? ! "``
        but not in ``...`` (TFDS).
    """
    end = _strip_end(data, start, end, classes)
    flags = LINE_ELLIPSIS if _ends_with_ellipsis(data, start, end) else 0
    before = _citation_start(data, start, end)
    while before < end:
        end = _strip_end(data, start, before, classes)
        before = _citation_start(data, start, end)
    if end > start and not (data[end - 1] == ord(".") and _ends_with_ellipsis(data, start, end)):
        last = data[end - 1]
        if last == ord(".") or last == ord("?") or last == ord("!") or last == ord('"'):
            flags |= LINE_TERMINAL_MARK
    return flags


@numba.njit(cache=True, nogil=True)
def ends_punctuated(data: Bytes, start: int, end: int, classes: ClassTable) -> bool:
    """Tell whether a line, not stripped, ends in punctuation that can end a sentence.

    That is Unicode's Sentence_Terminal, an ellipsis or a closing quotation mark
    (FineWeb, arXiv:2406.17557, section 3.6: `line_punct_ratio`).
    """
    if end <= start:
        return False
    _, code_point = _last_character(data, start, end)
    return classify_character(classes, code_point) & LINE_FINAL != 0


@numba.njit(cache=True, nogil=True)
def opens_with_bullet(data: Bytes, start: int, end: int) -> bool:
    """Tell whether a line, from its first visible character, opens with a bullet.

    Bullets are ``-``, ``*``, ``•`` and ``●``: all that the readings of Gopher count.
    """
    if start >= end:
        return False
    code_point, _ = decode_character(data, start, end)
    return (
        code_point == ord("-")
        or code_point == ord("*")
        or code_point == 0x2022
        or code_point == 0x25CF
    )
