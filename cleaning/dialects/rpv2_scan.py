r"""Words, sentences, symbols and lines of one document as RPv2 counts them.

Raw words are NLTK's WordPunct, ``\w+|[^\w\s]+``; normalised words stand between whitespace
in the text of `gristmill.cleaning.dialects.rpv2_normal`. A line holds its newline.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.dclm_characters import (
    LOWER,
    NEWLINE,
    NUMERIC,
    SPACE,
    UPPER,
    WORD,
)
from gristmill.cleaning.dialects.dclm_runs import (
    find_newline,
    fold_point,
    spell_phrase,
    strip_points,
)
from gristmill.cleaning.dialects.dclm_scan import hash_points
from gristmill.cleaning.repetition_signals import Words
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

_ELLIPSIS: Final = 0x2026
_MARKS: Final = (ord("."), ord("!"), ord("?"))
_LINE_MARKS: Final = (*_MARKS, 0x201D)
_BULLETS: Final = (
    0x2022, 0x2023, 0x25B6, 0x25C0, 0x25E6, 0x25A0, 0x25A1, 0x25AA, 0x25AB, 0x2013,
)  # fmt: skip
_MOST: Final = 65_535
_DIGITS: Final = 1e8  # RPv2 rounds to eight


_JAVASCRIPT: Final = spell_phrase("javascript")
_LOREM: Final = spell_phrase("lorem")
_IPSUM: Final = spell_phrase("ipsum")


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


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_latin(point: int) -> bool:
    return 65 <= point <= 90 or 97 <= point <= 122


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_raw_words(points: Points, size: int, traits: Traits, counts: Counts) -> None:
    """Count WordPunct's tokens: all, in upper case, with a letter of ASCII."""
    position = 0
    while position < size:
        entry = trait_of(traits, points[position])
        kind = entry & (WORD | SPACE)
        seen, latin, alike = 0, False, True
        while alike:
            seen |= entry
            latin |= _is_latin(points[position])
            position += 1
            alike = position < size
            if alike:
                entry = trait_of(traits, points[position])
                alike = entry & (WORD | SPACE) == kind
        if not kind & SPACE:
            counts[RAW_WORDS] += 1
            counts[CAPITAL_WORDS] += seen & (UPPER | LOWER) == UPPER
            counts[LATIN_WORDS] += latin


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_symbols(points: Points, size: int, counts: Counts) -> None:
    """Count ``#``, ``...`` and the ellipsis, and curly brackets."""
    dots = 0
    for position in range(size):
        point = points[position]
        dots = dots + 1 if point == 46 else 0
        if dots == 3:
            counts[SYMBOLS] += 1
            dots = 0
        counts[SYMBOLS] += point == 35 or point == _ELLIPSIS
        counts[BRACKETS] += point == 123 or point == 125


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_sentences(points: Points, size: int, traits: Traits, counts: Counts) -> None:
    r"""Count the matches of ``\b[^.!?]+[.!?]*``."""
    position, after_word = 0, False
    while position < size:
        mark = points[position] in _MARKS
        word = trait_of(traits, points[position]) & WORD != 0
        if not mark and word != after_word:
            counts[SENTENCES] += 1
            while position < size and points[position] not in _MARKS:
                position += 1
            while position < size and points[position] in _MARKS:
                position += 1
            after_word = position > 0 and trait_of(traits, points[position - 1]) & WORD != 0
        else:
            after_word = word
            position += 1


@numba.njit(cache=True, nogil=True, _nrt=False)
def _ends_with_ellipsis(points: Points, start: int, end: int) -> bool:
    if end > start and points[end - 1] == _ELLIPSIS:
        return True
    dots = 0
    while dots < 3 and end - dots > start and points[end - dots - 1] == 46:
        dots += 1
    return dots == 3


@numba.njit(cache=True, nogil=True, _nrt=False)
def scan_lines(
    points: Points, size: int, traits: Traits, line: int, signals: LineSignals, counts: Counts
) -> None:
    """Write what the raw lines show, from place `line` on."""
    position = 0
    while position < size:
        after = min(find_newline(points, position, size) + 1, size)
        start, end = strip_points(points, position, after, traits)
        signals.terminal[line] = end > start and points[end - 1] in _LINE_MARKS
        signals.bullet[line] = end > start and points[start] in _BULLETS
        upper = 0
        for place in range(position, after):
            upper += trait_of(traits, points[place]) & UPPER != 0
        signals.uppercase[line] = np.rint(upper / (after - position) * _DIGITS) / _DIGITS
        counts[LINES] += 1
        counts[ELLIPSIS_LINES] += _ends_with_ellipsis(points, start, end)
        counts[BULLET_LINES] += signals.bullet[line]
        line += 1
        position = after


@numba.njit(cache=True, nogil=True, _nrt=False)
def _matches(points: Points, start: int, end: int, word: Points, exact: bool) -> bool:
    """Tell whether a word stands at `start`; if not exact, whatever ``re.IGNORECASE`` takes."""
    if start < 0 or end - start < word.size:
        return False
    index = 0
    while index < word.size and (
        points[start + index] == word[index]
        or (not exact and fold_point(points[start + index]) == word[index])
    ):
        index += 1
    return index == word.size


@numba.njit(cache=True, nogil=True, _nrt=False)
def _note_lorem(points: Points, before: int, start: int, end: int, counts: Counts) -> None:
    """Count "lorem ipsum" where the word at `start` follows one that ends at `before`."""
    first = before - _LOREM.size
    if _matches(points, start, end, _IPSUM, False) and _matches(
        points, first, before, _LOREM, False
    ):
        counts[LOREM_IPSUMS] += 1
        counts[EXACT_LOREM_IPSUMS] += _matches(points, start, end, _IPSUM, True) and _matches(
            points, first, before, _LOREM, True
        )


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_line(line: int, tallies: tuple[int, int, int, int], signals: LineSignals) -> None:
    """Write what the words of a normalised line show."""
    words, chars, numerical, javascript = tallies
    length = chars + max(words - 1, 0)
    signals.words[line] = min(words, _MOST)
    signals.javascript[line] = min(javascript, _MOST)
    share = numerical / length if length else 0.0
    signals.numerical[line] = np.rint(share * _DIGITS) / _DIGITS


@numba.njit(cache=True, nogil=True, _nrt=False)
def split_words(
    points: Points,
    size: int,
    traits: Traits,
    words: Words,
    lines: tuple[int, int],
    signals: LineSignals,
    counts: Counts,
) -> int:
    """Hash the words of a normalised text, and write what its lines show.

    Args:
        points: the normalised text.
        size: its size.
        traits: table of characters.
        words: room for its words.
        lines: (place of the first line, place after the last).
        signals: columns of lines.
        counts: counts of the document.

    Returns:
        The number of words.
    """
    count, position, before, line = 0, 0, 0, lines[0]
    tallies = (0, 0, 0, 0)
    while position < size:
        start, numerical = position, 0
        entry = trait_of(traits, points[position])
        while position < size and not entry & SPACE:
            numerical += entry & NUMERIC != 0
            position += 1
            if position < size:
                entry = trait_of(traits, points[position])
        if position > start:
            words.hashes[count] = hash_points(points, start, position)
            words.char_ends[count + 1] = words.char_ends[count] + position - start
            count += 1
            _note_lorem(points, before, start, position, counts)
            before = position
            script = position - start == _JAVASCRIPT.size
            script = script and _matches(points, start, position, _JAVASCRIPT, True)
            tallies = (
                tallies[0] + 1,
                tallies[1] + position - start,
                tallies[2] + numerical,
                tallies[3] + script,
            )
        if position < size and points[position] == NEWLINE:
            _write_line(line, tallies, signals)
            line, tallies = line + 1, (0, 0, 0, 0)
        position += 1
    if line < lines[1]:
        _write_line(line, tallies, signals)
    return count


# kernels of: ae572ea96600e16c
