"""Writes the chosen blocks of a page as text: plain, or with the marks of Markdown."""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.page_blocks import PageBlocks
from gristmill.cleaning.page_board import COLUMNS
from gristmill.cleaning.page_elements import IN_NOSCRIPT, IS_ARIA_HIDDEN
from gristmill.cleaning.page_layout import DEEPEST, judge_tables, mark_items
from gristmill.cleaning.page_writing import bound_size, write_markdown, write_plain

_TABLE: Final = COLUMNS["table"]

Structure = Literal["plain", "markdown"]


def choose_shown(blocks: PageBlocks) -> npt.NDArray[np.bool_]:
    """Choose all blocks that a reader sees, whose browser runs scripts; shape (n,)."""
    unseen = blocks.column("flags") & (IN_NOSCRIPT | IS_ARIA_HIDDEN)
    shown: npt.NDArray[np.bool_] = np.equal(unseen, 0)
    return shown


def render_text(
    blocks: PageBlocks, keep: npt.NDArray[np.bool_], *, structure: Structure = "plain"
) -> str:
    """Write the blocks that are kept, in their order.

    Plain text has a line per block, blank lines around paragraphs, headings, lists,
    tables and preformatted text, ``- `` before list items, and `` | `` between the
    cells of a row. Markdown has ``#`` headings, ``- `` and ``1.`` lists, fenced code,
    ``>`` quotes and tables. Nothing is escaped. A table that holds a heading, a list,
    code or much text in one block is taken for layout and has no marks.

    Args:
        blocks: of a page.
        keep: which to write, shape (len(blocks),).
        structure: which marks to write.
    """
    rows = blocks.table[np.flatnonzero(keep)]
    items = np.zeros(len(rows), np.int64)
    mark_items(rows, np.full(2 * DEEPEST + 2, -1, np.int64), items)
    tables = np.zeros(int(blocks.table[:, _TABLE].max(initial=0)) + 1, np.int64)
    judge_tables(rows, tables)
    out = np.empty(bound_size(blocks.text, rows), np.uint8)
    write = write_markdown if structure == "markdown" else write_plain
    size = write(blocks.text, rows, items, tables, out)
    return out[:size].tobytes().decode("utf-8", "replace")
