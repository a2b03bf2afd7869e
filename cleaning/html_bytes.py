"""Steps over the bytes of a page: tag names, attributes, comments and raw text.

Numba code that all walks over pages share. The kernels are compiled without numba's
reference counting (`_nrt`): they allocate nothing, and it takes half of the time
otherwise. `index` is a place in the page; nothing reads or steps behind its end.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_elements import HASH_PRIME, HASH_START, SLOT_MASK

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]  # the page, eight bytes each, as far as whole words go
Hashes = npt.NDArray[np.uint64]
Kinds = npt.NDArray[np.uint8]

LT: Final = 0x3C
SLASH: Final = 0x2F
_GT, _BANG, _DASH = 0x3E, 0x21, 0x2D

# Classes of bytes in a page, as bits. In tags:
SPACE_BYTE, SOLIDUS, TAG_END, ASSIGN, QUOTE = 1, 2, 4, 8, 16
# In text: what ends a run that is copied as it stands.
TEXT_STOP: Final = 32
_VERTICAL_TAB: Final = 64
#: What parts names in the scan of facts: it knows a vertical tab, which HTML does not.
BLANK: Final = SPACE_BYTE | _VERTICAL_TAB
CLASSES: Final = np.zeros(256, np.uint8)
CLASSES[[0x09, 0x0A, 0x0C, 0x0D, 0x20]] = SPACE_BYTE | TEXT_STOP
CLASSES[0x0B] = _VERTICAL_TAB
CLASSES[SLASH] = SOLIDUS
CLASSES[_GT] = TAG_END
CLASSES[ord("=")] = ASSIGN
CLASSES[[ord('"'), ord("'")]] = QUOTE
CLASSES[[0x00, LT, ord("&"), 0xC2]] |= TEXT_STOP  # 0xC2 0xA0 is a no-break space

_ONES: Final = np.uint64(0x0101010101010101)
_TOPS: Final = np.uint64(0x8080808080808080)
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def compiled(kernel: _Kernel) -> _Kernel:
    """Compile a function that allocates nothing, hence without counts of references."""
    compile_kernel: Callable[[_Kernel], _Kernel] = numba.njit(cache=True, nogil=True, _nrt=False)
    return compile_kernel(kernel)


def inlined(kernel: _Kernel) -> _Kernel:
    """Compile a small function into each of its callers."""
    compile_kernel: Callable[[_Kernel], _Kernel] = numba.njit(
        nogil=True, inline="always", _nrt=False
    )
    return compile_kernel(kernel)


@inlined
def is_letter(code: int) -> bool:
    """Say whether a byte is a letter of ASCII, which begins a tag's name."""
    return 0x61 <= code | 0x20 <= 0x7A


@inlined
def find_byte(html: Bytes, words: Words, index: Any, code: Any) -> int:
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


@compiled
def find_markup(html: Bytes, words: Words, index: int) -> int:
    """Find the next ``<``; the length of the page if there is none."""
    return find_byte(html, words, index, LT)


@compiled
def find_end(html: Bytes, words: Words, index: int) -> int:
    """Find the next ``>``; the length of the page if there is none."""
    return find_byte(html, words, index, _GT)


@compiled
def skip_comment(html: Bytes, words: Words, index: int) -> int:
    """Step behind what begins with ``<!``, ``<?`` or ``</`` at `index` and is no tag."""
    size = html.size
    if index + 3 >= size or html[index + 1] != _BANG:
        return min(find_end(html, words, index) + 1, size)
    if not html[index + 2] == _DASH == html[index + 3]:
        return min(find_end(html, words, index) + 1, size)
    first = index + 2
    end = first + 2
    while True:
        end = find_end(html, words, end)
        if end >= size:
            return size
        last = end - 1 - (html[end - 1] == _BANG)
        # The opening dashes may serve as closing ones: <!-->, <!--->.
        if last > first and html[last] == _DASH and html[last - 1] == _DASH:
            return end + 1
        end += 1


@compiled
def equals_word(html: Bytes, start: int, end: int, word: Bytes) -> bool:
    """Say whether a stretch of the page is a word, its letters folded."""
    if end - start != word.size:
        return False
    index = 0
    while index < word.size and html[start + index] | 0x20 == word[index]:
        index += 1
    return index == word.size


@inlined
def add_letter(value: np.uint64, code: int) -> np.uint64:
    """Add a byte to a hash, letters folded: FNV-1a, as `hash_element` has it."""
    letter: Any = code
    if 0x41 <= letter <= 0x5A:
        letter |= 0x20
    return np.uint64((value ^ np.uint64(letter)) * HASH_PRIME)


@inlined
def find_kind(names: Hashes, kinds: Kinds, name: np.uint64) -> int:
    """Look a hash up in tables of `html_elements.tabulate_names`; 0 if it is not there."""
    slot = name & SLOT_MASK
    while names[slot] and names[slot] != name:
        slot = (slot + np.uint64(1)) & SLOT_MASK
    return int(kinds[slot])


@inlined
def read_name(html: Bytes, index: int, space: int) -> tuple[np.uint64, int]:
    """Hash a tag's name; returns the hash and where the name ends.

    Args:
        html: the page.
        index: of the name.
        space: what ends it besides a slash and the tag: `SPACE_BYTE` or `BLANK`.
    """
    value = HASH_START
    while index < html.size and not CLASSES[html[index]] & (space | SOLIDUS | TAG_END):
        value = add_letter(value, html[index])
        index += 1
    return value, index


@inlined
def read_attribute(html: Bytes, words: Words, index: int, space: int) -> tuple[int, int, int, int]:
    """Read an attribute; returns the end of its name, its value's ends, and what is behind."""
    size = html.size
    index += 1  # an equals sign may begin a name
    while index < size and not CLASSES[html[index]] & (space | SOLIDUS | TAG_END | ASSIGN):
        index += 1
    name_end = index
    while index < size and CLASSES[html[index]] & space:
        index += 1
    if index < size and CLASSES[html[index]] & ASSIGN:
        value, value_end, index = find_value(html, words, index + 1, space)
    else:
        value = value_end = index = name_end
    return name_end, value, value_end, index


@inlined
def find_value(html: Bytes, words: Words, index: int, space: int) -> tuple[int, int, int]:
    """Find an attribute's value; returns its start, its end and what is behind it."""
    size = html.size
    while index < size and CLASSES[html[index]] & space:
        index += 1
    if index < size and CLASSES[html[index]] & QUOTE:
        mark: Any = html[index]
        start = index + 1
        index = find_byte(html, words, start, mark)
        return start, index, min(index + 1, size)
    start = index
    while index < size and not CLASSES[html[index]] & (space | TAG_END):
        index += 1
    return start, index, index


@compiled
def skip_raw_text(html: Bytes, words: Words, index: int, name: np.uint64, space: int) -> int:
    """Step to the end tag of a raw-text element; to the end of the page without one."""
    while True:
        index = find_markup(html, words, index)
        if index + 2 >= html.size:
            return html.size
        if html[index + 1] == SLASH and is_letter(html[index + 2]):
            found, _ = read_name(html, index + 2, space)
            if found == name:
                return int(index)
        index += 1


# kernels of: ca85b3b507361794
