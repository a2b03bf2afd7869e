"""Sorting hashes, against Python's own sort."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup import radix_sort

WORDS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 40), st.just(2**64 - 1))


@given(st.lists(WORDS, max_size=300), st.integers(1, 4))
@example([], 1)
@example(list(range(200, 0, -1)), 1)
def test_distinct_hashes_come_out_ascending(values: list[int], repeats: int) -> None:
    array = np.array(values * repeats, dtype=np.uint64)
    scratch = np.empty(len(array), dtype=np.uint64)
    count = radix_sort.sort_distinct(array, scratch)
    assert array[:count].tolist() == sorted(set(values))
