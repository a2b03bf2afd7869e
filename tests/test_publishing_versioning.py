"""Version numbers by Croissant's rule, and the joins behind them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from published_samples import RECIPE, TEXTS, Draft

from gristmill.pipelines.publishing import sorted_rows, versioning
from gristmill.schemas.errors import CorruptFileError, PublishError
from gristmill.schemas.versions import list_versions, open_version

ID = st.lists(st.sampled_from([0, 1, 255]), min_size=4, max_size=4).map(bytes)


def cut(values, sizes):
    """Cut sorted values into chunks of the given sizes, as batches of shards come."""
    keys = np.array(sorted(values), dtype="S4")
    start = 0
    for size in sizes:
        yield keys[start : start + size]
        start += size
    yield keys[start:]


def stream(values, sizes):
    return iter([chunk for chunk in cut(values, sizes) if len(chunk)])


SIZES = st.lists(st.integers(0, 4), max_size=6)


@given(st.sets(ID, max_size=30), st.sets(ID, max_size=30), SIZES, SIZES)
def test_joins_are_set_operations(left, right, left_sizes, right_sizes):
    def pair():
        return stream(left, left_sizes), stream(right, right_sizes)

    assert sorted_rows.contains_all(*pair()) == (left <= right)
    assert sorted_rows.count_shared(*pair()) == len(left & right)
    assert sorted_rows.streams_equal(*pair()) == (left == right)
    assert sorted_rows.streams_equal(stream(left, left_sizes), stream(left, right_sizes))
    assert sorted_rows.contains_all(stream(left & right, left_sizes), stream(right, right_sizes))


@settings(max_examples=15)  # each publishes two versions
@given(st.data())
def test_numbers_follow_the_rule(tmp_path_factory, data):
    """Publish a second version with chosen texts; the number is what sets of rows say."""
    tmp_path = tmp_path_factory.mktemp("rule")
    pool = {"train": ["a", "b", "c", "d"], "validation": ["e", "f"]}
    chosen = [
        {
            split: data.draw(st.lists(st.sampled_from(texts), max_size=5))
            for split, texts in pool.items()
        }
        for _ in range(2)
    ]
    folder = tmp_path / "demo"
    Draft(folder, tmp_path / "work", texts=chosen[0], shards=1).publish()
    new = Draft(folder, tmp_path / "work2", texts=chosen[1], shards=3, recipe={**RECIPE, "seed": 1})
    number, parents = new.publish().version, open_version(folder).manifest.core.parents
    # Rows are (split, number, text): the sample numbers documents by their place.
    old_rows, new_rows = (
        {
            (split, i, text)
            for split, texts in texts_by_split.items()
            for i, text in enumerate(texts)
        }
        for texts_by_split in chosen
    )
    if old_rows == new_rows:
        assert number == "1.0.1"
    elif old_rows <= new_rows:
        assert number == "1.1.0"
    else:
        assert number == "2.0.0"
    assert parents == (open_version(folder, "1.0.0").manifest.core_digest,)


def test_a_first_version_has_no_parent(tmp_path):
    assert versioning.next_version(tmp_path, {}, {}) == ("1.0.0", ())


def test_a_moved_document_is_a_major_change(tmp_path):
    Draft(tmp_path / "demo", tmp_path / "work").publish()
    moved = {**TEXTS, "train": [*TEXTS["train"], "more"], "test": []}
    assert Draft(tmp_path / "demo", tmp_path / "work2", texts=moved).publish().version == "2.0.0"


def test_numbers_go_up_from_the_highest(tmp_path):
    folder = tmp_path / "demo"
    texts = dict(TEXTS)
    for number in ("1.0.0", "1.1.0", "1.2.0"):
        assert Draft(folder, tmp_path / number, texts=dict(texts)).publish().version == number
        texts["train"] = [*texts["train"], f"after {number}"]
    assert list_versions(folder) == ["1.0.0", "1.1.0", "1.2.0"]
    newest = versioning.newest_version(folder)
    assert newest is not None and newest.manifest.core.version == "1.2.0"
    assert versioning.find_dataset(folder, newest.dataset_id) == newest
    assert versioning.find_dataset(folder, "gristmill:sha256:0") is None


@pytest.mark.parametrize("name", ["1.0", "1.0.0.0", "a.b.c", "1.0.-1", "", "1.0.²"])
def test_other_names_are_no_versions(name):
    with pytest.raises(PublishError):
        versioning.parse_version(name)


def write_ids(path, ids):
    columns = {"doc_id": pa.array(ids, pa.binary(16)), "content_id": pa.array(ids, pa.binary(16))}
    pq.write_table(pa.table(columns), path)
    return path


def test_unsorted_or_repeated_rows_are_refused(tmp_path):
    first = write_ids(tmp_path / "a.parquet", [b"a" * 16, b"c" * 16])
    second = write_ids(tmp_path / "b.parquet", [b"b" * 16])
    with pytest.raises(PublishError):
        list(sorted_rows.stream_doc_ids([first, second]))
    with pytest.raises(PublishError):
        list(sorted_rows.stream_rows([first, first]))
    assert sum(map(len, sorted_rows.stream_rows([first]))) == 2


def test_a_file_that_is_no_parquet_is_corrupt(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(CorruptFileError, match=r"a\.parquet"):
        list(sorted_rows.stream_rows([tmp_path / "a.parquet"]))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "b.parquet")
    with pytest.raises(CorruptFileError, match="doc_id"):
        list(sorted_rows.stream_doc_ids([tmp_path / "b.parquet"]))


def test_ids_are_seen_through_slices():
    ids = [bytes([value]) * 16 for value in range(5)]
    column = pa.array(ids, pa.binary(16)).slice(1, 3)
    assert [bytes(row) for row in sorted_rows.view_ids(column)] == ids[1:4]
    assert sorted_rows.view_ids(column.slice(0, 0)).shape == (0, 16)
