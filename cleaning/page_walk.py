"""The walk over a page: tags to the stack of elements, text to blocks, in one pass.

Numba code over the bytes of the page; linear in their number, whatever is unclosed.
"""

from typing import Any, Final

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import (
    LT,
    SLASH,
    SPACE_BYTE,
    Bytes,
    Words,
    compiled,
    find_markup,
    inlined,
    is_letter,
    read_name,
    skip_comment,
    skip_raw_text,
)
from gristmill.cleaning.page_board import Numbers
from gristmill.cleaning.page_copying import copy_text, copy_verbatim
from gristmill.cleaning.page_elements import (
    BLOCK,
    IN_EMPHASIS,
    IN_FOREIGN,
    IN_LINK,
    IN_PRE,
    IS_HIDDEN,
    RAW_TEXT,
    TAG_MASK,
    TAGS,
    UNSTACKED,
    VOID,
)
from gristmill.cleaning.page_measures import measure_text
from gristmill.cleaning.page_rows import fill_row
from gristmill.cleaning.page_tokens import read_attributes, skip_attributes
from gristmill.cleaning.page_tree import (
    close_element,
    find_info,
    imply_end_tags,
    leave_foreign,
    open_element,
)

_FRAME: Final = at.FRAME
_FRAMES: Final = at.FRAMES
_BLOCK: Final = len(at.BLOCK_COLUMNS)
_BR, _IMG, _A, _BODY = (TAGS[name] for name in ("br", "img", "a", "body"))
_INPUT, _BUTTON, _SELECT, _PRE = (TAGS[name] for name in ("input", "button", "select", "pre"))
_TITLE, _HR = TAGS["title"], TAGS["hr"]
_BANG, _QUESTION = 0x21, 0x3F


@compiled
def walk_page(
    html: Bytes, words: Words, board: Numbers, text: Bytes, blocks: Numbers, containers: Numbers
) -> None:
    """Cut a page into blocks.

    Args:
        html: the page, UTF-8.
        words: the same, as far as whole words go, eight bytes each.
        board: zeros as far as `FRAMES` and in frame 0; see `page_board`.
        text: room for the text.
        blocks: room for rows of blocks, flat.
        containers: room for rows of containers, flat; row 0 is the page's.
    """
    # Numba would compile all that is called here for the literal zero too.
    index = int(board[at.OUT])
    while index < html.size:
        if html[index] != LT:
            index = _read_text(html, words, index, board, text)
            continue
        following: Any = html[index + 1] if index + 1 < html.size else 0
        if is_letter(following):
            index = _read_start_tag(html, words, index, board, text, blocks, containers)
        elif following == SLASH and index + 2 < html.size:
            index = _read_end_tag(html, words, index, board, text, blocks)
        elif following in (_BANG, _QUESTION):
            index = skip_comment(html, words, index)
        else:
            index = _copy_byte(html, index, board, text)
    board[at.ROW_LIMIT] += 1
    _end_block(board, text, blocks, html.size)


@compiled
def _read_start_tag(
    html: Bytes,
    words: Words,
    index: int,
    board: Numbers,
    text: Bytes,
    blocks: Numbers,
    containers: Numbers,
) -> int:
    """Act on a start tag; returns what is behind it, and behind its text if that is raw."""
    source = index
    name, index = read_name(html, index + 1, SPACE_BYTE)
    info, slot = find_info(name)
    index = read_attributes(html, words, index, board)
    tag = info & TAG_MASK
    flags = board[_FRAMES + board[at.DEPTH] * _FRAME + at.FRAME_FLAGS]
    if flags & IN_FOREIGN:
        if board[at.IS_SELF_CLOSING]:
            return index
        if info & (BLOCK | VOID):
            leave_foreign(board)
    board[at.TAGS_BEFORE] += 1
    if info & RAW_TEXT:
        end = skip_raw_text(html, words, index, name, SPACE_BYTE)
        if tag == _TITLE and board[at.TITLE_END] == 0 and not flags & IN_FOREIGN:
            board[at.TITLE_START] = index
            board[at.TITLE_END] = end
        return end
    if info & BLOCK:
        _end_block(board, text, blocks, source)
    imply_end_tags(board, info)
    if info & (VOID | UNSTACKED):
        _read_void(board, text, blocks, tag, source)
        return index
    if tag in (_A, _BUTTON, _SELECT):
        _note_control(board, tag)
    open_element(board, containers, name, info, slot, source)
    if tag == _PRE and index < html.size and html[index] == 0x0A:
        index += 1
    return index


@inlined
def _note_control(board: Numbers, tag: int) -> None:
    if tag == _A:
        board[at.LINKS] += board[at.HAS_HREF]
        if board[at.AFTER_LINK] == board[at.OUT] and board[at.PENDING] == at.NO_SPACE:
            board[at.PENDING] = at.SPACE  # links side by side are words apart
    else:
        board[at.CONTROLS] += 1
        if board[at.PENDING] == at.NO_SPACE:
            board[at.PENDING] = at.SPACE


@compiled
def _read_void(board: Numbers, text: Bytes, blocks: Numbers, tag: int, source: int) -> None:
    """Act on an element without content."""
    if tag == _BR:
        board[at.BREAKS] += 1
        if board[_FRAMES + board[at.DEPTH] * _FRAME + at.FRAME_FLAGS] & IN_PRE:
            if board[at.START] >= 0:
                text[board[at.OUT]] = 0x0A
                board[at.OUT] += 1
        elif board[at.BREAKS] > 1:
            _end_block(board, text, blocks, source)
        else:
            board[at.PENDING] = at.LINE
    elif tag == _IMG:
        board[at.IMAGES] += 1
    elif tag == _INPUT:
        board[at.CONTROLS] += 1
    elif tag == _BODY:
        board[at.PAGE_BITS] |= board[at.BITS]


@compiled
def _read_end_tag(
    html: Bytes, words: Words, index: int, board: Numbers, text: Bytes, blocks: Numbers
) -> int:
    """Act on an end tag; returns what is behind it."""
    source = index
    if not is_letter(html[index + 2]):
        return skip_comment(html, words, index)
    name, index = read_name(html, index + 2, SPACE_BYTE)
    if index < html.size and html[index] == 0x3E:
        index += 1
    else:
        index = skip_attributes(html, words, index)
    info, slot = find_info(name)
    tag = info & TAG_MASK
    if info & (VOID | UNSTACKED | RAW_TEXT):
        if tag == _BR:
            _read_void(board, text, blocks, tag, source)
        return index
    if info & BLOCK:
        _end_block(board, text, blocks, source)
    elif tag == _A:
        board[at.AFTER_LINK] = board[at.OUT]
    close_element(board, name, info, slot)
    return index


@compiled
def _read_text(html: Bytes, words: Words, index: int, board: Numbers, text: Bytes) -> int:
    """Copy text up to the next tag; returns where that is."""
    base = _FRAMES + board[at.DEPTH] * _FRAME
    flags = board[base + at.FRAME_FLAGS]
    if flags & IS_HIDDEN:
        return find_markup(html, words, index)
    before = board[at.OUT]
    source = index
    if flags & IN_PRE:
        index, out, pending = copy_verbatim(html, index, text, before, board[at.START] >= 0)
    else:
        index, out, pending = copy_text(
            html, index, text, before, board[at.PENDING], board[at.START] >= 0
        )
    board[at.PENDING] = pending
    if out > before:
        _note_text(board, text, base, source, before, out)
    return index


@inlined
def _note_text(board: Numbers, text: Bytes, base: int, source: int, before: int, out: int) -> None:
    """Note on the board that text was written."""
    flags = board[base + at.FRAME_FLAGS]
    bits = board[base + at.FRAME_BITS]
    if board[at.START] < 0:
        board[at.START] = before
        board[at.SOURCE] = source
        board[at.COMMON_FLAGS] = flags
        board[at.COMMON_BITS] = bits
        board[at.ANY_FLAGS] = board[at.ANY_BITS] = 0
        board[at.LINES] = 0
    else:
        board[at.COMMON_FLAGS] &= flags
        board[at.COMMON_BITS] &= bits
        board[at.LINES] += board[at.BREAKS]
    board[at.ANY_FLAGS] |= flags
    board[at.ANY_BITS] |= bits
    board[at.BREAKS] = 0
    board[at.OUT] = out
    size = out - before - (text[before] <= 0x20)  # without the blank that was due
    if flags & IN_LINK:
        board[at.LINK_BYTES] += size
    if flags & IN_EMPHASIS:
        board[at.EMPHASIS_BYTES] += size


@compiled
def _copy_byte(html: Bytes, index: int, board: Numbers, text: Bytes) -> int:
    """Copy a ``<`` that begins no tag."""
    base = _FRAMES + board[at.DEPTH] * _FRAME
    if board[base + at.FRAME_FLAGS] & IS_HIDDEN:
        return index + 1
    before = board[at.OUT]
    out = before
    if board[at.PENDING] and board[at.START] >= 0:
        text[out] = 0x0A if board[at.PENDING] == at.LINE else 0x20
        out += 1
    text[out] = html[index]
    board[at.PENDING] = at.NO_SPACE
    _note_text(board, text, base, index, before, out + 1)
    return index + 1


@compiled
def _end_block(board: Numbers, text: Bytes, blocks: Numbers, source: int) -> None:
    """Write the row of the block that ends here, if it has text."""
    board[at.PENDING] = at.NO_SPACE
    board[at.BREAKS] = 0
    start = board[at.START]
    if start < 0:
        return
    number = board[at.BLOCKS]
    if number >= board[at.ROW_LIMIT]:
        board[at.PENDING] = at.LINE
        return
    end = board[at.OUT]
    while end > start and text[end - 1] <= 0x20:  # of preformatted text
        end -= 1
    board[at.START] = -1
    if end == start:
        board[at.OUT] = end
        return
    row = blocks[number * _BLOCK : (number + 1) * _BLOCK]
    measure_text(text, start, end, row)
    fill_row(board, row, start, end, source)
    text[end] = 0x0A
    board[at.OUT] = end + 1
    board[at.BLOCKS] = number + 1
    board[at.LAST_SOURCE] = source


# kernels of: b8bf0effc3e99996
