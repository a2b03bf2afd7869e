"""What stands around a candidate for personal data: separators, context words.

Nothing here looks past a square bracket, because that is what a redacted span leaves.
So redaction never shows a rule more than the original text did.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import re2

#: What a finder returns: start and end in bytes.
Bounds = tuple[int, int]

WORD_BYTES: Final = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
DIGITS: Final = frozenset(b"0123456789")

#: Before a number, these say that it is part of a link, an amount, a tag or a formula.
_BARS_BEFORE: Final = frozenset(b"/=&%#@$~^*\\+")
#: Between digits, these join them to one number, date or time.
_JOINTS: Final = frozenset(b".,:-/'")
#: UTF-8 of the pound, yen, cent and euro signs.
_CURRENCIES: Final = (b"\xc2\xa3", b"\xc2\xa5", b"\xc2\xa2", b"\xe2\x82\xac", b"\xe2\x82\xb9")


def is_separate_word(text: bytes, start: int, end: int) -> bool:
    """Tell whether no ASCII letter, digit or underscore touches a span."""
    if start and text[start - 1] in WORD_BYTES:
        return False
    return end == len(text) or text[end] not in WORD_BYTES


def is_separate_number(text: bytes, start: int, end: int) -> bool:
    """Tell whether a span of digits is neither part of more digits, nor a link or an amount."""
    return starts_number(text, start) and ends_number(text, end)


def starts_number(text: bytes, start: int) -> bool:
    """Tell whether what stands before leaves a number to itself."""
    before = text[max(0, start - 3) : start]
    if not before:
        return True
    if before[-1] in WORD_BYTES or before[-1] in _BARS_BEFORE or before.endswith(_CURRENCIES):
        return False
    return not (before[-1] in _JOINTS and len(before) > 1 and before[-2] in DIGITS)


def ends_number(text: bytes, end: int) -> bool:
    """Tell whether what stands behind leaves a number to itself."""
    after = text[end : end + 2]
    if not after:
        return True
    if after[0] in WORD_BYTES or after[0] in b"%=@":
        return False
    return not (len(after) == 2 and after[0] in _JOINTS and after[1] in DIGITS)


def read_before(text: bytes, start: int, width: int, line_breaks: int = 0) -> bytes:
    """Read what stands before a span, up to the last bracket.

    Args:
        text: UTF-8.
        start: where the span starts.
        width: at most so many bytes.
        line_breaks: how many line breaks to look past.
    """
    window = text[max(0, start - width) : start]
    window = window[max(window.rfind(b"["), window.rfind(b"]")) + 1 :]
    lines = window.rsplit(b"\n", line_breaks + 1)
    return b"\n".join(lines[-(line_breaks + 1) :])


def read_after(text: bytes, end: int, width: int) -> bytes:
    """Read what stands after a span on its line, up to the first bracket."""
    window = text[end : end + width]
    for stop in (b"\n", b"[", b"]"):
        window = window.partition(stop)[0]
    return window


def compile_words(words: Sequence[str], gap: str) -> re2._Regexp:
    """Compile a pattern for context: one of the words, then `gap`, then the end.

    Words of ASCII start and end where no letter continues them; those of scripts written
    without spaces stand anywhere.

    Args:
        words: patterns, in any case.
        gap: what may stand between word and number, as a pattern.
    """
    spaced = [word for word in words if not _is_unspaced(word)]
    unspaced = [word for word in words if _is_unspaced(word)]
    choices = [rf"(?:^|[^\p{{L}}\p{{M}}])(?:{'|'.join(spaced)})(?:[^\p{{L}}\p{{M}}]|$)"]
    if unspaced:
        choices.append(rf"(?:{'|'.join(unspaced)})")
    return re2.compile(rf"(?i)(?:{'|'.join(choices)}){gap}$")


def _is_unspaced(word: str) -> bool:
    return any("\u0e00" <= letter <= "\u0e7f" or letter > "\u3000" for letter in word)


def join_spans(spans: Iterable[Bounds]) -> list[Bounds]:
    """Sort spans and join those that overlap."""
    joined: list[Bounds] = []
    for first, last in sorted(spans):
        if joined and first < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
