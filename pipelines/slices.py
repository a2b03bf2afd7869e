"""Slices: the records that an index picked, fetched by range into one local file.

Picks of one file that lie near each other come in one request: a request costs as much
as a few hundred kilobytes. What was fetched lies back to back in the order of the
picks; a table next to it says where each belongs and how much of it came.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.cleaning.index_rows import PICKS
from gristmill.pipelines.fetching import Fetching, work_side_by_side
from gristmill.pipelines.range_requests import read_range
from gristmill.pipelines.sources.picked_records import SLICES_SUFFIX
from gristmill.schemas.places import StorePath, find_place
from gristmill.schemas.transfers import Transfer

SLICES_FOLDER: Final = "slices"  # below a unit's folder; gone before its parts are listed
#: As `PICKS`, with how many bytes of each record came: -1 where it was too large to ask for.
SLICES: Final = PICKS.append(pa.field("held", pa.int64(), nullable=False))
#: Bytes between two picks that are fetched along rather than asked around.
NEAR_BYTES: Final = 256 << 10
#: Bytes of one request; one record alone may be larger.
REQUEST_BYTES: Final = 8 << 20
#: A record in gzip is hardly longer than what it holds.
SPARE_BYTES: Final = 1 << 20


class Span(NamedTuple):
    """A range of a file that is fetched at once: picks `first` … `last` - 1 lie in it."""

    start: int
    end: int
    first: int
    last: int


def join_spans(
    offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    *,
    near_bytes: int = NEAR_BYTES,
    request_bytes: int = REQUEST_BYTES,
) -> list[Span]:
    """Join picks of one file to ranges to ask for.

    Args:
        offsets: of the picks, ascending; int64, (picks,).
        lengths: of the picks; int64, (picks,).
        near_bytes: longest gap between two picks of one range.
        request_bytes: longest range of more than one pick.

    Returns:
        Ranges that cover every pick, each pick wholly in one of them, in order.
    """
    spans: list[Span] = []
    for index, (offset, length) in enumerate(zip(offsets.tolist(), lengths.tolist(), strict=True)):
        end = offset + length
        if spans:
            last = spans[-1]
            joined = max(last.end, end)
            if offset - last.end <= near_bytes and joined - last.start <= request_bytes:
                spans[-1] = Span(last.start, joined, last.first, index + 1)
                continue
        spans.append(Span(offset, end, index, index + 1))
    return spans


def read_picks(path: str, first: int, rows: int) -> pa.Table:
    """Rows of a file of picks; reads only the row groups that hold them."""
    place = find_place(path)
    with place.open_ranges() if isinstance(place, StorePath) else place.open("rb") as stream:
        file = pq.ParquetFile(stream)
        tables, start = [], 0
        for group in range(file.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            if start < first + rows and first < end:
                held = file.read_row_group(group, use_threads=False)
                tables.append(held.slice(max(0, first - start), first + rows - max(first, start)))
            start = end
    return pa.concat_tables(tables).combine_chunks()


@contextlib.contextmanager
def hold_slices(params: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Fetch the records of a unit; yields the file of slices, which is there for the block.

    Args:
        params: of the unit: ``path`` of the file that the picks are of, ``picks`` as
            (path of a file of picks, first row, rows), ``document_bytes``, and `transfer`,
            a `Transfer` as JSON, which may be missing.
        folder: of the unit.

    Raises:
        InputError: the file is gone or cannot be fetched.
        StoreError: the store cannot be asked.
    """
    listed, first, rows = params["picks"]
    picks = read_picks(listed, first, rows)
    fetching = Fetching(Transfer.model_validate(params.get("transfer") or {}))
    local = folder / SLICES_FOLDER / f"picks{SLICES_SUFFIX}"
    local.parent.mkdir()
    try:
        largest = int(params["document_bytes"]) + SPARE_BYTES
        held = _fetch_slices(params["path"], picks, local, largest, fetching)
        table = picks.append_column(SLICES.field("held"), pa.array(held))
        pq.write_table(table.cast(SLICES), local.with_suffix(".parquet"))
        yield local
    finally:
        shutil.rmtree(local.parent)


def _fetch_slices(
    path: str, picks: pa.Table, local: Path, largest: int, fetching: Fetching
) -> npt.NDArray[np.int64]:
    """Write the slices that are not too large; returns how many bytes came of each."""
    offsets, lengths = picks["offset"].to_numpy(), picks["length"].to_numpy()
    held = np.where(lengths <= largest, 0, -1)
    asked = np.flatnonzero(held == 0)
    places = np.cumsum(np.where(held == 0, lengths, 0)) - lengths
    descriptor = os.open(local, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def fetch(span: Span) -> None:
        payload = memoryview(read_range(path, span.start, span.end, fetching))
        for row in asked[span.first : span.last].tolist():
            start = int(offsets[row]) - span.start
            piece = payload[start : start + int(lengths[row])]
            os.pwrite(descriptor, piece, int(places[row]))
            held[row] = len(piece)

    try:
        work_side_by_side(fetching, fetch, join_spans(offsets[asked], lengths[asked]))
    finally:
        os.close(descriptor)
    return held
