"""Lookups: the rows of a unit's documents, and its rows among all documents in order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import lookups, part_files
from gristmill.schemas.errors import AccountingError
from gristmill.schemas.tables import ID

SCHEMA = pa.schema([pa.field("doc_id", ID, nullable=False), ("size", pa.int32())])
few_ids = st.sampled_from([bytes([number]) * 16 for number in range(6)])


def stack(values: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16)


@given(st.lists(st.lists(few_ids, max_size=6), max_size=3), st.lists(few_ids, max_size=5))
def test_rows_of_wanted_ids_come_from_every_part(tmp_path_factory, parts, wanted):
    folder = tmp_path_factory.mktemp("parts")
    paths, expected = [], []
    for number, values in enumerate(parts):
        sizes = range(10 * number, 10 * number + len(values))
        table = pa.table({"doc_id": pa.array(values, ID), "size": list(sizes)}).cast(SCHEMA)
        paths.append(str(folder / f"{number}.parquet"))
        part_files.write_part(paths[-1], table, SCHEMA)
        expected += [row for row in table.to_pylist() if row["doc_id"] in wanted]
    found = lookups.find_rows(paths, pa.array(wanted, ID), SCHEMA)
    assert found.schema.equals(SCHEMA) and found.to_pylist() == expected
    assert found["doc_id"].num_chunks <= 1
    narrow = pa.schema([SCHEMA.field("doc_id")])
    only = lookups.find_rows(paths, pa.array(wanted, ID), narrow)
    assert only["doc_id"].to_pylist() == [row["doc_id"] for row in expected]


@given(st.lists(few_ids, max_size=20), st.data())
def test_a_subsequence_is_aligned_even_where_ids_repeat(documents, data):
    kept = data.draw(st.lists(st.booleans(), min_size=len(documents), max_size=len(documents)))
    others = [value for value, keep in zip(documents, kept, strict=True) if keep]
    positions = lookups.align_rows(stack(documents), stack(others))
    assert positions.dtype == np.int64
    assert (np.diff(positions) > 0).all()
    assert [documents[place] for place in positions] == others
    if len(set(documents)) == len(documents):
        assert positions.tolist() == np.flatnonzero(kept).tolist()


@given(st.lists(few_ids, max_size=8), st.lists(few_ids, max_size=8))
def test_what_is_no_subsequence_is_refused(documents, others):
    left = iter(documents)
    if all(value in left for value in others):  # consumes: the usual subsequence test
        lookups.align_rows(stack(documents), stack(others))
    else:
        with pytest.raises(AccountingError, match=f"of the {len(documents)} documents"):
            lookups.align_rows(stack(documents), stack(others))
