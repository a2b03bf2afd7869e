"""Token shards: what is written is what is read, and nothing else is."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.schemas.errors import CorruptFileError, SchemaError
from gristmill.schemas.tables import TOKENS
from gristmill.tokenize import shard_writing
from gristmill.tokenize.token_shards import (
    INDEX,
    TokenShard,
    TokenShardInfo,
    index_shard,
    write_token_shard,
)

SHA = "ab" * 32
SMALL, LARGE = 50_257, 70_000  # vocabularies of uint16 and uint32 tokens


def make_documents(
    count: int, vocab_size: int = SMALL, longest: int = 40, seed: int = 0
) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
    sizes = rng.integers(0, longest, count)
    return [np.append(rng.integers(1, vocab_size, size), 0).astype(dtype) for size in sizes]


def make_batch(documents: list[np.ndarray], first: int = 0, **changes: list[Any]) -> pa.RecordBatch:
    columns = {
        "doc_id": [(first + i).to_bytes(16, "big") for i in range(len(documents))],
        "source": [i % 3 for i in range(len(documents))],
        "n_tokens": [len(document) for document in documents],
        "n_bytes": [3 * len(document) for document in documents],
        "tokens": [document.tobytes() for document in documents],
    } | changes
    arrays = [pa.array(columns[field.name], field.type) for field in TOKENS]
    return pa.RecordBatch.from_arrays(arrays, schema=TOKENS)


def write(path: Path, batches: list[pa.RecordBatch], **changes: Any) -> TokenShardInfo:
    settings = {"vocab_size": SMALL, "eos_id": 0, "tokenizer_sha256": SHA} | changes
    return write_token_shard(path, batches, **settings)


@settings(max_examples=30)
@given(
    count=st.integers(0, 60),
    vocab_size=st.sampled_from([SMALL, 65_536, 65_537, LARGE]),
    row_group_rows=st.integers(1, 70),
    seed=st.integers(0, 1000),
)
def test_round_trip(tmp_path_factory, count, vocab_size, row_group_rows, seed) -> None:
    path = tmp_path_factory.mktemp("shards") / "a.parquet"
    documents = make_documents(count, vocab_size, seed=seed)
    info = write(
        path, [make_batch(documents)], vocab_size=vocab_size, row_group_rows=row_group_rows
    )
    shard = TokenShard.open(path, index_shard(path))
    assert shard.n_documents == count == info.rows
    assert shard.dtype == (np.uint16 if vocab_size <= 65_536 else np.uint32)
    assert shard.n_tokens.tolist() == [len(document) for document in documents]
    assert shard.n_bytes.tolist() == [3 * len(document) for document in documents]
    assert shard.sources.tolist() == [i % 3 for i in range(count)]
    assert shard.doc_ids().tobytes() == b"".join(i.to_bytes(16, "big") for i in range(count))
    assert shard.row_group_starts.tolist() == [*range(0, count, row_group_rows), count]
    for i, document in enumerate(documents):
        found = shard.tokens(i)
        assert found.dtype == shard.dtype
        assert found.flags.aligned
        assert found.flags.writeable
        assert np.array_equal(found, document)
    whole = b"".join(document.tobytes() for document in documents)
    assert info.tokens_sha256 == hashlib.sha256(whole).hexdigest()
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.bytes == path.stat().st_size
    assert (info.tokens, info.text_bytes) == (
        len(whole) // shard.dtype.itemsize,
        shard.n_bytes.sum(),
    )


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, 50), max_size=6), row_group_rows=st.integers(1, 60))
def test_bytes_do_not_depend_on_batches(tmp_path_factory, cuts, row_group_rows) -> None:
    folder = tmp_path_factory.mktemp("shards")
    whole = make_batch(make_documents(50))
    bounds = [0, *sorted(cuts), 50]
    parts = [whole.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    one = write(folder / "a", [whole], row_group_rows=row_group_rows)
    two = write(folder / "b", parts, row_group_rows=row_group_rows)
    assert one == two
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_row_groups_end_early_at_their_byte_limit(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(shard_writing, "MAX_ROW_GROUP_BYTES", 100)
    sizes = [10, 40, 1, 60, 20, 20, 10, 1, 200, 3, 200]  # tokens of 2 bytes
    documents = [np.array([1] * (size - 1) + [0], np.uint16) for size in sizes]
    whole = make_batch(documents)
    write(tmp_path / "a", [whole], row_group_rows=5)
    write(tmp_path / "b", [whole.slice(i, 1) for i in range(len(sizes))], row_group_rows=5)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    shard = TokenShard.open(tmp_path / "a")
    assert shard.row_group_starts.tolist() == [0, 2, 3, 4, 7, 8, 9, 10, 11]
    for i, document in enumerate(documents):
        assert np.array_equal(shard.tokens(i), document)


def test_other_programs_read_shards(tmp_path: Path) -> None:
    documents = make_documents(50)
    batch = make_batch(documents)
    write(tmp_path / "a", [batch], row_group_rows=20)
    table = pq.read_table(tmp_path / "a", page_checksum_verification=True)
    assert table.to_pylist() == batch.to_pylist()
    assert table.schema.equals(TOKENS)
    metadata = pq.read_metadata(tmp_path / "a")
    chunk = metadata.row_group(1).column(4)
    assert chunk.compression == "UNCOMPRESSED"
    assert not chunk.has_dictionary_page
    assert not chunk.is_stats_set
    assert chunk.has_offset_index
    assert "DELTA_LENGTH_BYTE_ARRAY" in chunk.encodings
    assert metadata.metadata[b"gristmill.vocab_size"] == b"50257"
    assert metadata.metadata[b"gristmill.tokenizer_sha256"] == SHA.encode()


def test_index_describes_row_groups(tmp_path: Path) -> None:
    documents = make_documents(45)
    write(tmp_path / "a", [make_batch(documents)], row_group_rows=20)
    index = index_shard(tmp_path / "a")
    assert index.schema.equals(INDEX)
    rows = index.to_pylist()
    assert [row["row_group"] for row in rows] == [0, 1, 2]
    assert [row["first_document"] for row in rows] == [0, 20, 40]
    assert [row["n_docs"] for row in rows] == [20, 20, 5]
    data = (tmp_path / "a").read_bytes()
    for row in rows:
        group = documents[row["first_document"] : row["first_document"] + row["n_docs"]]
        values = b"".join(document.tobytes() for document in group)
        body = data[row["body_offset"] : row["body_offset"] + row["body_bytes"]]
        assert body.endswith(values)
        assert row["n_tokens"] == len(values) // 2
        assert row["n_bytes"] == 3 * row["n_tokens"]


def test_open_compares_with_the_index(tmp_path: Path) -> None:
    write(tmp_path / "a", [make_batch(make_documents(45))], row_group_rows=20)
    write(tmp_path / "b", [make_batch(make_documents(45, seed=1))], row_group_rows=20)
    with pytest.raises(CorruptFileError, match=r"b: .* the index says"):
        TokenShard.open(tmp_path / "b", index_shard(tmp_path / "a"))
    with pytest.raises(CorruptFileError, match=r"missing|is int64"):
        TokenShard.open(tmp_path / "a", pa.table({"row_group": [0]}))


@settings(max_examples=40)
@given(data=st.data(), vocab_size=st.sampled_from([SMALL, LARGE]))
def test_gather_equals_slicing(tmp_path_factory, data: st.DataObject, vocab_size: int) -> None:
    documents = make_documents(30, vocab_size)
    path = tmp_path_factory.mktemp("shards") / "a"
    write(path, [make_batch(documents)], vocab_size=vocab_size, row_group_rows=7)
    shard = TokenShard.open(path)
    segments, expected = [], np.full(200, -7)
    place = 0
    while place < 200 and len(segments) < 12:
        document = data.draw(st.integers(0, 29))
        start = data.draw(st.integers(0, len(documents[document])))
        longest = min(len(documents[document]) - start, 200 - place)
        length = data.draw(st.integers(0, longest))
        segments.append((document, start, length, place))
        expected[place : place + length] = documents[document][start : start + length]
        place += length + data.draw(st.integers(0, 3))
    out = np.full(200, -7)
    documents_, starts, lengths, positions = np.array(segments).T
    shard.gather(documents_.astype(np.uint32), starts, lengths.astype(np.uint32), out, positions)
    assert np.array_equal(out, expected)


@pytest.mark.parametrize(
    "segment",
    [
        (-1, 0, 1, 0),
        (3, 0, 1, 0),
        (0, -1, 1, 0),
        (0, 0, -1, 0),
        (0, 0, 5, 0),
        (0, 2, 3, 0),
        (0, 5, 0, 0),
        (0, 0, 1, -1),
        (0, 0, 1, 10),
        (0, 0, 4, 7),
        (0, 0, 0, 11),
        (0, 2**62, 2**62, 0),
        (0, 0, 1, 2**63 - 1),
    ],
)
def test_gather_refuses_strays_and_writes_nothing(tmp_path: Path, segment) -> None:
    write(tmp_path / "a", [make_batch([np.array([1, 2, 3, 0], np.uint16)] * 3)])
    shard = TokenShard.open(tmp_path / "a")
    out = np.full(10, -7)
    columns = np.array([(1, 0, 4, 0), segment]).T
    with pytest.raises(IndexError, match=r"segment 1 .*leaves"):
        shard.gather(columns[0], columns[1], columns[2], out, columns[3])
    assert (out == -7).all()
    for document in (-1, 3):
        with pytest.raises(IndexError, match=r"not in 0\.\.2"):
            shard.tokens(document)


def test_gather_refuses_other_buffers(tmp_path: Path) -> None:
    write(tmp_path / "a", [make_batch(make_documents(3))])
    shard = TokenShard.open(tmp_path / "a")
    for out in (np.zeros(8, np.int32), np.zeros((2, 4), np.int64), np.zeros(16, np.int64)[::2]):
        with pytest.raises(ValueError, match="contiguous int64"):
            shard.gather([0], [0], [1], out, [0])
    with pytest.raises(ValueError, match="shapes"):
        shard.gather([0], [0], [1, 1], np.zeros(8, np.int64), [0])


DOCUMENTS = make_documents(20)
TOKENS_OF = [document.tobytes() for document in DOCUMENTS]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_tokens": [1] * 20}, "n_tokens differs"),
        ({"n_bytes": [-1] * 20}, "negative"),
        ({"tokens": [*TOKENS_OF[:-1], None]}, "nulls"),
        ({"source": [None] * 20}, "nulls"),
        ({"tokens": [t[:-1] for t in TOKENS_OF]}, "whole uint16"),
        ({"tokens": [b""] * 20, "n_tokens": [0] * 20}, "document 0 does not end"),
    ],
)
def test_writer_refuses_contradictions(tmp_path: Path, changes, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        write(tmp_path / "a", [make_batch(DOCUMENTS, **changes)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tokens", [[5, 7], [5, 0, 7, 0], [50_257, 0], [65_535, 0], [0, 0]])
def test_writer_refuses_ids(tmp_path: Path, tokens: list[int]) -> None:
    """No id beyond the vocabulary, one end-of-text token per document, at its end."""
    documents = [*DOCUMENTS, np.array(tokens, np.uint16)]
    with pytest.raises(SchemaError, match=r"document 20 .*eos_id=0"):
        write(tmp_path / "a", [make_batch(documents)], row_group_rows=8)


def test_writer_refuses_arguments_and_schemas(tmp_path: Path) -> None:
    for changes in ({"row_group_rows": 0}, {"row_group_rows": 20_001}, {"vocab_size": 2**32 + 1}):
        with pytest.raises(ValueError, match=r"row_group_rows|vocab_size"):
            write(tmp_path / "a", [], **changes)
    with pytest.raises(ValueError, match="eos_id"):
        write(tmp_path / "a", [], eos_id=SMALL)
    with pytest.raises(SchemaError, match=r"missing|is int64"):
        write(tmp_path / "a", [make_batch(DOCUMENTS).drop_columns(["source"])])


def read_everything(path: Path) -> tuple[Any, ...]:
    shard = TokenShard.open(path)
    tokens = [shard.tokens(i).tolist() for i in range(shard.n_documents)]
    numbers = [shard.n_tokens, shard.n_bytes, shard.sources, shard.row_group_starts]
    return shard.header, tokens, [array.tolist() for array in numbers], shard.doc_ids().tolist()


def test_any_flipped_byte_is_found_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, [make_batch(make_documents(9))], row_group_rows=5)
    whole, expected = path.read_bytes(), read_everything(path)
    found = 0
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            assert read_everything(path) == expected, position
        except CorruptFileError as error:
            assert str(path) in str(error)
            found += 1
    assert found > 0.6 * len(whole)


@pytest.mark.parametrize("size", [0, 1, 8, 100, -1, -8, -500])
def test_truncated_shards_are_refused(tmp_path: Path, size: int) -> None:
    write(tmp_path / "a", [make_batch(make_documents(9))])
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:size])
    with pytest.raises(CorruptFileError):
        TokenShard.open(tmp_path / "a")


def test_damage_is_found_at_first_touch_of_its_row_group(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write(path, [make_batch(make_documents(15))], row_group_rows=5)
    index = index_shard(path)
    row = index.to_pylist()[1]
    data = bytearray(path.read_bytes())
    data[row["body_offset"] + row["body_bytes"] - 1] ^= 1
    path.write_bytes(data)
    shard = TokenShard.open(path, index)
    out = np.zeros(1, np.int64)
    for _ in range(2):
        shard.gather([0, 14], [0, 0], [1, 0], out, [0, 0])
        with pytest.raises(CorruptFileError, match=rf"offset {row['body_offset']} has crc32"):
            shard.gather([0, 7], [0, 0], [1, 0], out, [0, 0])
        with pytest.raises(CorruptFileError):
            shard.tokens(5)
    with pytest.raises(CorruptFileError):
        shard.verify()
    lenient = TokenShard.open(path, verify=False)
    assert len(lenient.tokens(5)) == lenient.n_tokens[5]


def test_foreign_parquet_is_refused(tmp_path: Path) -> None:
    batch = make_batch(make_documents(9))
    pq.write_table(pa.Table.from_batches([batch]), tmp_path / "a")
    with pytest.raises(CorruptFileError, match="not a readable token shard"):
        TokenShard.open(tmp_path / "a")
    write(tmp_path / "b", [batch])
    keys = pq.read_metadata(tmp_path / "b").metadata
    table = pq.read_table(tmp_path / "b").replace_schema_metadata(keys)
    pq.write_table(table, tmp_path / "c", compression="zstd")
    with pytest.raises(CorruptFileError, match="compressed"):
        TokenShard.open(tmp_path / "c")
    loose = pa.schema([field.with_nullable(True) for field in TOKENS])
    pq.write_table(table.cast(loose).replace_schema_metadata(keys), tmp_path / "d")
    with pytest.raises(CorruptFileError, match="required=False"):
        TokenShard.open(tmp_path / "d")


def test_a_failing_writer_leaves_the_old_shard(tmp_path: Path) -> None:
    write(tmp_path / "a", [make_batch(DOCUMENTS)])
    before = (tmp_path / "a").read_bytes()

    def batches():
        yield make_batch(DOCUMENTS)
        raise OSError("source went away")

    with pytest.raises(OSError, match="went away"):
        write_token_shard(
            tmp_path / "a", batches(), vocab_size=SMALL, eos_id=0, tokenizer_sha256=""
        )
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == before
