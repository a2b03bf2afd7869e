"""Components against a search that floods from each node."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup import components
from gristmill.schemas.tables import ID

NODES = 12
EDGES = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def build_edges(edges: list[tuple[int, int]]) -> np.ndarray:
    return np.array(edges, dtype=np.int64).reshape(-1, 2)


def flood_slowly(edges: list[tuple[int, int]], nodes: int) -> list[int]:
    neighbours: dict[int, set[int]] = {node: set() for node in range(nodes)}
    for left, right in edges:
        neighbours[left].add(right)
        neighbours[right].add(left)
    labels = [-1] * nodes
    for node in range(nodes):
        reached = [node]
        while reached:
            current = reached.pop()
            if labels[current] < 0:
                labels[current] = node
                reached += neighbours[current]
    return labels


@given(EDGES, st.randoms())
@example([(3, 2), (2, 1), (1, 0), (5, 5)], None)
def test_labels_are_smallest_members_in_any_order(edges, random) -> None:
    expected = flood_slowly(edges, NODES)
    if random is not None:
        random.shuffle(edges)
    assert components.union(build_edges(edges), NODES).tolist() == expected


@given(EDGES, st.integers(1, 3))
def test_reducing_in_parts_changes_nothing(edges: list[tuple[int, int]], parts: int) -> None:
    reduced = [components.reduce_edges(build_edges(edges[part::parts])) for part in range(parts)]
    for part, stars in enumerate(reduced):
        nodes = {node for edge in edges[part::parts] for node in edge}
        assert len(stars) <= max(len(nodes) - 1, 0)
    whole = components.union(np.concatenate(reduced), NODES)
    assert whole.tolist() == flood_slowly(edges, NODES)


def test_sparse_numbers_reduce_too() -> None:
    edges = build_edges([(10**15, 7), (7, 10**12), (10**15, 10**12), (4, 4)])
    assert components.reduce_edges(edges).tolist() == [[7, 10**12], [7, 10**15]]


@given(EDGES)
def test_ids_are_labelled_as_numbers_are(edges: list[tuple[int, int]]) -> None:
    names = [bytes([255 - number]) * 16 for number in reversed(range(NODES))]
    left, right = (pa.array([names[edge[side]] for edge in edges], ID) for side in (0, 1))
    labelled = components.label_ids(left, right)
    labels = flood_slowly(edges, NODES)
    nodes = sorted({node for edge in edges for node in edge})
    assert labelled.ids.to_pylist() == [names[node] for node in nodes]
    assert labelled.labels.to_pylist() == [names[labels[node]] for node in nodes]
    again = components.label_ids(*components.reduce_ids(left, right))
    known = dict(zip(labelled.ids.to_pylist(), labelled.labels.to_pylist(), strict=True))
    assert all(
        known[name] == label
        for name, label in zip(again.ids.to_pylist(), again.labels.to_pylist(), strict=True)
    )
    assert set(known) - set(again.ids.to_pylist()) == {
        names[node] for node in nodes if labels.count(labels[node]) == 1
    }


def test_a_long_chain_is_one_component() -> None:
    chain = np.arange(200_000, dtype=np.int64)
    edges = np.stack([chain[1:], chain[:-1]], axis=1)
    assert not components.union(edges, len(chain)).any()
    assert not components.union(edges[::-1].copy(), len(chain)).any()


def test_alarm_rings_above_the_stated_share() -> None:
    labels = np.array([0, 0, 0, 3, 4, 4], dtype=np.int64)
    measured = components.measure_components(labels, documents=10, max_share=0.3)
    assert measured.labels.tolist() == [0, 3, 4] and measured.sizes.tolist() == [3, 1, 2]
    assert measured.largest_share == 0.3 and not measured.is_alarming
    assert components.measure_components(labels, documents=10, max_share=0.29).is_alarming
    nothing = components.measure_components(labels[:0], documents=0, max_share=0.0)
    assert nothing.largest_share == 0 and not nothing.is_alarming


def test_wrong_edges_are_refused() -> None:
    with pytest.raises(ValueError, match="edges span 0 … 3, nodes 0 … 2"):
        components.union(build_edges([(0, 3)]), 3)
    with pytest.raises(ValueError, match="edges span -1"):
        components.union(build_edges([(-1, 0)]), 3)
    with pytest.raises(ValueError, match="7 labels for 6"):
        components.measure_components(np.zeros(7, np.int64), documents=6, max_share=1)
    with pytest.raises(ValueError, match="1 left ids for 0"):
        components.label_ids(pa.array([b"a" * 16], ID), pa.array([], ID))
