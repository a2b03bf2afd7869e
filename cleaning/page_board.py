"""Where the page engine keeps its state: columns of its board, frames, blocks and containers.

Plain arrays of integers instead of records, because numba's compiled functions pass
them along at no cost. The board holds counters, the heads of the chains of open elements
by slot, the counts of signatures, and the frames: one of `FRAME` numbers for every open
element, frame 0 for the page.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning.html_elements import SLOTS

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]  # the page, eight bytes each, as far as whole words go
Numbers = npt.NDArray[np.int64]  # the board; blocks and containers, flat, row by row

MAX_DEPTH: Final = 2000  # elements nested deeper are not matched, their text stays
MAX_BLOCKS: Final = 1 << 17  # what follows goes to the last block
MAX_CONTAINERS: Final = 1 << 17  # what follows goes to the parent's

# The board. First what the text is at.
OUT: Final = 0  # bytes of text written
DEPTH: Final = 1  # index of the innermost frame
BLOCKS: Final = 2  # rows written
CONTAINERS: Final = 3
TABLES: Final = 4
PENDING: Final = 5  # white space to write before the next text: NO_SPACE, SPACE or LINE
PAGE_BITS: Final = 6  # keywords of <body>
TITLE_START: Final = 7
TITLE_END: Final = 8
AFTER_LINK: Final = 9  # where the last link's text ended, -1 before any
LAST_SOURCE: Final = 10  # in the page, where the last block ended
# The block that is being written.
START: Final = 11  # -1 while it has no text
SOURCE: Final = 12
LINK_BYTES: Final = 13
LINKS: Final = 14
EMPHASIS_BYTES: Final = 15
COMMON_FLAGS: Final = 16  # ancestor flags that all its text has
COMMON_BITS: Final = 17
IMAGES: Final = 18  # since the last block
TAGS_BEFORE: Final = 19  # since the last block
BREAKS: Final = 20  # <br> since the last text
LINES: Final = 21  # <br> in the block
CONTROLS: Final = 22  # <input>, <button> and <select> since the last block
# The tag that was read last.
BITS: Final = 23
SIGNATURE: Final = 24  # hash of its classes
HIDES: Final = 25
IS_SELF_CLOSING: Final = 26
HAS_HREF: Final = 28
IS_ARIA_HIDDEN: Final = 31
ANY_FLAGS: Final = 29  # ancestor flags that some of its text has
ANY_BITS: Final = 30
ROW_LIMIT: Final = 27  # rows of blocks that may be written
HEADS: Final = 32  # shape (SLOTS,): the innermost frame of each slot, 0 for none

NO_SPACE, SPACE, LINE = 0, 1, 2

# Columns of a frame.
NAME: Final = 0  # hash of the name
CHAIN: Final = 1  # frame below with the same slot, 0 for none
FRAME_TAG: Final = 2
FRAME_FLAGS: Final = 3
FRAME_BITS: Final = 4
BLOCK_FRAME: Final = 5  # nearest frames of kinds, this one included; 0 for none
SCOPE_FRAME: Final = 6
LIST_FRAME: Final = 7
TABLE_FRAME: Final = 8
GOOD_FRAME: Final = 9  # nearest frame with a positive keyword
BAD_FRAME: Final = 10
FRAME_CONTAINER: Final = 11
LIST_DEPTH: Final = 12
QUOTES: Final = 13
LEVEL: Final = 14  # of the heading
ITEMS: Final = 15  # of a list
MARKED: Final = 16  # the item whose first block is written
ROWS: Final = 17  # of a table
CELLS: Final = 18  # of the table's current row
TABLE_NUMBER: Final = 19
FRAME_SIGNATURE: Final = 20
SLOT: Final = 21
FRAME: Final = 24

# Columns of a block; `PageBlocks` says what they mean.
BLOCK_COLUMNS: Final = (
    "start",
    "end",
    "source",
    "source_end",
    "gap",
    "gap_tags",
    "gap_images",
    "gap_controls",
    "chars",
    "words",
    "commas",
    "sentences",
    "digits",
    "uppers",
    "long_words",
    "common_words",
    "other_bytes",
    "lines",
    "links",
    "link_bytes",
    "emphasis_bytes",
    "tag",
    "heading",
    "depth",
    "list_depth",
    "list_tag",
    "item",
    "starts_item",
    "quotes",
    "table",
    "row",
    "cell",
    "flags",
    "container",
    "good_level",
    "bad_level",
    "bits",
    "any_flags",
    "any_bits",
    "list",
)
COLUMNS: Final = {name: index for index, name in enumerate(BLOCK_COLUMNS)}
#: Columns of a container.
CONTAINER_COLUMNS: Final = (
    "parent",
    "tag",
    "depth",
    "signature",
    "ordinal",
    "source",
    "flags",
    "bits",
)
SIGNATURE_SLOTS: Final = 4096
SIGNATURES: Final = HEADS + SLOTS  # shape (SIGNATURE_SLOTS,): elements of each signature
FRAMES: Final = SIGNATURES + SIGNATURE_SLOTS
BOARD_SIZE: Final = FRAMES + (MAX_DEPTH + 2) * FRAME
