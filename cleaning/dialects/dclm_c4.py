r"""What DCLM's version of the C4 rules leaves of a text (`c4.yaml`, first chunk).

In its order: lines with a word of more than 1,000 characters; citations; lines without a
final ``. ! ? "`` or with a final ellipsis; lines of fewer than five words; pages with
"lorem ipsum"; lines with "javascript"; pages with a curly bracket; lines with a phrase of
a policy. Where DCLM drops the page, the text is empty from there on.
"""

from typing import Final

import numba
import numpy as np

from gristmill.cleaning.character_classes import (
    ALNUM,
    KIND_MASK,
    KIND_OTHER,
    TERMINAL,
    WIDE_TERMINAL,
    ClassTable,
)
from gristmill.cleaning.dialects.dclm_characters import (
    BANNED,
    DECIMAL,
    NEWLINE,
    POLICY_AFTER,
    SPACE,
)
from gristmill.cleaning.dialects.dclm_runs import (
    fold_point,
    has_phrase,
    has_tokens,
    move_points,
    spell_phrase,
    strip_text,
)
from gristmill.cleaning.segments import (
    INSIDE,
    classify_character,
    next_boundary,
    opens_sentence,
)
from gristmill.cleaning.word_breaks import Points, Traits, trait_of

_BRACKET: Final = ord("[")
_MAX_WORD: Final = 1000
_MIN_WORDS: Final = 5
_MARKS: Final = (ord("."), ord("!"), ord("?"), ord('"'), 0x2026)


_SCRIPT: Final = spell_phrase("javascript")
_EDIT: Final = spell_phrase("[edit]")
_NEEDED: Final = spell_phrase("[citation needed]")
_LOREM: Final = spell_phrase("lorem ipsum")
_TERMS: Final = spell_phrase("terms of use")
_PRIVACY: Final = spell_phrase("privacy policy")
_COOKIE: Final = spell_phrase("cookie policy")
_USES: Final = spell_phrase("uses cookies")
_USE_OF: Final = spell_phrase("use of cookies")
_USE: Final = spell_phrase("use cookies")
_LOREM_BEFORE: Final = 5


@numba.njit(cache=True, nogil=True, _nrt=False)
def _same(points: Points, start: int, end: int, phrase: Points, lower: bool) -> bool:
    """Tell whether a phrase stands at `start`, to the letter or but for ASCII case."""
    if end - start < phrase.size:
        return False
    index = 0
    while index < phrase.size and (
        points[start + index] == phrase[index]
        or (
            lower
            and 65 <= points[start + index] <= 90
            and points[start + index] + 32 == phrase[index]
        )
    ):
        index += 1
    return index == phrase.size


@numba.njit(cache=True, nogil=True, _nrt=False)
def _after_citation(points: Points, start: int, size: int, traits: Traits) -> int:
    """Find the end of the citation whose bracket is at `start`, or `start` if it is none."""
    position = start + 1
    while position < size and trait_of(traits, points[position]) & DECIMAL:
        position += 1
    if position < size and points[position] == 93:
        return position + 1
    if _same(points, start, size, _EDIT, False):
        return start + _EDIT.size
    return start + _NEEDED.size if _same(points, start, size, _NEEDED, False) else start


@numba.njit(cache=True, nogil=True, _nrt=False)
def _copy_without_citations(
    points: Points, start: int, end: int, write: int, traits: Traits
) -> int:
    """Write a line without its citations; returns the place after it."""
    position = start
    while position < end:
        after = position
        if points[position] == _BRACKET:
            after = _after_citation(points, position, end, traits)
        if after == position:
            points[write] = points[position]
            write += 1
            after += 1
        position = after
    return write


@numba.njit(cache=True, nogil=True, _nrt=False)
def _last_visible(points: Points, start: int, end: int, traits: Traits) -> int:
    """Find the end of a line without the whitespace after it."""
    while end > start and trait_of(traits, points[end - 1]) & SPACE:
        end -= 1
    return end


@numba.njit(cache=True, nogil=True, _nrt=False)
def _is_ellipsis(points: Points, start: int, end: int) -> bool:
    """Tell whether three dots or the ellipsis end a run."""
    if end > start and points[end - 1] == 0x2026:
        return True
    dots = 0
    while dots < 3 and end - dots > start and points[end - dots - 1] == 46:
        dots += 1
    return dots == 3


@numba.njit(cache=True, nogil=True, _nrt=False)
def _has_long_word(points: Points, start: int, end: int, traits: Traits) -> bool:
    if end - start <= _MAX_WORD:
        return False
    run, longest = 0, 0
    for position in range(start, end):
        run = 0 if trait_of(traits, points[position]) & SPACE else run + 1
        longest = max(longest, run)
    return longest > _MAX_WORD


@numba.njit(cache=True, nogil=True, _nrt=False)
def _has_policy(points: Points, space: int, start: int, end: int) -> bool:
    """Tell whether the first space of a policy's phrase is the one at `space`."""
    before = fold_point(points[space - 1]) if space > start else 0
    after = fold_point(points[space + 1]) if space + 1 < end else 0
    if after == 112 and before == 121:
        return bool(_stands(points, space - 7, start, end, _PRIVACY))
    if after == 112 and before == 101:
        return bool(_stands(points, space - 6, start, end, _COOKIE))
    if after == 111 and before == 115:
        return bool(_stands(points, space - 5, start, end, _TERMS))
    if after == 111 and before == 101:
        return bool(_stands(points, space - 3, start, end, _USE_OF))
    if after == 99 and before == 115:
        return bool(_stands(points, space - 4, start, end, _USES))
    return after == 99 and before == 101 and _stands(points, space - 3, start, end, _USE)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _stands(points: Points, place: int, start: int, end: int, phrase: Points) -> bool:
    return place >= start and has_phrase(points, place, end, phrase)


@numba.njit(cache=True, nogil=True, _nrt=False)
def _find_banned(
    points: Points, start: int, end: int, traits: Traits
) -> tuple[int, int, bool, bool]:
    """Look a line over.

    Returns:
        (occurrences of "lorem ipsum", of ``{``, whether "javascript" or a policy's phrase
        stands in it).
    """
    lorem, brackets, script, policy = 0, 0, False, False
    before, entry = np.int64(0), trait_of(traits, points[start])
    for position in range(start, end):
        after = trait_of(traits, points[position + 1]) if position + 1 < end else np.int64(0)
        if (before << 2 & entry << 1 & after) & POLICY_AFTER | entry & BANNED:
            point = points[position]
            if point == 32:
                policy |= _has_policy(points, position, start, end)
                place = position - _LOREM_BEFORE
                lorem += place >= start and _same(points, place, end, _LOREM, True)
            elif point == 123:
                brackets += 1
            else:
                script |= has_phrase(points, position, end, _SCRIPT)
        before, entry = entry, after
    return lorem, brackets, script, policy


@numba.njit(cache=True, nogil=True, _nrt=False)
def _passes_form(points: Points, start: int, end: int, traits: Traits) -> bool:
    """Tell whether a line without citations ends well and is long enough."""
    last = _last_visible(points, start, end, traits)
    if last == start or points[last - 1] not in _MARKS or _is_ellipsis(points, start, last):
        return False
    return bool(has_tokens(points, start, end, traits, _MIN_WORDS))


@numba.njit(cache=True, nogil=True, _nrt=False)
def filter_c4(points: Points, size: int, traits: Traits) -> tuple[int, int, int]:
    """Apply the rules in place.

    Every step looks at one line at a time, so that one pass does for all.

    Returns:
        (new size, occurrences of "lorem ipsum" where DCLM looks for it, and of ``{``).
        The lines of a page that either of the two drops are filtered all the same.
    """
    start, write, kept, lorem, brackets = 0, 0, 0, 0, 0
    while start <= size:
        end, cited = start, False
        while end < size and points[end] != NEWLINE:
            cited |= points[end] == _BRACKET
            end += 1
        place = write + (kept > 0)
        after, keeps = place, not _has_long_word(points, start, end, traits)
        if keeps and end > start and not cited:
            keeps = _passes_form(points, start, end, traits)
            after = move_points(points, start, end, place) if keeps else place
        elif keeps and end > start:
            after = _copy_without_citations(points, start, end, place, traits)
            keeps = after == place or _passes_form(points, place, after, traits)
        if keeps and after > place:
            found = _find_banned(points, place, after, traits)
            lorem += found[0]
            brackets += 0 if found[2] else found[1]
            keeps = not (found[2] or found[3])
        if keeps:
            if kept:
                points[write] = NEWLINE
            write = after
            kept += 1
        start = end + 1
    return strip_text(points, write, traits), lorem, brackets


@numba.njit(cache=True, nogil=True, _nrt=False)
def _count_run(points: Points, start: int, end: int, classes: ClassTable, run: int) -> int:
    """Count the letters and digits before `end`, exactly up to two; `run` stand before `start`."""
    count, position, inside = 0, end, True
    while inside and count < 2 and position > start:
        bits = classify_character(classes, points[position - 1])
        count += bits & ALNUM != 0
        inside = bits & ALNUM != 0 or bits & KIND_MASK != KIND_OTHER
        position -= inside
    return count + run if position == start else count


@numba.njit(cache=True, nogil=True, _nrt=False)
def count_sentences(points: Points, size: int, classes: ClassTable) -> int:
    """Count sentences by the rules of the reference (`gristmill.cleaning.segments`)."""
    count, boundary, run = 0, INSIDE, 0
    fresh, position = True, 0
    while position < size:
        if boundary == INSIDE and not fresh:
            # Nothing but a mark or a newline changes that.
            start = position
            while (
                position < size - 1
                and points[position] != NEWLINE
                and not classify_character(classes, points[position]) & (TERMINAL | WIDE_TERMINAL)
            ):
                position += 1
            run = _count_run(points, start, position, classes, run)
        bits = classify_character(classes, points[position])
        if points[position] == NEWLINE:
            fresh, boundary, run = True, INSIDE, 0
        elif bits & ALNUM:
            count += run == 0 and (fresh or opens_sentence(boundary, bits))
            fresh, boundary, run = False, INSIDE, run + 1
        elif bits & KIND_MASK == KIND_OTHER or bits & TERMINAL:
            boundary, run = next_boundary(boundary, bits, run == 1), 0
        position += 1
    return count


# kernels of: 81c3fa9f7330e641
