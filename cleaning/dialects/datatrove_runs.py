"""The characters of a document without its white space, and tables of runs of them.

A run is what stands between white space; tokens cut runs and never span two. Every
run, token and n-gram is known by a polynomial hash, modulo 2**64, of its characters:
the hash of any stretch follows from two prefix hashes, which is also what makes "ab c"
and "a bc" the same to datatrove's duplicated n-grams, as they are there.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.cleaning.dialects.datatrove_borrowing import borrow_array
from gristmill.cleaning.segments import Bytes, mix_hash

_BASE: Final = np.uint64(0x9E6C63D0876A9A47)
_FILTER_MASK: Final = 0xFFFF
_LONGEST_ENTRY: Final = 12


class Tape(NamedTuple):
    """The characters of one document that are not white space.

    `codes` (c,) int32 and `bits` (c,) uint32: each character and its class; `prefix`
    (c + 1,) uint64: hashes of the first i characters; `powers` (c + 1,) uint64: of the base.
    """

    codes: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint32]
    prefix: npt.NDArray[np.uint64]
    powers: npt.NDArray[np.uint64]


class RunTable(NamedTuple):
    """A set of short runs, by hash, with open addressing.

    `filter` (2**10,) uint64: a bit for each key, so that almost no other run is looked
    up; `keys` (s,) uint64, 0 where free; `cuts` (s,) uint16: bit i set if a token ends
    after i + 1 characters; `patterns` (s,) uint16: the same for the tokens that the run
    has if it is no exception, 0 if that is one token.
    """

    filter: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    cuts: npt.NDArray[np.uint16]
    patterns: npt.NDArray[np.uint16]


@numba.njit(cache=True, nogil=True)
def new_tape(capacity: int) -> Tape:
    """Allocate room for `capacity` characters."""
    powers = np.empty(capacity + 1, np.uint64)
    powers[0] = np.uint64(1)
    for place in range(capacity):
        powers[place + 1] = powers[place] * _BASE
    prefix = np.zeros(capacity + 1, np.uint64)
    return Tape(np.empty(capacity, np.int32), np.empty(capacity, np.uint32), prefix, powers)


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def borrow_tape(tape: Tape) -> Tape:
    """Borrow the characters of a document; see `datatrove_borrowing`."""
    return Tape(
        borrow_array(tape.codes),
        borrow_array(tape.bits),
        borrow_array(tape.prefix),
        borrow_array(tape.powers),
    )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def borrow_runs(table: RunTable) -> RunTable:
    """Borrow a table of runs."""
    return RunTable(
        borrow_array(table.filter),
        borrow_array(table.keys),
        borrow_array(table.cuts),
        borrow_array(table.patterns),
    )


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def extend_hash(state: np.uint64, code: int) -> np.uint64:
    """Append a character to the hash of those before it."""
    return np.uint64(state * _BASE + np.uint64(code + 1))


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def hash_stretch(tape: Tape, start: int, end: int) -> np.uint64:
    """Hash the characters at ``[start, end)``."""
    return np.uint64(tape.prefix[end] - tape.prefix[start] * tape.powers[end - start])


@numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
def find_run(tape: Tape, table: RunTable, start: int, end: int) -> int | np.int64:
    """Give the slot of the entry that equals the stretch; -1 if there is none."""
    slot: int | np.int64 = -1
    if 0 < end - start <= _LONGEST_ENTRY:
        key = mix_hash(hash_stretch(tape, start, end))
        low = np.int64(key) & _FILTER_MASK
        if table.filter[low >> 6] >> np.uint64(low & 63) & np.uint64(1):
            slot = find_key(table, key)
    return slot


@numba.njit(cache=True, nogil=True, _nrt=False)
def find_key(table: RunTable, key: np.uint64) -> int | np.int64:
    """Give the slot of a key; -1 if there is none."""
    mask = table.keys.size - 1
    slot = np.int64(key) & mask
    while table.keys[slot] != 0 and table.keys[slot] != key:
        slot = (slot + 1) & mask
    return slot if table.keys[slot] == key else -1


def hash_run(run: str) -> int:
    """Give the key of a run, as `find_run` computes it."""
    value = 0
    for character in run:
        value = (value * int(_BASE) + ord(character) + 1) % 2**64
    return int(mix_hash(np.uint64(value)))


def _cut_marks(tokens: Iterable[str]) -> int:
    marks, end = 0, 0
    for token in tokens:
        end += len(token)
        marks |= 1 << (end - 1)
    return marks


def new_table(entries: Iterable[tuple[str, ...]]) -> RunTable:
    """Build a table of runs, each given as the tokens that it is cut into.

    `RunTable.patterns` is left at 0.

    Raises:
        ValueError: a run has more than 12 characters, which nothing would find.
    """
    runs = list(entries)
    size = 1 << (4 * len(runs) - 1).bit_length()
    table = RunTable(
        np.zeros((_FILTER_MASK + 1) // 64, np.uint64),
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint16),
        np.zeros(size, np.uint16),
    )
    for tokens in runs:
        run = "".join(tokens)
        if not 0 < len(run) <= _LONGEST_ENTRY:
            raise ValueError(f"no room for a run of {len(run)} characters")
        key = hash_run(run)
        slot = key & (size - 1)
        while table.keys[slot] not in (0, key):
            slot = (slot + 1) & (size - 1)
        table.keys[slot] = key
        table.cuts[slot] = _cut_marks(tokens)
        low = key & _FILTER_MASK
        table.filter[low >> 6] |= np.uint64(1 << (low & 63))
    return table


def encode_text(text: str) -> Bytes:
    """Encode a text as the kernels read it: never empty, so that it has an address."""
    return np.frombuffer(text.encode("utf-8", "replace") + b" ", np.uint8)


# kernels of: ed9e9130f3c17d10
