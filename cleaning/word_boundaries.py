"""Words of scripts written without spaces: Han, kana, Thai, Lao, Khmer and Burmese.

Where a word ends in them only a dictionary knows: ICU's, which icu4py brings along.
It reads nothing but the runs of such letters and the marks that follow them, many
runs in one call, so that a text without them costs one look at its bytes. What stands
around a run changes nothing, and marks stay with the letter before them. The words
are a function of the text and of icu4py's version, whose wheels hold one version of
ICU and its dictionaries; a lock file pins it.
"""

from itertools import chain
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
from icu4py.breakers import WordBreaker

from gristmill.cleaning.character_classes import (
    ALNUM,
    DICTIONARY,
    KIND_LETTER,
    KIND_MARK,
    KIND_MASK,
    KIND_SINGLE,
    ClassTable,
    class_table,
)
from gristmill.cleaning.segments import (
    NEWLINE,
    Bytes,
    classify_character,
    decode_character,
    scan_word,
)

#: Byte offsets, sorted.
Places = npt.NDArray[np.int64]

#: A longer run is cut, so that hostile text takes no more memory than other text. In bytes.
_LONGEST_RUN: Final = 1 << 16
#: Runs go to the dictionary by so many bytes.
_CHUNK: Final = 1 << 20
#: No letter of these scripts has a smaller lead byte in UTF-8.
_FIRST_LEAD: Final = 0xE0
_BASIC_PLANE: Final = 0x10000


@numba.njit(cache=True, nogil=True, forceinline=True)
def _run_end(data: Bytes, start: int, end: int, classes: ClassTable) -> int:
    """Find the end of the run of dictionary letters that may begin at `start`."""
    position, inside = start, True
    while inside and position < end:
        code_point, width = decode_character(data, position, end)
        bits = classify_character(classes, code_point)
        if bits & KIND_MASK == KIND_MARK:
            inside = start < position < start + 2 * _LONGEST_RUN
        else:
            inside = bits & DICTIONARY != 0 and position - start < _LONGEST_RUN
        position += width if inside else 0
    return position


@numba.njit(cache=True, nogil=True)
def _list_runs(
    data: Bytes, offsets: npt.NDArray[np.int32], classes: ClassTable, runs: npt.NDArray[np.int64]
) -> int:
    """Write where the first ``len(runs)`` runs begin and end; returns how many there are."""
    count = 0
    for row in range(offsets.size - 1):
        position, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        while position < end:
            if data[position] < _FIRST_LEAD:
                position += 1
            else:
                after = _run_end(data, position, end, classes)
                if after > position:
                    if count < runs.shape[0]:
                        runs[count, 0], runs[count, 1] = position, after
                    count += 1
                    position = after
                else:
                    position += 1
    return count


@numba.njit(cache=True, nogil=True)
def _join_runs(data: Bytes, runs: npt.NDArray[np.int64]) -> Bytes:
    """Copy runs into one text, a newline after each."""
    size = 0
    for index in range(runs.shape[0]):
        size += runs[index, 1] - runs[index, 0] + 1
    joined = np.empty(size, np.uint8)
    place = 0
    for index in range(runs.shape[0]):
        for position in range(runs[index, 0], runs[index, 1]):
            joined[place] = data[position]
            place += 1
        joined[place] = NEWLINE
        place += 1
    return joined


@numba.njit(cache=True, nogil=True)
def _place_ends(
    data: Bytes,
    runs: npt.NDArray[np.int64],
    breaks: npt.NDArray[np.int32],
    classes: ClassTable,
    ends: Places,
) -> int:
    """Turn breaks of the joined text, in UTF-16 units, into ends of words in `data`.

    Returns:
        How many ends there are: every end of a run, and every break inside one that
        does not part a mark from its letter.
    """
    count, units, index = 0, np.int64(0), 0
    for run in range(runs.shape[0]):
        position, end = runs[run, 0], runs[run, 1]
        start = position
        while position < end:
            code_point, width = decode_character(data, position, end)
            while breaks[index] < units:
                index += 1
            marks = classify_character(classes, code_point) & KIND_MASK == KIND_MARK
            if breaks[index] == units and position > start and not marks:
                ends[count] = position
                count += 1
            units += 2 if code_point >= _BASIC_PLANE else 1
            position += width
        ends[count] = end
        count += 1
        units += 1
    return count


def _break_runs(data: Bytes, runs: npt.NDArray[np.int64], classes: ClassTable) -> Places:
    """Look up the words of some runs; returns where they end."""
    joined = _join_runs(data, runs)
    segments = WordBreaker(joined.tobytes().decode("utf-8"), "und").segments()
    breaks = np.fromiter(chain.from_iterable(segments), np.int32)[1::2].copy()
    ends = np.empty(joined.size, np.int64)
    return ends[: _place_ends(data, runs, breaks, classes, ends)].copy()


def find_word_ends(data: Bytes, offsets: npt.NDArray[np.int32]) -> Places:
    """Find where the words of unspaced scripts end in a batch of texts.

    Args:
        data: UTF-8 bytes.
        offsets: text i is ``data[offsets[i]:offsets[i + 1]]``.

    Returns:
        Byte offsets into `data`, ascending, int64: each is the end of a word that begins
        where the one before it ends, or where its run of letters and marks begins. A run
        of more than 65,536 bytes is cut there. Read-only.
    """
    classes = class_table()
    runs = np.empty((0, 2), np.int64)
    count = _list_runs(data, offsets, classes, runs)
    if count:
        runs = np.empty((count, 2), np.int64)
        _list_runs(data, offsets, classes, runs)
    sizes = np.cumsum(runs[:, 1] - runs[:, 0] + 1)
    ends: list[Places] = []
    first = 0
    while first < count:
        before = sizes[first - 1] if first else 0
        after = max(int(np.searchsorted(sizes, before + _CHUNK, "right")), first + 1)
        ends.append(_break_runs(data, runs[first:after], classes))
        first = after
    found = np.concatenate(ends) if ends else np.empty(0, np.int64)
    found.flags.writeable = False
    return found


@numba.njit(cache=True, nogil=True)
def _find_bounds(data: Bytes, classes: ClassTable, ends: Places) -> npt.NDArray[np.int64]:
    """Give the first and the last byte of every word."""
    bounds = np.empty((data.size, 2), np.int64)
    count, position, index = 0, 0, 0
    while position < data.size:
        code_point, width = decode_character(data, position, data.size)
        bits = classify_character(classes, code_point)
        after, seen = position + width, 0
        if bits & DICTIONARY:
            while ends[index] <= position:
                index += 1
            after, seen = ends[index], ALNUM
        elif KIND_LETTER <= bits & KIND_MASK <= KIND_SINGLE:
            after, _, _, seen = scan_word(data, position, data.size, classes)
        if seen & ALNUM:
            bounds[count, 0], bounds[count, 1] = position, after
            count += 1
        position = after
    return bounds[:count]


def split_words(text: str) -> list[str]:
    """Split a text into reference words, in order.

    Works on one text for people, tests and `explain`; stages use
    `gristmill.cleaning.text_signals.measure`, which never builds the words.
    """
    payload = text.encode("utf-8") or b" "
    data = np.frombuffer(payload, np.uint8)
    ends = find_word_ends(data, np.array([0, data.size], np.int32))
    bounds = _find_bounds(data, class_table(), ends)
    return [payload[first:after].decode("utf-8") for first, after in bounds]


# kernels of: e3a4e3a25fe6a456
