"""Lists of addresses by category: which lists an address is on, and so which one blocks it.

Membership is a fact; a policy says which categories drop a document. A domain on a list
stands for its subdomains; an address on a list for all below it, up to the next ``/``,
``?``, ``&`` or ``#``. All lists share one table from 64-bit hashes to categories, so that
an address costs a look-up per label of its host and per part of its path, whatever the
number of lists.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.cleaning.segments import Bytes, extend_hash, mix_hash, start_hash
from gristmill.cleaning.text_signals import read_buffers
from gristmill.cleaning.url_entries import ADDRESS, DOMAIN, HOST, Entry, read_url_list
from gristmill.cleaning.url_rules import split_urls
from gristmill.schemas.errors import InputError
from gristmill.schemas.list_files import UrlList

#: Type of the column: the categories whose lists an address is on, sorted; null for no address.
URL_CATEGORIES: Final = pa.list_(pa.string())
#: One bit each.
MAX_CATEGORIES: Final = 64

_KIND_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_FREE: Final = np.uint64(0)
_DOT: Final = ord(".")
_BORDERS: Final = tuple(map(ord, "/?#&"))


class _Table(NamedTuple):
    """Open addressing from the hash of an entry to the bits of its categories; 0 is free."""

    keys: npt.NDArray[np.uint64]
    masks: npt.NDArray[np.uint64]


class UrlLists:
    """Lists of addresses made ready; read-only.

    Args:
        lists: any number; those of one category are joined.

    Raises:
        InputError: a list is missing or not the one that was pinned, or there are more
            than `MAX_CATEGORIES` categories.
    """

    def __init__(self, lists: Sequence[UrlList]) -> None:
        self._categories = tuple(sorted({spec.category for spec in lists}))
        if len(self._categories) > MAX_CATEGORIES:
            raise InputError(
                f"{len(self._categories)} categories of addresses are too many; "
                f"join lists until there are {MAX_CATEGORIES}"
            )
        batches, refused = [], []
        for spec in lists:
            entries, unusable = read_url_list(spec)
            bit = np.uint64(1 << self._categories.index(spec.category))
            keys = _hash_entries(entries)
            batches.append((keys, np.full(keys.size, bit)))
            refused.append(unusable)
        self._refused = tuple(refused)
        self._table = _fill_table(batches)

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories, sorted."""
        return self._categories

    @property
    def refused(self) -> tuple[int, ...]:
        """Lines of each list that could not be used."""
        return self._refused

    def match(self, urls: pa.StringArray) -> pa.ListArray:
        """Name the categories whose lists each address is on.

        Args:
            urls: n addresses, which may be null.

        Returns:
            n values of type `URL_CATEGORIES`; null where there is no address.
        """
        hosts, rests = split_urls(urls)
        missing = pc.is_null(hosts)
        masks = np.zeros(len(urls), np.uint64)
        host_data, host_ends = read_buffers(pc.fill_null(hosts, ""))
        rest_data, rest_ends = read_buffers(pc.fill_null(rests, ""))
        _look_up(host_data, host_ends, rest_data, rest_ends, self._table, masks)
        distinct, codes = np.unique(masks, return_inverse=True)
        named = [self._name_bits(int(mask)) for mask in distinct]
        indices = pa.array(codes.astype(np.int32), mask=missing.to_numpy(zero_copy_only=False))
        return pa.array(named, URL_CATEGORIES).take(indices)

    def _name_bits(self, mask: int) -> list[str]:
        return [name for bit, name in enumerate(self._categories) if mask >> bit & 1]


def find_blocked(listed: pa.ListArray, blocked: Collection[str]) -> pa.StringArray:
    """Say which list blocks each document.

    Args:
        listed: n values of type `URL_CATEGORIES`.
        blocked: the categories that a policy drops.

    Returns:
        n categories, of several the first by name; null for what is not blocked.
    """
    coded = listed.cast(URL_CATEGORIES)
    values = coded.flatten()
    hits = np.flatnonzero(pc.is_in(values, pa.array(sorted(blocked), pa.string())))
    rows = pc.list_parent_indices(coded).to_numpy()[hits]
    distinct, first = np.unique(rows, return_index=True)
    places = np.zeros(len(listed), np.int64)
    places[distinct] = hits[first]
    missing = np.ones(len(listed), np.bool_)
    missing[distinct] = False
    return values.take(pa.array(places, mask=missing))


def _hash_entries(entries: Sequence[Entry]) -> npt.NDArray[np.uint64]:
    data, ends = read_buffers(pa.array([text for _, text in entries], pa.string()))
    kinds = np.array([kind for kind, _ in entries], np.int64)
    keys: npt.NDArray[np.uint64] = _hash_texts(data, ends, kinds)
    return keys


@numba.njit(cache=True, nogil=True, forceinline=True)
def _finish_key(state: np.uint64, kind: int) -> np.uint64:
    """Make the key of an entry; never 0, which marks free places."""
    mixed: np.uint64 = mix_hash(state ^ np.uint64(kind) * _KIND_FACTOR)
    return mixed | np.uint64(1)


@numba.njit(cache=True, nogil=True)
def _hash_texts(
    data: Bytes, ends: npt.NDArray[np.int32], kinds: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Hash entries: hosts from their last byte to the first, addresses in reading order."""
    keys = np.empty(kinds.size, np.uint64)
    for row in range(kinds.size):
        first, after = np.int64(ends[row]), np.int64(ends[row + 1])
        state = start_hash()
        for step in range(after - first):
            place = first + step if kinds[row] == ADDRESS else after - 1 - step
            state = extend_hash(state, np.uint64(data[place]))
        keys[row] = _finish_key(state, kinds[row])
    return keys


def _fill_table(batches: Sequence[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]]) -> _Table:
    size = 16
    while size < 2 * sum(keys.size for keys, _ in batches):
        size *= 2
    table = _Table(np.zeros(size, np.uint64), np.zeros(size, np.uint64))
    for keys, bits in batches:
        _add_keys(table, keys, bits)
    for array in table:
        array.flags.writeable = False
    return table


@numba.njit(cache=True, nogil=True, forceinline=True)
def _find_place(keys: npt.NDArray[np.uint64], key: np.uint64) -> np.int64:
    """Find where a key stands, or the free place where it would."""
    mask = np.int64(keys.size - 1)
    # The lowest bit of every key is set.
    place = np.int64(key >> np.uint64(1)) & mask
    while keys[place] != key and keys[place] != _FREE:
        place = (place + np.int64(1)) & mask
    return place


@numba.njit(cache=True, nogil=True)
def _add_keys(table: _Table, keys: npt.NDArray[np.uint64], bits: npt.NDArray[np.uint64]) -> None:
    for index in range(keys.size):
        place = _find_place(table.keys, keys[index])
        table.keys[place] = keys[index]
        table.masks[place] |= bits[index]


@numba.njit(cache=True, nogil=True)
def _look_up_host(data: Bytes, first: int, after: int, table: _Table) -> np.uint64:
    """Look up a host and the domains that it lies in."""
    keys, masks = table.keys, table.masks
    found = _FREE
    state = start_hash()
    for step in range(after - first):
        place = after - 1 - step
        state = extend_hash(state, np.uint64(data[place]))
        if place == first or data[place - 1] == _DOT:
            found |= masks[_find_place(keys, _finish_key(state, DOMAIN))]
    if after > first:
        found |= masks[_find_place(keys, _finish_key(state, HOST))]
    return found


@numba.njit(cache=True, nogil=True)
def _look_up_path(
    data: Bytes, first: int, after: int, table: _Table, state: np.uint64
) -> np.uint64:
    """Look up an address and the places above it; `state` is the hash of its host."""
    keys, masks = table.keys, table.masks
    found: np.uint64 = masks[_find_place(keys, _finish_key(state, ADDRESS))]
    for place in range(first, after):
        if place > first and data[place] in _BORDERS:
            found |= masks[_find_place(keys, _finish_key(state, ADDRESS))]
        state = extend_hash(state, np.uint64(data[place]))
    if after > first:
        found |= masks[_find_place(keys, _finish_key(state, ADDRESS))]
    return found


@numba.njit(cache=True, nogil=True)
def _look_up(
    hosts: Bytes,
    host_ends: npt.NDArray[np.int32],
    rests: Bytes,
    rest_ends: npt.NDArray[np.int32],
    table: _Table,
    masks: npt.NDArray[np.uint64],
) -> None:
    """Look up the parts of n addresses; `masks` (n,) gets their categories."""
    for row in range(masks.size):
        first, after = np.int64(host_ends[row]), np.int64(host_ends[row + 1])
        if after > first:
            masks[row] = _look_up_host(hosts, first, after, table)
            if after - first > 4 and hosts[first] == 119 and hosts[first + 3] == _DOT:
                first += 4 if hosts[first + 1] == 119 and hosts[first + 2] == 119 else 0
            state = start_hash()
            for place in range(first, after):
                state = extend_hash(state, np.uint64(hosts[place]))
            rest, end = np.int64(rest_ends[row]), np.int64(rest_ends[row + 1])
            masks[row] |= _look_up_path(rests, rest, end, table, state)


def warm_up() -> None:
    """Compile or load every kernel of `UrlLists`."""
    keys = _hash_entries([(DOMAIN, "example.org")])
    table = _fill_table([(keys, np.ones(1, np.uint64))])
    data, ends = read_buffers(pa.array(["example.org"], pa.string()))
    _look_up(data, ends, data, ends, table, np.zeros(1, np.uint64))


# kernels of: 847a0fed22042cfb
