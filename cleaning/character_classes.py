"""What every Unicode character is to the scan: its kind in a word, and its other traits.

Which characters are letters is the interpreter's `unicodedata`: part of the
environment that a lock file pins. Characters from U+40000 on (variation selectors,
tags, private use) are never part of a word.
"""

import functools
import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

ClassTable = npt.NDArray[np.uint32]

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
UPPER: Final = 1 << 14
#: A letter of a script whose words a dictionary tells apart.
DICTIONARY: Final = 1 << 15
#: Whether the character has a tally; `TALLY_SHIFT` says where the number stands.
TALLIED: Final = 1 << 16
TALLY_SHIFT: Final = 20
TALLY_MASK: Final = 15

# What a character is counted as, each as one of these; lower case, marks and space as none.
TALLY_UPPER: Final = 1
TALLY_ASCII_DIGIT: Final = 2
TALLY_OTHER_DIGIT: Final = 3
TALLY_PUNCTUATION: Final = 4
TALLY_TECHNICAL_BRACKET: Final = 5
TALLY_OTHER_BRACKET: Final = 6
TALLY_SLASH: Final = 7
TALLY_TECHNICAL_SYMBOL: Final = 8
TALLY_SYMBOL: Final = 9
TALLY_EMOJI: Final = 10
TALLY_REPLACEMENT: Final = 11
TALLY_CONTROL: Final = 12
TALLY_OTHER: Final = 13
TALLIES: Final = 14

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

# Those of them whose words a dictionary tells apart: all but the Tai scripts.
_IN_DICTIONARY: Final = tuple(
    block for block in _UNSPACED if block[0] not in (0x1950, 0x1A20, 0xAA60)
)
_MYANMAR_EXTENDED_A: Final = (0xAA60, 0xAA7F)

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
_SYMBOLS: Final = "#{[.:" + _ELLIPSIS

#: General category, or its first letter, to what the character is counted as.
_CATEGORY_TALLIES: Final = {
    "Lu": TALLY_UPPER,
    "Nd": TALLY_OTHER_DIGIT,
    "P": TALLY_PUNCTUATION,
    "S": TALLY_SYMBOL,
    "Cc": TALLY_CONTROL,
    "C": TALLY_OTHER,
}
_CHARACTER_TALLIES: Final = {
    "0123456789": TALLY_ASCII_DIGIT,
    "(){}": TALLY_TECHNICAL_BRACKET,
    "[]\u27e8\u27e9": TALLY_OTHER_BRACKET,
    "/": TALLY_SLASH,
    "+>": TALLY_TECHNICAL_SYMBOL,
    "\ufffd": TALLY_REPLACEMENT,
}
#: Regional indicators, pictographs, miscellaneous symbols and dingbats.
_EMOJI: Final = ((0x2600, 0x27BF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1FAFF))

_LETTER_ENTRY: Final = KIND_LETTER | LETTER | ALNUM
#: General category to entry of the class table; exceptions follow in `class_table`.
_CATEGORY_ENTRIES: Final = {
    "Lu": _LETTER_ENTRY | UPPER,
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
    table[[ord(character) for character in characters]] |= np.uint32(bits)


def _set_kind(table: ClassTable, characters: str, kind: int) -> None:
    places = [ord(character) for character in characters]
    table[places] = table[places] & ~np.uint32(KIND_MASK) | np.uint32(kind)


def _add_tallies(table: ClassTable, categories: list[str]) -> None:
    """Say what each character is counted as; space must be known already."""
    tallies = np.array(
        [_CATEGORY_TALLIES.get(name, _CATEGORY_TALLIES.get(name[0], 0)) for name in categories],
        np.uint32,
    )
    for first, last in _EMOJI:
        block = tallies[first : last + 1]
        block[block == TALLY_SYMBOL] = TALLY_EMOJI
    for characters, tally in _CHARACTER_TALLIES.items():
        tallies[[ord(character) for character in characters]] = tally
    tallies[table & SPACE != 0] = 0
    table |= tallies << np.uint32(TALLY_SHIFT)
    table[tallies != 0] |= np.uint32(TALLIED)


def _mark_unspaced(table: ClassTable) -> None:
    for first, last in _UNSPACED:
        block = table[first : last + 1]
        block[block & KIND_MASK == KIND_LETTER] += np.uint32(KIND_SINGLE - KIND_LETTER)
    for first, last in (*_IN_DICTIONARY, _MYANMAR_EXTENDED_A):
        block = table[first : last + 1]
        block[block & KIND_MASK == KIND_SINGLE] |= np.uint32(DICTIONARY)


@functools.cache
def class_table() -> ClassTable:
    """Tabulate what every character is: its kind in a word, and its bits.

    Returns:
        Shape (TABLE_SIZE + 1,), dtype uint32, read-only. The last entry stands for
        all characters from U+40000 on.
    """
    categories = [unicodedata.category(chr(code)) for code in range(TABLE_SIZE)] + ["Cn"]
    table = np.array([_CATEGORY_ENTRIES.get(name, 0) for name in categories], np.uint32)
    _mark_unspaced(table)
    for first, last in _parse_ranges(_SENTENCE_TERMINAL):
        table[first : last + 1] |= np.uint32(TERMINAL | LINE_FINAL)
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
    _add_tallies(table, categories)
    table.flags.writeable = False
    return table
