r"""Tokens, sentences, symbols and lines of one raw document as RPv2 counts them.

Tokens are NLTK's WordPunct, ``\w+|[^\w\s]+``. A line holds its newline.
"""

import functools
import string
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import (
    LOWER,
    NEWLINE,
    SPACE,
    UPPER,
    WORD,
    trait_table,
)
from gristmill.cleaning.dialects.dclm_runs import strip_points
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

#: What the scan counts; each is a place in its row.
COUNTS: Final = (
    "raw_words",
    "capital_words",  # in upper case
    "latin_words",  # with a letter of ASCII
    "symbols",
    "brackets",
    "sentences",
    "lines",
    "ellipsis_lines",
    "bullet_lines",
    "lorem_ipsums",
    "exact_lorem_ipsums",
    # State: of the sentence and the line that are read, and of the words.
    "has_word",
    "line_words",
    "line_chars",
    "line_numerals",
    "line_scripts",
    "words",
    "last_end",  # of the last word, in the normal form
)
Counts = npt.NDArray[np.int64]

RAW_WORDS: Final = COUNTS.index("raw_words")
CAPITAL_WORDS: Final = COUNTS.index("capital_words")
LATIN_WORDS: Final = COUNTS.index("latin_words")
SYMBOLS: Final = COUNTS.index("symbols")
BRACKETS: Final = COUNTS.index("brackets")
SENTENCES: Final = COUNTS.index("sentences")
LINES: Final = COUNTS.index("lines")
ELLIPSIS_LINES: Final = COUNTS.index("ellipsis_lines")
BULLET_LINES: Final = COUNTS.index("bullet_lines")
LOREM_IPSUMS: Final = COUNTS.index("lorem_ipsums")
EXACT_LOREM_IPSUMS: Final = COUNTS.index("exact_lorem_ipsums")
_HAS_WORD: Final = COUNTS.index("has_word")
LINE_WORDS: Final = COUNTS.index("line_words")
LINE_CHARS: Final = COUNTS.index("line_chars")
LINE_NUMERALS: Final = COUNTS.index("line_numerals")
LINE_SCRIPTS: Final = COUNTS.index("line_scripts")
WORDS: Final = COUNTS.index("words")
LAST_END: Final = COUNTS.index("last_end")

# Traits beside those of `dclm_characters`.
_LATIN: Final = 1 << 30  # a letter of ASCII
_NOTED: Final = 1 << 29  # what `_note_symbol` looks at

_ELLIPSIS: Final = 0x2026
_MARKS: Final = (ord("."), ord("!"), ord("?"))
_LINE_MARKS: Final = (*_MARKS, 0x201D)
_BULLETS: Final = (
    0x2022, 0x2023, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB, 0x2013,
)  # fmt: skip
#: RPv2 rounds to eight places.
DIGITS: Final = 1e8


class LineSignals(NamedTuple):
    """One value a line of every document, in RPv2's names.

    `terminal`, `bullet` uint8: 1 if so; `javascript`, `words` uint16: counts, 65,535
    standing for more; `numerical`, `uppercase` float32: shares of characters.
    """

    terminal: npt.NDArray[np.uint8]
    javascript: npt.NDArray[np.uint16]
    words: npt.NDArray[np.uint16]
    numerical: npt.NDArray[np.float32]
    bullet: npt.NDArray[np.uint8]
    uppercase: npt.NDArray[np.float32]


@functools.cache
def rpv2_traits() -> Traits:
    """Tabulate what the scan asks of a character; see `dclm_characters.trait_table`."""
    table = trait_table().copy()
    table[[ord(letter) for letter in string.ascii_letters]] |= np.uint32(_LATIN)
    table[[*_MARKS, ord("#"), _ELLIPSIS, ord("{"), ord("}")]] |= np.uint32(_NOTED)
    table.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True, _nrt=False)
def _ends_with_ellipsis(points: Points, start: int, end: int) -> bool:
    if end > start and points[end - 1] == _ELLIPSIS:
        return True
    dots = 0
    while dots < 3 and end - dots > start and points[end - dots - 1] == 46:
        dots += 1
    return dots == 3


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_line(
    points: Points,
    bounds: tuple[int, int],
    upper: int,
    traits: Traits,
    line: int,
    signals: LineSignals,
    counts: Counts,
) -> None:
    """Write what a raw line shows, its newline included."""
    first, after = bounds
    start, end = strip_points(points, first, after, traits)
    bullet = end > start and points[start] in _BULLETS
    signals.terminal[line] = end > start and points[end - 1] in _LINE_MARKS
    signals.bullet[line] = bullet
    signals.uppercase[line] = np.rint(upper / (after - first) * DIGITS) / DIGITS
    counts[LINES] += 1
    counts[ELLIPSIS_LINES] += _ends_with_ellipsis(points, start, end)
    counts[BULLET_LINES] += bullet


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _count_token(seen: int, counts: Counts) -> None:
    """Count a token whose characters have these traits between them."""
    counts[RAW_WORDS] += 1
    counts[CAPITAL_WORDS] += seen & (UPPER | LOWER) == UPPER
    counts[LATIN_WORDS] += seen & _LATIN != 0


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_symbol(point: int, dots: int, counts: Counts) -> int:
    r"""Count a mark or symbol after so many dots; returns how many dots there are then.

    A sentence is a match of ``\b[^.!?]+[.!?]*``: what stands between marks, if a word does.
    """
    if point in _MARKS:
        counts[SENTENCES] += counts[_HAS_WORD]
        counts[_HAS_WORD] = 0
    counts[BRACKETS] += point == ord("{") or point == ord("}")
    dots = dots + 1 if point == ord(".") else 0
    counts[SYMBOLS] += point == ord("#") or point == _ELLIPSIS or dots == 3
    return dots % 3


@numba.njit(cache=True, nogil=True, _nrt=False)
def scan_points(
    points: Points, size: int, traits: Traits, line: int, signals: LineSignals, counts: Counts
) -> None:
    """Count tokens, symbols, sentences and lines of a raw text, and write what lines show.

    Args:
        points: code points, and a space after them.
        size: how many, without it.
        traits: `rpv2_traits()`.
        line: place of the first line.
        signals: columns of lines.
        counts: counts of the document.
    """
    position, start, upper = 0, 0, 0
    while position < size:
        entry, seen = trait_of(traits, points[position]), 0
        if entry & WORD:
            while entry & WORD:
                seen |= entry
                upper += entry & UPPER != 0
                position += 1
                entry = trait_of(traits, points[position])
            _count_token(seen, counts)
            counts[_HAS_WORD] = 1
        elif entry & SPACE:
            position += 1
            if points[position - 1] == NEWLINE:
                _write_line(points, (start, position), upper, traits, line, signals, counts)
                line, start, upper = line + 1, position, 0
        else:
            dots = 0
            while not entry & (WORD | SPACE):
                seen |= entry
                upper += entry & UPPER != 0
                dots = _note_symbol(points[position], dots, counts) if entry & _NOTED else 0
                position += 1
                entry = trait_of(traits, points[position])
            _count_token(seen, counts)
    counts[SENTENCES] += counts[_HAS_WORD]
    if start < size:
        _write_line(points, (start, size), upper, traits, line, signals, counts)


# kernels of: 81c3fa9f7330e641
