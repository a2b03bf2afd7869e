"""Sums over the parts of a page: what stands below each container, and in blocks that look alike."""

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning import page_board as at
from gristmill.cleaning.page_board import Bytes
from gristmill.cleaning.page_elements import TAGS

compiled = numba.njit(cache=True, nogil=True)
Table = npt.NDArray[np.int64]
Sums = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]

_START: Final = at.COLUMNS["start"]
_END: Final = at.COLUMNS["end"]
_WORDS: Final = at.COLUMNS["words"]
_CHARS: Final = at.COLUMNS["chars"]
_COMMAS: Final = at.COLUMNS["commas"]
_SENTENCES: Final = at.COLUMNS["sentences"]
_DIGITS: Final = at.COLUMNS["digits"]
_COMMON_WORDS: Final = at.COLUMNS["common_words"]
_LINK_BYTES: Final = at.COLUMNS["link_bytes"]
_GAP_IMAGES: Final = at.COLUMNS["gap_images"]
_TAG: Final = at.COLUMNS["tag"]
_CONTAINER: Final = at.COLUMNS["container"]
_PARENT: Final = at.CONTAINER_COLUMNS.index("parent")
_SIGNATURE: Final = at.CONTAINER_COLUMNS.index("signature")
_BITS: Final = at.CONTAINER_COLUMNS.index("bits")
_P: Final = TAGS["p"]

#: Columns of the sums over a container and all below it.
WORDS, LINKED, BLOCKS, PARAGRAPHS, BIG, SENTENCES, COMMAS, DIGITS, COMMON, CHARS, IMAGES = range(11)
SUMS: Final = 11
BIG_WORDS: Final = 20  # a block of so many words, few of them linked, is running text
BIG_LINKED: Final = 0.3
#: Columns of the sums over blocks that look alike.
GROUP_BLOCKS, GROUP_WORDS, GROUP_LINKED = range(3)


@compiled
def count_linked(table: Table) -> Any:
    """Words inside links of each block, by the share of bytes that are linked; shape (n,)."""
    linked = np.empty(len(table), np.float32)
    for block in range(len(table)):
        size = max(1, table[block, _END] - table[block, _START])
        linked[block] = np.float32(table[block, _WORDS] * table[block, _LINK_BYTES] / size)
    return linked


@compiled
def sum_containers(table: Table, containers: Table, linked: Sums) -> Any:
    """Sum measures of the blocks in each container and all below it; shape (m, SUMS)."""
    sums = np.zeros((len(containers), SUMS), np.float32)
    for block in range(len(table)):
        row = sums[table[block, _CONTAINER]]
        words = table[block, _WORDS]
        row[WORDS] += words
        row[LINKED] += linked[block]
        row[BLOCKS] += 1
        row[PARAGRAPHS] += words * (table[block, _TAG] == _P)
        row[BIG] += words >= BIG_WORDS and linked[block] < BIG_LINKED * words
        row[SENTENCES] += table[block, _SENTENCES]
        row[COMMAS] += table[block, _COMMAS]
        row[DIGITS] += table[block, _DIGITS]
        row[COMMON] += table[block, _COMMON_WORDS]
        row[CHARS] += table[block, _CHARS]
        row[IMAGES] += table[block, _GAP_IMAGES]
    for container in range(len(containers) - 1, 0, -1):
        parent = containers[container, _PARENT]
        for column in range(SUMS):
            sums[parent, column] += sums[container, column]
    return sums


@compiled
def find_parts(containers: Table, sums: Sums, largest: float) -> Any:
    """Give each container the topmost one around it that has at most `largest` words.

    Containers with more words are their own part. Shape (m,).
    """
    parts = np.zeros(len(containers), np.int32)
    for container in range(1, len(containers)):
        parent = containers[container, _PARENT]
        inside = sums[parent, WORDS] <= largest
        parts[container] = parts[parent] if inside else container
    return parts


@compiled
def gather_bits(containers: Table, sums: Sums, largest: float) -> Any:
    """Keywords of each container and those around it that have at most `largest` words; (m,)."""
    bits = np.zeros(len(containers), np.int64)
    for container in range(1, len(containers)):
        parent = containers[container, _PARENT]
        own = containers[container, _BITS] if sums[container, WORDS] <= largest else 0
        bits[container] = bits[parent] | own
    return bits


@compiled
def hash_looks(table: Table, containers: Table) -> Any:
    """Hash the signatures of each block's container and the two around it; shape (n,)."""
    keys = np.empty(len(table), np.uint64)
    for block in range(len(table)):
        container = table[block, _CONTAINER]
        key = np.uint64(0)
        for _ in range(3):
            key = key * np.uint64(4099) + np.uint64(containers[container, _SIGNATURE] + 1)
            container = containers[container, _PARENT]
        keys[block] = key
    return keys


@compiled
def hash_texts(table: Table, text: Bytes) -> Any:
    """Hash the text of each block, letters of ASCII case folded (FNV-1a); shape (n,)."""
    keys = np.empty(len(table), np.uint64)
    for block in range(len(table)):
        key = np.uint64(0xCBF29CE484222325)
        for index in range(table[block, _START], table[block, _END]):
            key = (key ^ np.uint64(text[index] | 0x20)) * np.uint64(0x100000001B3)
        keys[block] = key
    return keys


@compiled
def number_groups(keys: npt.NDArray[np.uint64]) -> Any:
    """Number the distinct keys in order of appearance; the number of each, shape (n,)."""
    bits = 4
    while 1 << bits < 2 * len(keys):
        bits += 1
    slots = 1 << bits
    shift = np.uint64(64 - bits)
    owners = np.full(slots, -1, np.int32)
    groups = np.empty(len(keys), np.int32)
    found = 0
    for index in range(len(keys)):
        slot = np.int64((keys[index] * np.uint64(0x9E3779B97F4A7C15)) >> shift)
        while owners[slot] >= 0 and keys[owners[slot]] != keys[index]:
            slot = (slot + 1) & (slots - 1)
        if owners[slot] < 0:
            owners[slot] = index
            groups[index] = found
            found += 1
        else:
            groups[index] = groups[owners[slot]]
    return groups


@compiled
def sum_groups(table: Table, linked: Sums, groups: Places) -> Any:
    """Blocks, words and linked words of each group of blocks; shape (groups, 3)."""
    sums = np.zeros((len(table), 3), np.float32)
    for block in range(len(table)):
        row = sums[groups[block]]
        row[GROUP_BLOCKS] += 1
        row[GROUP_WORDS] += table[block, _WORDS]
        row[GROUP_LINKED] += linked[block]
    return sums


# kernels of: f501d4407b30625a
