"""Connected components of candidate edges: which documents to verify together.

Exact union-find; the label of a component is its smallest member, so the result does
not depend on the order of the edges, nor on how they were reduced on the way.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.dedup.banding import sort_edges
from gristmill.dedup.id_columns import rank_ids


class LabelledIds(NamedTuple):
    """Documents with the component that they belong to.

    Attributes:
        ids: Arrow `binary(16)`, ascending, distinct.
        labels: Arrow `binary(16)`: smallest id of the component.
    """

    ids: pa.Array
    labels: pa.Array


class ComponentSizes(NamedTuple):
    """How large components are.

    Attributes:
        labels: labels of the components, ascending, int64.
        sizes: their numbers of members, int64.
        largest_share: members of the largest component / documents looked at.
        is_alarming: whether `largest_share` exceeds the stated share.
    """

    labels: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    largest_share: float
    is_alarming: bool


@numba.njit(cache=True, nogil=True)
def _find_root(parents: npt.NDArray[np.int64], node: int) -> int:
    """Climb to the root, halving the path (van Leeuwen 1977)."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@numba.njit(cache=True, nogil=True)
def _label_nodes(edges: npt.NDArray[np.int64], nodes: int) -> npt.NDArray[np.int64]:
    parents = np.arange(nodes)
    for i in range(len(edges)):
        left = _find_root(parents, edges[i, 0])
        right = _find_root(parents, edges[i, 1])
        # The smaller root stays root: it is the smallest member of its component.
        parents[max(left, right)] = min(left, right)
    for node in range(nodes):
        # Parents are smaller than their children, so they are final already.
        parents[node] = parents[parents[node]]
    return parents


def union(edges: npt.NDArray[np.int64], nodes: int) -> npt.NDArray[np.int64]:
    """Label the nodes 0 … nodes - 1 by the smallest member of their component.

    Args:
        edges: shape (k, 2), int64, in any order; may repeat.
        nodes: number of nodes.

    Returns:
        Shape (nodes,), int64.

    Raises:
        ValueError: if an edge ends outside of the nodes.
    """
    if len(edges) and not 0 <= edges.min() <= edges.max() < nodes:
        raise ValueError(f"edges span {edges.min()} … {edges.max()}, nodes 0 … {nodes - 1}")
    labels: npt.NDArray[np.int64] = _label_nodes(np.ascontiguousarray(edges), nodes)
    return labels


def reduce_edges(edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Reduce edges to stars that connect the same nodes.

    What one partition sends on: at most nodes - 1 edges, whatever it received.

    Args:
        edges: shape (k, 2), int64; any non-negative numbers, need not be dense.

    Returns:
        Shape (<= k, 2), int64: (smallest member, other member), ascending.
    """
    nodes, dense = np.unique(edges, return_inverse=True)
    labels = union(dense.reshape(-1, 2).astype(np.int64), len(nodes))
    others = np.flatnonzero(labels != np.arange(len(nodes)))
    return sort_edges(np.stack([nodes[labels[others]], nodes[others]], axis=1))


def _rank_edges(left: pa.Array, right: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    if len(left) != len(right):
        raise ValueError(f"{len(left)} left ids for {len(right)} right ids")
    ranked = rank_ids(pa.concat_arrays([left, right]))
    return ranked.ids, ranked.ranks.reshape(2, -1).T


def label_ids(left: pa.Array, right: pa.Array) -> LabelledIds:
    """Find the components of edges between ids.

    Args:
        left: Arrow `binary(16)`, one end of each edge.
        right: Arrow `binary(16)`, the other end.

    Returns:
        Every id of an edge once, with the smallest id of its component.

    Raises:
        ValueError: if the lengths differ, or for columns of another type.
    """
    ids, edges = _rank_edges(left, right)
    labels = union(edges, len(ids))
    return LabelledIds(ids, ids.take(pa.array(labels)))


def reduce_ids(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Reduce edges between ids to stars; see `reduce_edges`.

    Raises:
        ValueError: if the lengths differ, or for columns of another type.
    """
    ids, edges = _rank_edges(left, right)
    stars = reduce_edges(edges)
    return ids.take(pa.array(stars[:, 0])), ids.take(pa.array(stars[:, 1]))


def measure_components(
    labels: npt.NDArray[np.int64], *, documents: int, max_share: float
) -> ComponentSizes:
    """Measure components, and tell whether one is suspiciously large.

    Unverified giant components are how 859,092 different documents became 2 (Marin
    issue 6854): bands that template text fills link everything with everything.

    Args:
        labels: shape (n,), int64, from `union`.
        documents: number of documents that the components were searched among.
        max_share: of the documents, that the largest component may hold.

    Raises:
        ValueError: if there are more labels than documents.
    """
    if len(labels) > documents:
        raise ValueError(f"{len(labels)} labels for {documents} documents")
    distinct, sizes = np.unique(labels, return_counts=True)
    largest_share = float(sizes.max()) / documents if len(sizes) else 0.0
    return ComponentSizes(
        distinct.astype(np.int64), sizes.astype(np.int64), largest_share, largest_share > max_share
    )


# kernels of: 3705269c09bed9de
