"""Batches: labels and positions against a slow reference, slices of ranks, reading ahead."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.training.batches import (
    IGNORED_LABEL,
    Batch,
    PackedRows,
    assemble_batch,
    read_ahead,
    share_batch,
    split_batch,
)


@st.composite
def packed_rows(draw: st.DrawFn) -> tuple[PackedRows, list[list[list[int]]]]:
    capacity = draw(st.integers(2, 12))
    rows = []
    for _ in range(draw(st.integers(0, 5))):
        lengths = draw(st.lists(st.integers(1, capacity), max_size=4))
        while sum(lengths) > capacity:
            lengths.pop()
        rows.append([draw(st.lists(st.integers(0, 99), min_size=n, max_size=n)) for n in lengths])
    tokens = np.full((len(rows), capacity), 77, dtype=np.int64)  # anything in the padding
    for i, row in enumerate(rows):
        flat = [token for segment in row for token in segment]
        tokens[i, : len(flat)] = flat
    row_ptr = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    lengths_array = np.array([len(s) for row in rows for s in row], dtype=np.int64)
    return PackedRows(tokens, row_ptr, lengths_array, np.zeros(len(rows), dtype=np.int64)), rows


@given(packed_rows())
def test_assembly_equals_a_slow_reference(
    given_rows: tuple[PackedRows, list[list[list[int]]]],
) -> None:
    packed, rows = given_rows
    numbers = np.arange(len(rows), dtype=np.int64)
    batch = assemble_batch(packed, numbers, 5)
    length = packed.tokens.shape[1] - 1
    for i, row in enumerate(rows):
        expected = []  # (input, label, position, document) of each token
        for number, segment in enumerate(row, start=1):
            for place, token in enumerate(segment):
                last = place + 1 == len(segment)
                label = IGNORED_LABEL if last else segment[place + 1]
                expected.append((token, label, place, number))
        expected += [(0, IGNORED_LABEL, 0, 0)] * (length + 1)
        found = zip(
            batch.input_ids[i],
            batch.labels[i],
            batch.position_ids[i],
            batch.doc_ids[i],
            strict=True,
        )
        assert [tuple(map(int, one)) for one in found] == expected[:length]
        assert batch.n_tokens[i] == sum(map(len, row))
    assert batch.target_count == sum(max(len(s) - 1, 0) for row in rows for s in row)
    assert batch.end_position == 5


@given(epoch_rows=st.integers(1, 40), size=st.integers(1, 15), epochs=st.integers(1, 4))
def test_batches_of_an_epoch_tile_it_exactly(epoch_rows: int, size: int, epochs: int) -> None:
    position, delivered = 0, []
    while position < epochs * epoch_rows:
        start, position = split_batch(position, size, epoch_rows)
        assert 0 < position - start <= size
        assert start // epoch_rows == (position - 1) // epoch_rows
        delivered += range(start, position)
    assert delivered == list(range(epochs * epoch_rows))


@given(start=st.integers(0, 1000), count=st.integers(0, 50), world_size=st.integers(1, 13))
def test_ranks_tile_a_batch_and_differ_by_at_most_one_row(
    start: int, count: int, world_size: int
) -> None:
    shares = [share_batch(start, start + count, rank, world_size) for rank in range(world_size)]
    assert np.concatenate(shares).tolist() == list(range(start, start + count))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("rank", [-1, 2])
def test_a_rank_outside_the_world_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match="world of 2"):
        share_batch(0, 4, rank, 2)


def number_batch(number: int) -> Batch:
    empty = np.zeros((0, 1), dtype=np.int64)
    flat = np.zeros(0, dtype=np.int64)
    return Batch(empty, empty, empty, empty, flat, flat, flat, number)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_reading_ahead_keeps_order_and_bounds_depth(depth: int) -> None:
    drawn: list[int] = []

    def draw() -> Iterator[Batch]:
        for number in range(8):
            drawn.append(number)
            yield number_batch(number)

    batches = read_ahead(draw(), depth)
    assert next(batches).end_position == 0
    time.sleep(0.05)
    assert len(drawn) <= depth + 1
    assert [batch.end_position for batch in batches] == list(range(1, 8))


def test_an_error_in_the_thread_arrives_at_its_batch() -> None:
    def draw() -> Iterator[Batch]:
        yield number_batch(0)
        raise OSError("the disk is gone")

    batches = read_ahead(draw())
    assert next(batches).end_position == 0
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)


def test_closing_ends_the_thread() -> None:
    def draw() -> Iterator[Batch]:
        while True:
            yield number_batch(0)

    batches = read_ahead(draw())
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("gristmill-read-ahead")]
