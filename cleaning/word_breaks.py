"""Word boundaries of UAX #29, all rules and no dictionary, over arrays of code points.

The reference words of `gristmill.cleaning.segments` simplify the standard; several peers
do not (uniseg, unicode-segmentation), and their numbers need it to the letter. What a
character is follows from the interpreter's `unicodedata`, with the exceptions that the
standard lists (Unicode 16, WordBreakProperty and Extended_Pictographic).
"""

import functools
import unicodedata
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.int32]
Traits = npt.NDArray[np.uint32]

# Values of the property Word_Break: the low five bits of an entry.
OTHER: Final = 0
CR: Final = 1
LF: Final = 2
NEWLINE: Final = 3
EXTEND: Final = 4
ZWJ: Final = 5
FORMAT: Final = 6
KATAKANA: Final = 7
HEBREW: Final = 8
LETTER: Final = 9
SINGLE_QUOTE: Final = 10
DOUBLE_QUOTE: Final = 11
MID_NUM_LET: Final = 12
MID_LETTER: Final = 13
MID_NUM: Final = 14
NUMERIC: Final = 15
EXTEND_NUM_LET: Final = 16
SPACE: Final = 17
REGIONAL: Final = 18
BREAK_MASK: Final = 31
#: Extended_Pictographic: joined to the zero-width joiner before it.
PICTOGRAPH: Final = 32

#: Characters from here on have no entry of their own: the last one stands for them.
TABLE_SIZE: Final = 0xE01F0
#: No assigned character but tags and variation selectors lies between this and the end.
LAST_SCRIPTS: Final = 0x40000

_BY_CATEGORY: Final = {
    "Lu": LETTER, "Ll": LETTER, "Lt": LETTER, "Lm": LETTER, "Lo": LETTER, "Nl": LETTER,
    "Nd": NUMERIC, "Mn": EXTEND, "Mc": EXTEND, "Me": EXTEND, "Cf": FORMAT, "Pc": EXTEND_NUM_LET,
}  # fmt: skip

#: What the category does not tell, in this order, as ranges.
_EXCEPTIONS: Final = (
    (
        OTHER,  # ideographs, hiragana and the scripts of South-East Asia; invisible space
        "e01-e30 e32-e33 e40-e46 e81-ebd ec0-ec6 edc-edf 1000-102a 103f 1050-1055 105a-105d 1061 "
        "1065-1066 106e-1070 1075-1081 108e 1780-17b3 17d7 17dc 1950-19ab 19b0-19c9 1a20-1a54 1aa7 "
        "3006-3007 3021-3029 3038-303a 3041-3096 309d-309f 3400-4dbf 4e00-9fff a9e0-a9e4 a9e6-a9ef "
        "a9fa-a9fe aa60-aa7a aa7e-aaaf aab1 aab5-aab6 aab9-aabd aac0 aac2 aadb-aadd f900-fad9 "
        "11700-1171a 11740-11746 17000-18d08 1b001-1b11f 1b150-1b154 1b170-1b2fb 20000-3ffff 200b",
    ),
    (EXTEND, "e31 e34-e3a eb1 eb4-ebc 200c ff9e-ff9f 1f3fb-1f3ff e0020-e007f e0100-e01ef"),
    (EXTEND, "aa7b-aa7d 16fe4 16ff0-16ff1"),
    (
        LETTER,
        "2c2-2c5 2d2-2d7 2de-2df 2e5-2eb 2ed 2ef-2ff 55a-55c 55e 58a 5f3 70f 24b6-24e9 a708-a716 "
        "a720-a721 a789-a78a ab5b 1f130-1f149 1f150-1f169 1f170-1f189",
    ),
    (
        KATAKANA,
        "3031-3035 309b-309c 30a0-30fa 30fc-30ff 31f0-31ff 32d0-32fe 3300-3357 ff66-ff9d "
        "1aff0-1aff3 1aff5-1affb 1affd-1affe 1b000 1b120-1b122 1b155 1b164-1b167",
    ),
    (HEBREW, "5d0-5ea 5ef-5f2 fb1d fb1f-fb28 fb2a-fb36 fb38-fb3c fb3e fb40-fb41 fb43-fb44 fb46-fb4f"),
    (NUMERIC, "600-605 66b 6dd 890-891 8e2 19da 110bd 110cd"),
    (EXTEND_NUM_LET, "202f"),
    (MID_NUM, "2c 3b 37e 589 60c-60d 66c 7f8 2044 fe50 fe54 ff0c ff1b"),
    (MID_LETTER, "3a b7 387 55f 5f4 2027 fe13 fe55 ff1a"),
    (MID_NUM_LET, "2e 2018-2019 2024 fe52 ff07 ff0e"),
    (SINGLE_QUOTE, "27"),
    (DOUBLE_QUOTE, "22"),
    (REGIONAL, "1f1e6-1f1ff"),
    (SPACE, "20 1680 2000-2006 2008-200a 205f 3000"),
    (ZWJ, "200d"),
    (FORMAT, "e0001"),
    (NEWLINE, "b-c 85 2028-2029"),
    (CR, "d"),
    (LF, "a"),
)  # fmt: skip

_PICTOGRAPHS: Final = (
    "a9 ae 203c 2049 2122 2139 2194-2199 21a9-21aa 231a-231b 2328 2388 23cf 23e9-23f3 23f8-23fa "
    "24c2 25aa-25ab 25b6 25c0 25fb-25fe 2600-2605 2607-2612 2614-2685 2690-2705 2708-2712 2714 "
    "2716 271d 2721 2728 2733-2734 2744 2747 274c 274e 2753-2755 2757 2763-2767 2795-2797 27a1 "
    "27b0 27bf 2934-2935 2b05-2b07 2b1b-2b1c 2b50 2b55 3030 303d 3297 3299 1f000-1f0ff "
    "1f10d-1f10f 1f12f 1f16c-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f1ad-1f1e5 1f201-1f20f 1f21a "
    "1f22f 1f232-1f23a 1f23c-1f23f 1f249-1f3fa 1f400-1f53d 1f546-1f64f 1f680-1f6ff 1f774-1f77f "
    "1f7d5-1f7ff 1f80c-1f80f 1f848-1f84f 1f85a-1f85f 1f888-1f88f 1f8ae-1f8ff 1f90c-1f93a "
    "1f93c-1f945 1f947-1faff 1fc00-1fffd"
)

_ASCII_END: Final = 128
#: The space; all control characters of ASCII but one come before it.
_LAST_CONTROL: Final = 32
#: All characters between it and the space part letters, if a space follows.
_FIRST_DIGIT: Final = ord("0")

# What to do between two characters, the first of which is `before`.
_BREAK: Final = 0
_JOIN: Final = 1
_IF_LETTER_FOLLOWS: Final = 2
_IF_HEBREW_FOLLOWS: Final = 3
_IF_NUMERIC_FOLLOWS: Final = 4
_IF_LETTER_PRECEDES: Final = 5
_IF_HEBREW_PRECEDES: Final = 6
_IF_NUMERIC_PRECEDES: Final = 7


def parse_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read ranges of code points such as ``"27 30-39"``, both ends included."""
    bounds = (item.partition("-") for item in text.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in bounds)


@functools.cache
def break_table() -> Traits:
    """Tabulate Word_Break and Extended_Pictographic.

    Returns:
        Shape (TABLE_SIZE + 1,), dtype uint32, read-only. Only the low six bits are used,
        so that a dialect may add traits of its own to a copy.
    """
    table = np.zeros(TABLE_SIZE + 1, np.uint32)
    table[:LAST_SCRIPTS] = np.fromiter(
        (_BY_CATEGORY.get(unicodedata.category(chr(code)), OTHER) for code in range(LAST_SCRIPTS)),
        np.uint32,
        LAST_SCRIPTS,
    )
    for value, ranges in _EXCEPTIONS:
        for first, last in parse_ranges(ranges):
            block = table[first : last + 1]
            # Marks within the ranges of a script stay marks.
            block[(block != EXTEND) | (value != OTHER)] = value
    for first, last in parse_ranges(_PICTOGRAPHS):
        table[first : last + 1] |= np.uint32(PICTOGRAPH)
    table.flags.writeable = False
    return table


def _tabulate_pairs() -> npt.NDArray[np.uint8]:
    """Fill the table of what rules WB5 to WB13b and WB15-16 say of each pair."""
    pairs = np.full((32, 32), _BREAK, np.uint8)
    letters, mid = (LETTER, HEBREW), (MID_NUM_LET, SINGLE_QUOTE)
    words = (*letters, NUMERIC, KATAKANA, EXTEND_NUM_LET)
    for left in letters:
        pairs[left, [LETTER, HEBREW, NUMERIC]] = _JOIN
        pairs[left, [MID_LETTER, *mid]] = _IF_LETTER_FOLLOWS
        pairs[NUMERIC, left] = _JOIN
        pairs[[MID_LETTER, *mid], left] = _IF_LETTER_PRECEDES
    pairs[HEBREW, SINGLE_QUOTE] = _JOIN
    pairs[HEBREW, DOUBLE_QUOTE] = _IF_HEBREW_FOLLOWS
    pairs[DOUBLE_QUOTE, HEBREW] = _IF_HEBREW_PRECEDES
    pairs[NUMERIC, NUMERIC] = _JOIN
    pairs[NUMERIC, [MID_NUM, *mid]] = _IF_NUMERIC_FOLLOWS
    pairs[[MID_NUM, *mid], NUMERIC] = _IF_NUMERIC_PRECEDES
    pairs[KATAKANA, KATAKANA] = _JOIN
    for word in words:
        pairs[word, EXTEND_NUM_LET] = pairs[EXTEND_NUM_LET, word] = _JOIN
    return pairs


_PAIRS: Final = _tabulate_pairs()


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def trait_of(traits: Traits, point: int) -> np.int64:
    """Look up the entry of a character."""
    # Unsigned: no place is counted from the end.
    return np.int64(traits[min(np.uint64(np.uint32(point)), np.uint64(TABLE_SIZE))])


@numba.njit(cache=True, nogil=True, _nrt=False)
def _class_after(points: Points, position: int, end: int, traits: Traits) -> int:
    """Give the class of the next character that is not skipped (WB4)."""
    found = EXTEND
    while EXTEND <= found <= FORMAT and position < end:
        found = trait_of(traits, points[position]) & BREAK_MASK
        position += 1
    return found


@numba.njit(cache=True, nogil=True, _nrt=False)
def _joins_in_context(
    action: int, points: Points, after: int, end: int, traits: Traits, earlier: int
) -> bool:
    """Decide a pair that depends on the character after it, or on the one before it."""
    other = earlier
    if action <= _IF_NUMERIC_FOLLOWS:
        other = _class_after(points, after, end, traits)
    if action in (_IF_LETTER_FOLLOWS, _IF_LETTER_PRECEDES):
        return other in (LETTER, HEBREW)
    if action in (_IF_HEBREW_FOLLOWS, _IF_HEBREW_PRECEDES):
        return bool(other == HEBREW)
    return bool(other == NUMERIC)


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_segment_end(points: Points, start: int, end: int, traits: Traits) -> int:
    """Find where the segment that begins at `start` ends.

    Args:
        points: code points.
        start: a boundary, before `end`.
        end: where the text ends.
        traits: `break_table()`, with more bits or without.

    Returns:
        Position of the next boundary. A run of regional indicators is one segment (the
        standard pairs them): they are no part of any word.
    """
    raw = trait_of(traits, points[start]) & BREAK_MASK
    before, earlier, position, joined = raw, OTHER, start + 1, True
    while joined and position < end:
        entry = trait_of(traits, points[position])
        found = entry & BREAK_MASK
        if raw <= NEWLINE and raw != OTHER:
            joined = raw == CR and found == LF
        elif EXTEND <= found <= FORMAT:
            raw = found
            position += 1
            continue
        elif raw == ZWJ and entry & PICTOGRAPH:
            joined = True
        elif raw in (SPACE, REGIONAL):
            joined = found == raw
        else:
            action = _PAIRS[before, found]
            joined = action == _JOIN
            if action > _JOIN:
                joined = _joins_in_context(action, points, position + 1, end, traits, earlier)
        if joined:
            earlier, before, raw = before, found, found
            position += 1
    return position


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_segments(points: Points, start: int, end: int, traits: Traits, bounds: Points) -> int:
    """Find every segment of a run of characters that is not whitespace of ASCII alone.

    Letters that ASCII parts from what follows need no rule but that one; the words of most
    texts are found so, in one loop that calls nothing.

    Args:
        points: code points; the run is ``points[start:end]``.
        start: where it begins, a boundary.
        end: where it ends.
        traits: `break_table()`, with more bits or without.
        bounds: shape (2 * (end - start),) or longer; begin and end of each segment in turn.

    Returns:
        How many segments there are.
    """
    position, count = start, 0
    while position < end:
        if points[position] <= _LAST_CONTROL and (
            position + 1 >= end or points[position + 1] < _ASCII_END
        ):
            # No mark follows, and nothing else joins a space or a control character.
            position += 1
        else:
            after = position
            while after < end and trait_of(traits, points[after]) & BREAK_MASK == LETTER:
                after += 1
            if after == position:
                after = find_segment_end(points, position, end, traits)
            elif after < end and points[after] > _LAST_CONTROL:
                spaced = after + 1 < end and points[after + 1] <= _LAST_CONTROL
                if not (spaced and points[after] < _FIRST_DIGIT):
                    # What the letters before the last one were decides nothing.
                    after = find_segment_end(points, after - 1, end, traits)
            bounds[2 * count] = position
            bounds[2 * count + 1] = after
            count += 1
            position = after
    return count


def split_segments(text: str) -> list[str]:
    """Split a text at every word boundary; for people and tests."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
    segments, position = [], 0
    while position < points.size:
        after = find_segment_end(points, position, points.size, break_table())
        segments.append(text[position:after])
        position = after
    return segments
