"""One walk over the tags of a page: what `html_guard` measures, and where facts stand.

Numba code over bytes; see `html_bytes`. Comments, quoted values and the content of
scripts hold no tags. Nothing is decoded; a fact is a place in the page.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from gristmill.cleaning.fact_names import (
    FACTS,
    HEADING,
    LINKED_DATA_TYPE,
    SCRIPT,
    TABLES,
    TITLE,
    TYPE,
    Fact,
    FactTables,
)
from gristmill.cleaning.fact_tags import (
    Places,
    Room,
    hash_value,
    make_room,
    note_place,
    note_tag,
    read_attributes,
)
from gristmill.cleaning.html_bytes import (
    BLANK,
    CLASSES,
    LT,
    SLASH,
    SOLIDUS,
    TAG_END,
    Bytes,
    Words,
    compiled,
    find_byte,
    find_kind,
    inlined,
    is_letter,
    read_attribute,
    read_name,
    skip_comment,
    skip_raw_text,
)
from gristmill.cleaning.html_elements import FLAT, KINDS, NAMES, RAW_TEXT, SVG
from gristmill.cleaning.html_nesting import (
    MAX_DEPTH,
    Nesting,
    close_element,
    is_foreign,
    make_nesting,
    open_element,
)

MAX_ATTRIBUTES: Final = 2000
_FOLD: Final = 0x20
_E, _I, _L, _P, _R, _T = 0x65, 0x69, 0x6C, 0x70, 0x72, 0x74
_SEMICOLON, _BANG, _QUESTION = 0x3B, 0x21, 0x3F
_TITLE, _HEADING, _LINKED = int(Fact.TITLE), int(Fact.HEADING), int(Fact.LINKED_DATA)


class Markup(NamedTuple):
    """What the walk measures."""

    depth: int  # of nested elements; the walk stops at `MAX_DEPTH` + 1
    attributes: int  # on one tag; the walk stops above `MAX_ATTRIBUTES`


class PageScan(NamedTuple):
    """What one walk over the tags of a page finds."""

    markup: Markup
    places: Places


def scan_page(html: bytes) -> PageScan:
    """Measure the markup of a page, and note where the page speaks of itself.

    Linear in its length.

    Args:
        html: the page, in an encoding that keeps ASCII.

    Returns:
        Nesting and attributes, and places of shape (m, 4), in the order of the page: the
        `Fact`, the start and end of its value, and the start of the tag where the value
        is the text behind a tag (then the end is the end of the page), else -1. The scan
        stops at what `html_guard` refuses, and finds no places behind that.
    """
    raw = np.frombuffer(html, np.uint8)
    room = make_room()
    markup = Markup(
        *_walk_tags(
            raw,
            raw[: raw.size & ~7].view(np.uint64),
            TABLES,
            make_nesting(),
            room,
        )
    )
    return PageScan(markup, room.places[: room.counts[FACTS]])


@compiled
def _walk_tags(
    html: Bytes,
    words: Words,
    tables: FactTables,
    nesting: Nesting,
    room: Room,
) -> tuple[int, int]:
    """Walk over the tags.

    Args:
        html: the page.
        words: the same, as far as whole words go, eight bytes each.
        tables: `fact_names.TABLES`.
        nesting: for the open elements.
        room: for the facts.

    Returns:
        Greatest depth and greatest number of attributes.
    """
    names, kinds = tables.elements, tables.element_kinds
    index = depth = deepest = most = 0
    foreign = 0  # SVG elements that are open; a title inside is that of a drawing
    while deepest <= MAX_DEPTH and most <= MAX_ATTRIBUTES:
        index = find_byte(html, words, index, LT)
        if index + 1 >= html.size:
            break
        tag = index
        closing = html[index + 1] == SLASH
        start = index + 1 + closing
        if not (start < html.size and is_letter(html[start])):
            is_text = not closing and html[start] not in (_BANG, _QUESTION)
            index = index + 1 if is_text else skip_comment(html, words, index)
            continue
        name, start = read_name(html, start, BLANK)
        index, attributes, interesting, closed = _skip_tag(html, words, start)
        most = max(most, attributes)
        foreign = _count_drawings(foreign, name, closing, closed)
        if closing:
            depth = close_element(nesting, depth, name)
            continue
        fact_kind = find_kind(names, kinds, name)
        if fact_kind in (TITLE, HEADING):
            _note_text(html, room, foreign, fact_kind, (tag, index))
        elif interesting or fact_kind:
            read_attributes(html, words, tables, start, room.spans)
            note_tag(html, tables, room, fact_kind, (tag, index))
        kind = find_kind(NAMES, KINDS, name)
        if kind == RAW_TEXT:
            end = skip_raw_text(html, words, index, name, BLANK)
            if fact_kind == SCRIPT:
                _note_script(html, room, (index, end))
            index = end
        elif kind != FLAT and not (closed and is_foreign(nesting)):
            depth = open_element(nesting, depth, name)
            deepest = max(deepest, depth)
    return deepest, most


@inlined
def _note_text(html: Bytes, room: Room, foreign: int, kind: int, ends: tuple[int, int]) -> None:
    """Note a title or heading, unless it is that of a drawing."""
    if not foreign:
        fact = _TITLE if kind == TITLE else _HEADING
        note_place(room, fact, ends[1], html.size, ends[0])


@inlined
def _count_drawings(count: int, name: np.uint64, closing: bool, closed: bool) -> int:
    """Count the SVG elements that are open, after one more tag."""
    if name != SVG:
        return count
    return max(0, count - 1) if closing else count + (not closed)


@inlined
def _skip_tag(html: Bytes, words: Words, index: int) -> tuple[int, int, bool, bool]:
    """Step behind the ``>`` of a tag.

    Returns:
        The index, the number of attributes, whether one may be rel, itemprop or property,
        and whether the tag ends in a slash.
    """
    attributes = 0
    interesting = closed = False
    while index < html.size:
        kind = CLASSES[html[index]]
        if kind & TAG_END:
            return index + 1, attributes, interesting, closed
        if kind & (BLANK | SOLIDUS):
            closed = kind == SOLIDUS
            index += 1
            continue
        closed = False
        attributes += 1
        if index + 3 < html.size:
            first: Any = html[index] | _FOLD
            second: Any = html[index + 1] | _FOLD
            third: Any = html[index + 2] | _FOLD
            interesting |= (
                (first == _R and second == _E and third == _L)
                or (first == _I and second == _T)
                or (first == _P and second == _R)
            )
        _, _, _, index = read_attribute(html, words, index, BLANK)
    return index, attributes, interesting, closed


@inlined
def _note_script(html: Bytes, room: Room, span: tuple[int, int]) -> None:
    """Note a script if its type is that of JSON-LD."""
    start, end = room.spans[TYPE, 0], room.spans[TYPE, 1]
    stop = start
    while stop < end and html[stop] != _SEMICOLON and not CLASSES[html[stop]] & BLANK:
        stop += 1
    if hash_value(html, start, stop) == LINKED_DATA_TYPE:
        note_place(room, _LINKED, span[0], span[1], -1)


# kernels of: 04ceba3f65dd63a2
