"""What a response is: the declared type, and what its first bytes say."""

import functools
from typing import Final, NamedTuple

import re2

from gristmill.cleaning.byte_patterns import compile_bytes

HTML: Final = "text/html"
PLAIN: Final = "text/plain"

_HTML_TYPES: Final = frozenset({HTML, "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
#: Types that say nothing; servers send them for files that they do not know.
_VAGUE_TYPES: Final = frozenset(
    {"", "application/octet-stream", "binary/octet-stream", "application/unknown", "*/*"}
    | {"unknown/unknown", "content/unknown", "application/x-unknown"}
)
_SNIFF_BYTES: Final = 1024
#: First bytes of formats that servers send as HTML or text (WHATWG MIME Sniffing, 6).
_MAGIC: Final = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"RIFF", "audio/wave"),
    (b"OggS\x00", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ\x90\x00", "application/x-msdownload"),
    (b"CWS", "application/x-shockwave-flash"),
    (b"FWS", "application/x-shockwave-flash"),
    (b"{\\rtf", "application/rtf"),
    (b'{"', "application/json"),
    (b'[{"', "application/json"),
)
_MAGIC_STARTS: Final = tuple(magic for magic, _ in _MAGIC)
_FEED: Final = compile_bytes(
    rb"(?i)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<(rss|feed|rdf:rdf|urlset|sitemapindex|svg)[\s>]"
)
_MARKUP: Final = compile_bytes(
    rb"(?i)<(?:!doctype\s+html|html|head|title|body|meta|script|style|table|div|h1|p|a|br|!--)[\s>/]"
)
_NAME: Final = re2.compile(r"(?i)^[\s\"']{0,8}([a-z0-9!#$&^_.+*-]{1,60}/[a-z0-9!#$&^_.+*-]{1,60})")
_CHARSET: Final = re2.compile(r"(?i)charset\s*=\s*[\"']?\s*([a-z0-9_:.+-]{1,40})")


class MediaType(NamedTuple):
    """A Content-Type header taken apart."""

    name: str  # such as text/html, in lower case; empty if there is none
    charset: str | None


def parse_type(value: str | None) -> MediaType:
    """Parse a Content-Type header such as ``text/html; charset=utf-8``; total.

    Servers also send lists of types, of which the first counts, leave the semicolon out,
    put quotes around, or send a charset alone.
    """
    return _parse_type(value[:_SNIFF_BYTES]) if value else MediaType("", None)


@functools.lru_cache(maxsize=256)
def _parse_type(value: str) -> MediaType:
    named = _NAME.match(value)
    found = _CHARSET.search(value)
    return MediaType(
        named.group(1).lower() if named else "", found.group(1).lower() if found else None
    )


def is_promising(name: str) -> bool:
    """Say whether a body of a declared type may be HTML or plain text."""
    return name in _HTML_TYPES or name == PLAIN or name in _VAGUE_TYPES


def sniff_type(body: bytes, declared: str) -> str:
    """Tell the type of a body that is declared as HTML, text or nothing.

    Args:
        body: decoded body.
        declared: name of the declared type; one that `is_promising`.

    Returns:
        `HTML`, `PLAIN`, or the type that the first bytes show; ``unknown`` for a body
        without a type that shows none.
    """
    head = body[:_SNIFF_BYTES].lstrip(b"\xef\xbb\xbf\t\n\x0c\r ")
    if head.startswith(_MAGIC_STARTS):
        return next(name for magic, name in _MAGIC if head.startswith(magic))
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if not head.startswith(b"<!D") and _FEED.search(head):
        return "text/xml"
    if declared in _HTML_TYPES:
        return HTML
    if head.startswith(b"<") and _MARKUP.search(head):
        return HTML
    return PLAIN if declared == PLAIN else "unknown"
