"""Words of RPv2's normalised text, and what they tell of its lines.

They stand between whitespace in the text of `gristmill.cleaning.dialects.rpv2_normal`, which
is written, split and hashed in one pass: words of ASCII as they are read, others as they end.
"""

import string
from typing import Final

import numba
import numpy as np

from gristmill.cleaning.dialects import rpv2_scan as at
from gristmill.cleaning.dialects.dclm_characters import NEWLINE, NUMERIC, SPACE
from gristmill.cleaning.dialects.dclm_runs import fold_point, spell_phrase
from gristmill.cleaning.dialects.rpv2_normal import (
    CASE_IGNORABLE,
    FOLDED,
    LATIN_END,
    PUNCTUATION,
    NormalForms,
    normalize_at,
)
from gristmill.cleaning.dialects.rpv2_scan import Counts, LineSignals
from gristmill.cleaning.repetition_signals import Words
from gristmill.cleaning.segments import extend_hash, mix_hash, start_hash
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

_MOST: Final = 65_535
_BLANK: Final = 0xFE
_DELETED: Final = 0xFF
_JAVASCRIPT: Final = spell_phrase("javascript")
_LOREM: Final = spell_phrase("lorem")
_IPSUM: Final = spell_phrase("ipsum")
_IGNORED: Final = CASE_IGNORABLE | PUNCTUATION

#: What becomes of ASCII: in lower case, `_BLANK` if it parts words, or `_DELETED`.
_PLAIN: Final = FOLDED.copy()
_PLAIN[[code for code in range(LATIN_END) if chr(code).isspace()]] = _BLANK
_PLAIN[list(string.punctuation.encode())] = _DELETED


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


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _note_lorem(points: Points, start: int, end: int, counts: Counts) -> None:
    """Count "lorem ipsum" where the word at `start` follows one that ends in "lorem"."""
    before = counts[at.LAST_END]
    first = before - _LOREM.size
    if _matches(points, start, end, _IPSUM, False) and _matches(
        points, first, before, _LOREM, False
    ):
        counts[at.LOREM_IPSUMS] += 1
        counts[at.EXACT_LOREM_IPSUMS] += _matches(points, start, end, _IPSUM, True) and _matches(
            points, first, before, _LOREM, True
        )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def _take_word(
    points: Points, start: int, end: int, facts: tuple[np.uint64, int], words: Words, counts: Counts
) -> None:
    """Take the word that ends at `end`; `facts` are its hash and its numerals."""
    count = counts[at.WORDS]
    words.hashes[count] = facts[0]
    words.char_ends[count + 1] = words.char_ends[count] + end - start
    counts[at.WORDS] = count + 1
    counts[at.LINE_WORDS] += 1
    counts[at.LINE_CHARS] += end - start
    counts[at.LINE_NUMERALS] += facts[1]
    if points[start] == ord("j"):
        script = end - start == _JAVASCRIPT.size
        counts[at.LINE_SCRIPTS] += script and _matches(points, start, end, _JAVASCRIPT, True)
    elif end - start >= _IPSUM.size and points[start + 1] == ord("p"):
        _note_lorem(points, start, end, counts)
    counts[at.LAST_END] = end


@numba.njit(cache=True, nogil=True, _nrt=False)
def _read_word(points: Points, start: int, end: int, traits: Traits) -> tuple[np.uint64, int]:
    """Hash a word of any script, and count its numerals."""
    state, numerals = start_hash(), 0
    for position in range(start, end):
        state = extend_hash(state, np.uint64(points[position]))
        numerals += trait_of(traits, points[position]) & NUMERIC != 0
    return mix_hash(state), numerals


@numba.njit(cache=True, nogil=True, _nrt=False)
def _write_line(line: int, signals: LineSignals, counts: Counts) -> None:
    """Write what the words of a normalised line show, and begin another."""
    length = counts[at.LINE_CHARS] + max(counts[at.LINE_WORDS] - 1, 0)
    signals.words[line] = min(counts[at.LINE_WORDS], _MOST)
    signals.javascript[line] = min(counts[at.LINE_SCRIPTS], _MOST)
    share = counts[at.LINE_NUMERALS] / length if length else 0.0
    signals.numerical[line] = np.rint(share * at.DIGITS) / at.DIGITS
    counts[at.LINE_WORDS] = counts[at.LINE_CHARS] = 0
    counts[at.LINE_NUMERALS] = counts[at.LINE_SCRIPTS] = 0


@numba.njit(cache=True, nogil=True, _nrt=False)
def split_words(
    texts: tuple[Points, Points],
    size: int,
    tables: tuple[Traits, NormalForms],
    words: Words,
    lines: tuple[int, int],
    signals: LineSignals,
    counts: Counts,
) -> None:
    """Normalise a text and hash its words, and write what its lines show.

    Args:
        texts: the raw text with a space after it, and room for the normal form: four
            times as many characters.
        size: of the raw text, without the space.
        tables: traits of characters, and their normal forms.
        words: room for its words.
        lines: (place of the first line, place after the last).
        signals: columns of lines.
        counts: counts of the document; gets `WORDS`.
    """
    points, normal = texts
    traits, forms = tables
    start, write, line, position = 0, 0, lines[0], 0
    state, numerals, plain = start_hash(), 0, True
    while position <= size:
        point, after = points[position], write
        letter = _PLAIN[point] if point < LATIN_END else _BLANK
        blank = letter == _BLANK
        if not blank:
            if letter != _DELETED:
                normal[write] = letter
                state = extend_hash(state, np.uint64(letter))
                numerals += ord("0") <= letter <= ord("9")
                write += 1
        elif point < LATIN_END:
            normal[write] = point
            write += 1
        else:
            write = normalize_at(points, position, size, forms, _IGNORED, normal, write)
            blank = trait_of(traits, point) & SPACE != 0
            plain = plain and blank
        if blank:
            if after > start:
                facts = (mix_hash(state), numerals)
                if not plain:
                    facts = _read_word(normal, start, after, traits)
                _take_word(normal, start, after, facts, words, counts)
            if point == NEWLINE:
                _write_line(line, signals, counts)
                line += 1
            start, state, numerals, plain = write, start_hash(), 0, True
        position += 1
    if line < lines[1]:
        _write_line(line, signals, counts)


# kernels of: d187a3c737bc6a99
