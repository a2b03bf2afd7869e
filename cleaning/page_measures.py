"""Counts over the text of one block: words, marks, digits and the like, in one pass."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.page_board import Bytes, Numbers

_LONG_WORD: Final = 7  # bytes
_LETTER, _DIGIT, _UPPER, _COMMA, _STOP, _OTHER = 1, 2, 4, 8, 16, 32
_KINDS: Final = np.zeros(256, np.uint8)
_KINDS[0x30:0x3A] = _DIGIT
_KINDS[0x41:0x5B] = _LETTER | _UPPER
_KINDS[0x61:0x7B] = _LETTER
_KINDS[0x80:] = _LETTER | _OTHER
_KINDS[[0x2C, 0x3B]] = _COMMA
_KINDS[[0x2E, 0x21, 0x3F]] = _STOP
_KINDS[0x5F] = _LETTER
_IS_PLAIN: Final = (_KINDS & (_LETTER | _DIGIT) != 0) & (np.arange(256) < 0x80)

# Frequent small words of the languages that most pages are in.
_COMMON_LIST: Final = (
    "the of and to a in is that for it as was with be by on not he his but at are this have"
    " from or had an they which you were their we our can will has who when if your my all"
    " de la que el en y los del se las por un para con no una su al es lo como mas pero"
    " le les des et un une du est dans qui pas pour au sur plus ce il ne avec son par"
    " der die und den von zu das mit sich des auf im dem ein nicht eine als auch es an wird"
    " di che il per non si da sono o do da em um uma os na nao het een van dat niet zijn"
)
_COMMON_SLOTS: Final = 512
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(64 - 9)


def _tabulate_common_words() -> npt.NDArray[np.uint64]:
    """Lay the common words out by their keys: up to eight bytes, the last one lowest."""
    table = np.zeros(_COMMON_SLOTS, np.uint64)
    for word in sorted(set(_COMMON_LIST.split())):
        key = int.from_bytes(word.encode("ascii"), "big")
        slot = key * int(_SPREAD) % 2**64 >> int(_SHIFT)
        while table[slot]:
            slot = (slot + 1) % _COMMON_SLOTS
        table[slot] = key
    return table


_COMMON: Final = _tabulate_common_words()
# By byte: one in the low half for a digit, in the high half for a capital.
_TALLY: Final = np.zeros(256, np.uint64)
_TALLY[0x30:0x3A] = 1
_TALLY[0x41:0x5B] = 1 << 32

_CHARS = at.COLUMNS["chars"]
_WORDS = at.COLUMNS["words"]
_COMMAS = at.COLUMNS["commas"]
_SENTENCES = at.COLUMNS["sentences"]
_DIGITS = at.COLUMNS["digits"]
_UPPERS = at.COLUMNS["uppers"]
_LONG_WORDS = at.COLUMNS["long_words"]
_COMMON_WORDS = at.COLUMNS["common_words"]
_OTHER_BYTES = at.COLUMNS["other_bytes"]


@inlined
def _kind_of(text: Bytes, index: int, end: int) -> Any:
    """Kind of the byte at `index`; for the marks of other scripts by their first byte."""
    code: Any = text[index]
    if code < 0xC0:
        return _OTHER
    kind = _KINDS[code]
    if index + 2 >= end:
        return kind
    following: Any = text[index + 1]
    last: Any = text[index + 2]
    if code == 0xE2 and following == 0x80:  # general punctuation
        return _OTHER
    if code == 0xE3 and following == 0x80:  # ideographic punctuation
        if last == 0x82:
            return _STOP | _OTHER
        return (_COMMA if last == 0x81 else 0) | _OTHER
    if code == 0xEF and following == 0xBC and last < 0x90:  # fullwidth forms
        if last == 0x8C:
            return _COMMA | _OTHER
        return (_STOP if last in (0x81, 0x8E, 0x9F) else 0) | _OTHER
    if code == 0xC2 and following not in (0xAA, 0xB5, 0xBA):
        return _OTHER
    return kind


@inlined
def _is_common(key: np.uint64) -> bool:
    """Say whether a key is that of a common word."""
    slot = np.int64((key * _SPREAD) >> _SHIFT)
    while _COMMON[slot] and _COMMON[slot] != key:
        slot = (slot + 1) & (_COMMON_SLOTS - 1)
    return bool(_COMMON[slot] == key)


@compiled
def measure_text(text: Bytes, start: int, end: int, row: Numbers) -> None:
    """Count what is in a block's text, into the block's row."""
    words = commas = sentences = long_words = common = others = continuations = 0
    tally = np.uint64(0)
    word_start = -1
    key = np.uint64(0)
    index = start
    while index < end:
        code: Any = text[index]
        kind = _KINDS[code] if code < 0x80 else _kind_of(text, index, end)
        others += (kind & _OTHER) >> 5
        continuations += code & 0xC0 == 0x80
        if kind & (_LETTER | _DIGIT):
            if word_start < 0:
                word_start = index
                words += 1
                key = np.uint64(0)
            key = key << np.uint64(8) | np.uint64(code | 0x20)
            tally += _TALLY[code]
            index += 1
            while index < end and _IS_PLAIN[text[index]]:
                key = key << np.uint64(8) | np.uint64(text[index] | 0x20)
                tally += _TALLY[text[index]]
                index += 1
            continue
        if code & 0xC0 != 0x80 and word_start >= 0:
            long_words += index - word_start >= _LONG_WORD
            common += index - word_start <= 8 and _is_common(key)
            word_start = -1
        commas += (kind & _COMMA) >> 3
        if kind & _STOP:
            sentences += code >= 0x80 or index + 1 == end or text[index + 1] <= 0x29
        index += 1
    if word_start >= 0:
        long_words += index - word_start >= _LONG_WORD
        common += index - word_start <= 8 and _is_common(key)
    row[_CHARS] = end - start - continuations
    row[_WORDS] = words
    row[_COMMAS] = commas
    row[_SENTENCES] = sentences
    row[_DIGITS] = tally & np.uint64(0xFFFFFFFF)
    row[_UPPERS] = tally >> np.uint64(32)
    row[_LONG_WORDS] = long_words
    row[_COMMON_WORDS] = common
    row[_OTHER_BYTES] = others


# kernels of: 3f1312defefba6f6
