"""Personal data and secrets in texts: where they stand, and their redaction.

All patterns run in RE2 over UTF-8 bytes, in linear time; a hit is then checked by
plain code. Kinds are searched in turn, each in a copy in which the spans found so far
are blanked out by brackets, which is how the text reads once it is redacted. Blanking may
set free what a neighbour hid, so the lines with spans are searched again until they show
nothing. Then nothing is found in a redacted text: cleaning twice equals cleaning once.

That a line can be searched again by itself rests on two rules that every finder keeps: no
span holds a line break, and what stands on other lines can only speak for a candidate,
never against it, and is not seen through a bracket.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.cleaning import (
    pii_accounts,
    pii_addresses,
    pii_hints,
    pii_national_ids,
    pii_phones,
    pii_secrets,
    pii_wallets,
)
from gristmill.cleaning.bounds import require_known
from gristmill.cleaning.text_signals import read_buffers
from gristmill.schemas.tables import PII_SPANS

Span = tuple[str, int, int]


class Detector(NamedTuple):
    """How one kind is found.

    Attributes:
        kind: its name in spans and policies.
        placeholder: what stands in place of a span. No pattern matches placeholders or
            joins them to their surroundings.
        hints: bits of `pii_hints`, one of which every text with such a span has.
        find: spans in bytes between two places of a text, sorted, not overlapping.
    """

    kind: str
    placeholder: str
    hints: int
    find: Callable[[bytes, int, int], list[tuple[int, int]]]


#: In the order of search: kinds of sure form first, telephone numbers last.
DETECTORS: Final = (
    Detector("email", "[EMAIL]", pii_hints.AT_SIGN, pii_addresses.find_emails),
    Detector("ipv4", "[IPV4]", pii_hints.DOTTED, pii_addresses.find_ipv4),
    Detector("ipv6", "[IPV6]", pii_hints.HEX_GROUP, pii_addresses.find_ipv6),
    Detector("secret", "[SECRET]", pii_hints.LONG_TOKEN, pii_secrets.find_secrets),
    Detector("crypto_wallet", "[WALLET]", pii_hints.LONG_TOKEN, pii_wallets.find_wallets),
    Detector("iban", "[IBAN]", pii_hints.IBAN_START, pii_accounts.find_ibans),
    Detector("card", "[CARD]", pii_hints.TWELVE_DIGITS, pii_accounts.find_cards),
    Detector(
        "national_id",
        "[ID]",
        pii_hints.SIX_DIGITS | pii_hints.LONG_TOKEN,
        pii_national_ids.find_national_ids,
    ),
    Detector("phone", "[PHONE]", pii_hints.SEVEN_DIGITS, pii_phones.find_phones),
)
#: What stands in place of a span, by kind.
PLACEHOLDERS: Final[Mapping[str, str]] = MappingProxyType(
    {detector.kind: detector.placeholder for detector in DETECTORS}
)
#: After so many searches of a line that still shows something, all of it counts as found.
#: Real lines need two.
_MOST_ROUNDS: Final = 8


def _blank_out(text: bytes, spans: Iterable[Span]) -> bytes:
    """Replace each span by brackets, so that every other byte keeps its place."""
    pieces, place = [], 0
    for _, start, end in spans:
        pieces += [text[place:start], b"[" + b"]" * (end - start - 1)]
        place = end
    return b"".join([*pieces, text[place:]])


def _search_region(text: bytes, region: tuple[int, int], hints: int) -> tuple[bytes, list[Span]]:
    """Run the detectors that these hints call for over a region of a text.

    Returns:
        The text with the spans blanked out, and the spans in the order found.
    """
    found: list[Span] = []
    for kind, _, hinted, find in DETECTORS:
        if hints & hinted:
            spans = [(kind, *bounds) for bounds in find(text, *region)]
            if spans:
                text = _blank_out(text, spans)
                found += spans
    return text, found


def _list_lines(text: bytes, spans: Iterable[Span]) -> list[tuple[int, int]]:
    """List the lines that hold spans, in order, each once."""
    lines: list[tuple[int, int]] = []
    done = -1
    for start in sorted(start for _, start, _ in spans):
        if start > done:
            first = text.rfind(b"\n", done + 1, start) + 1 or done + 1
            done = text.find(b"\n", start)
            done = len(text) if done < 0 else done
            lines.append((first, done))
    return lines


def _search_text(text: bytes, hints: int) -> list[Span]:
    """Find the spans of one text, in bytes, sorted."""
    text, found = _search_region(text, (0, len(text)), hints)
    fresh = found
    for _ in range(_MOST_ROUNDS):
        if not fresh:
            break
        lines, fresh = _list_lines(text, fresh), []
        for line in lines:
            text, spans = _search_region(text, line, -1)
            fresh += spans
        found = found + fresh
    if fresh:
        found = _widen_spans(text, found, fresh)
    return sorted(found, key=lambda span: span[1])


def _widen_spans(text: bytes, found: Sequence[Span], fresh: Sequence[Span]) -> list[Span]:
    """Replace the spans of lines that never end by one span a line."""
    lines = _list_lines(text, fresh)
    starts = [start for start, _ in lines]
    kinds = {text.rfind(b"\n", 0, start) + 1: kind for kind, start, _ in fresh}
    kept = [
        span for span in found
        if not (place := int(np.searchsorted(starts, span[1], "right")))
        or span[1] >= lines[place - 1][1]
    ]  # fmt: skip
    return [*kept, *((kinds[start], start, end) for start, end in lines)]


def _count_characters(text: bytes, spans: Sequence[Span]) -> list[Span]:
    """Turn offsets in bytes into offsets in code points."""
    if text.isascii() or not spans:
        return list(spans)
    starts_character = (np.frombuffer(text, np.uint8) & 0xC0) != 0x80
    index = np.concatenate([[0], np.cumsum(starts_character)])
    return [(kind, int(index[start]), int(index[end])) for kind, start, end in spans]


def find_spans(texts: pa.StringArray) -> pa.ListArray:
    """Find the personal data and secrets in each text.

    Args:
        texts: n texts, no nulls.

    Returns:
        n lists of type `PII_SPANS`: sorted, not overlapping, offsets in code points.
    """
    marks = pii_hints.mark_texts(*read_buffers(texts))
    hinted = np.flatnonzero(marks)
    counts = np.zeros(len(texts) + 1, np.int32)
    spans: list[Span] = []
    for row, text in zip(hinted, texts.take(pa.array(hinted)).to_pylist(), strict=True):
        payload = text.encode("utf-8")
        found = _count_characters(payload, _search_text(payload, int(marks[row])))
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


def warm_up() -> None:
    """Compile the pass over the bytes, or load it from the cache."""
    find_spans(pa.array([""], pa.string()))
