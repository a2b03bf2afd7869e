"""What one line of a text shows: the flags that line rules and line fractions read.

The phrases are those of C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2; TFDS
`c4_utils.py` is the code that made C4). They are found as TFDS finds them, as
substrings and in any ASCII case. A line is stripped and its citations, ``[1]``,
``[edit]`` and ``[citation needed]``, are passed over before its last mark is read.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.character_classes import LINE_FINAL, SPACE, ClassTable
from gristmill.cleaning.segments import Bytes, classify_character, decode_character
from gristmill.schemas.tables import (
    LINE_ELLIPSIS,
    LINE_JAVASCRIPT,
    LINE_LOREM_IPSUM,
    LINE_POLICY_PHRASE,
    LINE_TERMINAL_MARK,
)

_OPEN, _CLOSE, _ZERO, _NINE, _SPACE = ord("["), ord("]"), ord("0"), ord("9"), ord(" ")


def _phrase(text: str) -> Bytes:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_JAVASCRIPT: Final = _phrase("javascript")
_EDIT: Final = _phrase("[edit]")
_CITATION_NEEDED: Final = _phrase("[citation needed]")
_LOREM, _IPSUM = _phrase("lorem"), _phrase(" ipsum")
_TERMS, _OF_USE = _phrase("terms"), _phrase(" of use")
_PRIVACY, _COOKIE, _POLICY = _phrase("privacy"), _phrase("cookie"), _phrase(" policy")
_USE, _USES = _phrase("use"), _phrase("uses")
_ENDINGS: Final = tuple(
    int.from_bytes(word[-3:].encode("ascii"), "big")
    for word in ("use", "uses", "terms", "cookie", "privacy", "lorem")
)
_HTTP, _HTTPS, _SLASHES = _phrase("http"), _phrase("https"), _phrase("//")
_COOKIES, _OF_COOKIES = _phrase(" cookies"), _phrase(" of cookies")


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _matches(data: Bytes, start: int, end: int, phrase: Bytes) -> bool:
    """Compare ``data[start:]`` with a phrase in lower case, ignoring ASCII case."""
    same, offset = start + phrase.size <= end, 0
    while same and offset < phrase.size:
        byte = data[start + offset]
        upper = ord("A") <= byte <= ord("Z")
        same = (byte | 32 if upper else byte) == phrase[offset]
        offset += 1
    return same


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _equals(data: Bytes, start: int, end: int, phrase: Bytes) -> bool:
    """Compare ``data[start:]`` with a phrase, byte by byte."""
    same, offset = start + phrase.size <= end, 0
    while same and offset < phrase.size:
        same = data[start + offset] == phrase[offset]
        offset += 1
    return same


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _matches_around(
    data: Bytes, start: int, middle: int, end: int, before: Bytes, after: Bytes
) -> bool:
    """Tell whether `before` ends and `after` begins at `middle`, within ``[start, end)``."""
    found: bool = middle - before.size >= start
    if found:
        found = _matches(data, middle, end, after)
    if found:
        found = _matches(data, middle - before.size, middle, before)
    return found


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def is_phrase_ending(data: Bytes, end: int) -> bool:
    """Tell from its last three bytes whether a word that ends at `end` may open a phrase.

    A filter for `count_phrases`: words in use, uses, terms, cookie, privacy, lorem.
    """
    ending = (
        np.int64(data[max(end - 3, 0)] | 32) << 16
        | np.int64(data[max(end - 2, 0)] | 32) << 8
        | np.int64(data[end - 1] | 32)
    )
    found = False
    for candidate in _ENDINGS:
        found |= ending == candidate
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _has_policy_phrase(data: Bytes, start: int, middle: int, end: int) -> bool:
    """Tell whether a policy phrase has its first space at `middle`."""
    found: bool = (
        _matches_around(data, start, middle, end, _PRIVACY, _POLICY)
        or _matches_around(data, start, middle, end, _TERMS, _OF_USE)
        or _matches_around(data, start, middle, end, _USES, _COOKIES)
        or _matches_around(data, start, middle, end, _COOKIE, _POLICY)
        or _matches_around(data, start, middle, end, _USE, _COOKIES)
        or _matches_around(data, start, middle, end, _USE, _OF_COOKIES)
    )
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_phrases(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Look for the phrases of C4 in a line.

    Returns:
        (`LINE_LOREM_IPSUM` and `LINE_POLICY_PHRASE` or 0, how often "lorem ipsum" occurs).
    """
    flags, lorem_ipsums = 0, 0
    for middle in range(start + 1, end):
        if data[middle] == _SPACE:
            if _matches_around(data, start, middle, end, _LOREM, _IPSUM):
                flags |= LINE_LOREM_IPSUM
                lorem_ipsums += 1
            elif _has_policy_phrase(data, start, middle, end):
                flags |= LINE_POLICY_PHRASE
    return flags, lorem_ipsums


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_javascript(data: Bytes, start: int, end: int) -> int:
    """Give `LINE_JAVASCRIPT` if the line at ``[start, end)`` contains "javascript", else 0."""
    found = False
    for position in range(start, end - _JAVASCRIPT.size + 1):
        if data[position] | 32 == _JAVASCRIPT[0]:
            found |= _matches(data, position, end, _JAVASCRIPT)
    return LINE_JAVASCRIPT if found else 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def http_scheme(data: Bytes, start: int, colon: int, end: int) -> int:
    """Measure the scheme before a colon, ``http`` or ``https`` in any ASCII case.

    Returns:
        Its length; 0 if it is none or ``//`` does not follow. Looks at ``[start, end)``.
    """
    length = 0
    if _equals(data, colon + 1, end, _SLASHES):
        if colon - _HTTP.size >= start and _matches(data, colon - _HTTP.size, colon, _HTTP):
            length = _HTTP.size
        elif colon - _HTTPS.size >= start and _matches(data, colon - _HTTPS.size, colon, _HTTPS):
            length = _HTTPS.size
    return length


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def citation_end(data: Bytes, start: int, end: int) -> int:
    """Find the end of the citation that opens at `start`; `start` itself if none does."""
    position = start + 1
    while position < end and _ZERO <= data[position] <= _NINE:
        position += 1
    closed = data[start] == _OPEN and position < end and data[position] == _CLOSE
    # TFDS deletes these two in lower case only.
    edit: bool = _equals(data, start, end, _EDIT)
    needed: bool = _equals(data, start, end, _CITATION_NEEDED)
    if closed:
        return position + 1
    return start + _EDIT.size * edit + _CITATION_NEEDED.size * needed


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _last_character(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Decode the character that ends at `end`: (byte where it starts, code point)."""
    position = end - 1
    while position > start and data[position] & 0xC0 == 0x80:
        position -= 1
    return position, decode_character(data, position, end)[0]


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _strip_end(data: Bytes, start: int, end: int, classes: ClassTable) -> int:
    """Move `end` back over whitespace."""
    blank = True
    while blank and end > start:
        position, code_point = _last_character(data, start, end)
        blank = classify_character(classes, code_point) & SPACE != 0
        end = position if blank else end
    return end


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _ends_with_ellipsis(data: Bytes, start: int, end: int) -> bool:
    if end - start < 3:
        return False
    first, second, third = data[end - 3], data[end - 2], data[end - 1]
    dots: bool = first == ord(".") and second == ord(".") and third == ord(".")
    sign: bool = first == 0xE2 and second == 0x80 and third == 0xA6
    return dots or sign


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
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
    if end > start and not _ends_with_ellipsis(data, start, end):
        last = data[end - 1]
        if last == ord(".") or last == ord("?") or last == ord("!") or last == ord('"'):
            flags |= LINE_TERMINAL_MARK
    return flags


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def ends_punctuated(data: Bytes, start: int, end: int, classes: ClassTable) -> bool:
    """Tell whether a line, not stripped, ends in punctuation that can end a sentence.

    That is Unicode's Sentence_Terminal, an ellipsis or a closing quotation mark
    (FineWeb, arXiv:2406.17557, section 3.6: `line_punct_ratio`).
    """
    if end <= start:
        return False
    _, code_point = _last_character(data, start, end)
    final: bool = classify_character(classes, code_point) & LINE_FINAL != 0
    return final


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def opens_with_bullet(data: Bytes, start: int, end: int) -> bool:
    """Tell whether a line, from its first visible character, opens with a bullet.

    Bullets are ``-``, ``*``, ``•`` and ``●``: all that the readings of Gopher count.
    """
    if start >= end:
        return False
    code_point, _ = decode_character(data, start, end)
    bullet: bool = (
        code_point == ord("-")
        or code_point == ord("*")
        or code_point == 0x2022
        or code_point == 0x25CF
    )
    return bullet


# kernels of: e5f3010d5ad00e33
