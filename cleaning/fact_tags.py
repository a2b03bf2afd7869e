"""What one tag says of its page: its attributes, and the places of facts that they give.

Numba code; see `fact_scan`.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.fact_names import (
    ATTRIBUTES,
    CONTENT,
    DATETIME,
    FACTS,
    HREF,
    HTML,
    KEY,
    LANG,
    LINK,
    META,
    NAMED,
    REL,
    SCRIPT,
    TIME,
    Fact,
    FactTables,
)
from gristmill.cleaning.html_bytes import (
    ASSIGN,
    BLANK,
    CLASSES,
    QUOTE,
    SOLIDUS,
    TAG_END,
    Bytes,
    Words,
    add_letter,
    compiled,
    equals_word,
    find_kind,
    inlined,
    read_attribute,
)
from gristmill.cleaning.html_elements import HASH_START

MAX_PLACES: Final = 256
#: Places of one fact that are noted; the first ones count, and a page may hold millions.
MAX_PLACES_OF_FACT: Final = 12
MAX_KEYS_OF_TAG: Final = 4
#: Of attribute names and values that are compared with the tables, so much is read.
_LONGEST_NAME: Final = 64
_BOT: Final = np.frombuffer(b"bot", np.uint8)
_LANGUAGE, _ROBOTS, _TIME = int(Fact.LANGUAGE), int(Fact.ROBOTS), int(Fact.TIME)
_CANONICAL, _RIGHTS, _LICENCE = int(Fact.CANONICAL), int(Fact.RIGHTS), int(Fact.LICENCE)
_AUTHOR, _AUTHOR_ELEMENT = int(Fact.AUTHOR), int(Fact.AUTHOR_ELEMENT)

Places = npt.NDArray[np.int64]


class Room(NamedTuple):
    """What the scan of a page writes to.

    Attributes:
        places: of facts, shape (`MAX_PLACES`, 4).
        counts: of places by fact, their sum in the last; zeros at first.
        spans: of one tag: start and end of the value of each attribute.
        keys: the facts that a tag is about, their number first.
    """

    places: Places
    counts: npt.NDArray[np.int64]
    spans: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]


def make_room() -> Room:
    """Make room for the scan of one page."""
    return Room(
        np.empty((MAX_PLACES, 4), np.int64),
        np.zeros(FACTS + 1, np.int64),
        np.zeros((ATTRIBUTES + 1, 2), np.int64),
        np.zeros(MAX_KEYS_OF_TAG + 1, np.int64),
    )


@inlined
def hash_value(html: Bytes, start: int, end: int) -> np.uint64:
    """Hash bytes as `hash_element` does, letters folded; of long ones only the start."""
    value = HASH_START
    for index in range(start, min(end, start + _LONGEST_NAME)):
        value = add_letter(value, html[index])
    return value


@inlined
def note_place(room: Room, fact: int, start: int, end: int, tag: int) -> None:
    """Note a place unless there are enough; `tag` is that of its text, or -1."""
    places, counts = room.places, room.counts
    count = counts[FACTS]
    if count < MAX_PLACES and counts[fact] < MAX_PLACES_OF_FACT:
        places[count, 0] = fact
        places[count, 1] = start
        places[count, 2] = end
        places[count, 3] = tag
        counts[fact] += 1
        counts[FACTS] += 1


@compiled
def read_attributes(html: Bytes, words: Words, tables: FactTables, index: int, spans: Any) -> None:
    """Note the values of the attributes of a tag that are in the table, the first of each."""
    size = html.size
    spans[:] = 0
    while index < size and not CLASSES[html[index]] & TAG_END:
        if CLASSES[html[index]] & (BLANK | SOLIDUS):
            index += 1
            continue
        stop, _, _, end = read_attribute(html, words, index, BLANK)
        kind = find_kind(tables.attributes, tables.attribute_kinds, hash_value(html, index, stop))
        index = end
        if kind and not spans[kind, 1]:
            _note_value(html, stop, end, spans[kind])


@inlined
def _note_value(html: Bytes, start: int, end: int, span: Any) -> None:
    """Note where the value of an attribute is, behind its name, without its quotes."""
    while start < end and CLASSES[html[start]] & (BLANK | ASSIGN):
        start += 1
    if start < end and CLASSES[html[start]] & QUOTE:
        end -= end - 1 > start and html[end - 1] == html[start]
        start += 1
    if start < end:
        span[0] = start
        span[1] = end


@compiled
def note_tag(
    html: Bytes,
    tables: FactTables,
    room: Room,
    kind: int,
    ends: tuple[int, int],
) -> None:
    """Note what a tag says by its attributes.

    Args:
        html: the page.
        tables: `fact_names.TABLES`.
        room: with the spans of the tag's attributes.
        kind: of the element, by `fact_names`.
        ends: where the tag starts, and where its text does.
    """
    spans, keys = room.spans, room.keys
    if kind == SCRIPT:
        return
    if kind == HTML:
        if spans[LANG, 1]:
            note_place(room, _LANGUAGE, spans[LANG, 0], spans[LANG, 1], -1)
        return
    _find_keys(html, tables, spans, keys, kind)
    if kind == TIME and not keys[0]:
        keys[0], keys[1] = 1, _TIME
    for number in range(1, keys[0] + 1):
        fact = keys[number]
        if (fact == _CANONICAL and kind != LINK) or (fact == _AUTHOR_ELEMENT and kind == LINK):
            continue
        is_link = fact in (_LICENCE, _CANONICAL, _RIGHTS)
        value = _choose_attribute(spans, kind, is_link)
        if spans[value, 1]:
            note_place(room, fact, spans[value, 0], spans[value, 1], -1)
        elif not is_link and kind not in (META, LINK):
            named = _AUTHOR_ELEMENT if fact == _AUTHOR else fact
            note_place(room, named, ends[1], html.size, ends[0])


@inlined
def _choose_attribute(spans: Any, kind: int, is_link: bool) -> int:
    """Choose the attribute that holds the value of a fact; its text counts without one."""
    if kind == TIME and spans[DATETIME, 1]:
        return DATETIME
    return HREF if is_link and not spans[CONTENT, 1] else CONTENT


@inlined
def _find_keys(html: Bytes, tables: FactTables, spans: Any, keys: Any, kind: int) -> None:
    """Find what the words of name, property, itemprop and rel speak of."""
    keys[0] = 0
    for attribute in (NAMED, KEY, REL):
        if attribute == NAMED and kind != META:
            continue  # the name of a form field or an anchor
        index = spans[attribute, 0]
        stop = spans[attribute, 1]
        while index < stop and keys[0] < MAX_KEYS_OF_TAG:
            while index < stop and CLASSES[html[index]] & BLANK:
                index += 1
            start = index
            while index < stop and not CLASSES[html[index]] & BLANK:
                index += 1
            fact = _find_fact(html, tables, start, index, attribute)
            if fact:
                keys[0] += 1
                keys[keys[0]] = fact


@inlined
def _find_fact(html: Bytes, tables: FactTables, start: int, end: int, attribute: int) -> int:
    name = hash_value(html, start, end)
    if attribute == REL:
        return int(find_kind(tables.relations, tables.relation_kinds, name))
    fact = find_kind(tables.keys, tables.key_kinds, name)
    if not fact and attribute == NAMED and _ends_in_bot(html, start, end):
        return _ROBOTS
    return int(fact)


@inlined
def _ends_in_bot(html: Bytes, start: int, end: int) -> bool:
    """Say whether a name is that of a crawler, such as ``GPTBot``."""
    return 3 <= end - start <= _LONGEST_NAME and equals_word(html, end - 3, end, _BOT)


# kernels of: 46d66f5792ff12af
