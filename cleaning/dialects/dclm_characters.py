"""What a character is to the languages that the DCLM family is written in: Python and Rust.

One table of 32 bits a character: Word_Break in the low bits (`gristmill.cleaning.word_breaks`),
then what `str` methods say in Python, then what `char` methods and the `regex` crate say in Rust.
"""

import functools
import unicodedata
from typing import Final

import numba
import numpy as np

from gristmill.cleaning import word_breaks
from gristmill.cleaning.segments import Bytes, decode_character
from gristmill.cleaning.word_breaks import LAST_SCRIPTS, Points, Traits, parse_ranges

# Python: str.isspace and so on of one character; WORD is ``\w`` of `re`.
SPACE: Final = 1 << 6
ALNUM: Final = 1 << 7
ALPHA: Final = 1 << 8
UPPER: Final = 1 << 9
DIGIT: Final = 1 << 10
DECIMAL: Final = 1 << 11
NUMERIC: Final = 1 << 12
WORD: Final = 1 << 13
LOWER: Final = 1 << 18  # or title case: no part of an upper-case word
# Rust: char::is_whitespace, is_alphabetic, is_alphanumeric; ``\w`` of the regex crate.
WHITE_SPACE: Final = 1 << 14
ALPHABETIC: Final = 1 << 15
ALPHANUMERIC: Final = 1 << 16
REGEX_WORD: Final = 1 << 17

# For loops that look at three characters at a time: one that may stand before the first space
# (or hyphen) of a phrase, the space, and one that may stand after it. Shift the bits of the
# first by two and those of the second by one: they meet in the third's.
POLICY_BEFORE: Final = 1 << 19
POLICY_SPACE: Final = 1 << 20
POLICY_AFTER: Final = 1 << 21
DELETED_BEFORE: Final = 1 << 22
DELETED_SPACE: Final = 1 << 23
DELETED_AFTER: Final = 1 << 24
#: What fastText's tokenizer splits at.
SEPARATOR: Final = 1 << 25
#: ``{`` and the first letter of "javascript".
BANNED: Final = 1 << 26

NEWLINE: Final = 10

_MARKED: Final = (
    (POLICY_BEFORE, "SsYyEeMm\u017f"),
    (POLICY_SPACE, " "),
    (POLICY_AFTER, "OoPpCcIi\u0130\u0131"),
    (DELETED_BEFORE, "SsDdNn\u017f"),
    (DELETED_SPACE, " -"),
    (DELETED_AFTER, "IiMm\u0130\u0131"),
    (SEPARATOR, "\0\t\n\v\f\r "),
    (BANNED, "{Jj"),
)

#: Enclosed letters, which Unicode calls alphabetic and Python does not.
_ENCLOSED: Final = "24b6-24e9 1f130-1f149 1f150-1f169 1f170-1f189"
#: Marks within these ranges are not alphabetic; all other marks are (Unicode, Alphabetic).
_PLAIN_MARKS: Final = (
    "300-344 346-362 483-5af 658 6df-6e0 6ea-6ec 740-74a 7eb-7fd 818-819 82d-8d3 8e0-8e1 8ea-8ef "
    "93c 94d 951-954 9bc 9cd 9fe a3c a4d abc acd afd-aff b3c b4d-b55 bcd c3c c4d cbc ccd d3b-d3c "
    "d4d dca e47-e4c e4e eba ec8-ecc f18-f3f f84-f87 fc6 1037 1039-103a 135d-135f 1714-1715 1734 "
    "17b4-17b5 17c9-180f 1939-193b 1a60 1a75-1abe 1ac1-1acb 1b34 1b44-1b73 1baa-1bab 1be6 "
    "1bf2-1bf3 1c37-1dd2 1df5-2d7f 302a-a672 a67c-a67d a6f0-a6f1 a806 a82c a8c4 a8e0-a8f1 "
    "a92b-a92d a953 a9b3 a9c0 aabf-aac1 aaf6 abec-abed fe00-102e0 10a38-10ae6 10f46-10f85 "
    "11046-11070 1107f 110b9-110ba 11133-11134 11173 111c0-111cc 11235-11236 112e9-112ea "
    "1133b-1133c 1134d 11366-11374 11442 11446-1145e 114c2-114c3 115bf-115c0 1163f 116b6-116b7 "
    "1172b 11839-1183a 1193d-1193e 11943 119e0 11a33-11a34 11a47 11a98-11a99 11c3f 11d42 "
    "11d44-11d45 11d97 16af0-16b36 16fe4 1bc9d 1cf00-1daaf 1e130-1e946 1e948-e01ef"
)


def _describe(code: int) -> int:
    """Collect the bits of one character; of the marks, as if all were alphabetic."""
    character = chr(code)
    category = unicodedata.category(character)
    bits = SPACE * character.isspace() | ALPHA * character.isalpha() | UPPER * character.isupper()
    bits |= ALNUM * character.isalnum() | DIGIT * character.isdigit()
    bits |= DECIMAL * character.isdecimal() | NUMERIC * character.isnumeric()
    bits |= WORD * (character.isalnum() or character == "_")
    bits |= LOWER * (character.islower() or category == "Lt")
    bits |= WHITE_SPACE * (character.isspace() and not 0x1C <= code <= 0x1F)
    alphabetic = category[0] in "LM" or category == "Nl"
    bits |= ALPHABETIC * alphabetic | ALPHANUMERIC * (alphabetic or category[0] == "N")
    in_word = alphabetic or category in ("Nd", "Pc")
    return bits | REGEX_WORD * (in_word or code in (0x200C, 0x200D))


@functools.cache
def trait_table() -> Traits:
    """Tabulate what every character is, shape (TABLE_SIZE + 1,), uint32, read-only."""
    table = word_breaks.break_table().copy()
    table[:LAST_SCRIPTS] |= np.fromiter(map(_describe, range(LAST_SCRIPTS)), np.uint32)
    marks = np.fromiter(
        (unicodedata.category(chr(code))[0] == "M" for code in range(LAST_SCRIPTS)), np.bool_
    )
    for first, last in parse_ranges(_PLAIN_MARKS):
        plain = table[first : min(last + 1, LAST_SCRIPTS)]
        plain[marks[first : last + 1]] &= ~np.uint32(ALPHABETIC | ALPHANUMERIC)
    for first, last in parse_ranges(_ENCLOSED):
        table[first : last + 1] |= np.uint32(ALPHABETIC | ALPHANUMERIC | REGEX_WORD)
    for bit, marked in _MARKED:
        table[[ord(character) for character in marked]] |= np.uint32(bit)
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True, _nrt=False)
def decode_points(data: Bytes, start: int, end: int, points: Points) -> int:
    """Write the code points of ``data[start:end]``; returns how many there are."""
    position, count = start, 0
    while position < end:
        if data[position] < 0x80:
            points[count] = data[position]
            position += 1
        else:
            point, width = decode_character(data, position, end)
            points[count] = point
            position += width
        count += 1
    return count


def encode_points(points: Points) -> str:
    """Make a text of code points."""
    return points.astype("<i4").tobytes().decode("utf-32-le", "surrogatepass")


# kernels of: 8597b4cc5c0b28ef
