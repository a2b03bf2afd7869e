"""The stack of open elements: what opens, what closes, and what is known inside.

It follows the HTML standard's rules (13.2.6) as far as they matter to text: implied end
tags, end tags without a partner, and end tags that do not reach out of a table cell. An
inline element whose end tag comes late ends with the block it was opened in.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import compiled, inlined
from gristmill.cleaning.html_elements import SLOT_MASK, SLOTS
from gristmill.cleaning.page_board import Numbers
from gristmill.cleaning.page_elements import (
    BLOCK,
    ENDS_PARAGRAPH,
    FLAGS,
    FOREIGN,
    HEADING,
    IN_FOREIGN,
    IN_HEADING,
    INFOS,
    IS_ARIA_HIDDEN,
    IS_HIDDEN,
    LIST,
    NAMES,
    SCOPE,
    TABLE_PART,
    TAG_MASK,
    TAGS,
)
from gristmill.cleaning.page_keywords import NEGATIVE_MASK, POSITIVE_MASK

_CHAIN_STEPS: Final = 16  # names that share a slot are looked through so far
_FRAME: Final = at.FRAME
_FRAMES: Final = at.FRAMES
_CONTAINER: Final = len(at.CONTAINER_COLUMNS)
_A, _P, _LI, _DD, _DT = (TAGS[name] for name in ("a", "p", "li", "dd", "dt"))
_TR, _TD, _TH, _TABLE = (TAGS[name] for name in ("tr", "td", "th", "table"))
_OPTION, _OPTGROUP, _H1, _FORM = (TAGS[name] for name in ("option", "optgroup", "h1", "form"))
_QUOTE, _DL, _FOREIGN_OBJECT = (TAGS[name] for name in ("blockquote", "dl", "foreignobject"))


def _list_slots() -> npt.NDArray[np.int64]:
    """Slots by number of the element, shape (256,)."""
    slots = np.zeros(256, np.int64)
    for slot in np.flatnonzero(INFOS):
        slots[INFOS[slot] & TAG_MASK] = slot
    return slots


_SLOT_OF: Final = _list_slots()
_SVG_SLOT, _MATH_SLOT = _SLOT_OF[TAGS["svg"]], _SLOT_OF[TAGS["math"]]


@inlined
def find_info(name: np.uint64) -> tuple[int, int]:
    """Find an element's entry (0 for unknown ones) and its slot."""
    slot = np.int64(name & SLOT_MASK)
    signed = np.int64(name)
    while INFOS[slot] != 0:
        if NAMES[slot] == signed:
            return int(INFOS[slot]), int(slot)
        slot = (slot + 1) & (SLOTS - 1)
    return 0, int(slot)


@compiled
def _pop_frames(board: Numbers, target: int) -> None:
    """Close the elements from the frame `target` up."""
    top = board[at.DEPTH]
    while top >= target:
        base = _FRAMES + top * _FRAME
        board[at.HEADS + board[base + at.SLOT]] = board[base + at.CHAIN]
        top -= 1
    board[at.DEPTH] = top


@inlined
def _pop_above(board: Numbers, tag: int, limit: int) -> None:
    """Close the innermost element of a kind, and what is in it, if above a frame."""
    target = board[at.HEADS + _SLOT_OF[tag]]
    if target > limit:
        _pop_frames(board, target)


@compiled
def imply_end_tags(board: Numbers, info: int) -> None:
    """Close what a start tag closes by standing there."""
    tag = info & TAG_MASK
    base = _FRAMES + board[at.DEPTH] * _FRAME
    scope = board[base + at.SCOPE_FRAME]
    if info & ENDS_PARAGRAPH:
        _pop_above(board, _P, scope)
        base = _FRAMES + board[at.DEPTH] * _FRAME
    if tag == _LI:
        _pop_above(board, _LI, max(scope, board[base + at.LIST_FRAME]))
    elif tag in (_DD, _DT):
        limit = max(scope, board[base + at.LIST_FRAME])
        _pop_above(board, _DD, limit)
        _pop_above(board, _DT, limit)
    elif info & TABLE_PART and board[base + at.TABLE_FRAME] > 0:
        _end_cells(board, tag, board[base + at.TABLE_FRAME])
    elif tag in (_OPTION, _OPTGROUP):
        _pop_above(board, _OPTION, scope)
        if tag == _OPTGROUP:
            _pop_above(board, _OPTGROUP, scope)
    elif tag == _A:
        _pop_above(board, _A, board[base + at.BLOCK_FRAME])
    elif info & HEADING and info_of_top(board) & HEADING:
        _pop_frames(board, board[at.DEPTH])


@inlined
def info_of_top(board: Numbers) -> int:
    """The entry of the innermost open element."""
    tag = board[_FRAMES + board[at.DEPTH] * _FRAME + at.FRAME_TAG]
    return INFOS[_SLOT_OF[tag]] if tag else 0


@inlined
def _end_cells(board: Numbers, tag: int, table: int) -> None:
    """Close the cell or row before a new one; a new part of a table closes both."""
    if tag in (_TD, _TH):
        _pop_above(board, _TD, table)
        _pop_above(board, _TH, table)
    elif tag == _TR:
        _pop_above(board, _TR, table)
    else:
        _pop_frames(board, table + 1)


@compiled
def open_element(
    board: Numbers, containers: Numbers, name: np.uint64, info: int, slot: int, source: int
) -> None:
    """Push the frame of an element whose tag was read last; too deep ones get none."""
    below = board[at.DEPTH]
    tag = info & TAG_MASK
    # Forms do not nest.
    if below >= at.MAX_DEPTH or (tag == _FORM and board[at.HEADS + slot]):
        return
    top = below + 1
    board[at.DEPTH] = top
    base = _FRAMES + top * _FRAME
    for column in range(at.FRAME_FLAGS, at.FRAME):
        board[base + column] = board[base - _FRAME + column]
    board[base + at.NAME] = np.int64(name)
    board[base + at.CHAIN] = board[at.HEADS + slot]
    board[at.HEADS + slot] = top
    board[base + at.SLOT] = slot
    board[base + at.FRAME_TAG] = tag
    board[base + at.FRAME_FLAGS] |= FLAGS[tag]
    if board[at.HIDES]:
        board[base + at.FRAME_FLAGS] |= IS_HIDDEN
    if board[at.IS_ARIA_HIDDEN]:
        board[base + at.FRAME_FLAGS] |= IS_ARIA_HIDDEN
    bits = board[at.BITS]
    if bits:
        board[base + at.FRAME_BITS] |= bits
        if bits & POSITIVE_MASK:
            board[base + at.GOOD_FRAME] = top
        if bits & NEGATIVE_MASK:
            board[base + at.BAD_FRAME] = top
    if info & SCOPE:
        board[base + at.SCOPE_FRAME] = top
    if info & BLOCK:
        _open_block(board, containers, info, source)


@compiled
def _open_block(board: Numbers, containers: Numbers, info: int, source: int) -> None:
    """Note what only blocks are: containers, lists, tables, headings."""
    top = board[at.DEPTH]
    base = _FRAMES + top * _FRAME
    tag = info & TAG_MASK
    board[base + at.BLOCK_FRAME] = top
    own = board[at.SIGNATURE]
    signature = (
        board[base + at.NAME] ^ (own if own else board[base + at.FRAME_SIGNATURE])
    ) * 0x5851F42D4C957F2D
    board[base + at.FRAME_SIGNATURE] = signature
    if info & LIST or tag == _DL:
        board[base + at.LIST_FRAME] = top
        board[base + at.LIST_DEPTH] += tag != _DL
        board[base + at.ITEMS] = board[base + at.MARKED] = 0
    elif tag == _LI:
        board[_FRAMES + board[base + at.LIST_FRAME] * _FRAME + at.ITEMS] += 1
    elif info & HEADING:
        board[base + at.LEVEL] = tag - _H1 + 1
    elif tag == _QUOTE:
        board[base + at.QUOTES] += 1
    elif tag == _TABLE or info & TABLE_PART:
        _open_table_part(board, base, tag)
    number = board[at.CONTAINERS]
    if number < containers.size // _CONTAINER:
        _note_container(board, containers, base, source)
        board[base + at.FRAME_CONTAINER] = number
        board[at.CONTAINERS] = number + 1


@inlined
def _open_table_part(board: Numbers, base: int, tag: int) -> None:
    table = _FRAMES + board[base + at.TABLE_FRAME] * _FRAME
    if tag == _TABLE:
        board[at.TABLES] += 1
        board[base + at.TABLE_FRAME] = board[at.DEPTH]
        board[base + at.TABLE_NUMBER] = board[at.TABLES]
        board[base + at.ROWS] = board[base + at.CELLS] = 0
    elif tag == _TR:
        board[table + at.ROWS] += 1
        board[table + at.CELLS] = 0
    elif tag in (_TD, _TH):
        board[table + at.CELLS] += 1


@inlined
def _note_container(board: Numbers, containers: Numbers, base: int, source: int) -> None:
    slot = (board[base + at.FRAME_SIGNATURE] >> 40) & (at.SIGNATURE_SLOTS - 1)
    row = board[at.CONTAINERS] * _CONTAINER
    containers[row] = board[base + at.FRAME_CONTAINER]
    containers[row + 1] = board[base + at.FRAME_TAG]
    containers[row + 2] = board[at.DEPTH]
    containers[row + 3] = slot
    containers[row + 4] = board[at.SIGNATURES + slot]
    containers[row + 5] = source
    containers[row + 6] = board[base + at.FRAME_FLAGS]
    containers[row + 7] = board[at.BITS]
    board[at.SIGNATURES + slot] += 1


@compiled
def close_element(board: Numbers, name: np.uint64, info: int, slot: int) -> None:
    """Pop the innermost element of a name, and what is in it, if its end tag may do so."""
    limit = _limit_of(board, info)
    target = board[at.HEADS + slot]
    signed = np.int64(name)
    for _ in range(_CHAIN_STEPS):
        if target <= limit:
            break
        base = _FRAMES + target * _FRAME
        if board[base + at.NAME] == signed:
            _pop_frames(board, target)
            return
        target = board[base + at.CHAIN]
    if info & HEADING:
        # The end tag of any heading closes the one that is open.
        block = board[_FRAMES + board[at.DEPTH] * _FRAME + at.BLOCK_FRAME]
        if FLAGS[board[_FRAMES + block * _FRAME + at.FRAME_TAG]] & IN_HEADING and block > 0:
            _pop_frames(board, block)


@inlined
def _limit_of(board: Numbers, info: int) -> int:
    """The frame that an end tag does not reach."""
    base = _FRAMES + board[at.DEPTH] * _FRAME
    if info & TABLE_PART:
        return int(board[base + at.TABLE_FRAME])
    if info & (SCOPE | FOREIGN):
        return 0
    if info & BLOCK:
        if info & TAG_MASK == _LI:
            return int(max(board[base + at.SCOPE_FRAME], board[base + at.LIST_FRAME]))
        return int(board[base + at.SCOPE_FRAME])
    return int(board[base + at.BLOCK_FRAME])


@compiled
def leave_foreign(board: Numbers) -> None:
    """Close SVG or MathML before an element of HTML that has no place in it."""
    if board[at.HEADS + _SLOT_OF[_FOREIGN_OBJECT]] > 0:
        return
    while board[_FRAMES + board[at.DEPTH] * _FRAME + at.FRAME_FLAGS] & IN_FOREIGN:
        _pop_frames(board, max(board[at.HEADS + _SVG_SLOT], board[at.HEADS + _MATH_SLOT], 1))


# kernels of: 0a3a825cacc82610
