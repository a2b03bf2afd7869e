"""Which texts of a cluster are compared with which, and the comparing: kernels.

Nodes are the different texts of a cluster in keep order. See
`gristmill.dedup.verification` for the rule that these kernels carry out.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from gristmill.dedup.banding import hash_bands
from gristmill.dedup.minhash import MinHashSettings, sign
from gristmill.dedup.set_similarity import match_sets
from gristmill.dedup.shingling import Shingles

#: Nodes that matched an earlier one and are compared with later ones all the same, per
#: band: eight policies would have to drop eight documents before a duplicate is missed.
SPARES = 8

_NONE = -1


class MatchedNodes(NamedTuple):
    """Pairs of nodes that match.

    Attributes:
        nodes: shape (k, 2), int64: earlier node, later node.
        similarity: shape (k,), float64.
        counts: shape (4,), int64: compared, rejected, representatives left out, spares
            left out.
    """

    nodes: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _match_all(
    starts: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
    is_containment: bool,
    min_similarity: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], int]:
    room = 0
    for cluster in range(len(starts) - 1):
        size = starts[cluster + 1] - starts[cluster]
        room += size * (size - 1) // 2
    nodes = np.empty((room, 2), dtype=np.int64)
    similarities = np.empty(room, dtype=np.float64)
    found = 0
    for cluster in range(len(starts) - 1):
        for later in range(starts[cluster], starts[cluster + 1]):
            later_set = hashes[offsets[later] : offsets[later + 1]]
            for earlier in range(starts[cluster], later):
                earlier_set = hashes[offsets[earlier] : offsets[earlier + 1]]
                similarity = match_sets(earlier_set, later_set, is_containment, min_similarity)
                if similarity > 0:
                    nodes[found, 0], nodes[found, 1] = earlier, later
                    similarities[found] = similarity
                    found += 1
    return nodes[:found].copy(), similarities[:found].copy(), room


def match_all(
    starts: npt.NDArray[np.int64], sets: Shingles, settings: MinHashSettings
) -> MatchedNodes:
    """Compare all nodes of each cluster with one another.

    Args:
        starts: shape (clusters + 1,), int64; cluster c holds the nodes
            ``starts[c] … starts[c + 1] - 1``, in keep order.
        sets: shingle sets of the nodes.
        settings: gives the measure and what is required.
    """
    nodes, similarity, compared = _match_all(
        starts,
        sets.offsets,
        sets.hashes,
        settings.similarity == "containment",
        settings.min_similarity,
    )
    counts = np.array([compared, compared - len(nodes), 0, 0], dtype=np.int64)
    return MatchedNodes(nodes, similarity, counts)


class _BandLists(NamedTuple):
    """Linked lists of the nodes of each band, two kinds: representatives and spares.

    An entry is ``node * bands + band``. Lists stop growing at their limit, but count on.
    """

    heads: npt.NDArray[np.int64]  # (2, buckets)
    tails: npt.NDArray[np.int64]  # (2, buckets)
    lengths: npt.NDArray[np.int64]  # (2, buckets)
    next_entries: npt.NDArray[np.int64]  # (nodes * bands,)
    limits: npt.NDArray[np.int64]  # (2,)


@numba.njit(cache=True, nogil=True)
def _append_node(lists: _BandLists, buckets: npt.NDArray[np.int64], node: int, kind: int) -> None:
    """Append a node to the list of each of its bands."""
    bands = buckets.shape[1]
    for band in range(bands):
        bucket, entry = buckets[node, band], node * bands + band
        lists.lengths[kind, bucket] += 1
        if lists.lengths[kind, bucket] > lists.limits[kind]:
            continue
        if lists.heads[kind, bucket] == _NONE:
            lists.heads[kind, bucket] = entry
        else:
            lists.next_entries[lists.tails[kind, bucket]] = entry
        lists.tails[kind, bucket] = entry


@numba.njit(cache=True, nogil=True)
def _gather_nodes(
    lists: _BandLists,
    buckets: npt.NDArray[np.int64],
    later: int,
    stamps: npt.NDArray[np.int64],
    gathered: npt.NDArray[np.int64],
    left_out: npt.NDArray[np.int64],
) -> int:
    """Gather the listed nodes that share a band with a later one; returns their number."""
    count = 0
    bands = buckets.shape[1]
    for kind in range(2):
        limit = count + lists.limits[kind]
        for band in range(bands):
            bucket = buckets[later, band]
            left_out[kind] += max(lists.lengths[kind, bucket] - lists.limits[kind], 0)
            entry = lists.heads[kind, bucket]
            while entry != _NONE:
                node = entry // bands
                entry = lists.next_entries[entry]
                if stamps[node] == later:
                    continue
                if count == limit:
                    left_out[kind] += 1
                    continue
                stamps[node] = later
                gathered[count] = node
                count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _match_banded(
    buckets: npt.NDArray[np.int64],
    lists: _BandLists,
    sets: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]],
    is_containment: bool,
    min_similarity: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Match each node with earlier ones of its bands; `sets` are offsets and hashes."""
    offsets, hashes = sets
    stamps = np.full(len(buckets), _NONE)
    gathered = np.empty(lists.limits.sum(), dtype=np.int64)
    counts = np.zeros(4, dtype=np.int64)
    nodes = np.empty((len(buckets) + len(gathered), 2), dtype=np.int64)
    similarities = np.empty(len(nodes), dtype=np.float64)
    found = 0
    for later in range(len(buckets)):
        if found + len(gathered) > len(nodes):
            nodes = np.concatenate((nodes, np.empty_like(nodes)))
            similarities = np.concatenate((similarities, np.empty_like(similarities)))
        later_set = hashes[offsets[later] : offsets[later + 1]]
        found_before = found
        count = _gather_nodes(lists, buckets, later, stamps, gathered, counts[2:])
        for earlier in gathered[:count]:
            earlier_set = hashes[offsets[earlier] : offsets[earlier + 1]]
            similarity = match_sets(earlier_set, later_set, is_containment, min_similarity)
            if similarity > 0:
                nodes[found, 0], nodes[found, 1] = earlier, later
                similarities[found] = similarity
                found += 1
        counts[0] += count
        _append_node(lists, buckets, later, 1 if found > found_before else 0)
    counts[1] = counts[0] - found
    return nodes[:found].copy(), similarities[:found].copy(), counts


def _start_lists(entries: int, buckets: int, max_representatives: int) -> _BandLists:
    return _BandLists(
        heads=np.full((2, buckets), _NONE, dtype=np.int64),
        tails=np.full((2, buckets), _NONE, dtype=np.int64),
        lengths=np.zeros((2, buckets), dtype=np.int64),
        next_entries=np.full(entries, _NONE, dtype=np.int64),
        limits=np.array([max_representatives, SPARES], dtype=np.int64),
    )


def match_banded(sets: Shingles, settings: MinHashSettings) -> MatchedNodes:
    """Compare each node of one cluster with earlier ones that share a band with it.

    Args:
        sets: shingle sets of the nodes, none empty, in keep order.
        settings: gives the bands, the measure, what is required and the cap.
    """
    keys = hash_bands(sign(sets, settings), settings)
    distinct, buckets = np.unique(keys, return_inverse=True)
    return MatchedNodes(
        *_match_banded(
            buckets.reshape(keys.shape).astype(np.int64),
            _start_lists(keys.size, len(distinct), settings.max_representatives),
            (sets.offsets, sets.hashes),
            settings.similarity == "containment",
            settings.min_similarity,
        )
    )


# kernels of: 95a81c078959e0e8
