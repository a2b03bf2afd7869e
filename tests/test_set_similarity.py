"""Similarities of sets, against Python's own sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.dedup import set_similarity

SETS = st.sets(st.one_of(st.integers(0, 30), st.integers(2**64 - 20, 2**64 - 1)), max_size=30)


def build_set(values: set[int]) -> np.ndarray:
    return np.array(sorted(values), dtype=np.uint64)


@given(SETS, SETS)
def test_similarities_equal_the_definition_both_ways(left: set[int], right: set[int]) -> None:
    common, whole, smaller = len(left & right), len(left | right), min(len(left), len(right))
    for a, b in ((build_set(left), build_set(right)), (build_set(right), build_set(left))):
        assert set_similarity.jaccard(a, b) == (common / whole if whole else 0)
        assert set_similarity.containment(a, b) == (common / smaller if smaller else 0)


@given(SETS, SETS, st.sampled_from([0.2, 0.5, 0.8, 1.0]))
def test_matching_applies_the_threshold(left: set[int], right: set[int], least: float) -> None:
    a, b = build_set(left), build_set(right)
    jaccard, containment = set_similarity.jaccard(a, b), set_similarity.containment(a, b)
    assert set_similarity.match_sets(a, b, False, least) == (jaccard if jaccard >= least else 0)
    may_go = containment >= least and len(right) <= len(left)
    assert set_similarity.match_sets(a, b, True, least) == (containment if may_go else 0)


@pytest.mark.parametrize("tenths", range(1, 11))
def test_a_similarity_equal_to_the_threshold_matches(tenths: int) -> None:
    whole, part = np.arange(10, dtype=np.uint64), np.arange(tenths, dtype=np.uint64)
    assert set_similarity.match_sets(whole, part, False, tenths / 10) == tenths / 10
