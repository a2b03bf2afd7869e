"""Which script the letters of a text are of, in the codes of ISO 15924.

A letter's script is read from its name in the interpreter's `unicodedata`, part of the
environment that a lock file pins. Hiragana and Katakana, which Japanese mixes freely, are
one script here, ``Hrkt``. Letters that many scripts share, superscripts and marks have none.
"""

import functools
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.segments import Bytes, decode_character
from gristmill.cleaning.text_spans import Spans

#: The code of a text without letters.
NO_SCRIPT: Final = "Zyyy"

_TABLE_SIZE: Final = 0x40000
# The first words of letters' names, by script.
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ADLAM": "Adlm",
        "ARABIC": "Arab",
        "ARMENIAN": "Armn",
        "BALINESE": "Bali",
        "BATAK": "Batk",
        "BENGALI": "Beng",
        "BOPOMOFO": "Bopo",
        "BUGINESE": "Bugi",
        "CANADIAN": "Cans",
        "CHAKMA": "Cakm",
        "CHAM": "Cham",
        "CHEROKEE": "Cher",
        "CJK": "Hani",
        "COPTIC": "Copt",
        "CYRILLIC": "Cyrl",
        "DESERET": "Dsrt",
        "DEVANAGARI": "Deva",
        "ETHIOPIC": "Ethi",
        "GEORGIAN": "Geor",
        "GLAGOLITIC": "Glag",
        "GOTHIC": "Goth",
        "GREEK": "Grek",
        "GUJARATI": "Gujr",
        "GURMUKHI": "Guru",
        "HANGUL": "Hang",
        "HEBREW": "Hebr",
        "HENTAIGANA": "Hrkt",
        "HIRAGANA": "Hrkt",
        "IDEOGRAPHIC": "Hani",
        "JAVANESE": "Java",
        "KANNADA": "Knda",
        "KATAKANA": "Hrkt",
        "KAYAH": "Kali",
        "KHMER": "Khmr",
        "LAO": "Laoo",
        "LATIN": "Latn",
        "LEPCHA": "Lepc",
        "LIMBU": "Limb",
        "LISU": "Lisu",
        "MALAYALAM": "Mlym",
        "MANDAIC": "Mand",
        "MEETEI": "Mtei",
        "MONGOLIAN": "Mong",
        "MYANMAR": "Mymr",
        "NEW TAI LUE": "Talu",
        "NKO": "Nkoo",
        "NYIAKENG": "Hmnp",
        "OL CHIKI": "Olck",
        "ORIYA": "Orya",
        "OSAGE": "Osge",
        "SAMARITAN": "Samr",
        "SINHALA": "Sinh",
        "SUNDANESE": "Sund",
        "SYLOTI": "Sylo",
        "SYRIAC": "Syrc",
        "TAGALOG": "Tglg",
        "TAI LE": "Tale",
        "TAI THAM": "Lana",
        "TAI VIET": "Tavt",
        "TAMIL": "Taml",
        "TELUGU": "Telu",
        "THAANA": "Thaa",
        "THAI": "Thai",
        "TIBETAN": "Tibt",
        "TIFINAGH": "Tfng",
        "VAI": "Vaii",
        "YI": "Yiii",
    }
)
_WIDTHS: Final = ("FULLWIDTH ", "HALFWIDTH ")
# Letters by name, and common to scripts all the same (Unicode, property Script).
_COMMON: Final = frozenset("ーｰ\u0640〆")
#: All codes; their places are what the kernels count with.
SCRIPTS: Final = (NO_SCRIPT, *sorted(set(_NAMES.values())))
_LATIN: Final = SCRIPTS.index("Latn")

ScriptTable = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int32]


def _find_script(code_point: int) -> str:
    character = chr(code_point)
    if not unicodedata.category(character).startswith("L") or character in _COMMON:
        return NO_SCRIPT
    name = unicodedata.name(character, "")
    for width in _WIDTHS:
        name = name.removeprefix(width)
    words = name.replace("-", " ").split()
    for count in (1, 2, 3):
        found = _NAMES.get(" ".join(words[:count]))
        if found is not None:
            return found
    return NO_SCRIPT


@functools.cache
def script_table() -> ScriptTable:
    """Tabulate the script of every character: places in `SCRIPTS`, (0x40000,), read-only."""
    table = np.zeros(_TABLE_SIZE, np.uint8)
    numbers = {script: number for number, script in enumerate(SCRIPTS)}
    for code_point in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7B0, 0x20000)):
        table[code_point] = numbers[_find_script(code_point)]
    # Ideographs and syllables have names by number: looking at each would only take time.
    table[0x3400:0x4DC0] = table[0x4E00:0xA000] = table[0x20000:] = numbers["Hani"]
    table[0xAC00:0xD7A4] = numbers["Hang"]
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True)
def _count_scripts(data: Bytes, spans: Spans, table: ScriptTable, counts: Counts) -> None:
    for row in range(spans.starts.size):
        position, end, latin = spans.starts[row], spans.ends[row], 0
        while position < end:
            byte = data[position]
            if byte < 0x80:
                folded = byte | 0x20
                latin += (folded >= 97) & (folded <= 122)
                position += 1
            else:
                code_point, width = decode_character(data, position, end)
                script = table[code_point] if code_point < _TABLE_SIZE else 0
                counts[row, script] += 1
                position += width
        counts[row, _LATIN] += latin
        counts[row, 0] = 0


def count_scripts(data: Bytes, spans: Spans) -> Counts:
    """Count the letters of each piece by script.

    Args:
        data: UTF-8 bytes, read-only.
        spans: n pieces.

    Returns:
        (n, scripts) int32, in the order of `SCRIPTS`; the first column, of letters
        without a script, is 0.
    """
    counts = np.zeros((len(spans.starts), len(SCRIPTS)), np.int32)
    _count_scripts(data, spans, script_table(), counts)
    return counts


# kernels of: 51f57a54002628b9
