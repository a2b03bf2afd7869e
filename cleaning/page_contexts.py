"""Fills in where a block stands in its page, and what the page is like as a whole."""

from typing import Any, Final

import numpy as np

from gristmill.cleaning import page_board as at
from gristmill.cleaning import page_sums as total
from gristmill.cleaning.page_elements import TAGS
from gristmill.cleaning.page_feature_rows import (
    CLASS_ROW,
    COMMENT,
    CONTEXT,
    CONTEXT_ROW,
    FLAG_PLACES,
    FLAG_ROW,
    KEYWORD_PLACES,
    KIND_ROWS,
    PAGE,
    PAGE_BITS,
    PAGE_ROW,
    RANKS,
    Features,
)
from gristmill.cleaning.page_sums import Sums, Table, compiled

_WINDOW_ROW: Final = CONTEXT_ROW + CONTEXT.index("near_words")
_LANDMARK_ROW: Final = CONTEXT_ROW + CONTEXT.index("since_big")
_GROUP_ROW: Final = CONTEXT_ROW + CONTEXT.index("large_part_tag")
_LARGEST_ROW: Final = PAGE_ROW + PAGE.index("largest_group")
_SHARE_ROW: Final = PAGE_ROW + len(PAGE)
_WORDS: Final = at.COLUMNS["words"]
_BITS: Final = at.COLUMNS["bits"]
_CONTAINER: Final = at.COLUMNS["container"]
_HEADING: Final = at.COLUMNS["heading"]
_PARENT: Final = at.CONTAINER_COLUMNS.index("parent")
_DEPTH: Final = at.CONTAINER_COLUMNS.index("depth")
_CONTAINER_TAG: Final = at.CONTAINER_COLUMNS.index("tag")
_FAR: Final = 999.0  # blocks, where there is none at all
_CLIMB: Final = 64  # levels, at most, up to what two neighbours share
_H1: Final = 1
_ARTICLE: Final = TAGS["article"]


@compiled
def _measure_jump(containers: Table, before: int, after: int) -> Any:
    """Levels up from one container to what both are in, and down to the other."""
    up = down = 0
    while before != after and up + down < _CLIMB:
        if containers[before, _DEPTH] >= containers[after, _DEPTH] and before > 0:
            before = containers[before, _PARENT]
            up += 1
        else:
            after = containers[after, _PARENT]
            down += 1
    return up, down


@compiled
def fill_jumps(table: Table, containers: Table, out: Features) -> None:
    """Rows of how far apart a block and its neighbours are in the tree."""
    row = CONTEXT_ROW
    for block in range(len(table)):
        up = down = 0
        if block > 0:
            up, down = _measure_jump(
                containers, table[block - 1, _CONTAINER], table[block, _CONTAINER]
            )
            out[row + 2, block - 1] = up
            out[row + 3, block - 1] = down
        out[row, block] = up
        out[row + 1, block] = down
        out[row + 2, block] = 0
        out[row + 3, block] = 0


@compiled
def fill_windows(table: Table, linked: Sums, out: Features) -> None:
    """Rows of the mean words and linked share of the blocks around."""
    count = len(table)
    for size in (0, 1):
        radius = 10 if size else 3
        row = _WINDOW_ROW + 2 * size
        words = links = np.float32(0)
        first = last = 0
        for block in range(count):
            while last < min(count, block + radius + 1):
                words += table[last, _WORDS]
                links += linked[last]
                last += 1
            while first < block - radius:
                words -= table[first, _WORDS]
                links -= linked[first]
                first += 1
            out[row, block] = words / np.float32(last - first)
            out[row + 1, block] = links / max(np.float32(1), words)


@compiled
def _is_big(table: Table, linked: Sums, block: int) -> bool:
    words = table[block, _WORDS]
    return bool(words >= total.BIG_WORDS and linked[block] < total.BIG_LINKED * words)


@compiled
def fill_landmarks(table: Table, linked: Sums, out: Features) -> None:
    """Rows of the distance to running text and headings."""
    count = len(table)
    row = _LANDMARK_ROW
    first_h1 = last_h1 = -1
    for block in range(count):
        if table[block, _HEADING] == _H1:
            first_h1 = block if first_h1 < 0 else first_h1
            last_h1 = block
    last_big = last_heading = -1
    big = 0
    for block in range(count):
        is_big = _is_big(table, linked, block)
        last_big = block if is_big else last_big
        last_heading = block if table[block, _HEADING] else last_heading
        big += is_big
        out[row, block] = min(_FAR, block - last_big) if last_big >= 0 else _FAR
        out[row + 2, block] = big
        out[row + 4, block] = block - first_h1 if first_h1 >= 0 else -_FAR
        out[row + 5, block] = block - last_h1 if first_h1 >= 0 else -_FAR
        headed = last_heading >= 0
        out[row + 6, block] = min(_FAR, block - last_heading) if headed else _FAR
        out[row + 7, block] = table[last_heading, _WORDS] if headed else -1
        out[row + 8, block] = table[last_heading, _HEADING] if headed else -1
    next_big = -1
    for block in range(count - 1, -1, -1):
        next_big = block if _is_big(table, linked, block) else next_big
        out[row + 1, block] = min(_FAR, next_big - block) if next_big >= 0 else _FAR
        out[row + 3, block] = big - out[row + 2, block]


@compiled
def fill_groups(
    table: Table, containers: Table, parts: Any, groups: Any, linked: Sums, out: Features
) -> None:
    """Rows of the part of the page, of blocks that look alike, and of equal texts."""
    large, small = parts
    looks, texts = groups
    look_sums = total.sum_groups(table, linked, looks)
    text_sums = total.sum_groups(table, linked, texts)
    words_in_all = np.float32(max(1, table[:, _WORDS].sum()))
    row = _GROUP_ROW
    commented = 0
    uncommented_big = before_comments = np.float32(0)
    for block in range(len(table)):
        container = table[block, _CONTAINER]
        if _is_big(table, linked, block) and not table[block, _BITS] & COMMENT:
            uncommented_big += table[block, _WORDS]
            before_comments += table[block, _WORDS] if commented == 0 else 0
        alike = look_sums[looks[block]]
        commented += (table[block, _BITS] & COMMENT) != 0
        out[row, block] = RANKS[containers[large[container], _CONTAINER_TAG]]
        out[row + 1, block] = RANKS[containers[small[container], _CONTAINER_TAG]]
        out[row + 2, block] = containers[container, _DEPTH] - containers[large[container], _DEPTH]
        out[row + 3, block] = alike[total.GROUP_BLOCKS]
        out[row + 4, block] = alike[total.GROUP_WORDS] / alike[total.GROUP_BLOCKS]
        out[row + 5, block] = alike[total.GROUP_WORDS] / words_in_all
        out[row + 6, block] = alike[total.GROUP_LINKED] / max(
            np.float32(1), alike[total.GROUP_WORDS]
        )
        out[row + 7, block] = text_sums[texts[block], total.GROUP_BLOCKS]
        out[row + 8, block] = commented
        out[row + 9, block] = before_comments
        out[row + 10, block] = uncommented_big
    out[_LARGEST_ROW] = look_sums[:, total.GROUP_BLOCKS].max()
    out[_LARGEST_ROW + 1] = look_sums[:, total.GROUP_WORDS].max() / words_in_all


@compiled
def fill_page(
    table: Table, containers: Table, page: Any, sums: Sums, linked: Sums, out: Features
) -> None:
    """Rows that are the same for all blocks of the page."""
    size, page_bits, kinds = page
    count = len(table)
    row = PAGE_ROW
    whole = sums[0]
    words = max(np.float32(1), whole[total.WORDS])
    big_comments = np.float32(0)
    big_words = headings = headings_1 = commented = np.float32(0)
    for block in range(count):
        big_words += table[block, _WORDS] if _is_big(table, linked, block) else 0
        if _is_big(table, linked, block) and table[block, _BITS] & COMMENT:
            big_comments += table[block, _WORDS]
        headings += table[block, _HEADING] > 0
        headings_1 += table[block, _HEADING] == _H1
        commented += table[block, _WORDS] if table[block, _BITS] & COMMENT else 0
    out[row] = whole[total.WORDS]
    out[row + 1] = count
    out[row + 2] = len(containers)
    out[row + 3] = size
    out[row + 4] = whole[total.LINKED] / words
    out[row + 5] = whole[total.WORDS] / np.float32(count)
    out[row + 6] = whole[total.PARAGRAPHS] / words
    out[row + 7] = whole[total.BIG]
    out[row + 8] = big_words / words
    out[row + 9] = whole[total.SENTENCES] / words
    out[row + 10] = whole[total.DIGITS] / max(np.float32(1), whole[total.CHARS])
    out[row + 11] = whole[total.COMMON] / words
    out[row + 12] = whole[total.IMAGES]
    out[row + 13] = headings / np.float32(count)
    out[row + 14] = headings_1
    out[row + 15] = (containers[:, _CONTAINER_TAG] == _ARTICLE).sum()
    out[row + 18] = commented / words
    out[row + 19] = big_comments / max(np.float32(1), big_words)
    _fill_shares(table, words, page_bits, out)
    for kind in range(KIND_ROWS):
        out[len(out) - KIND_ROWS + kind] = (kinds >> kind) & 1


@compiled
def _fill_shares(table: Table, words: float, page_bits: int, out: Features) -> None:
    """Rows of the share of the page's words that stand under a flag or keyword."""
    row = _SHARE_ROW
    for places, first in ((FLAG_PLACES, FLAG_ROW), (KEYWORD_PLACES, CLASS_ROW)):
        for index in range(len(places)):
            found = np.float32(0)
            for block in range(len(table)):
                if out[first + places[index], block] > 0:
                    found += table[block, _WORDS]
            out[row] = found / words
            row += 1
    for index in range(len(PAGE_BITS)):
        out[row] = (page_bits >> PAGE_BITS[index]) & 1
        row += 1


# kernels of: 8cb32b28202d0499
