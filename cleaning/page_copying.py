"""Copies the text between tags: references decoded, white space collapsed or kept."""

from typing import Any, Final

from gristmill.cleaning import page_board as at
from gristmill.cleaning.html_bytes import CLASSES, SPACE_BYTE, TEXT_STOP, compiled, inlined
from gristmill.cleaning.page_board import Bytes
from gristmill.cleaning.page_entities import decode_reference

_LT: Final = 0x3C
_AMPERSAND: Final = 0x26


@compiled
def copy_text(
    html: Bytes, index: int, text: Bytes, out: int, pending: int, started: bool
) -> tuple[int, int, int]:
    """Copy text with white space collapsed and references decoded.

    Returns:
        Where it stopped in the page and in the text, and the white space that is due.
    """
    size = html.size
    while index < size and html[index] != _LT:
        if CLASSES[html[index]] & SPACE_BYTE:
            pending = max(pending, at.SPACE)
            index += 1
            continue
        place = out
        if pending and started:
            text[out] = 0x0A if pending == at.LINE else 0x20
            place += 1
        index, end = _copy_word(html, index, text, place)
        if _is_blank(text, place, end):
            pending = max(pending, at.SPACE)
        elif end > place:
            out = end
            pending = at.NO_SPACE
            started = True
    return index, out, pending


@inlined
def _copy_word(html: Bytes, index: int, text: Bytes, out: int) -> tuple[int, int]:
    """Copy up to the next byte that is more than itself, or what that byte stands for."""
    size = html.size
    code: Any = html[index]
    if not CLASSES[code] & TEXT_STOP:
        while index < size and not CLASSES[html[index]] & TEXT_STOP:
            text[out] = html[index]
            out += 1
            index += 1
        return index, out
    if code == 0:
        return index + 1, out
    if code == _AMPERSAND:
        end, after = decode_reference(html, index, text, out)
        if end > index:
            return end, after
    text[out] = code
    out += 1
    index += 1
    if code == 0xC2 and index < size and html[index] == 0xA0:
        text[out] = 0xA0
        return index + 1, out + 1
    return index, out


@inlined
def _is_blank(text: Bytes, start: int, end: int) -> bool:
    """Say whether one decoded character is white space that collapses."""
    if end - start == 1:
        return bool(CLASSES[text[start]] & SPACE_BYTE)
    return bool(end - start == 2 and text[start] == 0xC2 and text[start + 1] == 0xA0)


@compiled
def copy_verbatim(
    html: Bytes, index: int, text: Bytes, out: int, started: bool
) -> tuple[int, int, int]:
    """Copy preformatted text; leading blank lines of a block are left out."""
    size = html.size
    while index < size and html[index] != _LT:
        code: Any = html[index]
        before = out
        if code == _AMPERSAND:
            index, out = decode_reference(html, index, text, out)
        if out == before:
            index += 1
            if code == 0x0D:
                if index < size and html[index] == 0x0A:
                    continue
                code = 0x0A
            if code == 0 or (code == 0x0A and not started):
                continue
            text[out] = code
            out += 1
        started = True
    return index, out, at.NO_SPACE


# kernels of: b9c31c7ceecb9682
