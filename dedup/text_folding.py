"""Texts as near-duplicate search sees them: folded words, one space between them.

Dedup owns its word rule (a change to the words of the quality rules must not
change who is a duplicate): a word is a longest run of letters, numbers and marks
after folding, see `gristmill.dedup.character_folding`; in scripts that are
written without spaces every code point is a word.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.character_folding import (
    CODE_POINT_MASK,
    EXPANDED_FLAG,
    REMOVED,
    SEPARATOR,
    UNSPACED_FLAG,
    build_table,
)

#: Folding never makes a code point longer than this many times its UTF-8 bytes
#: (a Hangul syllable of three bytes becomes three jamo of three bytes).
GROWTH = 3


class TextBytes(NamedTuple):
    """UTF-8 texts in one buffer.

    Attributes:
        offsets: shape (n + 1,), int64; text i is ``data[offsets[i]:offsets[i + 1]]``.
        data: uint8.
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]


def view_texts(texts: pa.Array) -> TextBytes:
    """View an Arrow string array, or a slice of one, without copying its bytes.

    Args:
        texts: type `string` or `large_string`, without nulls.

    Raises:
        ValueError: for another type, or for nulls.
    """
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise ValueError(f"texts have type {texts.type}, not string or large_string")
    if texts.null_count:
        raise ValueError(f"{texts.null_count} of {len(texts)} texts are null")
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    if not len(texts):
        return TextBytes(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8))
    _, offsets_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=width)[texts.offset :][: len(texts) + 1]
    data = np.frombuffer(data_buffer or b"", dtype=np.uint8)
    return TextBytes(offsets.astype(np.int64), data)


@numba.njit(cache=True, nogil=True)
def _decode(data: npt.NDArray[np.uint8], start: int, end: int) -> tuple[int, int]:
    """Decode one code point that is not ASCII; (0, 1) where the bytes are not UTF-8."""
    lead = int(data[start])
    if lead < 0xC2 or lead > 0xF4:
        return 0, 1
    length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if start + length > end:
        return 0, 1
    code_point = lead & (0x7F >> length)
    for i in range(start + 1, start + length):
        if data[i] & 0xC0 != 0x80:
            return 0, 1
        code_point = code_point << 6 | int(data[i] & 0x3F)
    if code_point > 0x10FFFF:
        return 0, 1
    return code_point, length


@numba.njit(cache=True, nogil=True)
def _encode(code_point: int, out: npt.NDArray[np.uint8], position: int) -> int:
    """Write one code point as UTF-8; returns the position after it."""
    if code_point < 0x80:
        out[position] = code_point
        return position + 1
    if code_point < 0x800:
        out[position] = 0xC0 | code_point >> 6
        out[position + 1] = 0x80 | code_point & 0x3F
        return position + 2
    if code_point < 0x10000:
        out[position] = 0xE0 | code_point >> 12
        out[position + 1] = 0x80 | code_point >> 6 & 0x3F
        out[position + 2] = 0x80 | code_point & 0x3F
        return position + 3
    out[position] = 0xF0 | code_point >> 18
    out[position + 1] = 0x80 | code_point >> 12 & 0x3F
    out[position + 2] = 0x80 | code_point >> 6 & 0x3F
    out[position + 3] = 0x80 | code_point & 0x3F
    return position + 4


@numba.njit(cache=True, nogil=True)
def _write_folded(
    action: int,
    expansions: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint8],
    position: int,
) -> int:
    """Write what an action stands for, at least one code point; returns the end."""
    row = action & CODE_POINT_MASK
    end: int = _encode(expansions[row, 0] if action & EXPANDED_FLAG else row, out, position)
    if action & EXPANDED_FLAG:
        for part in expansions[row, 1:]:
            if part:
                end = _encode(part, out, end)
    return end


@numba.njit(cache=True, nogil=True)
def _normalize_text(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    actions: npt.NDArray[np.uint32],
    expansions: npt.NDArray[np.uint32],
    out: npt.NDArray[np.uint8],
    first: int,
) -> int:
    """Normalise ``data[start:end]`` into `out` from `first`; returns the end of the text."""
    position = first
    word_ended = False
    while start < end:
        code_point, length = np.int64(data[start]), 1
        if code_point >= 0x80:
            code_point, length = _decode(data, start, end)
        start += length
        action = np.int64(actions[code_point])
        if action == SEPARATOR:
            word_ended = True
        elif action != REMOVED:
            unspaced = action & UNSPACED_FLAG != 0
            if (word_ended or unspaced) and position > first:
                out[position] = 0x20
                position += 1
            word_ended = unspaced
            if action < 0x80:
                out[position] = action
                position += 1
            else:
                position = _write_folded(action, expansions, out, position)
    return position


@numba.njit(cache=True, nogil=True)
def _normalize_batch(
    offsets: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    actions: npt.NDArray[np.uint32],
    expansions: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    out = np.empty((offsets[-1] - offsets[0]) * GROWTH + 8, dtype=np.uint8)
    ends = np.zeros(len(offsets), dtype=np.int64)
    for i in range(len(offsets) - 1):
        ends[i + 1] = _normalize_text(
            data, offsets[i], offsets[i + 1], actions, expansions, out, ends[i]
        )
    return ends, out[: ends[-1]]


def normalize_texts(texts: pa.Array) -> TextBytes:
    """Normalise texts for comparison.

    Bytes that are not UTF-8 (Arrow does not check) separate words.

    Args:
        texts: Arrow `string` or `large_string`, without nulls; may be a slice.

    Returns:
        The folded words of each text joined by single spaces; empty where there is none.
    """
    viewed = view_texts(texts)
    table = build_table()
    offsets, data = _normalize_batch(viewed.offsets, viewed.data, table.actions, table.expansions)
    return TextBytes(offsets, data)


# kernels of: d5ba36b7700d64b1
