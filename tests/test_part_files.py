"""Parts: rows come back as they were written, batch by batch, and damage is noticed."""

from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import part_files
from gristmill.schemas.tables import ID

SCHEMA = pa.schema(
    [
        pa.field("doc_id", ID, nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.string()),
    ]
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "doc_id": st.binary(min_size=16, max_size=16),
            "source": st.sampled_from(["a", "b"]),
            "text": st.none() | st.text(st.characters(codec="utf-8"), max_size=10),
        }
    ),
    max_size=12,
)
ids = st.lists(st.binary(min_size=16, max_size=16), max_size=15)


def make_batch(values: list[dict]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(values, schema=SCHEMA)


@given(st.lists(rows, max_size=4))
def test_batches_come_back_one_by_one(tmp_path_factory, batches):
    path = tmp_path_factory.mktemp("parts") / "part.parquet"
    with part_files.PartWriter(path, SCHEMA) as writer:
        for values in batches:
            writer.write(make_batch(values))
    filled = [values for values in batches if values]
    assert writer.rows == sum(map(len, batches))
    assert [batch.to_pylist() for batch in part_files.read_batches(path)] == filled
    assert part_files.read_part(path).schema.equals(SCHEMA)
    assert part_files.read_part(path).to_pylist() == list(chain(*filled))
    texts = [row["text"] for values in filled for row in values]
    assert part_files.read_part(path, ["text"]).to_pydict() == {"text": texts}
    assert [batch.num_columns for batch in part_files.read_batches(path, ["text"])] == [1] * len(
        filled
    )


@given(st.lists(rows, max_size=3))
def test_parts_are_appended(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("parts")
    paths = [folder / f"{number}.parquet" for number in range(len(parts))]
    for path, values in zip(paths, parts, strict=True):
        part_files.write_part(path, pa.Table.from_batches([make_batch(values)]), SCHEMA)
    assert part_files.read_parts(paths, SCHEMA).to_pylist() == list(chain(*parts))
    narrow = pa.schema([SCHEMA.field("doc_id")])
    found = part_files.read_parts(paths, narrow)
    assert found.schema.equals(narrow) and found.num_rows == sum(map(len, parts))


def test_a_table_is_cut_into_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(part_files, "BATCH_ROWS", 4)
    values = [{"doc_id": bytes([n]) * 16, "source": "a", "text": str(n)} for n in range(10)]
    table = pa.concat_tables(
        [pa.Table.from_pylist(values[k : k + 3], SCHEMA) for k in (0, 3, 6, 9)]
    )
    part_files.write_part(tmp_path / "part.parquet", table, SCHEMA)
    found = list(part_files.read_batches(tmp_path / "part.parquet"))
    assert [batch.num_rows for batch in found] == [4, 4, 2]
    assert list(chain(*(batch.to_pylist() for batch in found))) == values


def test_columns_are_ordered_and_cast(tmp_path):
    batch = pa.RecordBatch.from_pydict(
        {
            "text": ["x"],
            "further": [1],
            "source": pa.array(["a"]),
            "doc_id": pa.array([b"0" * 16], ID),
        }
    )
    with part_files.PartWriter(tmp_path / "part.parquet", SCHEMA) as writer:
        writer.write(batch)
    assert part_files.read_part(tmp_path / "part.parquet").schema.equals(SCHEMA)


def test_a_missing_column_is_refused(tmp_path):
    batch = pa.RecordBatch.from_pydict({"source": ["a"]})
    with pytest.raises(KeyError), part_files.PartWriter(tmp_path / "x", SCHEMA) as writer:
        writer.write(batch)


@pytest.mark.parametrize("read", [part_files.read_part, lambda p: list(part_files.read_batches(p))])
def test_a_flipped_bit_in_a_page_is_noticed(tmp_path, read):
    path = tmp_path / "part.parquet"
    rng = np.random.default_rng(0)
    values = [
        {"doc_id": rng.bytes(16), "source": "a", "text": rng.bytes(30).hex()} for _ in range(99)
    ]
    part_files.write_part(path, pa.Table.from_pylist(values, SCHEMA), SCHEMA)
    column = pq.ParquetFile(path).metadata.row_group(0).column(2)
    start = column.dictionary_page_offset or column.data_page_offset
    payload = bytearray(path.read_bytes())
    payload[start + column.total_compressed_size // 2] ^= 4
    path.write_bytes(payload)
    with pytest.raises(OSError, match=r"CRC|checksum|ZSTD"):
        read(path)


@given(ids, st.integers(0, 15), st.integers(0, 15))
def test_ids_are_viewed_and_wrapped(values, start, length):
    column = pa.array(values, ID).slice(start, length)
    view = part_files.view_ids(column)
    assert view.shape == (len(column), 16)
    assert [row.tobytes() for row in view] == column.to_pylist()
    assert part_files.wrap_ids(view).equals(column)
    chunked = pa.chunked_array([pa.array(values, ID), column])
    assert [row.tobytes() for row in part_files.view_ids(chunked)] == chunked.to_pylist()


@given(ids, ids)
def test_ids_are_located(wanted, known):
    found = part_files.locate_ids(pa.array(wanted, ID), pa.array(known, ID))
    assert found.tolist() == [known.index(v) if v in known else -1 for v in wanted]
    within = part_files.locate_ids(pa.array(known, ID), pa.array(known, ID))
    assert within.tolist() == [known.index(v) for v in known]


@given(st.lists(rows, max_size=3))
def test_a_table_is_one_batch(chunks):
    table = pa.concat_tables(
        [SCHEMA.empty_table(), *(pa.Table.from_pylist(values, SCHEMA) for values in chunks)]
    )
    batch = part_files.as_batch(table)
    assert batch.schema.equals(SCHEMA) and batch.to_pylist() == list(chain(*chunks))
