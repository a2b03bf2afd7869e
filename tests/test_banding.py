"""Bands: who meets whom, and how many edges that gives."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import banding, minhash
from gristmill.schemas.tables import ID

SETTINGS = minhash.MinHashSettings(bands=3, rows_per_band=2)
ROWS = st.lists(st.integers(0, 3), min_size=6, max_size=6)


def build_signatures(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, dtype=np.uint32).reshape(-1, 6)


@given(st.lists(ROWS, max_size=8))
def test_hashes_are_equal_exactly_where_bands_are(rows: list[list[int]]) -> None:
    keys = banding.hash_bands(build_signatures(rows), SETTINGS)
    assert keys.shape == (len(rows), 3) and keys.dtype == np.uint64
    cells = [(i, band) for i in range(len(rows)) for band in range(3)]
    for (i, left), (j, right) in itertools.product(cells, cells):
        same = left == right and rows[i][2 * left :][:2] == rows[j][2 * right :][:2]
        assert (keys[i, left] == keys[j, right]) == same


@given(st.lists(ROWS, min_size=1, max_size=6), st.data())
def test_other_scopes_do_not_meet(rows: list[list[int]], data: st.DataObject) -> None:
    scope = data.draw(
        st.lists(st.sampled_from([b"", b"en", b"de"]), min_size=len(rows), max_size=len(rows))
    )
    signatures = build_signatures(rows)
    free, bound = (banding.hash_bands(signatures, SETTINGS, s) for s in (None, scope))
    for i, j in itertools.product(range(len(rows)), repeat=2):
        expected = (free[i] == free[j]) & (scope[i] == scope[j])
        assert (bound[i] == bound[j]).tolist() == expected.tolist()


def test_documents_without_shingles_never_meet() -> None:
    signatures = build_signatures(
        [[2**32 - 1] * 6, [1] * 6, [2**32 - 1] * 6, [2**32 - 1] * 5 + [0]]
    )
    keys = banding.hash_bands(signatures, SETTINGS)
    assert (keys[[0, 2]] == banding.NO_BAND).all()
    rows = banding.list_bands(keys)
    assert rows.rows.tolist() == [1, 1, 1, 3, 3, 3]
    assert rows.band_keys.tolist() == [*keys[1].tolist(), *keys[3].tolist()]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), max_size=30), st.randoms())
def test_edges_link_each_group_to_its_smallest(pairs: list[tuple[int, int]], random) -> None:
    expected = set()
    for key in {key for key, _ in pairs}:
        members = sorted({row for other, row in pairs if other == key})
        expected |= {(members[0], member) for member in members[1:]}
    random.shuffle(pairs)
    keys = np.array([key for key, _ in pairs], dtype=np.uint64)
    edges = banding.link_groups(keys, np.array([row for _, row in pairs], dtype=np.int64))
    assert edges.dtype == np.int64 and edges.shape == (len(expected), 2)
    assert [tuple(edge) for edge in edges.tolist()] == sorted(expected)


def test_a_hot_band_gives_one_edge_less_than_documents() -> None:
    edges = banding.link_groups(np.zeros(100_000, np.uint64), np.arange(100_000)[::-1].copy())
    assert edges.shape == (99_999, 2) and (edges[:, 0] == 0).all()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12))
def test_ids_link_as_their_ranks_do(pairs: list[tuple[int, int]]) -> None:
    names = [bytes([number]) * 16 for number in range(6)]
    keys = np.array([key for key, _ in pairs], dtype=np.uint64)
    left, right = banding.link_ids(keys, pa.array([names[n] for _, n in pairs], ID))
    edges = banding.link_groups(keys, np.array([n for _, n in pairs], dtype=np.int64))
    assert left.to_pylist() == [names[n] for n in edges[:, 0]]
    assert right.to_pylist() == [names[n] for n in edges[:, 1]]


@pytest.mark.parametrize(
    ("bands", "rows", "similarity", "probability"),
    [(14, 8, 0.8, 0.924), (14, 8, 0.5, 0.053), (26, 11, 0.7, 0.405), (20, 5, 0.9, 1.0)],
)
def test_probability_of_published_settings(
    bands: int, rows: int, similarity: float, probability: float
) -> None:
    settings = minhash.MinHashSettings(bands=bands, rows_per_band=rows)
    assert banding.match_probability(similarity, settings) == pytest.approx(probability, abs=6e-4)


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 5\), not \(n, 6\)"):
        banding.hash_bands(np.zeros((1, 5), np.uint32), SETTINGS)
    with pytest.raises(ValueError, match="1 scopes for 2"):
        banding.hash_bands(np.zeros((2, 6), np.uint32), SETTINGS, [b"a"])
    with pytest.raises(ValueError, match="1 band keys for 2 rows"):
        banding.link_groups(np.zeros(1, np.uint64), np.zeros(2, np.int64))
