"""Fills in what a block is by itself, and what stands around it."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning import page_sums as total
from gristmill.cleaning.page_feature_rows import (
    CLASS_ROW,
    COUNT_COLUMNS,
    COUNTS,
    FLAG_BITS,
    FLAG_ROW,
    MEASURES,
    NEIGHBOUR_ROW,
    NEIGHBOURS,
    OFFSETS,
    PLACE_ROW,
    PLACES,
    RANKS,
    RATIO_ROW,
    Features,
)
from gristmill.cleaning.page_sums import Sums, Table, compiled

Bits = npt.NDArray[np.int64]

_PLACES: Final = len(PLACES)
_LARGE: Final = PLACES.index("large_part")
_SMALL: Final = PLACES.index("small_part")
_MEASURES: Final = len(MEASURES)
_OFFSETS: Final = len(OFFSETS)
_NEIGHBOURS: Final = len(NEIGHBOURS)
_START: Final = at.COLUMNS["start"]
_END: Final = at.COLUMNS["end"]
_CHARS: Final = at.COLUMNS["chars"]
_WORDS: Final = at.COLUMNS["words"]
_SENTENCES: Final = at.COLUMNS["sentences"]
_FLAGS: Final = at.COLUMNS["flags"]
_ANY_FLAGS: Final = at.COLUMNS["any_flags"]
_BITS: Final = at.COLUMNS["bits"]
_ANY_BITS: Final = at.COLUMNS["any_bits"]
_CONTAINER: Final = at.COLUMNS["container"]
_TAG: Final = at.COLUMNS["tag"]
_PARENT: Final = at.CONTAINER_COLUMNS.index("parent")
_CONTAINER_TAG: Final = at.CONTAINER_COLUMNS.index("tag")
_ORDINAL: Final = at.CONTAINER_COLUMNS.index("ordinal")
_OWN_BITS: Final = at.CONTAINER_COLUMNS.index("bits")
_SOURCE: Final = at.COLUMNS["source"]
_COMMAS_ROW: Final = COUNTS.index("commas")
_COMMON_ROW: Final = COUNTS.index("common_words")
_DIGITS_ROW: Final = COUNTS.index("digits")
_UPPERS_ROW: Final = COUNTS.index("uppers")
_OTHER_ROW: Final = COUNTS.index("other_bytes")
_EMPHASIS_ROW: Final = COUNTS.index("emphasis_bytes")


@compiled
def fill_own(
    table: Table, containers: Table, text: Any, size: int, linked: Sums, out: Features
) -> None:
    """Rows of what a block is by itself."""
    count = len(table)
    words_before = np.float32(0)
    words_in_all = np.float32(max(1, table[:, _WORDS].sum()))
    for block in range(count):
        for index in range(len(COUNT_COLUMNS)):
            out[index, block] = table[block, COUNT_COLUMNS[index]]
        row = RATIO_ROW
        start, end = table[block, _START], table[block, _END]
        words = np.float32(max(1, table[block, _WORDS]))
        chars = np.float32(max(1, table[block, _CHARS]))
        parent = containers[table[block, _CONTAINER], _PARENT]
        grandparent = containers[parent, _PARENT]
        out[row, block] = linked[block] / words
        out[row + 1, block] = out[_COMMAS_ROW, block] / words
        out[row + 2, block] = np.float32(table[block, _SENTENCES]) / words
        out[row + 3, block] = out[_COMMON_ROW, block] / words
        out[row + 4, block] = out[_DIGITS_ROW, block] / chars
        out[row + 5, block] = out[_UPPERS_ROW, block] / chars
        out[row + 6, block] = out[_OTHER_ROW, block] / np.float32(max(1, end - start))
        out[row + 7, block] = out[_EMPHASIS_ROW, block] / np.float32(max(1, end - start))
        out[row + 8, block] = chars / words
        out[row + 9, block] = _rate_ending(text, start, end)
        out[row + 10, block] = RANKS[table[block, _TAG]]
        out[row + 11, block] = RANKS[containers[parent, _CONTAINER_TAG]]
        out[row + 12, block] = RANKS[containers[grandparent, _CONTAINER_TAG]]
        out[row + 13, block] = np.float32(block) / np.float32(count)
        out[row + 14, block] = words_before / words_in_all
        out[row + 15, block] = np.float32(table[block, _SOURCE]) / np.float32(max(1, size))
        out[row + 16, block] = block
        out[row + 17, block] = count - block
        words_before += table[block, _WORDS]


@compiled
def _rate_ending(text: Any, start: int, end: int) -> float:
    """Whether a block ends like a sentence (1), introduces (0.5), or neither (0)."""
    last = text[end - 1] if end > start else 0
    if last in (0x2E, 0x21, 0x3F, 0x22, 0x29):  # . ! ? " )
        return 1.0
    if last == 0x3A:  # :
        return 0.5
    if end - start >= 3 and (text[end - 3] == 0xE3 or text[end - 3] == 0xE2):
        return 1.0 if last in (0x82, 0x9D, 0x99, 0xA6) else 0.0
    return 0.0


@compiled
def fill_ancestry(table: Table, containers: Table, local: Bits, out: Features) -> None:
    """Rows of flags and keywords: how close above a block they stand."""
    for block in range(len(table)):
        container = table[block, _CONTAINER]
        all_flags, any_flags = table[block, _FLAGS], table[block, _ANY_FLAGS]
        for index in range(len(FLAG_BITS)):
            bit = FLAG_BITS[index]
            every = (all_flags >> bit) & 1
            out[FLAG_ROW + index, block] = every - (((any_flags >> bit) & 1) - every) * 1.0
        parent = containers[container, _PARENT]
        own = containers[container, _OWN_BITS]
        near = own | containers[parent, _OWN_BITS]
        near |= containers[containers[parent, _PARENT], _OWN_BITS]
        chain = table[block, _BITS]
        around = local[container]
        inline = table[block, _ANY_BITS] & ~chain
        for bit in range(PLACE_ROW - CLASS_ROW):
            value = ((chain >> bit) & 1) + ((around >> bit) & 1) + ((near >> bit) & 1)
            value += ((own >> bit) & 1) - ((inline >> bit) & 1)
            out[CLASS_ROW + bit, block] = value


@compiled
def fill_places(
    table: Table, containers: Table, same: Bits, sums: Sums, parts: Any, out: Features
) -> None:
    """Rows of what stands in the containers around a block."""
    large, small = parts
    words_in_all = max(np.float32(1), sums[0, total.WORDS])
    for block in range(len(table)):
        container = table[block, _CONTAINER]
        own = container
        for place in range(_PLACES):
            if place == _LARGE:
                container = large[own]
            elif place == _SMALL:
                container = small[own]
            row = sums[container]
            words = max(np.float32(1), row[total.WORDS])
            blocks = max(np.float32(1), row[total.BLOCKS])
            first = PLACE_ROW + place * _MEASURES
            out[first, block] = row[total.WORDS]
            out[first + 1, block] = row[total.WORDS] / words_in_all
            out[first + 2, block] = row[total.LINKED] / words
            out[first + 3, block] = row[total.BLOCKS]
            out[first + 4, block] = row[total.WORDS] / blocks
            out[first + 5, block] = row[total.PARAGRAPHS] / words
            out[first + 6, block] = row[total.BIG]
            out[first + 7, block] = row[total.SENTENCES] / words
            out[first + 8, block] = row[total.DIGITS] / max(np.float32(1), row[total.CHARS])
            out[first + 9, block] = row[total.COMMON] / words
            out[first + 10, block] = row[total.IMAGES] / blocks
            out[first + 11, block] = same[container]
            out[first + 12, block] = containers[container, _ORDINAL]
            container = containers[container, _PARENT]


@compiled
def fill_neighbours(table: Table, linked: Sums, out: Features) -> None:
    """Rows of the blocks just before and after; -1 beyond the ends of the page."""
    count = len(table)
    for index in range(_OFFSETS):
        offset = index - _OFFSETS // 2 + (index >= _OFFSETS // 2)
        first = NEIGHBOUR_ROW + index * _NEIGHBOURS
        for block in range(count):
            other = block + offset
            if 0 <= other < count:
                out[first, block] = table[other, _WORDS]
                out[first + 1, block] = linked[other] / np.float32(max(1, table[other, _WORDS]))
                out[first + 2, block] = RANKS[table[other, _TAG]]
                out[first + 3, block] = table[other, _SENTENCES]
            else:
                for row in range(_NEIGHBOURS):
                    out[first + row, block] = -1


# kernels of: 8cb32b28202d0499
