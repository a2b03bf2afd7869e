"""Personal data in texts: where e-mail and public IP addresses stand, and their redaction.

All patterns run in RE2 over UTF-8 bytes, in linear time; a hit is then checked by
plain code. Kinds are searched in turn, each in a copy in which the spans found so far
are blanked out by brackets, which is how the text reads once it is redacted. So nothing
is found in a redacted text: cleaning twice equals cleaning once.

Addresses in private, reserved and documentation ranges identify nobody and are kept.
IPv6 is sought among global unicast addresses (2000::/3, RFC 4291) only, since
``a::b`` is code more often than an address.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from gristmill.cleaning.bounds import require_known
from gristmill.schemas.tables import PII_SPANS

#: What stands in place of a span. No pattern matches these or joins them to their surroundings.
PLACEHOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {"email": "[EMAIL]", "ipv4": "[IPV4]", "ipv6": "[IPV6]"}
)

# RFC 5322 dot-atoms without their rare symbols; letters of the scripts that addresses use.
_LETTERS: Final = r"\p{Latin}\p{Greek}\p{Cyrillic}0-9"
_EMAIL: Final = re2.compile(
    rf"[{_LETTERS}][{_LETTERS}._%+'\-]*@[{_LETTERS}\-]+(?:\.[{_LETTERS}\-]+)*"
    r"\.[\p{Latin}\p{Greek}\p{Cyrillic}]{2,}"
)
#: A longest run of numbers and dots; it is an address if it has four parts.
_IPV4: Final = re2.compile(r"[0-9]+(?:\.[0-9]+)+")
_IPV6: Final = re2.compile(
    r"[23][0-9A-Fa-f]{3}(?:(?::[0-9A-Fa-f]{1,4}){7}"
    r"|(?::[0-9A-Fa-f]{1,4}){0,6}::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)"
)
#: What a text must match to be looked at: Arrow runs it over the whole batch.
_HINT: Final = r"@|[0-9]\.[0-9]+\.[0-9]+\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]"

_WORD_BYTES: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_DIGITS: Final = frozenset(b"0123456789")
_HEX_OR_COLON: Final = frozenset(b"0123456789ABCDEFabcdef:")

Span = tuple[str, int, int]


def _is_email(text: bytes, start: int, end: int) -> bool:
    return True


def _is_ipv4(text: bytes, start: int, end: int) -> bool:
    """Check four octets of a public address that no letter, digit or dot extends."""
    before = text[start - 1 : start]
    if before and (before[0] in _WORD_BYTES or before == b"."):
        return False
    if end < len(text) and text[end] in _WORD_BYTES:
        return False
    parts = text[start:end].split(b".", 4)
    if len(parts) != 4 or max(map(len, parts)) > 3:
        return False
    return _is_public(text[start:end])


def _is_ipv6(text: bytes, start: int, end: int) -> bool:
    """Check a public address that no letter, digit, dot, colon or group extends."""
    before, after = text[start - 1 : start], text[end : end + 2]
    if before and (before[0] in _WORD_BYTES or before in b".:"):
        return False
    if after and after[0] in _WORD_BYTES:
        return False
    if after[:1] == b"." and after[1:] and after[1] in _DIGITS:
        return False
    if after[:1] == b":" and after[1:] and after[1] in _HEX_OR_COLON:
        return False
    return _is_public(text[start:end])


def _is_public(address: bytes) -> bool:
    try:
        return ipaddress.ip_address(address.decode("ascii")).is_global
    except ValueError:
        return False


#: In the order of search. IPv6 comes last: its surroundings depend on the others' spans,
#: and theirs not on its own.
_DETECTORS: Final[tuple[tuple[str, re2._Regexp, Callable[[bytes, int, int], bool]], ...]] = (
    ("email", _EMAIL, _is_email),
    ("ipv4", _IPV4, _is_ipv4),
    ("ipv6", _IPV6, _is_ipv6),
)


def _blank_out(text: bytes, spans: Iterable[Span]) -> bytes:
    """Replace each span by brackets, so that every other byte keeps its place."""
    pieces, place = [], 0
    for _, start, end in spans:
        pieces += [text[place:start], b"[" + b"]" * (end - start - 1)]
        place = end
    return b"".join([*pieces, text[place:]])


def _search_text(text: bytes) -> list[Span]:
    """Find the spans of one text, in bytes, sorted."""
    found: list[Span] = []
    for kind, pattern, accept in _DETECTORS:
        bounds = [match.span() for match in pattern.finditer(text)]
        spans = [(kind, *bound) for bound in bounds if accept(text, *bound)]
        if spans:
            text = _blank_out(text, spans)
            found += spans
    return sorted(found, key=lambda span: span[1])


def _count_characters(text: bytes, spans: Sequence[Span]) -> list[Span]:
    """Turn offsets in bytes into offsets in code points."""
    if text.isascii() or not spans:
        return list(spans)
    starts_character = (np.frombuffer(text, np.uint8) & 0xC0) != 0x80
    index = np.concatenate([[0], np.cumsum(starts_character)])
    return [(kind, int(index[start]), int(index[end])) for kind, start, end in spans]


def find_spans(texts: pa.StringArray) -> pa.ListArray:
    """Find the personal data in each text.

    Args:
        texts: n texts, no nulls.

    Returns:
        n lists of type `PII_SPANS`: sorted, not overlapping, offsets in code points.
    """
    hinted = np.flatnonzero(pc.match_substring_regex(texts, _HINT).to_numpy(zero_copy_only=False))
    counts = np.zeros(len(texts) + 1, np.int32)
    spans: list[Span] = []
    for row, text in zip(hinted, texts.take(pa.array(hinted)).to_pylist(), strict=True):
        payload = text.encode("utf-8")
        found = _count_characters(payload, _search_text(payload))
        counts[row + 1] = len(found)
        spans += found
    values = pa.StructArray.from_arrays(
        [
            pa.array([kind for kind, _, _ in spans], pa.string()),
            pa.array([start for _, start, _ in spans], pa.int32()),
            pa.array([end for _, _, end in spans], pa.int32()),
        ],
        fields=list(PII_SPANS.value_type),
    )
    offsets = pa.array(np.cumsum(counts, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, values, type=PII_SPANS)


def redact(text: str, spans: Iterable[Mapping[str, Any]]) -> str:
    """Replace spans by the placeholders of their kinds.

    Args:
        text: the text that the spans were found in.
        spans: sorted and not overlapping; rows of `find_spans`.

    Returns:
        A text with the same newlines: no span holds one.

    Raises:
        SchemaError: a span is of an unknown kind.
    """
    pieces, place = [], 0
    for span in spans:
        require_known("kind of personal data", span["kind"], PLACEHOLDERS)
        pieces += [text[place : span["start"]], PLACEHOLDERS[span["kind"]]]
        place = span["end"]
    return "".join([*pieces, text[place:]])
