"""Bytes of a page to text, and the reason to believe in it.

In this order, the first candidate that decodes well wins:

1. a byte order mark,
2. strict UTF-8 (unless escape sequences or NUL bytes speak of ISO-2022 or UTF-16),
3. the charset of the HTTP header,
4. the charset that the page declares in its first 16 KiB,
5. a guess (`charset_guesses`).

Strict UTF-8 comes before what headers claim because legacy text of any length is hardly
ever valid UTF-8 by chance, while headers lie. Measured: none of 386 feeds in 40
legacy encodings is valid UTF-8, so both orders decode the same 422 of 424 feeds; and of 69 crawled pages in UTF-8 one has a header that says windows-1252.
"""

import codecs
from typing import Final, NamedTuple

from gristmill.cleaning.charset_declarations import find_declared
from gristmill.cleaning.charset_guesses import guess_charset
from gristmill.cleaning.charset_labels import map_label

_HEAD_BYTES: Final = 4096
#: Most undecodable positions per non-ASCII byte. Pages that mix in a few bytes of another
#: encoding stay under 0.01; a wrong multi-byte encoding gives 0.2 and more.
MAX_ERROR_RATE: Final = 0.05
#: Most control characters per character; text has none, random bytes in a single-byte
#: encoding give about 0.1.
MAX_CONTROL_RATE: Final = 0.02


class Decoded(NamedTuple):
    """A text with the encoding it came from."""

    text: str
    charset: str  # Python codec name
    method: str  # bom | utf8 | http | meta | detected
    confidence: float  # 1 - undecodable positions per non-ASCII byte


_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_WIDE: Final = frozenset({"utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})
_TEXT_CONTROLS: Final = b"\t\n\f\r\x1b"
_CONTROLS: Final = bytes(code for code in range(32) if code not in _TEXT_CONTROLS) + b"\x7f"
_ASCII: Final = bytes(range(128))


def decode(payload: bytes, http_charset: str | None) -> Decoded | None:
    """Decode a page, or find that it is no text.

    Args:
        payload: bytes of an HTML or plain-text document.
        http_charset: charset parameter of its Content-Type header.

    Returns:
        The text without byte order mark; None if nothing decodes it within
        `MAX_ERROR_RATE`, or if the result is full of control characters.
    """
    for mark, charset in _BYTE_ORDER_MARKS:
        if payload.startswith(mark):
            return _accept(payload[len(mark) :], charset, "bom")
    if not _has_escapes(payload):
        text = _decode_utf8(payload)
        if text is not None:
            return Decoded(text, "utf-8", "utf8", 1.0) if _is_clean(text) else None
    for label, method in ((http_charset, "http"), (find_declared(payload), "meta")):
        declared = map_label(label) if label else None
        if declared in _WIDE and b"\0" not in payload[:_HEAD_BYTES]:
            continue  # markup, spaces and line ends have a NUL in each of these
        found = _accept(payload, declared, method) if declared else None
        if found:
            return found
    found = _accept(payload, guess_charset(payload), "detected")
    text = None if found else _decode_utf8(payload)
    return Decoded(text, "utf-8", "utf8", 1.0) if text is not None and _is_clean(text) else found


def drop_cut(payload: bytes) -> bytes:
    """Drop the character that the end of UTF-8 text cuts: `decode` leaves it out, too."""
    tail = payload[-4:]
    _, used = codecs.utf_8_decode(tail, "ignore", False)
    return payload[: len(payload) - len(tail) + used]


def _has_escapes(payload: bytes) -> bool:
    """Say whether bytes that are valid UTF-8 may be ISO-2022 or UTF-16 text instead."""
    if b"\0" in payload:
        return True
    return b"\x1b" in payload and (b"\x1b$" in payload or b"\x1b(" in payload)


def _decode_utf8(payload: bytes) -> str | None:
    try:
        text, used = codecs.utf_8_decode(payload, "strict", False)
    except UnicodeDecodeError:
        return None
    # Crawlers cut long pages at a byte count, which may fall inside a character.
    return text if len(payload) - used < len("\U0010ffff".encode()) else None


def _accept(payload: bytes, charset: str, method: str) -> Decoded | None:
    """Decode with one encoding; None if it fits badly."""
    try:
        text = payload.decode(charset, "replace")
    except UnicodeError:  # some codecs raise on broken escape sequences whatever the handler
        return None
    errors = text.count("\ufffd")
    rate = errors / max(1, len(payload.translate(None, _ASCII))) if errors else 0.0
    if rate > MAX_ERROR_RATE and errors > 1:
        return None
    return Decoded(text, charset, method, max(0.0, 1.0 - rate)) if _is_clean(text) else None


def _is_clean(text: str) -> bool:
    """Say whether the start of a text is free of control characters and NULs."""
    head = text[:_HEAD_BYTES].encode("utf-8", "replace")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return controls <= MAX_CONTROL_RATE * len(head)
