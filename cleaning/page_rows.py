"""Fills the row of a block with what the stack of open elements knows about it."""

from typing import Final

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.page_board import COLUMNS, Numbers

_FRAME: Final = at.FRAME
_FRAMES: Final = at.FRAMES
_START = COLUMNS["start"]
_END = COLUMNS["end"]
_SOURCE = COLUMNS["source"]
_SOURCE_END = COLUMNS["source_end"]
_GAP = COLUMNS["gap"]
_GAP_TAGS = COLUMNS["gap_tags"]
_GAP_IMAGES = COLUMNS["gap_images"]
_GAP_CONTROLS = COLUMNS["gap_controls"]
_LINES = COLUMNS["lines"]
_LINKS = COLUMNS["links"]
_LINK_BYTES = COLUMNS["link_bytes"]
_EMPHASIS_BYTES = COLUMNS["emphasis_bytes"]
_TAG = COLUMNS["tag"]
_HEADING = COLUMNS["heading"]
_DEPTH = COLUMNS["depth"]
_LIST_DEPTH = COLUMNS["list_depth"]
_LIST_TAG = COLUMNS["list_tag"]
_ITEM = COLUMNS["item"]
_STARTS_ITEM = COLUMNS["starts_item"]
_QUOTES = COLUMNS["quotes"]
_TABLE = COLUMNS["table"]
_ROW = COLUMNS["row"]
_CELL = COLUMNS["cell"]
_FLAGS = COLUMNS["flags"]
_CONTAINER = COLUMNS["container"]
_GOOD_LEVEL = COLUMNS["good_level"]
_BAD_LEVEL = COLUMNS["bad_level"]
_BITS = COLUMNS["bits"]
_LIST = COLUMNS["list"]
_ANY_FLAGS = COLUMNS["any_flags"]
_ANY_BITS = COLUMNS["any_bits"]


@compiled
def fill_row(board: Numbers, row: Numbers, start: int, end: int, source: int) -> None:
    """Write all columns of a block but the counts over its text, and start them anew.

    Args:
        board: see `page_board`.
        row: the block's.
        start: of its text in the buffer.
        end: of its text.
        source: where the block ends in the page.
    """
    row[_START] = start
    row[_END] = end
    row[_SOURCE] = board[at.SOURCE]
    row[_SOURCE_END] = source
    row[_GAP] = board[at.SOURCE] - board[at.LAST_SOURCE]
    row[_GAP_TAGS] = board[at.TAGS_BEFORE]
    row[_GAP_IMAGES] = board[at.IMAGES]
    row[_GAP_CONTROLS] = board[at.CONTROLS]
    row[_LINES] = board[at.LINES]
    row[_LINKS] = board[at.LINKS]
    row[_LINK_BYTES] = min(board[at.LINK_BYTES], end - start)
    row[_EMPHASIS_BYTES] = min(board[at.EMPHASIS_BYTES], end - start)
    row[_FLAGS] = board[at.COMMON_FLAGS]
    row[_BITS] = board[at.COMMON_BITS]
    row[_ANY_FLAGS] = board[at.ANY_FLAGS]
    row[_ANY_BITS] = board[at.ANY_BITS]
    top = board[_FRAMES + board[at.DEPTH] * _FRAME + at.BLOCK_FRAME]
    _fill_place(board, row, top, _FRAMES + top * _FRAME)
    board[at.LINK_BYTES] = board[at.LINKS] = board[at.EMPHASIS_BYTES] = 0
    board[at.IMAGES] = board[at.TAGS_BEFORE] = board[at.CONTROLS] = 0


@inlined
def _fill_place(board: Numbers, row: Numbers, top: int, base: int) -> None:
    """Write where the block stands; `top` is its block element's frame, `base` its place."""
    row[_TAG] = board[base + at.FRAME_TAG]
    row[_HEADING] = board[base + at.LEVEL]
    row[_DEPTH] = top
    row[_QUOTES] = board[base + at.QUOTES]
    row[_CONTAINER] = board[base + at.FRAME_CONTAINER]
    good = board[base + at.GOOD_FRAME]
    bad = board[base + at.BAD_FRAME]
    row[_GOOD_LEVEL] = top - good if good else -1
    row[_BAD_LEVEL] = top - bad if bad else -1
    lists = _FRAMES + board[base + at.LIST_FRAME] * _FRAME
    row[_LIST_DEPTH] = board[base + at.LIST_DEPTH]
    row[_LIST_TAG] = board[lists + at.FRAME_TAG]
    row[_LIST] = board[lists + at.FRAME_CONTAINER]
    item = board[lists + at.ITEMS]
    row[_ITEM] = item
    row[_STARTS_ITEM] = item > 0 and board[lists + at.MARKED] != item
    board[lists + at.MARKED] = item
    table_frame = board[base + at.TABLE_FRAME]
    table = _FRAMES + table_frame * _FRAME
    row[_TABLE] = board[table + at.TABLE_NUMBER] if table_frame else 0
    row[_ROW] = board[table + at.ROWS] if table_frame else 0
    row[_CELL] = board[table + at.CELLS] if table_frame else 0


# kernels of: 3f1312defefba6f6
