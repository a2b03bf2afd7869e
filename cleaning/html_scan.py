"""The kernel of `html_guard`: one walk over the tags of a page.

Numba code over bytes. The kernels are compiled without numba's reference counting
(`_nrt`): they allocate nothing, and it takes half of the scan's time otherwise.
"""

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_elements import (
    BARRIER,
    DD,
    DT,
    FLAT,
    HASH_PRIME,
    HASH_START,
    KINDS,
    LI,
    MATH,
    NAMES,
    RAW_TEXT,
    SLOT_MASK,
    SLOTS,
    SVG,
    P,
)

MAX_DEPTH: Final = 2000  # 0.08 s in resiliparse, which is quadratic in it
MAX_ATTRIBUTES: Final = 2000

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_LT, _GT, _SLASH, _BANG, _QUESTION, _DASH, _EQUALS = 0x3C, 0x3E, 0x2F, 0x21, 0x3F, 0x2D, 0x3D

# Classes of bytes inside a tag, as bits; letters and the rest have none.
_SPACE, _SOLIDUS, _END, _ASSIGN, _QUOTE = 1, 2, 4, 8, 16
_CLASSES: Final = np.zeros(256, np.uint8)
_CLASSES[[0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20]] = _SPACE
_CLASSES[_SLASH] = _SOLIDUS
_CLASSES[_GT] = _END
_CLASSES[_EQUALS] = _ASSIGN
_CLASSES[[0x22, 0x27]] = _QUOTE
_LICENCE: Final = np.frombuffer(b"license", np.uint8)
_inlined = numba.njit(nogil=True, inline="always", _nrt=False)


def scan_tags(html: Bytes) -> tuple[int, int, bool]:
    """Measure the tags of a page.

    Args:
        html: bytes of the page, shape (n,), in an encoding that keeps ASCII.

    Returns:
        Depth of nested elements (the scan stops at `MAX_DEPTH` + 1), the most attributes
        of a tag (it stops above `MAX_ATTRIBUTES`), and whether some tag in what was
        scanned has an attribute that begins with rel=license.
    """
    depth, attributes, licences = _scan_markup(
        html,
        html[: html.size & ~7].view(np.uint64),
        np.empty(MAX_DEPTH + 2, np.uint64),
        np.zeros(SLOTS, np.int64),
        np.zeros(3, np.int64),
    )
    return int(depth), int(attributes), licences > 0


@_inlined
def _find_byte(html: Bytes, words: Words, index: Any, code: Any) -> int:
    """Find a byte, eight at a time; the length of the page if it is not there.

    A word minus ones borrows into the top bit of a byte only if that byte or a lower
    one is zero (Hacker's Delight, 6-1), so the test misses no match.
    """
    while index < html.size and index & 7:
        if html[index] == code:
            return int(index)
        index += 1
    pattern = _ONES * np.uint64(code)
    word = index >> 3
    while word < words.size:
        difference = words[word] ^ pattern
        if (difference - _ONES) & ~difference & _TOPS:
            break
        word += 1
    index = max(index, word << 3)
    while index < html.size and html[index] != code:
        index += 1
    return int(index)


@_inlined
def _kind_of(name: np.uint64) -> int:
    slot = name & SLOT_MASK
    return int(KINDS[slot]) if NAMES[slot] == name else 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def _scan_markup(
    html: Bytes, words: Words, stack: Hashes, opened: Counts, facts: Counts
) -> tuple[int, int, int]:
    """Walk over the tags.

    Args:
        html: the page.
        words: the same, as far as whole words go, eight bytes each.
        stack: room for the open elements, shape (`MAX_DEPTH` + 2,).
        opened: zeros, shape (`SLOTS`,); how many open elements hash to each slot.
        facts: shape (3,); of one tag: attributes, whether it ends in a slash, licence links.

    Returns:
        Greatest depth, greatest number of attributes, number of licence links.
    """
    depth = deepest = most = licences = 0
    index = 0
    while deepest <= MAX_DEPTH and most <= MAX_ATTRIBUTES:
        index = _find_byte(html, words, index, _LT)
        if index + 1 >= html.size:
            break
        closing = html[index + 1] == _SLASH
        start = index + 1 + closing
        if not (start < html.size and _is_letter(html[start])):
            index = _skip_other(html, words, index + 1)
            continue
        name, index = _hash_name(html, start)
        index = _skip_attributes(html, words, index, facts)
        most = max(most, facts[0])
        licences += facts[2]
        kind = _kind_of(name)
        if closing:
            depth = _close_element(stack, opened, depth, name)
        elif kind == RAW_TEXT:
            index = _skip_raw_text(html, words, index, name)
        elif kind != FLAT and not (facts[1] and _is_foreign(opened)):
            depth = _open_element(stack, opened, depth, name)
            deepest = max(deepest, depth)
    return deepest, most, licences


@_inlined
def _is_letter(code: int) -> bool:
    return 0x61 <= code | 0x20 <= 0x7A


@_inlined
def _hash_name(html: Bytes, index: int) -> tuple[np.uint64, int]:
    """Hash a tag name, letters folded; returns the hash and where the name ends."""
    value = HASH_START
    while index < html.size and not _CLASSES[html[index]] & (_SPACE | _SOLIDUS | _END):
        code: Any = html[index]
        if 0x41 <= code <= 0x5A:
            code |= 0x20
        value = (value ^ np.uint64(code)) * HASH_PRIME
        index += 1
    return value, index


@_inlined
def _skip_attributes(html: Bytes, words: Words, index: int, facts: Counts) -> int:
    """Step behind the ``>`` of a tag and leave what it holds in `facts`."""
    facts[:] = 0
    while index < html.size:
        kind = _CLASSES[html[index]]
        if kind & _END:
            return index + 1
        if kind & (_SPACE | _SOLIDUS):
            facts[1] = kind == _SOLIDUS
            index += 1
            continue
        facts[0] += 1
        facts[1] = 0
        facts[2] += _names_licence(html, index)
        index = _skip_attribute(html, words, index)
    return index


@_inlined
def _skip_attribute(html: Bytes, words: Words, index: int) -> int:
    """Step behind one attribute, value included."""
    size = html.size
    index += 1  # an equals sign may begin a name
    while index < size and not _CLASSES[html[index]] & (_SPACE | _SOLIDUS | _END | _ASSIGN):
        index += 1
    after = index
    while after < size and _CLASSES[html[after]] == _SPACE:
        after += 1
    if after >= size or html[after] != _EQUALS:
        return index
    after += 1
    while after < size and _CLASSES[html[after]] == _SPACE:
        after += 1
    if after < size and _CLASSES[html[after]] == _QUOTE:
        return int(min(_find_byte(html, words, after + 1, html[after]) + 1, size))
    while after < size and not _CLASSES[html[after]] & (_SPACE | _END):
        after += 1
    return after


@_inlined
def _names_licence(html: Bytes, index: int) -> bool:
    """Say whether ``rel=license`` stands here, in lower case, quoted or not."""
    if index + 12 > html.size or html[index] != 0x72 or html[index + 1] != 0x65:
        return False
    if html[index + 2] != 0x6C or html[index + 3] != _EQUALS:
        return False
    start = index + 4 + (_CLASSES[html[index + 4]] == _QUOTE)
    matched = 0
    while matched < _LICENCE.size and html[start + matched] == _LICENCE[matched]:
        matched += 1
    return matched == _LICENCE.size


@_inlined
def _skip_other(html: Bytes, words: Words, index: int) -> int:
    """Step behind what follows ``<`` and is no tag: a comment, a declaration, or text."""
    code: Any = html[index]
    if code == _BANG and index + 2 < html.size and html[index + 1] == _DASH == html[index + 2]:
        return int(_skip_comment(html, words, index + 1))
    if code in (_BANG, _QUESTION, _SLASH):
        return int(_find_byte(html, words, index, _GT))
    return index


@_inlined
def _skip_comment(html: Bytes, words: Words, index: int) -> int:
    """Step behind ``-->`` or ``--!>``; `index` is that of the two opening dashes."""
    end = index + 2
    while True:
        end = int(_find_byte(html, words, end, _GT))
        if end >= html.size:
            return html.size
        last = end - 1 - (html[end - 1] == _BANG)
        # The opening dashes may serve as closing ones: <!-->, <!--->.
        if last > index and html[last] == _DASH and html[last - 1] == _DASH:
            return end + 1
        end += 1


@_inlined
def _skip_raw_text(html: Bytes, words: Words, index: int, name: np.uint64) -> int:
    """Step to the end tag of a raw-text element; to the end of the page without one."""
    while True:
        index = _find_byte(html, words, index, _LT)
        if index + 2 >= html.size:
            return html.size
        if html[index + 1] == _SLASH and _is_letter(html[index + 2]):
            found, _ = _hash_name(html, index + 2)
            if found == name:
                return int(index)
        index += 1


@_inlined
def _is_foreign(opened: Counts) -> bool:
    """Say whether an SVG or MathML element is open."""
    return bool(opened[SVG & SLOT_MASK] + opened[MATH & SLOT_MASK] > 0)


@_inlined
def _open_element(stack: Hashes, opened: Counts, depth: int, name: np.uint64) -> int:
    """Push an element; p, li and dd take the place of the one before."""
    if name == DT:
        name = DD
    if name in (P, LI, DD):
        if depth and stack[depth - 1] == P:
            depth -= 1
            opened[P & SLOT_MASK] -= 1
        if depth and stack[depth - 1] == name:
            return depth
    stack[depth] = name
    opened[name & SLOT_MASK] += 1
    return depth + 1


@_inlined
def _close_element(stack: Hashes, opened: Counts, depth: int, name: np.uint64) -> int:
    """Pop up to the open element of a name, if one is open this side of a barrier."""
    if name == DT:
        name = DD
    if not opened[name & SLOT_MASK]:
        return depth
    target = depth - 1
    is_barrier = _kind_of(name) == BARRIER
    while target >= 0 and stack[target] != name:
        if not is_barrier and _kind_of(stack[target]) == BARRIER:
            return depth
        target -= 1
    if target < 0:
        return depth
    for index in range(target, depth):
        opened[stack[index] & SLOT_MASK] -= 1
    return target
