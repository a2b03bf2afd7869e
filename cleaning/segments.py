r"""Characters, words and sentence boundaries: the segmentation that every ratio depends on.

The reference word is a Unicode word segment with a letter or digit (UAX #29),
with three simplifications, each of which keeps a word a matter of local context:

* A letter of a script written without spaces (Han, kana, Thai, Lao, Khmer,
  Myanmar, Tai scripts) is a word of its own, with the marks that follow it. UAX #29
  joins katakana; only a dictionary could do better for the others.
* The Hebrew quotation rules (WB7a-c) are left out.
* U+202F, the narrow no-break space, separates words like every other space.

Letters, digits and connector punctuation join; marks and format characters (but
not U+200B) belong to the word before them; ``: .`` and their kin join two letters,
``, .`` and theirs two digits. Which characters are letters is the interpreter's
`unicodedata`: part of the environment that a lock file pins. Characters from
U+40000 on (variation selectors, tags, private use) are never part of a word.

All kernels read UTF-8 bytes by position and never past the `end` they are given. They
leave loops by their condition and not by `break`: numba then sees that no reference to
an array need be counted, which is three quarters of the time where it does not.
"""

import functools
import unicodedata
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
ClassTable = npt.NDArray[np.uint16]

# What a character does in a word: the low four bits of its entry in the class table.
KIND_MASK: Final = 15
KIND_OTHER: Final = 0
KIND_LETTER: Final = 1
KIND_DIGIT: Final = 2
KIND_JOINER: Final = 3
KIND_SINGLE: Final = 4
KIND_MARK: Final = 5
KIND_MID_LETTER: Final = 6
KIND_MID_DIGIT: Final = 7
KIND_MID_ANY: Final = 8

# What else is true of it: one bit each.
SPACE: Final = 1 << 4
TERMINAL: Final = 1 << 5
WIDE_TERMINAL: Final = 1 << 6
LOWER: Final = 1 << 7
CLOSER: Final = 1 << 8
LETTER: Final = 1 << 9
ALNUM: Final = 1 << 10
LETTER_J: Final = 1 << 11
LINE_FINAL: Final = 1 << 12
SYMBOL: Final = 1 << 13

# Where the reader stands between two sentences.
INSIDE: Final = 0
AFTER_MARK: Final = 1
AFTER_SPACE: Final = 2
AFTER_WIDE_MARK: Final = 3

NEWLINE: Final = 10
TABLE_SIZE: Final = 0x40000

# UAX #29, Word_Break = MidLetter, MidNum, and MidNumLet with Single_Quote.
_MID_LETTER: Final = ":\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a"
_MID_DIGIT: Final = (
    ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
)
_MID_ANY: Final = ".'\u2018\u2019\u2024\ufe52\uff07\uff0e"

# Scripts written without spaces between words, as ranges of Unicode blocks.
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # CJK radicals
    (0x3005, 0x3007),  # ideographic iteration mark and zero
    (0x3021, 0x303C),  # Hangzhou numerals
    (0x3041, 0x30FF),  # hiragana, katakana
    (0x31F0, 0x31FF),  # katakana extensions
    (0x3400, 0x4DBF),  # CJK extension A
    (0x4E00, 0x9FFF),  # CJK unified ideographs
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAADF),  # Myanmar extended A, Tai Viet
    (0xF900, 0xFAFF),  # CJK compatibility ideographs
    (0xFF66, 0xFF9F),  # halfwidth katakana
    (0x1AFF0, 0x1B16F),  # kana extensions
    (0x20000, 0x3FFFF),  # CJK extensions B and later
)

# Unicode 15, property Sentence_Terminal, as ranges.
_SENTENCE_TERMINAL: Final = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 "
    "166e 1735-1736 17d4-17d5 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e "
    "1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 "
    "a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe52 fe56-fe57 ff01 ff0e ff1f "
    "ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 "
    "111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 "
    "11641-11642 1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 "
    "11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44 16e98 1bc9f 1da88"
)
_ELLIPSIS: Final = "\u2026"
#: Marks after which the next sentence needs no space.
_WIDE_TERMINAL: Final = "\u3002\uff01\uff1f\uff61"
#: Quotation marks that may stand between the end of a sentence and the end of its line.
_QUOTES: Final = "\"'\u2019\u201d"

#: What some rule counts or looks at outside words.
_SYMBOLS: Final = "#{[." + _ELLIPSIS

_HASH_SEED: Final = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits
_HASH_PRIME: Final = np.uint64(0x00000100000001B3)
_SHIFT: Final = np.uint64(32)
_MIX_FACTOR: Final = np.uint64(0xD6E8FEB86659FD93)  # Mulvey's 64-bit finaliser


_LETTER_ENTRY: Final = KIND_LETTER | LETTER | ALNUM
#: General category to entry of the class table; exceptions follow in `class_table`.
_CATEGORY_ENTRIES: Final = {
    "Lu": _LETTER_ENTRY,
    "Ll": _LETTER_ENTRY | LOWER,
    "Lt": _LETTER_ENTRY,
    "Lm": _LETTER_ENTRY,
    "Lo": _LETTER_ENTRY,
    "Nl": _LETTER_ENTRY,
    "Nd": KIND_DIGIT | ALNUM,
    "No": KIND_DIGIT | ALNUM,
    "Mn": KIND_MARK,
    "Mc": KIND_MARK,
    "Me": KIND_MARK,
    "Cf": KIND_MARK,
    "Pc": KIND_JOINER,
    "Pe": CLOSER,
    "Pf": CLOSER,
    "Zs": SPACE,
    "Zl": SPACE,
    "Zp": SPACE,
}


def _parse_ranges(text: str) -> tuple[tuple[int, int], ...]:
    bounds = (item.partition("-") for item in text.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in bounds)


def _add_bits(table: ClassTable, characters: str, bits: int) -> None:
    table[[ord(character) for character in characters]] |= np.uint16(bits)


def _set_kind(table: ClassTable, characters: str, kind: int) -> None:
    places = [ord(character) for character in characters]
    table[places] = table[places] & ~np.uint16(KIND_MASK) | np.uint16(kind)


@functools.cache
def class_table() -> ClassTable:
    """Tabulate what every character is: its kind in a word, and its bits.

    Returns:
        Shape (TABLE_SIZE + 1,), dtype uint16, read-only. The last entry stands for
        all characters from U+40000 on.
    """
    table = np.zeros(TABLE_SIZE + 1, np.uint16)
    table[:-1] = np.fromiter(
        (_CATEGORY_ENTRIES.get(unicodedata.category(chr(code)), 0) for code in range(TABLE_SIZE)),
        np.uint16,
        TABLE_SIZE,
    )
    for first, last in _UNSPACED:
        block = table[first : last + 1]
        block[block & KIND_MASK == KIND_LETTER] += np.uint16(KIND_SINGLE - KIND_LETTER)
    for first, last in _parse_ranges(_SENTENCE_TERMINAL):
        table[first : last + 1] |= np.uint16(TERMINAL | LINE_FINAL)
    _set_kind(table, "\u200b", KIND_OTHER)
    _set_kind(table, _MID_LETTER, KIND_MID_LETTER)
    _set_kind(table, _MID_DIGIT, KIND_MID_DIGIT)
    _set_kind(table, _MID_ANY, KIND_MID_ANY)
    _add_bits(table, "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85", SPACE)
    _add_bits(table, _QUOTES, CLOSER | LINE_FINAL)
    _add_bits(table, _ELLIPSIS, TERMINAL | LINE_FINAL)
    _add_bits(table, _WIDE_TERMINAL, WIDE_TERMINAL)
    _add_bits(table, "jJ", LETTER_J)
    _add_bits(table, _SYMBOLS, SYMBOL)
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True)
def decode_character(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Decode the UTF-8 character at `start`.

    Returns:
        (code point, bytes). A character cut off by `end` is U+FFFD.
    """
    lead = np.int64(data[start])
    if lead < 0x80:
        return lead, 1
    if lead < 0xE0:
        width, code_point = 2, lead & 0x1F
    elif lead < 0xF0:
        width, code_point = 3, lead & 0x0F
    else:
        width, code_point = 4, lead & 0x07
    if start + width > end:
        return 0xFFFD, end - start
    for position in range(start + 1, start + width):
        code_point = code_point << 6 | np.int64(data[position]) & 0x3F
    return code_point, width


@numba.njit(cache=True, nogil=True)
def classify_character(classes: ClassTable, code_point: int) -> int:
    """Look up the kind and the bits of a character."""
    return np.int64(classes[min(code_point, TABLE_SIZE)])


@numba.njit(cache=True, nogil=True)
def mix_hash(value: np.uint64) -> np.uint64:
    """Spread every input bit over 64 bits (Mulvey 2016)."""
    value = (value ^ (value >> _SHIFT)) * _MIX_FACTOR
    value = (value ^ (value >> _SHIFT)) * _MIX_FACTOR
    return value ^ (value >> _SHIFT)


@numba.njit(cache=True, nogil=True)
def extend_hash(state: np.uint64, value: np.uint64) -> np.uint64:
    """Append a value to a running hash (FNV-1a over whole values)."""
    return (state ^ value) * _HASH_PRIME


@numba.njit(cache=True, nogil=True)
def start_hash() -> np.uint64:
    """Give the state of a running hash before the first value."""
    return _HASH_SEED


@numba.njit(cache=True, nogil=True)
def _joins_next(
    data: Bytes, start: int, end: int, classes: ClassTable, kind: int, last: int
) -> bool:
    """Tell whether a mid-word mark stands between two letters or two digits."""
    following = KIND_OTHER
    if start < end:
        code_point, _ = decode_character(data, start, end)
        following = classify_character(classes, code_point) & KIND_MASK
    letters = following == KIND_LETTER and kind != KIND_MID_DIGIT
    digits = following == KIND_DIGIT and kind != KIND_MID_LETTER
    return following == last and (letters or digits)


@numba.njit(cache=True, nogil=True)
def scan_word(
    data: Bytes, start: int, end: int, classes: ClassTable
) -> tuple[int, np.uint64, int, int]:
    """Read the segment that begins with the letter, digit or joiner at `start`.

    Returns:
        (byte after it, 64-bit hash, code points, union of the bits of its characters).
        It is a word if the union holds `ALNUM`; else it is a run of joiners.
    """
    position, chars, seen, last, inside = start, 0, 0, KIND_OTHER, True
    state = start_hash()
    while inside and position < end:
        code_point, width = decode_character(data, position, end)
        bits = classify_character(classes, code_point)
        kind = bits & KIND_MASK
        if kind > KIND_MARK:
            inside = _joins_next(data, position + width, end, classes, kind, last)
        elif kind != KIND_MARK:
            inside = kind != KIND_OTHER and (
                chars == 0 or (kind != KIND_SINGLE and last != KIND_SINGLE)
            )
            last = kind
        if inside:
            seen |= bits
            state = extend_hash(state, np.uint64(code_point))
            chars += 1
            position += width
    return position, mix_hash(state), chars, seen


@numba.njit(cache=True, nogil=True)
def next_boundary(boundary: int, bits: int, after_initial: bool) -> int:
    """Move between sentences over one character that is not part of a word.

    A sentence ends with a terminal mark, closing quotes and brackets, and a space;
    wide marks need no space. A mark right after a word of one letter ends nothing:
    it is an initial or the end of an abbreviation such as ``e.g.``

    Args:
        boundary: where the reader stood (`INSIDE` and so on).
        bits: bits of the character.
        after_initial: whether the character stands right after a word of one letter.
    """
    if boundary == AFTER_WIDE_MARK or bits & WIDE_TERMINAL:
        return AFTER_WIDE_MARK
    if bits & TERMINAL:
        return INSIDE if after_initial else AFTER_MARK
    if bits & SPACE:
        return AFTER_SPACE if boundary == AFTER_MARK else boundary
    if bits & CLOSER or boundary == AFTER_SPACE:
        return boundary
    return INSIDE


@numba.njit(cache=True, nogil=True)
def opens_sentence(boundary: int, bits: int) -> bool:
    """Tell whether a word opens a sentence: not in lower case, after the end of another."""
    return boundary == AFTER_WIDE_MARK or (boundary == AFTER_SPACE and not bits & LOWER)


@numba.njit(cache=True, nogil=True)
def _find_bounds(data: Bytes, classes: ClassTable) -> npt.NDArray[np.int64]:
    bounds = np.empty((data.size, 2), np.int64)
    count, position = 0, 0
    while position < data.size:
        code_point, width = decode_character(data, position, data.size)
        kind = classify_character(classes, code_point) & KIND_MASK
        if KIND_LETTER <= kind <= KIND_SINGLE:
            after, _, _, seen = scan_word(data, position, data.size, classes)
            if seen & ALNUM:
                bounds[count, 0] = position
                bounds[count, 1] = after
                count += 1
            position = after
        else:
            position += width
    return bounds[:count]


def split_words(text: str) -> list[str]:
    """Split a text into reference words, in order.

    Works on one text for people, tests and `explain`; stages use
    `gristmill.cleaning.text_signals.measure`, which never builds the words.
    """
    data = np.frombuffer(text.encode("utf-8") or b" ", np.uint8)
    payload = data.tobytes()
    return [
        payload[first:after].decode("utf-8") for first, after in _find_bounds(data, class_table())
    ]
