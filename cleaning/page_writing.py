"""Writes blocks with the marks of plain text or of Markdown: the kernels of `page_text`."""

from typing import Final

import numpy as np

from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.page_board import COLUMNS, Bytes
from gristmill.cleaning.page_elements import IN_PRE, TAGS
from gristmill.cleaning.page_layout import (
    BLANK_LINE,
    DEEPEST,
    NEXT_CELL,
    NEXT_LINE,
    NOTHING,
    SAME_CELL,
    Counts,
    Rows,
    find_gap,
    is_data,
)

_INDENT: Final = 4  # blanks per list around in Markdown: nests under any marker
_FENCE, _LONGEST_FENCE = 3, 64
# What a block takes at most besides its lines: gaps, fences, a marker, bars, a rule.
_BLOCK_BYTES: Final = 2 * _LONGEST_FENCE + 64
_LINE_BYTES: Final = (_INDENT + 2) * DEEPEST + 16

_START, _END, _TAG, _FLAGS = (COLUMNS[name] for name in ("start", "end", "tag", "flags"))
_HEADING, _QUOTES, _CONTAINER = (COLUMNS[name] for name in ("heading", "quotes", "container"))
_LIST, _LIST_DEPTH, _LIST_TAG = (COLUMNS[name] for name in ("list", "list_depth", "list_tag"))
_ITEM, _TABLE, _ROW, _CELL = (COLUMNS[name] for name in ("item", "table", "row", "cell"))
_OL: Final = TAGS["ol"]
_NEWLINE, _BLANK, _BAR, _DASH, _HASH, _TICK, _MORE = 0x0A, 0x20, 0x7C, 0x2D, 0x23, 0x60, 0x3E
_DOT, _ZERO = 0x2E, 0x30
_ONE_LINE: Final = -1  # lines of a block are joined by blanks


@compiled
def bound_size(text: Bytes, rows: Rows) -> int:
    """Bytes that `write_plain` and `write_markdown` need at most."""
    size = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        size += _BLOCK_BYTES + row[_END] - row[_START]
        if row[_LIST_DEPTH] + row[_QUOTES]:
            lines = 3
            for place in range(row[_START], row[_END]):
                lines += text[place] == _NEWLINE
            size += lines * _LINE_BYTES
    return size


@inlined
def _put(out: Bytes, place: int, code: int, times: int) -> int:
    """Write a byte some times; returns what is behind."""
    for step in range(times):
        out[place + step] = code
    return place + times


@compiled
def write_plain(text: Bytes, rows: Rows, items: Counts, tables: Counts, out: Bytes) -> int:
    """Write blocks as plain text; returns the bytes written."""
    place = 0
    for index in range(rows.shape[0]):
        row = rows[index]
        gap = find_gap(rows, index, items, tables)
        if gap >= NEXT_LINE:
            place = _put(out, place, _NEWLINE, gap - NEXT_LINE + 1)
        elif gap:
            place = _put(out, place, _BLANK, 1)
            if gap == NEXT_CELL:
                place = _put(out, place, _BAR, 1)
                place = _put(out, place, _BLANK, 1)
        indent = 2 * min(row[_LIST_DEPTH], DEEPEST) if row[_ITEM] else 0
        if items[index]:
            place = _put(out, place, _BLANK, indent - 2)
            place = _put(out, place, _DASH, 1)
            place = _put(out, place, _BLANK, 1)
        else:
            place = _put(out, place, _BLANK, indent)
        place = _copy_lines(text, row, out, place, _ONE_LINE if is_data(row, tables) else indent)
    return place


@compiled
def _copy_lines(text: Bytes, row: Counts, out: Bytes, place: int, nested: int) -> int:
    """Copy a block's text; `nested` is quotes * 64 + blanks before its further lines."""
    for source in range(row[_START], row[_END]):
        code = text[source]
        if code == _NEWLINE and nested == _ONE_LINE:
            code = np.uint8(_BLANK)
        out[place] = code
        place += 1
        if code == _NEWLINE and nested:
            place = _nest_line(out, place, nested)
    return place


@inlined
def _nest_line(out: Bytes, place: int, nested: int) -> int:
    for _ in range(nested >> 6):
        place = _put(out, place, _MORE, 1)
        place = _put(out, place, _BLANK, 1)
    return _put(out, place, _BLANK, nested & 63)


@compiled
def write_markdown(text: Bytes, rows: Rows, items: Counts, tables: Counts, out: Bytes) -> int:
    """Write blocks as Markdown; returns the bytes written."""
    place = 0
    cells = 0  # of a table's first row, while that is being written
    for index in range(rows.shape[0]):
        row = rows[index]
        gap = find_gap(rows, index, items, tables)
        if gap >= NEXT_LINE and index and is_data(rows[index - 1], tables):
            place = _end_row(out, place, cells)
            cells = 0
        if is_data(row, tables):
            if gap in (NOTHING, BLANK_LINE):
                cells = 1
            else:
                cells += cells > 0 and gap == NEXT_CELL
            place = _open_cell(out, place, gap)
            place = _copy_lines(text, row, out, place, _ONE_LINE)
            continue
        if gap == NEXT_LINE and not items[index]:
            gap = BLANK_LINE
        if gap:
            place = _put(out, place, _NEWLINE, 1)
        if gap == BLANK_LINE:
            if row[_QUOTES] and rows[index - 1, _QUOTES]:
                place = _put(out, place, _MORE, 1)
            place = _put(out, place, _NEWLINE, 1)
        place = _write_nested(text, row, items[index], out, place)
    if rows.shape[0] and is_data(rows[rows.shape[0] - 1], tables):
        place = _end_row(out, place, cells)
    return place


@inlined
def _open_cell(out: Bytes, place: int, gap: int) -> int:
    """Write what stands before a cell."""
    if gap >= NEXT_LINE:
        place = _put(out, place, _NEWLINE, gap - NEXT_LINE + 1)
    if gap != SAME_CELL:
        if gap == NEXT_CELL:
            place = _put(out, place, _BLANK, 1)
        place = _put(out, place, _BAR, 1)
    return _put(out, place, _BLANK, 1)


@inlined
def _end_row(out: Bytes, place: int, cells: int) -> int:
    """Write what stands behind a row; behind a table's first, the rule of so many cells."""
    place = _put(out, place, _BLANK, 1)
    place = _put(out, place, _BAR, 1)
    if cells:
        place = _put(out, place, _NEWLINE, 1)
        for _ in range(cells):
            place = _put(out, place, _BAR, 1)
            place = _put(out, place, _DASH, 3)
        place = _put(out, place, _BAR, 1)
    return place


@compiled
def _write_nested(text: Bytes, row: Counts, item: int, out: Bytes, place: int) -> int:
    """Write a block with quote marks, list markers, heading marks or fences."""
    nested = min(row[_QUOTES], DEEPEST) << 6
    width = 0
    if row[_ITEM] and row[_LIST_DEPTH]:
        width = _measure_marker(row)
        nested += _INDENT * (min(row[_LIST_DEPTH], DEEPEST) - 1) + width
    if item:
        place = _nest_line(out, place, nested - width)
        place = _write_marker(out, place, item if row[_LIST_TAG] == _OL else 0)
    else:
        place = _nest_line(out, place, nested)
    if row[_FLAGS] & IN_PRE:
        fence = _measure_fence(text, row)
        place = _put(out, place, _TICK, fence)
        place = _nest_line(out, _put(out, place, _NEWLINE, 1), nested)
        place = _copy_lines(text, row, out, place, nested)
        place = _nest_line(out, _put(out, place, _NEWLINE, 1), nested)
        return _put(out, place, _TICK, fence)
    if row[_HEADING]:
        place = _put(out, place, _HASH, row[_HEADING])
        place = _put(out, place, _BLANK, 1)
    return _copy_lines(text, row, out, place, _ONE_LINE if row[_HEADING] else nested)


@inlined
def _measure_marker(row: Counts) -> int:
    """Bytes of the marker of the list item that a block is in."""
    width = 2
    number = row[_ITEM] if row[_LIST_TAG] == _OL else 0
    while number:
        width += 1
        number //= 10
    return width


@inlined
def _write_marker(out: Bytes, place: int, number: int) -> int:
    """Write ``- ``, or ``1. `` where there is a number."""
    if not number:
        place = _put(out, place, _DASH, 1)
        return _put(out, place, _BLANK, 1)
    scale = 1
    while number // scale >= 10:
        scale *= 10
    while scale:
        place = _put(out, place, _ZERO + number // scale % 10, 1)
        scale //= 10
    place = _put(out, place, _DOT, 1)
    return _put(out, place, _BLANK, 1)


@inlined
def _measure_fence(text: Bytes, row: Counts) -> int:
    """Backticks that a fence needs: more than stand together in the text."""
    longest = run = 0
    for source in range(row[_START], row[_END]):
        run = run + 1 if text[source] == _TICK else 0
        longest = max(longest, run)
    return min(max(longest + 1, _FENCE), _LONGEST_FENCE)


# kernels of: 653bc877baa874dc
