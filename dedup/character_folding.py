"""What each Unicode code point becomes when a text is normalised for comparison.

FineWeb's normalisation (arXiv:2406.17557): lower case, punctuation to a space,
canonical decomposition (NFD) and combining marks stripped; its last rule, digits to
``0``, is left to those who hash the words (`gristmill.dedup.shingling`). The rules
are worked out once per process, into one table over all code points, so that
kernels need a single look-up per character.

Where FineWeb is silent or works on whole strings, the table decides:

* everything that is neither letter, number nor mark separates words (FineWeb
  names its punctuation one by one; symbols and emoji are treated alike here);
* format characters (soft hyphen, joiners) vanish, only ZERO WIDTH SPACE separates;
* final sigma is folded into sigma, so that folding needs no context;
* decimal digits of all scripts become ASCII digits.
"""

import functools
import unicodedata
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

#: Names this table wherever signatures are recorded; the Unicode version is part of it.
FOLDING: Final = f"fineweb-nfd-ucd{unicodedata.unidata_version}"

#: Table values: a code point, or one of these, or a row of `expansions`.
SEPARATOR: Final = 0
REMOVED: Final = 0xFFFFFFFF
UNSPACED_FLAG: Final = 1 << 24  # the code point is a word of its own
EXPANDED_FLAG: Final = 1 << 25  # the low bits are a row of `expansions`
CODE_POINT_MASK: Final = (1 << 21) - 1

CODE_POINTS: Final = 0x110000
EXPANSION_WIDTH: Final = 4  # the longest canonical decomposition without its marks, and one spare
_HANGUL: Final = (0xAC00, 0xD7A4)

#: Code points worth a look: from here to the tags of plane 14 nothing is assigned.
_LAST_ASSIGNED = 0x33480
_PLANE_14 = (0xE0000, 0xE01F0)  # tags and variation selectors

#: Ideographs, which neither have case nor decompose: too many to look up one by one.
_IDEOGRAPHS = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x2F800), (0x30000, _LAST_ASSIGNED))

#: Blocks of scripts that are written without spaces (Unicode 15, Blocks.txt).
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0F00),  # Thai, Lao
    (0x1000, 0x10A0),  # Myanmar
    (0x1780, 0x1800),  # Khmer
    (0x1980, 0x19E0),  # New Tai Lue
    (0x1A20, 0x1AB0),  # Tai Tham
    (0x1B00, 0x1B80),  # Balinese
    (0x2E80, 0x2FE0),  # CJK and Kangxi radicals
    (0x3000, 0x3130),  # CJK symbols, Hiragana, Katakana, Bopomofo
    (0x31A0, 0x3200),  # Bopomofo extended, CJK strokes, Katakana extensions
    (0x3400, 0x4DC0),  # CJK extension A
    (0x4E00, 0xA4D0),  # CJK, Yi
    (0xA980, 0xAA00),  # Javanese, Myanmar extended B
    (0xAA60, 0xAAE0),  # Myanmar extended A, Tai Viet
    (0xF900, 0xFB00),  # CJK compatibility ideographs
    (0xFF66, 0xFFA0),  # half-width Katakana
    (0x16FE0, 0x18D80),  # Tangut, Khitan
    (0x1AFF0, 0x1B300),  # Kana extensions, Nushu
    (0x20000, _LAST_ASSIGNED),  # CJK extensions
)


class FoldingTable(NamedTuple):
    """What kernels look up.

    Attributes:
        actions: shape (0x110000,), uint32: a code point, `SEPARATOR`, `REMOVED`, or
            a row of `expansions` with `EXPANDED_FLAG`; `UNSPACED_FLAG` may be added.
        expansions: shape (rows, 4), uint32: code points, then zeros.
    """

    actions: npt.NDArray[np.uint32]
    expansions: npt.NDArray[np.uint32]


def is_unspaced(code_point: int) -> bool:
    """Tell whether a code point lies in a block of a script written without spaces."""
    return any(first <= code_point < end for first, end in _UNSPACED_BLOCKS)


def _fold_decomposed(character: str) -> str | None:
    """Fold one code point of an NFD text; None where it separates words."""
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category[0] in "LN" or category == "Mc":
        return "σ" if character == "ς" else character
    if category in ("Mn", "Me") or (category == "Cf" and character != "\u200b"):
        return ""
    return None


def fold_character(character: str) -> str | None:
    """Fold one code point.

    Returns:
        What stands for it in normalised text, possibly nothing; None where it
        separates words.
    """
    parts = [_fold_decomposed(part) for part in unicodedata.normalize("NFD", character.lower())]
    if None in parts:
        return None
    return "".join(part for part in parts if part)


def _decompose_hangul() -> npt.NDArray[np.uint32]:
    """Decompose all Hangul syllables (The Unicode Standard, section 3.12), shape (11172, 4)."""
    index = np.arange(_HANGUL[1] - _HANGUL[0], dtype=np.uint32)
    rows = np.zeros((len(index), EXPANSION_WIDTH), dtype=np.uint32)
    rows[:, 0] = 0x1100 + index // 588
    rows[:, 1] = 0x1161 + index % 588 // 28
    rows[:, 2] = np.where(index % 28 > 0, 0x11A7 + index % 28, 0)
    return rows


def _listed_code_points() -> list[int]:
    """List the code points that are folded one by one."""
    ranges = [(0, 0x3400), (0x4DC0, 0x4E00), (0xA000, _HANGUL[0]), (_HANGUL[1], 0xD800)]
    ranges += [(0xF900, 0x20000), (0x2F800, 0x2FA20), _PLANE_14]
    return [
        code_point
        for first, end in ranges
        for code_point in range(first, end)
        if unicodedata.category(chr(code_point)) != "Cn"
    ]


def _fill_ideographs(actions: npt.NDArray[np.uint32]) -> None:
    for first, end in _IDEOGRAPHS:
        assigned = [c for c in range(first, end) if unicodedata.category(chr(c)) == "Lo"]
        actions[assigned] = assigned


@functools.cache
def build_table() -> FoldingTable:
    """Build the table, once per process (about 0.1 s)."""
    actions = np.zeros(CODE_POINTS, dtype=np.uint32)
    expansions = list(_decompose_hangul())
    actions[_HANGUL[0] : _HANGUL[1]] = EXPANDED_FLAG + np.arange(len(expansions))
    _fill_ideographs(actions)
    for code_point in _listed_code_points():
        folded = fold_character(chr(code_point))
        if folded is None:
            continue
        if len(folded) > 1:
            actions[code_point] = EXPANDED_FLAG + len(expansions)
            padded = [ord(part) for part in folded] + [0] * (EXPANSION_WIDTH - len(folded))
            expansions.append(np.array(padded, dtype=np.uint32))
        else:
            actions[code_point] = ord(folded) if folded else REMOVED
    for first, end in _UNSPACED_BLOCKS:
        block = actions[first:end]
        is_digit = (block >= ord("0")) & (block <= ord("9"))
        block[(block != SEPARATOR) & (block != REMOVED) & ~is_digit] |= UNSPACED_FLAG
    return FoldingTable(actions, np.array(expansions, dtype=np.uint32))
