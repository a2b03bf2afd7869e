"""What stands between the blocks of a text: list items, cells of tables, blank lines."""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.page_board import COLUMNS
from gristmill.cleaning.page_elements import IN_HEADING, IN_PRE, TAGS

Rows = npt.NDArray[np.int64]  # blocks, shape (n, columns)
Counts = npt.NDArray[np.int64]

DEEPEST: Final = 8  # lists and quotes nested deeper are written as deep as this
_CELL_BYTES: Final = 500  # a table with more in one block is there for the layout

_START, _END, _TAG, _FLAGS = (COLUMNS[name] for name in ("start", "end", "tag", "flags"))
_HEADING, _QUOTES, _CONTAINER = (COLUMNS[name] for name in ("heading", "quotes", "container"))
_LIST, _LIST_DEPTH, _ITEM = (COLUMNS[name] for name in ("list", "list_depth", "item"))
_TABLE, _ROW, _CELL = (COLUMNS[name] for name in ("table", "row", "cell"))
_P: Final = TAGS["p"]

# What stands between two blocks.
NOTHING, SAME_CELL, NEXT_CELL, NEXT_LINE, BLANK_LINE = 0, 1, 2, 3, 4


@compiled
def mark_items(rows: Rows, lists: Counts, items: Counts) -> None:
    """Note at each block the number of the list item that begins with it, 0 for none.

    Args:
        rows: the blocks to write.
        lists: filled with -1, shape (2 * `DEEPEST` + 2,); the item written last by depth.
        items: zeros, shape (n,).
    """
    for index in range(rows.shape[0]):
        row = rows[index]
        if row[_ITEM] and row[_LIST_DEPTH]:
            place = 2 * min(row[_LIST_DEPTH], DEEPEST)
            if lists[place] != row[_LIST] or lists[place + 1] != row[_ITEM]:
                lists[place] = row[_LIST]
                lists[place + 1] = row[_ITEM]
                items[index] = row[_ITEM]


@compiled
def judge_tables(rows: Rows, tables: Counts) -> None:
    """Say which tables hold data, and are not there for the layout.

    Args:
        rows: the blocks to write.
        tables: zeros, by number of the table; becomes the most cells of a row, or
            less than two where the table is none of data.
    """
    for index in range(rows.shape[0]):
        row = rows[index]
        number = row[_TABLE]
        is_plain = not row[_FLAGS] & (IN_HEADING | IN_PRE) and not row[_ITEM]
        if is_plain and row[_CELL] and row[_END] - row[_START] <= _CELL_BYTES:
            if tables[number] >= 0:
                tables[number] = max(tables[number], row[_CELL])
        elif row[_CELL] or not is_plain:
            tables[number] = -1
    tables[0] = -1


@inlined
def is_data(row: Counts, tables: Counts) -> bool:
    """Say whether a block stands in a cell of a table of data."""
    return bool(row[_CELL] > 0 and tables[row[_TABLE]] > 1)


@inlined
def find_gap(rows: Rows, index: int, items: Counts, tables: Counts) -> int:
    """What stands before a block in plain text."""
    if index == 0:
        return NOTHING
    row, last = rows[index], rows[index - 1]
    in_table, after_table = is_data(row, tables), is_data(last, tables)
    if row[_TABLE] == last[_TABLE] and in_table and after_table:
        if row[_ROW] != last[_ROW]:
            return NEXT_LINE
        return SAME_CELL if row[_CELL] == last[_CELL] else NEXT_CELL
    if in_table or after_table:
        return BLANK_LINE
    return _find_break(row, last, items[index])


@compiled
def _find_break(row: Counts, last: Counts, item: int) -> int:
    """What stands between blocks that no table of data holds."""
    both_flags = row[_FLAGS] | last[_FLAGS]
    if both_flags & IN_PRE or row[_QUOTES] != last[_QUOTES]:
        return BLANK_LINE
    if item and last[_LIST_DEPTH]:
        return NEXT_LINE
    if both_flags & IN_HEADING or (row[_LIST_DEPTH] > 0) != (last[_LIST_DEPTH] > 0):
        return BLANK_LINE
    if row[_TAG] == _P or last[_TAG] == _P:
        return BLANK_LINE
    # The same element: two line breaks stand between, or another element.
    return BLANK_LINE if row[_CONTAINER] == last[_CONTAINER] else NEXT_LINE


# kernels of: 5325cd7157f214ee
