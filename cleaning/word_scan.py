"""Words and phrases found in the bytes of texts: one pass, whatever the length of the list.

The scan hashes every word of a text once; where a head is filed, the entries under it are
compared character by character, the longest first. So no hash decides alone. Matches do
not overlap; a match ends where no word goes on.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.character_classes import TABLE_SIZE
from gristmill.cleaning.segments import (
    Bytes,
    decode_character,
    extend_hash,
    mix_hash,
    start_hash,
)
from gristmill.cleaning.word_borders import (
    CODE_MASK,
    EXTENDS,
    INSIDE_WORD,
    SPACING,
    UNSPACED,
    BorderTable,
)
from gristmill.cleaning.word_matcher import (
    BEGINS,
    FREE,
    LONGEST_HEAD,
    SPACE,
    Matcher,
    hash_roughly,
)

#: Columns of what `match_texts` writes, one row a text.
COUNT, DISTINCT, COVERED_WORDS, WORDS, SEVERITY, WORST = range(6)
COLUMNS: Final = 6

_NOT_INSIDE: Final = np.uint32(0)
Found = npt.NDArray[np.float64]
Seen = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True, forceinline=True)
def _read_bits(data: Bytes, position: int, end: int, borders: BorderTable) -> tuple[np.uint32, int]:
    """Look up the character at `position`; returns its bits and its bytes."""
    lead = np.int64(data[position])
    if lead < 0x80:
        return borders[lead], 1
    code, width = decode_character(data, position, end)
    return borders[min(code, TABLE_SIZE)], width


@numba.njit(cache=True, nogil=True, forceinline=True)
def _skip_spacing(data: Bytes, position: int, end: int, borders: BorderTable) -> int:
    """Give the byte after a run of white space and hyphens."""
    inside = True
    while inside and position < end:
        bits, width = _read_bits(data, position, end, borders)
        inside = bits & SPACING != 0
        position += width if inside else 0
    return position


@numba.njit(cache=True, nogil=True, forceinline=True)
def _ends_here(data: Bytes, position: int, end: int, borders: BorderTable, last: np.uint32) -> bool:
    """Tell whether no word goes on behind an entry, whose last character is `last`."""
    if position >= end:
        return True
    following, _ = _read_bits(data, position, end, borders)
    unspaced = borders[min(int(last), TABLE_SIZE)] & UNSPACED != 0
    goes_on = following & INSIDE_WORD != 0 and not unspaced
    return bool(following & EXTENDS == 0 and not goes_on)


@numba.njit(cache=True, nogil=True)
def _compare_entry(
    data: Bytes,
    bounds: tuple[int, int],
    borders: BorderTable,
    codes: npt.NDArray[np.uint32],
    span: tuple[int, int],
    loose: bool,
) -> int:
    """Give the byte after the entry ``codes[span]`` if it stands at ``bounds[0]``, or else -1."""
    position, end = bounds
    index, last = span
    same = True
    while same and index < last:
        wanted = codes[index]
        if loose and wanted == SPACE:
            after = _skip_spacing(data, position, end, borders)
            same = after > position
            position = after
        elif position < end:
            bits, width = _read_bits(data, position, end, borders)
            same = bits & CODE_MASK == wanted
            position += width
        else:
            same = False
        index += 1
    same = same and _ends_here(data, position, end, borders, codes[last - 1])
    return position if same else -1


@numba.njit(cache=True, nogil=True)
def _try_entries(
    data: Bytes,
    bounds: tuple[int, int],
    borders: BorderTable,
    matcher: Matcher,
    slot: np.int64,
    loose: bool,
) -> tuple[int, int]:
    """Find the longest entry under a head at ``bounds[0]``.

    Returns:
        (entry, byte after it), or (-1, -1).
    """
    entry, after = int(matcher.firsts[slot]) - 1, -1
    while after < 0 and entry + 1 < matcher.lasts[slot]:
        entry += 1
        span = (int(matcher.ends[entry]), int(matcher.ends[entry + 1]))
        after = _compare_entry(data, bounds, borders, matcher.codes, span, loose)
    return (entry, after) if after >= 0 else (-1, -1)


@numba.njit(cache=True, nogil=True, forceinline=True)
def _find_slot(keys: npt.NDArray[np.uint64], key: np.uint64) -> np.int64:
    """Find the slot of a head; -1 if no entry begins so."""
    mask = np.int64(keys.size - 1)
    slot = np.int64(key & np.uint64(mask))
    while keys[slot] != key and keys[slot] != FREE:
        slot = (slot + 1) & mask
    return slot if keys[slot] == key and key != FREE else np.int64(-1)


@numba.njit(cache=True, nogil=True)
def _note_match(matcher: Matcher, entry: int, seen: Seen, row: int, found: Found) -> None:
    found[row, COUNT] += 1
    found[row, DISTINCT] += seen[entry] != row
    seen[entry] = row
    found[row, COVERED_WORDS] += matcher.sizes[entry]
    found[row, SEVERITY] += matcher.weights[entry]
    found[row, WORST] = max(found[row, WORST], matcher.weights[entry])


@numba.njit(cache=True, nogil=True, forceinline=True)
def _hash_head(data: Bytes, bounds: tuple[int, int], borders: BorderTable, size: int) -> np.uint64:
    """Hash the first `size` characters from ``bounds[0]`` on; 0 if there are fewer."""
    position, end = bounds
    state, read = start_hash(), 0
    while read < size and position < end:
        bits, width = _read_bits(data, position, end, borders)
        code = SPACE if read > 0 and bits & SPACING else np.int64(bits & CODE_MASK)
        state = extend_hash(state, np.uint64(code))
        position += width
        read += 1
    mixed: np.uint64 = mix_hash(state) if read == size else FREE
    return mixed


@numba.njit(cache=True, nogil=True, forceinline=True)
def _list_sizes(
    data: Bytes,
    bounds: tuple[int, int],
    borders: BorderTable,
    head_filter: npt.NDArray[np.uint8],
) -> np.int64:
    """Tell which sizes a head at ``bounds[0]`` may have, a bit each."""
    position, end = bounds
    place, size, sizes, begins = np.int64(0), 0, np.int64(0), True
    while begins and size < LONGEST_HEAD and position < end:
        bits, width = _read_bits(data, position, end, borders)
        spacing = size > 0 and bits & SPACING != 0
        code = np.int64(SPACE) if spacing else np.int64(bits & CODE_MASK)
        place = hash_roughly(place, code)
        begins = size > 0 or head_filter[place] & BEGINS != 0
        size += 1
        sizes |= np.int64(head_filter[place]) & np.int64(1 << size)
        position += width
    return sizes


@numba.njit(cache=True, nogil=True)
def _try_heads(
    data: Bytes,
    bounds: tuple[int, int],
    borders: BorderTable,
    matcher: Matcher,
    sizes: np.int64,
    loose: bool,
) -> tuple[int, int]:
    """Find the longest entry that begins outside words at ``bounds[0]``.

    Args:
        data: UTF-8 bytes of the batch.
        bounds: where to look, and where the text ends.
        borders: as for `match_texts`.
        matcher: the list.
        sizes: which sizes heads have that begin with this character, a bit each.
        loose: as for `match_texts`.

    Returns:
        (entry, byte after it), or (-1, -1).
    """
    entry, after, size = -1, -1, LONGEST_HEAD
    while entry < 0 and size > 0:
        if sizes >> size & 1:
            slot = _find_slot(matcher.keys, _hash_head(data, bounds, borders, size))
            if slot >= 0:
                entry, after = _try_entries(data, bounds, borders, matcher, slot, loose)
        size -= 1
    return entry, after


@numba.njit(cache=True, nogil=True)
def _match_text(
    data: Bytes,
    bounds: tuple[int, int],
    borders: BorderTable,
    matcher: Matcher,
    loose: bool,
    found: Found,
    row_and_seen: tuple[int, Seen],
) -> None:
    position, end = bounds
    row, seen = row_and_seen
    keys, head_filter = matcher.keys, matcher.head_filter
    words, before = 0, _NOT_INSIDE
    while position < end:
        bits, width = _read_bits(data, position, end, borders)
        after = position + width
        entry, stop = -1, -1
        if bits & INSIDE_WORD:
            state = extend_hash(start_hash(), np.uint64(bits & CODE_MASK))
            counted, inside = 1, True
            while inside and after < end:
                bits, width = _read_bits(data, after, end, borders)
                inside = bits & INSIDE_WORD != 0
                if inside:
                    state = extend_hash(state, np.uint64(bits & CODE_MASK))
                    after += width
            slot = _find_slot(keys, mix_hash(state))
            if slot >= 0:
                entry, stop = _try_entries(data, (position, end), borders, matcher, slot, loose)
            before = INSIDE_WORD
        else:
            unspaced = bits & UNSPACED != 0
            counted = 1 if unspaced else 0
            sizes = np.int64(0)
            if unspaced or before == _NOT_INSIDE:
                sizes = _list_sizes(data, (position, end), borders, head_filter)
            if sizes:
                entry, stop = _try_heads(data, (position, end), borders, matcher, sizes, loose)
            before = _NOT_INSIDE
        if entry >= 0:
            _note_match(matcher, entry, seen, row, found)
            last = int(matcher.codes[matcher.ends[entry + 1] - 1])
            before = borders[min(last, TABLE_SIZE)] & INSIDE_WORD
            after, counted = stop, int(matcher.sizes[entry])
        words += counted
        position = after
    found[row, WORDS] += words


@numba.njit(cache=True, nogil=True)
def match_texts(
    data: Bytes,
    offsets: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
    borders: BorderTable,
    matcher: Matcher,
    loose: bool,
    found: Found,
) -> None:
    """Find the entries of a list in some texts of a batch.

    Args:
        data: UTF-8 bytes of the batch.
        offsets: text i is ``data[offsets[i]:offsets[i + 1]]``.
        rows: which texts.
        borders: the table that `matcher` was made for.
        matcher: the list.
        loose: whether a space of an entry stands for any white space and hyphens.
        found: shape (n, COLUMNS), zeros; the rows are written. Words are runs of
            characters inside words, and letters of scripts without spaces one by one.
    """
    seen = np.full(max(1, matcher.sizes.size), -1, np.int64)
    for row in rows:
        bounds = (np.int64(offsets[row]), np.int64(offsets[row + 1]))
        _match_text(data, bounds, borders, matcher, loose, found, (row, seen))


# kernels of: cda774fdb41812bc
