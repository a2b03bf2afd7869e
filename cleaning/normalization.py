"""One normal form for every text that enters a corpus.

Two linear passes over the code points and one Unicode composition::

    characters   line ends become LF, no-break spaces spaces, controls, byte order marks, tag characters
                 and unpaired bidirectional controls go, surrogates become U+FFFD
                 (pages are full of no-break spaces, and to language models and BPE
                 they glue words together)
    composition  NFC (Unicode Standard Annex 15)
    layout       no white space before a line end, at most one blank line in a
                 row, none at either end of the text

The zero-width joiner and non-joiner, directional marks and paired bidirectional
controls stay: Persian, the Indic scripts and emoji need them.
"""

import functools
import unicodedata
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

#: Most combining marks in a row that are kept: the bound of UAX 15's Stream-Safe
#: Text Format. NFC sorts such runs in quadratic time (1.6 s for 40,000 marks).
MAX_COMBINING_RUN: Final = 30

# The table of character kinds. Values under 0x40 are visible characters and say how
# many combining marks their full decomposition ends in; those with the top bit set
# consist of marks only. Every entry beyond the table but a tag character is 0.
_TABLE_SIZE: Final = 0x20000
_LINE_END: Final = 0x40
_BLANK: Final = 0x41
_REMOVED: Final = 0x42
_SURROGATE: Final = 0x43
_MARKS: Final = 0x80

_LINE_ENDS: Final = "\n\v\f\r\x85\u2028\u2029"
_LINE_FEED: Final = 0x0A
_CARRIAGE_RETURN: Final = 0x0D
_REPLACEMENT: Final = 0xFFFD
_NO_BREAK_SPACE: Final = 0xA0
_SPACE: Final = 0x20
_POP_FORMATTING: Final = 0x202C
_POP_ISOLATE: Final = 0x2069

Codes = npt.NDArray[Any]  # uint8 (ASCII) or uint32 (any code point)


def normalize_text(text: str) -> str:
    r"""Bring a text into the one form that every later stage relies on.

    CRLF, CR, VT, FF, NEL, U+2028 and U+2029 become LF, U+00A0 a space. Other C0 and C1 controls but
    TAB, U+FEFF, the tag characters U+E0000-E007F and bidirectional controls without
    their partner on the same line are removed. Surrogates become U+FFFD. The result
    is in NFC, with at most `MAX_COMBINING_RUN` combining marks in a row, no trailing
    white space on any line, no more than two LF in a row, stripped at both ends.

    Idempotent, linear in the length of the text, and total: defined on any `str`.

    Args:
        text: any string, lone surrogates included.

    Returns:
        The normalised text; it always encodes to UTF-8.

    >>> normalize_text("e\u0301\r\n\r\n\r\n\u202eleft  \u2028open ")
    'é\n\nleft\nopen'
    """
    if text.isascii():
        ascii_codes = np.frombuffer(text.encode("ascii"), np.uint8)
        return str(_rewrite_codes(ascii_codes, _kind_table()).tobytes(), "ascii")
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    clean = _rewrite_codes(_blank_unpaired(codes, _kind_table()), _kind_table())
    normal = str(clean.tobytes(), "utf-32-le")
    if unicodedata.is_normalized("NFC", normal):
        return normal
    return unicodedata.normalize("NFC", normal)


def _classify(code: int) -> int:
    """Give the entry of one code point in the table of character kinds."""
    character = chr(code)
    if character in _LINE_ENDS:
        return _LINE_END
    if character == "\ufeff" or (unicodedata.category(character) == "Cc" and character != "\t"):
        return _REMOVED
    if character.isspace():
        return _BLANK
    if 0xD800 <= code <= 0xDFFF:
        return _SURROGATE
    classes = [unicodedata.combining(part) for part in unicodedata.normalize("NFD", character)]
    marks = next((i for i, found in enumerate(reversed(classes)) if not found), len(classes))
    return marks | (_MARKS if marks == len(classes) else 0)


@functools.cache
def _kind_table() -> npt.NDArray[np.uint8]:
    """Classify the code points below 0x20000; above them nothing has marks or is blank.

    Marks are counted on full decompositions, so that a run of marks is as long before
    NFC as after it and cutting long runs is idempotent.

    Returns:
        Shape (0x20000,), dtype uint8.
    """
    return np.fromiter(map(_classify, range(_TABLE_SIZE)), np.uint8, _TABLE_SIZE)


@numba.njit(cache=True, nogil=True)
def _kind_of(code: int, kinds: npt.NDArray[np.uint8]) -> int:
    if code < _TABLE_SIZE:
        found: int = np.int64(kinds[code])  # type: ignore[assignment]
        return found
    return _REMOVED if 0xE0000 <= code <= 0xE007F else 0


@numba.njit(cache=True, nogil=True)
def _rewrite_codes(codes: Codes, kinds: npt.NDArray[np.uint8]) -> Codes:
    """Map, remove and lay out code points in one pass.

    White space and line ends are written ahead of time but count only once a visible
    character follows, which strips lines and both ends and bounds blank lines at once.

    Args:
        codes: code points, shape (n,), dtype uint8 or uint32.
        kinds: what `_kind_table` returns.

    Returns:
        Shape (m,), m <= n, of the dtype of `codes`.
    """
    out = np.empty_like(codes)
    size = 0  # written so far, pending white space included
    solid = 0  # written up to the last visible character
    line_ends = 0  # pending
    run = 0  # combining marks since the last visible character that is none
    previous = 0
    for index in range(codes.size):
        code: Any = np.int64(codes[index])
        kind = _kind_of(code, kinds)
        if kind == _LINE_END:
            if line_ends < 2 and not (code == _LINE_FEED and previous == _CARRIAGE_RETURN):
                line_ends += 1
                out[solid + line_ends - 1] = _LINE_FEED
            size = solid + line_ends
            run = 0
        elif kind == _BLANK:
            out[size] = code if code != _NO_BREAK_SPACE else _SPACE
            size += 1
            run = 0
        elif kind != _REMOVED:
            added = kind & 0x3F if kind != _SURROGATE else 0
            run = run + added if kind & _MARKS else added
            if run > MAX_COMBINING_RUN:
                run -= added
            else:
                if not solid:
                    size = 0
                out[size] = code if kind != _SURROGATE else _REPLACEMENT
                size += 1
                solid = size
                line_ends = 0
        previous = code
    return out[:solid]


@numba.njit(cache=True, nogil=True)
def _blank_unpaired(
    codes: npt.NDArray[np.uint32], kinds: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint32]:
    """Overwrite bidirectional controls without a partner on their line with NUL.

    Embeddings and overrides pair with PDF, isolates with PDI; a PDI also ends the
    embeddings inside its isolate (Unicode Standard Annex 9, BD9 and BD11).

    Args:
        codes: code points, shape (n,), dtype uint32.
        kinds: what `_kind_table` returns.

    Returns:
        `codes` itself if it holds no such control, else a changed copy.
    """
    first = _find_bidi(codes)
    if first == codes.size:
        return codes
    out = codes.copy()
    stack = np.empty(codes.size - first, np.int64)  # positions of open controls
    depth = 0
    isolates = 0
    for index in range(first, codes.size):
        code: Any = np.int64(codes[index])
        if (0x202A <= code <= 0x202E and code != _POP_FORMATTING) or 0x2066 <= code <= 0x2068:
            stack[depth] = index
            depth += 1
            isolates += code >= 0x2066
        elif code == _POP_FORMATTING and depth and out[stack[depth - 1]] < 0x2066:
            depth -= 1
        elif code == _POP_ISOLATE and isolates:
            depth = _blank_open(out, stack, depth, 0x2066) - 1
            isolates -= 1
        elif code in (_POP_FORMATTING, _POP_ISOLATE):
            out[index] = 0
        elif depth and _kind_of(code, kinds) == _LINE_END:
            depth = _blank_open(out, stack, depth, 0x110000)
            isolates = 0
    _blank_open(out, stack, depth, 0x110000)
    return out


@numba.njit(cache=True, nogil=True)
def _find_bidi(codes: npt.NDArray[np.uint32]) -> int:
    """Find the first embedding, override or isolate control; n if there is none."""
    for index in range(codes.size):
        code = codes[index]
        if 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069:
            return index
    return codes.size


@numba.njit(cache=True, nogil=True)
def _blank_open(
    out: npt.NDArray[np.uint32], stack: npt.NDArray[np.int64], depth: int, below: int
) -> int:
    """Overwrite open controls from the top down to the first code >= `below`."""
    while depth and out[stack[depth - 1]] < below:
        depth -= 1
        out[stack[depth]] = 0
    return depth
