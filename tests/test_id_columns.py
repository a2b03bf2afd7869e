"""Ids as integers order and compare as bytes do."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.dedup import id_columns
from gristmill.schemas.tables import ID

IDS = st.one_of(
    st.binary(min_size=16, max_size=16), st.sampled_from([b"\0" * 16, b"a" + b"\0" * 15])
)


@given(st.lists(IDS, max_size=20), st.integers(0, 3))
@example([b"\xff" * 16, b"\0" * 16, b"\xff" * 16], 0)
def test_ranks_are_places_among_sorted_ids(ids: list[bytes], start: int) -> None:
    ranked = id_columns.rank_ids(pa.array(ids, ID).slice(start))
    expected = sorted(set(ids[start:]))
    assert ranked.ids.type == ID and ranked.ids.to_pylist() == expected
    assert ranked.ranks.tolist() == [expected.index(value) for value in ids[start:]]


@given(st.lists(IDS, max_size=20))
def test_joining_undoes_splitting(ids: list[bytes]) -> None:
    column = pa.array(ids, ID)
    assert id_columns.join_ids(id_columns.split_ids(column)).equals(column)


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="string"):
        id_columns.split_ids(pa.array(["a"]))
    with pytest.raises(ValueError, match="1 of 1 ids are null"):
        id_columns.split_ids(pa.array([None], ID))
