"""The exchange: every row comes out once, in its partition, by files and by bytes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import exchange

SCHEMA = pa.schema([("key", pa.uint64()), ("value", pa.string())])
keys = st.lists(st.integers(0, 2**64 - 1), max_size=40)


def make_table(values: list[int]) -> pa.Table:
    return pa.table(
        {"key": pa.array(values, pa.uint64()), "value": [f"v{n}" for n in values]}
    ).cast(SCHEMA)


@given(units=st.lists(keys, min_size=1, max_size=4), power=st.integers(0, 5))
def test_every_row_reaches_its_partition(tmp_path_factory, units, power):
    folder = tmp_path_factory.mktemp("exchange")
    count = 1 << power
    paths = []
    for number, values in enumerate(units):
        table = make_table(values)
        places = exchange.pick_partitions(np.array(values, np.uint64), count)
        path = folder / f"{number}.parquet"
        exchange.write_exchange(path, table, places)
        paths.append(path)
    found = []
    for partition in range(count):
        rows = exchange.gather_partition(paths, partition, SCHEMA)
        for key in rows["key"].to_pylist():
            assert key * count >> 64 == partition
        found += rows["value"].to_pylist()
    assert sorted(found) == sorted(f"v{n}" for values in units for n in values)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=50))
def test_partitions_follow_the_order_of_keys(values):
    places = exchange.pick_partitions(np.array(sorted(values), np.uint64), 8)
    assert (np.diff(places) >= 0).all()


@given(keys)
def test_chunks_survive_the_wire(values):
    table = make_table(values)
    assert exchange.decode_chunk(exchange.encode_chunk(table)).equals(table)


@pytest.mark.parametrize(
    ("total", "per_partition", "expected"),
    [(0, 10, 1), (10, 10, 1), (11, 10, 2), (21, 10, 4), (10**9, 1, 1024)],
)
def test_partition_counts_are_powers_of_two(total, per_partition, expected):
    assert exchange.count_partitions(total, per_partition) == expected


def test_large_partitions_are_cut_into_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK_ROWS", 7)
    table = make_table(list(range(30)))
    path = tmp_path / "x.parquet"
    exchange.write_exchange(path, table, np.zeros(30, np.int64))
    chunks = list(exchange.read_chunks(path))
    assert [rows.num_rows for _, rows in chunks] == [7, 7, 7, 7, 2]
    assert exchange.gather_partition([path], 0, SCHEMA).equals(table.combine_chunks())


def test_partition_keys_are_bytes_in_order():
    encoded = [exchange.encode_partition(n) for n in (0, 1, 255, 256, 70000)]
    assert encoded == sorted(encoded)
    assert [exchange.decode_partition(key) for key in encoded] == [0, 1, 255, 256, 70000]


def test_leading_hash_orders_as_the_ids_do():
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 256, (200, 16), dtype=np.uint8)
    ordered = sorted(ids.tolist())
    hashes = exchange.leading_hash(np.array(ordered, np.uint8))
    assert (np.diff(hashes.astype(object)) >= 0).all()


def test_least_ids_of_groups_spread_evenly_by_their_trailing_hash():
    rng = np.random.default_rng(3)
    members = rng.integers(0, 256, (4096, 16), dtype=np.uint8)
    least = np.stack([min(group.tolist()) for group in np.split(members, 512)]).astype(np.uint8)
    leading = exchange.pick_partitions(exchange.leading_hash(least), 4)
    trailing = exchange.pick_partitions(exchange.trailing_hash(least), 4)
    assert np.bincount(leading, minlength=4).max() > 400  # the least of eight is seldom large
    assert np.bincount(trailing, minlength=4).max() < 170
