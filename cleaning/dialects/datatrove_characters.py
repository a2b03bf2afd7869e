"""What a character is to datatrove 0.10.1 and to the English tokenizer of spaCy 3.8 beneath it.

Classes are stated by Unicode category where that is what they are, with the
characters that are left out because spaCy's lists are older than Unicode 15.
"""

import functools
import unicodedata
from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import character_classes

ClassTable = npt.NDArray[np.uint32]

# One bit each. White space, lines and sentences:
SPACE: Final = 1 << 0
LINE_BREAK: Final = 1 << 1  # where `str.splitlines` cuts
LINE_END: Final = 1 << 2  # datatrove's terminal punctuation
SENTENCE_END: Final = 1 << 3  # the marks of spaCy's sentencizer
# What words are made of:
ALPHABETIC: Final = 1 << 4  # `str.isalpha`
SYMBOL: Final = 1 << 5  # datatrove's punctuation: a word of these alone is no word
PUNCTUATION: Final = 1 << 6  # Unicode category P
# spaCy's own classes:
LETTER: Final = 1 << 7
LOWER: Final = 1 << 8
UPPER: Final = 1 << 9
DIGIT: Final = 1 << 10  # 0-9
PREFIX: Final = 1 << 11  # split off in front
SUFFIX: Final = 1 << 12  # split off behind
QUOTE: Final = 1 << 13
ICON: Final = 1 << 14
BEFORE_STOP: Final = 1 << 15  # a full stop after it is a token of its own
# In addresses:
DECIMAL: Final = 1 << 16  # ``\d``
WORD: Final = 1 << 17  # ``\w``
HOST: Final = 1 << 18
#: A run without any of these and without digits is one token, unless it is an exception.
ACTIVE: Final = 1 << 19
#: Letters whose line needs a closer look: ``[`` may open a citation; j, and K for Kelvin.
CITATION: Final = 1 << 20
LETTER_J: Final = 1 << 21
KELVIN: Final = 1 << 22

TABLE_SIZE: Final = 0x40000

#: Letters that spaCy takes for lower and for upper case at once: scripts without case.
_UNCASED: Final = (
    "591-5f4 620-64a 66e-6d5 6e5-6ff 750-77f 8a0-8bd 900-9ff b80-cff d80-dff 1100-137f 2e80-2fdf "
    "2ff0-30ff 31c0-31ef 3200-4dbf 4e00-9fff ac00-d7af f900-faff fb1d-fbb1 fbd3-fd3d fd50-fdc7 "
    "fdf0-fdfb fe30-fe4f fe70-fefc 1ee00-1eebb 1f200-1f2ff 20000-2a6df 2a700-2ebef 2f800-2fa1f"
)
#: Letters that are of lower or of upper case by their category.
_CASED: Final = (
    "41-5a 61-7a c0-d6 d8-f6 f8-1bf 1c4-2af 386 388-38a 38c 38e-38f 391-3a9 3ac-3af 3b1-3c9 "
    "3cc-3ce 400-401 403-40a 40c-40d 410-451 453-45a 45c-45d 490-491 496-497 4a2-4a3 4ae-4af "
    "4ba-4bb 4d8-4d9 4e8-4e9 1d00-1d25 1d6b-1d77 1d79-1d9a 1e00-1eff 2c60-2c7b 2c7e-2c7f "
    "a722-a76f a771-a787 a78b-a78e a790-a7b9 a7fa ab30-ab5a ab60-ab64 ff21-ff3a ff41-ff5a"
)
#: Other symbols (category So) that spaCy's list of icons lacks.
_NO_ICONS: Final = (
    "166d 2b97 2bc9 2bff 2e50-2e51 32ff fd40-fd4f fdcf fdfe-fdff 1019c 11fd5-11fdc 11fe1-11ff1 "
    "1cf50-1cfc3 1d1e9-1d1ea 1e14f 1ed2e 1f10d-1f10f 1f16c-1f16f 1f1ad 1f6d5-1f6d7 1f6dd-1f6df "
    "1f6fa-1f6fc 1f7e0-1f7eb 1f7f0 1f8b0-1f8b1 1f90c-1f90f 1f93f 1f971-1f972 1f977-1f979 1f97b "
    "1f9a3-1f9af 1f9ba-1f9bf 1f9c3-1f9cf 1fa00-1fa53 1fa70-1fbca"
)
#: Sentence terminals of Unicode that spaCy's sentencizer lacks.
_NO_SENTENCE_ENDS: Final = (
    "2026 61d-61e 837 839 83d-83e 17d4-17da 1b7d-1b7e 2e53-2e54 10f55-10f59 10f86-10f89 11944 "
    "11946 11ef7-11ef8 11f43-11f44 16e98"
)
_QUOTES: Final = "\"',`\u00ab\u00b4\u00bb" + "".join(
    chr(code)
    for first, last in ((0x2018, 0x201A), (0x201C, 0x201E), (0x2329, 0x232A), (0x27E6, 0x27E7),
                        (0x3008, 0x3011), (0x3014, 0x3015), (0xFF08, 0xFF09))
    for code in range(first, last + 1)
)  # fmt: skip
_PUNCTUATION: Final = (
    "!#&()*,:;<>?[]_{}\u00a1\u00b7\u00bf\u060c\u061b\u061f\u066a\u06d4\u0964\u2026"
    "\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f\uff5e"
)
_DASHES: Final = "\u2013\u2014"
_CURRENCY: Final = "$\u00a3\u00a5\u0e3f\ufdfc" + "".join(map(chr, range(0x20A0, 0x20C0)))
_BEFORE_STOP: Final = "0123456789%\u00b2-+|"
#: Marks that matter inside a run only: spaCy's infixes and addresses.
_INNER: Final = ".-~/+^"
_LINE_BREAKS: Final = "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
#: datatrove's punctuation beyond terminal punctuation and ASCII.
_SYMBOLS: Final = (
    "7f-9f ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001 3008-300d 3010-3011 ff05 "
    "ff08-ff09 ff0c ff11 ff1a-ff1b ff5e"
)


def _parse_ranges(text: str) -> npt.NDArray[np.int64]:
    bounds = (item.partition("-") for item in text.split())
    spans = (range(int(first, 16), int(last or first, 16) + 1) for first, _, last in bounds)
    return np.array([code for span in spans for code in span], np.int64)


def _add_bits(table: ClassTable, characters: str, bits: int) -> None:
    table[[ord(character) for character in characters]] |= np.uint32(bits)


def _character_bits(code: int) -> int:
    """Bits that the interpreter's Unicode tables give."""
    character = chr(code)
    category = unicodedata.category(character)
    bits = SPACE * character.isspace() | ALPHABETIC * character.isalpha()
    bits |= PUNCTUATION * category.startswith("P") | ICON * (category == "So")
    bits |= DECIMAL * character.isdecimal() | WORD * (character.isalnum() or character == "_")
    return bits | HOST * (0xA1 <= code <= 0xFFFF)


def _add_letters(table: ClassTable) -> None:
    categories = [unicodedata.category(chr(code)) for code in range(0x10000)]
    table[_parse_ranges(_UNCASED)] |= np.uint32(LETTER | LOWER | UPPER)
    for code in _parse_ranges(_CASED):
        # U+0294 is no cased letter to Unicode any more; U+03A2 is none at all.
        lower = categories[code] == "Ll" or code == 0x294
        upper = categories[code] == "Lu" or code == 0x3A2
        table[code] |= np.uint32(LETTER | LOWER * lower | UPPER * upper)


def _add_marks(table: ClassTable) -> None:
    table[_parse_ranges(_NO_ICONS)] &= np.uint32(~ICON & 0xFFFFFFFF)
    _add_bits(table, _QUOTES, PREFIX | SUFFIX | QUOTE | BEFORE_STOP)
    _add_bits(table, _PUNCTUATION, PREFIX | SUFFIX | BEFORE_STOP)
    _add_bits(table, _DASHES, PREFIX | SUFFIX)
    _add_bits(table, "\u00a7%=" + _CURRENCY, PREFIX)
    _add_bits(table, _BEFORE_STOP, BEFORE_STOP)
    table[table & ICON != 0] |= np.uint32(PREFIX | SUFFIX)
    table[table & LOWER != 0] |= np.uint32(BEFORE_STOP)
    table[table & (PREFIX | SUFFIX) != 0] |= np.uint32(ACTIVE)
    _add_bits(table, _INNER, ACTIVE)


def _add_terminals(table: ClassTable) -> None:
    terminal = character_classes.class_table() & character_classes.TERMINAL != 0
    terminal[0x2026] = False
    terminal[[0x17D6, 0x17D9, 0x17DA]] = True
    table[terminal] |= np.uint32(LINE_END | SENTENCE_END | SYMBOL)
    table[_parse_ranges(_NO_SENTENCE_ENDS)] &= np.uint32(~SENTENCE_END & 0xFFFFFFFF)
    ascii_marks = [code for code in range(0x21, 0x7F) if not chr(code).isalnum()]
    controls = [code for code in range(0x20) if code not in (0x09, 0x0A)]
    for codes in (ascii_marks, controls, _parse_ranges(_SYMBOLS)):
        table[codes] |= np.uint32(SYMBOL)


@functools.cache
def class_table() -> ClassTable:
    """Tabulate what every character is.

    Returns:
        Shape (TABLE_SIZE + 1,), dtype uint32, read-only. The last entry stands for
        all characters from U+40000 on.
    """
    table = np.zeros(TABLE_SIZE + 1, np.uint32)
    table[:-1] = np.fromiter(map(_character_bits, range(TABLE_SIZE)), np.uint32, TABLE_SIZE)
    _add_letters(table)
    _add_marks(table)
    _add_terminals(table)
    _add_bits(table, _LINE_BREAKS, LINE_BREAK)
    digits, letters = "0123456789", "".join(map(chr, (*range(65, 91), *range(97, 123))))
    _add_bits(table, digits, DIGIT)
    _add_bits(table, digits + letters, HOST)
    _add_bits(table, "[", CITATION)
    _add_bits(table, "jJ", LETTER_J)
    _add_bits(table, "\u212a", KELVIN)
    table.flags.writeable = False
    return table
