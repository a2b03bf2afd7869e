"""Slices: what is asked for together, and that every pick gets its own bytes."""

import itertools
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crawl_server import serve_crawl
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.index_rows import PICKS
from gristmill.pipelines.slices import hold_slices, join_spans, read_picks
from gristmill.schemas.errors import InputError

BODY = random.Random("slices").randbytes(50_000)
PLACES = st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 400)), max_size=30).map(sorted)


@given(PLACES, st.integers(0, 500), st.integers(1, 2_000))
def test_every_pick_lies_in_the_span_that_names_it(places, near_bytes, request_bytes):
    offsets = np.array([offset for offset, _ in places], np.int64)
    lengths = np.array([length for _, length in places], np.int64)
    spans = join_spans(offsets, lengths, near_bytes=near_bytes, request_bytes=request_bytes)
    assert [index for span in spans for index in range(span.first, span.last)] == [
        *range(len(places))
    ]
    for span in spans:
        held = places[span.first : span.last]
        assert span.start == held[0][0]
        assert span.end == max(offset + length for offset, length in held)
        assert len(held) == 1 or span.end - span.start <= request_bytes
        reached = held[0][0] + held[0][1]
        for offset, length in held[1:]:
            assert offset - reached <= near_bytes
            reached = max(reached, offset + length)
    # Nothing that could have been joined was asked for apart.
    for left, right in itertools.pairwise(spans):
        first = places[right.first]
        far = right.start - left.end > near_bytes
        assert far or max(left.end, first[0] + first[1]) - left.start > request_bytes


def write_picks(path, rows: list[tuple[int, int]], group_rows: int = 3) -> str:
    table = pa.table(
        [
            ["f"] * len(rows),
            [offset for offset, _ in rows],
            [length for _, length in rows],
            pa.nulls(len(rows), pa.string()),
        ],
        schema=PICKS,
    )
    pq.write_table(table, path, row_group_size=group_rows)
    return str(path)


@pytest.mark.parametrize("first", range(10))
@pytest.mark.parametrize("rows", [1, 2, 5, 10])
def test_rows_of_a_file_of_picks_are_those_asked_for(tmp_path, first, rows):
    path = write_picks(tmp_path / "picks", [(number, 1) for number in range(10)])
    rows = min(rows, 10 - first)
    assert read_picks(path, first, rows)["offset"].to_pylist() == [*range(first, first + rows)]


@pytest.mark.parametrize("far", [False, True])
def test_slices_are_there_for_the_block(tmp_path, far):
    rows = [(0, 100), (50, 100), (20_000, 30), (30_000, 3_000_000), (49_990, 20), (60_000, 5)]
    (tmp_path / "file").write_bytes(BODY)
    with serve_crawl({"file": BODY}) as server:
        params = {
            "path": f"{server.base_url}/file" if far else str(tmp_path / "file"),
            "picks": [write_picks(tmp_path / "picks", rows), 1, 5],
            "document_bytes": 1 << 20,
        }
        (tmp_path / "unit").mkdir()
        with hold_slices(params, tmp_path / "unit") as path:
            content = path.read_bytes()
            table = pq.read_table(path.with_suffix(".parquet")).to_pylist()
        assert not list((tmp_path / "unit").iterdir())
    assert [row["held"] for row in table] == [100, 30, -1, 10, 0]
    place = 0
    for row in table:
        if row["held"] >= 0:
            found = content[place : place + row["held"]]
            assert found == BODY[row["offset"] : row["offset"] + row["held"]]
            place += row["length"]


def test_a_file_that_is_gone_leaves_nothing_behind(tmp_path):
    params = {
        "path": str(tmp_path / "none"),
        "picks": [write_picks(tmp_path / "picks", [(0, 5)]), 0, 1],
        "document_bytes": 1 << 20,
    }
    (tmp_path / "unit").mkdir()
    with (
        pytest.raises(InputError, match="none does not exist"),
        hold_slices(params, tmp_path / "unit"),
    ):
        raise AssertionError("nothing was read")
    assert not list((tmp_path / "unit").iterdir())
