"""Cuts a page into blocks of text with what its markup says about each, without a tree."""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning.page_walk import walk_page

_BLOCK: Final = len(at.BLOCK_COLUMNS)
_CONTAINER: Final = len(at.CONTAINER_COLUMNS)
_SIGNATURE: Final = at.CONTAINER_COLUMNS.index("signature")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PageBlocks:
    """The blocks of a page in their order, and the elements that hold them.

    Attributes:
        text: UTF-8 of all blocks, a newline behind each, shape (bytes,).
        table: one row per block, columns `page_board.BLOCK_COLUMNS`, shape (n, columns).
        containers: one row per block element, in the order of start tags, columns
            `page_board.CONTAINER_COLUMNS`; row 0 is the page; shape (m, columns).
        same: for each container, how many of the page look like it (same element and
            class, or without a class the same parents), shape (m,).
        page_bits: keywords of <body>.
        title: text of <title> as it stands in the page.
        size: bytes of the page.
    """

    text: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int64]
    containers: npt.NDArray[np.int64]
    same: npt.NDArray[np.int64]
    page_bits: int
    title: bytes
    size: int

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> npt.NDArray[np.int64]:
        """One column of the table by its name, shape (n,)."""
        return self.table[:, at.COLUMNS[name]]

    def texts(self) -> list[str]:
        """The text of each block."""
        data = self.text.tobytes()
        spans = self.table[:, :2].tolist()
        return [data[start:end].decode("utf-8", "replace") for start, end in spans]


def cut_blocks(html: str | bytes) -> PageBlocks:
    """Cut a page into blocks: the longest stretches of text without a block element's tag.

    Time is linear in the length of the page, and memory at most about 100 MB above a
    small multiple of it. Nothing is refused: whatever is broken is read as browsers do,
    or nearly so. Elements that are not shown give no text.

    Args:
        html: the page, as text or in UTF-8.
    """
    raw = html if isinstance(html, bytes) else html.encode("utf-8", "replace")
    page = np.frombuffer(raw, np.uint8)
    # A tag ends a block at most; a reference decodes to at most 1.2 times its bytes.
    tags = int(np.count_nonzero(page == 0x3C))
    rows = min(tags + 2, at.MAX_BLOCKS)
    board = np.empty(at.BOARD_SIZE, np.int64)
    board[: at.FRAMES + at.FRAME] = 0
    board[at.START] = board[at.AFTER_LINK] = -1
    board[at.CONTAINERS] = 1
    board[at.ROW_LIMIT] = rows - 1
    text = np.empty(page.size + page.size // 4 + 64, np.uint8)
    blocks = np.empty(rows * _BLOCK, np.int64)
    containers = np.empty(min(tags + 1, at.MAX_CONTAINERS) * _CONTAINER, np.int64)
    containers[:_CONTAINER] = 0
    walk_page(page, page[: page.size & ~7].view(np.uint64), board, text, blocks, containers)
    found = containers.reshape(-1, _CONTAINER)[: board[at.CONTAINERS]].copy()
    counts = board[at.SIGNATURES : at.SIGNATURES + at.SIGNATURE_SLOTS]
    return PageBlocks(
        text=text[: board[at.OUT]].copy(),
        table=blocks.reshape(-1, _BLOCK)[: board[at.BLOCKS]].copy(),
        containers=found,
        same=counts[found[:, _SIGNATURE]],
        page_bits=int(board[at.PAGE_BITS]),
        title=raw[board[at.TITLE_START] : board[at.TITLE_END]],
        size=page.size,
    )
