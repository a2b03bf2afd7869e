"""What a page calls itself, in og:type and in the types of its JSON-LD: an article, a shop ..."""

from typing import Final

import re2

_OG_BYTES: Final = 256 << 10  # og:type is in the head; some heads are long
_TYPES_READ: Final = 400  # "@type"s of a page, at most
_OG_TYPE: Final = re2.compile(rb"""(?i)content\s*=\s*["']?\s*([a-z_.:]{1,40})""")
_LINKED_TYPE: Final = re2.compile(rb"""^"@type"\s*:\s*\[?\s*"([A-Za-z:/.]{1,60})""")
#: Kinds by bit, with the words in a type that say so, in small letters.
KINDS: Final = {
    "article": (b"article", b"blogposting", b"report"),
    "news": (b"news",),
    "product": (b"product", b"offer", b"vehicle"),
    "list": (b"itemlist", b"collection", b"searchresult"),
    "forum": (b"discussion", b"qapage", b"question", b"comment"),
    "recipe": (b"recipe", b"howto"),
    "site": (b"website", b"organization", b"business", b"service"),
    "event": (b"event", b"jobposting", b"course"),
}
KIND_NAMES: Final = (
    *(f"says_{name}" for name in KINDS),
    *(f"og_{name}" for name in KINDS),
    "has_og",
    "has_types",
)
_HAS_OG: Final = 2 * len(KINDS)


def find_kinds(page: bytes) -> int:
    """Find what a page calls itself.

    Args:
        page: HTML in UTF-8; looked at, not parsed.

    Returns:
        Bits in the order of `KIND_NAMES`.
    """
    return _read_linked_types(page) | _read_og_type(page)


def _read_og_type(page: bytes) -> int:
    place = page.find(b"og:type", 0, _OG_BYTES)
    if place < 0:
        return 0
    start, end = page.rfind(b"<", 0, place), page.find(b">", place)
    value = _OG_TYPE.search(page[max(0, start, place - 300) : min(end, place + 300)])
    if value is None:
        return 0
    return _match_kinds(value.group(1).lower()) << len(KINDS) | 1 << _HAS_OG


def _read_linked_types(page: bytes) -> int:
    bits = 0
    place = page.find(b'"@type"')
    for _ in range(_TYPES_READ):
        if place < 0:
            break
        value = _LINKED_TYPE.search(page[place : place + 100])
        if value is not None:
            bits |= _match_kinds(value.group(1).lower()) | 2 << _HAS_OG
        place = page.find(b'"@type"', place + 7)
    return bits


def _match_kinds(value: bytes) -> int:
    return sum(
        1 << bit for bit, words in enumerate(KINDS.values()) if any(word in value for word in words)
    )
