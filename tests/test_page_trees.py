"""`sum_leaves` gives what walks from node to node give, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.page_trees import LEAF, MAX_LEAVES, lay_out_trees, sum_leaves

FEATURES = 5
Stored = tuple[list[int], list[int], list[float]]


@st.composite
def forests(draw: st.DrawFn) -> Stored:
    """Trees level by level: sizes, features and values."""
    sizes, features, values = [], [], []
    for _ in range(draw(st.integers(1, 6))):
        inner = draw(st.integers(0, MAX_LEAVES - 1))
        waiting = 1
        size = 0
        while waiting:
            is_inner = inner > 0 and (waiting == 1 or draw(st.booleans()))
            features.append(draw(st.integers(0, FEATURES - 1)) if is_inner else LEAF)
            values.append(draw(st.floats(-4, 4, width=32)))
            inner -= is_inner
            waiting += 1 if is_inner else -1
            size += 1
        sizes.append(size)
    return sizes, features, values


def walk_trees(stored: Stored, rows: np.ndarray) -> np.ndarray:
    """One row at a time, from node to node."""
    sizes, features, values = stored
    sums = np.zeros(rows.shape[1], np.float32)
    root = 0
    for size in sizes:
        inner = [node for node in range(root, root + size) if features[node] != LEAF]
        for row in range(rows.shape[1]):
            node = root
            while features[node] != LEAF:
                above = rows[features[node], row] > np.float32(values[node])
                node = root + 2 * inner.index(node) + 1 + bool(above)
            sums[row] += np.float32(values[node])
        root += size
    return sums


def lay_out(stored: Stored):
    sizes, features, values = stored
    return lay_out_trees(
        np.array(sizes, np.int32), np.array(features, np.int16), np.array(values, np.float32)
    )


@given(forests(), st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_sums_are_those_of_walks(stored: Stored, seed: int, count: int) -> None:
    # Values on a coarse grid, so that many are equal to a threshold.
    rows = np.random.default_rng(seed).integers(-4, 5, (FEATURES, count)).astype(np.float32)
    np.testing.assert_array_equal(sum_leaves(lay_out(stored), rows), walk_trees(stored, rows))


def test_many_rows_are_summed() -> None:
    stored = ([3, 1], [0, LEAF, LEAF, LEAF], [0.5, 1.0, 2.0, 0.25])
    rows = np.zeros((1, 5000), np.float32)
    rows[0, ::3] = 1
    np.testing.assert_array_equal(
        sum_leaves(lay_out(stored), rows), np.where(rows[0] > 0.5, 2.25, 1.25)
    )


def test_a_tree_of_too_many_leaves_is_refused() -> None:
    inner = MAX_LEAVES
    stored = ([2 * inner + 1], [0] * inner + [LEAF] * (inner + 1), [0.0] * (2 * inner + 1))
    with pytest.raises(ValueError, match="33 leaves"):
        lay_out(stored)
