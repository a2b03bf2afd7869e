"""Is a candidate pair really alike? Measured on the shingle sets, not on signatures.

Unverified components removed different documents by the hundred thousand (Marin
issue 6854). Here every pair that may remove a document is compared in full:

``jaccard``  ``|A ∩ B| / |A ∪ B|``.
``containment``  ``|A ∩ B| / min(|A|, |B|)``, and only a document that is not larger may
    go (as in Marin), so that nothing is lost but what the other one holds.

Texts with equal `dedup_id` are one node: they are not compared again, and a million
copies cost a million rows. Different texts of a cluster are nodes, compared

* all with all, in clusters up to ``settings.all_pairs_nodes`` nodes;
* in larger ones with earlier nodes (in keep order) that share a band of their
  signature: at most ``settings.max_representatives`` of those that matched nothing before
  them, and at most `SPARES` that did, should policy drop what they matched. What these
  caps leave out is counted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.candidate_pairs import SPARES, MatchedNodes, match_all, match_banded
from gristmill.dedup.id_columns import rank_ids
from gristmill.dedup.minhash import MinHashSettings
from gristmill.dedup.set_similarity import containment, jaccard
from gristmill.dedup.shingling import Shingles, shingle

__all__ = [
    "SPARES",
    "VerifiedPairs",
    "containment",
    "jaccard",
    "rank_order",
    "shingle_texts",
    "verify_cluster",
    "verify_clusters",
]


@dataclass(frozen=True)
class VerifiedPairs:
    """Pairs that are duplicates of one another, and what it took to find them.

    Attributes:
        pairs: shape (k, 2), int64: rows of members, the first earlier in keep order.
        similarity: shape (k,), float64: 1 for equal texts.
        is_exact: shape (k,), bool: equal `dedup_id`. Equal texts are linked to the first
            of them in keep order, and only that one appears in other pairs.
        compared: pairs of different texts that were compared.
        rejected: of these, how many fell below `min_similarity`.
        left_out: comparisons with representatives that `max_representatives` ruled out,
            counted once per shared band: above 0, duplicates may have been missed.
        spares_left_out: comparisons with other nodes that `SPARES` ruled out.
    """

    pairs: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]
    is_exact: npt.NDArray[np.bool_]
    compared: int
    rejected: int
    left_out: int
    spares_left_out: int


def shingle_texts(texts: pa.Array, settings: MinHashSettings) -> Shingles:
    """Hash the shingles that texts are verified by: digits count as they are written.

    Args:
        texts: Arrow `string` or `large_string` without nulls; may be a slice.
        settings: gives the length of shingles and the cap on texts.

    Raises:
        ValueError: for nulls or another type.
    """
    return shingle(
        texts, settings.words_per_shingle, settings.max_shingle_text_chars, fold_digits=False
    )


def rank_order(order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Turn a keep order into the place of each row in it.

    Raises:
        ValueError: if `order` is not a permutation of 0 … n - 1.
    """
    rows = np.arange(len(order), dtype=np.int64)
    if not np.array_equal(np.sort(order), rows):
        raise ValueError(f"order of {len(order)} rows is not a permutation of them")
    places = np.empty_like(rows)
    places[order] = rows
    return places


def _find_heads(
    clusters: npt.NDArray[np.int64],
    texts: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Find, for each of `rows`, the first row in keep order with the same text and cluster."""
    ordered = rows[np.lexsort((places[rows], texts[rows], clusters[rows]))]
    is_head = np.ones(len(ordered), dtype=bool)
    is_head[1:] = (clusters[ordered[1:]] != clusters[ordered[:-1]]) | (
        texts[ordered[1:]] != texts[ordered[:-1]]
    )
    heads = np.arange(len(clusters), dtype=np.int64)
    heads[ordered] = ordered[is_head][np.cumsum(is_head) - 1]
    return heads[rows]


def _match_clusters(
    nodes: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
    hash_sets: Shingles,
    settings: MinHashSettings,
) -> MatchedNodes:
    """Match nodes, sorted by cluster and keep order; pairs are rows of members."""
    _, starts, sizes = np.unique(clusters[nodes], return_index=True, return_counts=True)
    is_small = sizes <= settings.all_pairs_nodes
    small = nodes[np.repeat(is_small, sizes)]
    bounds = np.concatenate([[0], np.cumsum(sizes[is_small])]).astype(np.int64)
    parts = [(small, match_all(bounds, hash_sets.take(small), settings))]
    for start, size in zip(starts[~is_small], sizes[~is_small], strict=True):
        large = nodes[start : start + size]
        parts.append((large, match_banded(hash_sets.take(large), settings)))
    return MatchedNodes(
        np.concatenate([rows[matched.nodes] for rows, matched in parts]),
        np.concatenate([matched.similarity for _, matched in parts]),
        np.sum([matched.counts for _, matched in parts], axis=0),
    )


def verify_clusters(
    clusters: npt.NDArray[np.int64],
    hash_sets: Shingles,
    dedup_ids: pa.Array,
    order: npt.NDArray[np.int64],
    settings: MinHashSettings,
) -> VerifiedPairs:
    """Verify the members of many clusters at once; members meet within a cluster only.

    Args:
        clusters: shape (n,), int64: label of each member's cluster.
        hash_sets: shingle sets of the members, from `shingle_texts`; a member without shingles matches nothing.
        dedup_ids: Arrow `binary(16)`, of the members.
        order: shape (n,), int64: members in keep order.
        settings: gives the measure, what is required and the caps.

    Returns:
        The duplicates, sorted by (earlier, later) place in keep order.

    Raises:
        ValueError: if the numbers of members differ, or `order` is no permutation.
    """
    members = len(hash_sets)
    if not len(clusters) == len(dedup_ids) == len(order) == members:
        raise ValueError(
            f"{len(clusters)} clusters, {members} sets, {len(dedup_ids)} dedup_ids and "
            f"an order of {len(order)}"
        )
    places = rank_order(order)
    rows = np.flatnonzero(hash_sets.counts > 0)
    heads = _find_heads(clusters, rank_ids(dedup_ids).ranks, places, rows)
    is_copy = heads != rows
    nodes = rows[~is_copy]
    nodes = nodes[np.lexsort((places[nodes], clusters[nodes]))]
    matched = _match_clusters(nodes, clusters, hash_sets, settings)
    exact = np.stack([heads[is_copy], rows[is_copy]], axis=1)
    pairs = np.concatenate([exact, matched.nodes])
    similarity = np.concatenate([np.ones(len(exact)), matched.similarity])
    is_exact = np.arange(len(pairs)) < len(exact)
    sorting = np.lexsort((places[pairs[:, 1]], places[pairs[:, 0]]))
    return VerifiedPairs(
        pairs[sorting], similarity[sorting], is_exact[sorting], *matched.counts.tolist()
    )


def verify_cluster(
    hash_sets: Shingles,
    dedup_ids: pa.Array,
    order: npt.NDArray[np.int64],
    settings: MinHashSettings,
) -> VerifiedPairs:
    """Verify the members of one cluster; see `verify_clusters`."""
    clusters = np.zeros(len(hash_sets), dtype=np.int64)
    return verify_clusters(clusters, hash_sets, dedup_ids, order, settings)
