"""Reading and writing the Parquet parts that stages hand to each other.

Work parts are zstd-1 with page checksums, one row group a batch, so that the
next stage reads exactly the batches that this one wrote.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.schemas.places import Place, StorePath, find_place, is_remote

REPETITIVE = ("source", "kind", "file", "rule", "language")  # columns of few values
BATCH_ROWS = 1024
BATCH_BYTES = 16 << 20


def open_work_writer(
    path: Path, schema: pa.Schema, dictionary: Sequence[str] = ()
) -> pq.ParquetWriter:
    """Start a Parquet file of work: zstd-1, page checksums, no statistics.

    Args:
        path: the file.
        schema: of its rows.
        dictionary: columns, if the schema has them, whose few values are stored once.
    """
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in dictionary if name in schema.names],
        write_statistics=False,
        write_page_checksum=True,
    )


class PartWriter:
    """Writes batches of one table to one file, a row group each. Use as a context manager."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self.path = path
        self._schema = schema
        self._writer = open_work_writer(path, schema, REPETITIVE)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch; empty ones leave no trace."""
        if batch.num_rows:
            self.rows += batch.num_rows
            ordered = batch.select(self._schema.names).cast(self._schema)
            self._writer.write_batch(ordered, row_group_size=batch.num_rows)

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()


def write_part(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    """Write a table as one part, in batches of `BATCH_ROWS`."""
    with PartWriter(path, schema) as writer:
        for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
            writer.write(batch)


@contextlib.contextmanager
def open_part(path: Place | str, *, verify: bool = True) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for reading, wherever it lies.

    Of a file in a store only the footer is fetched, and the row groups and columns that
    are asked for, in few large requests.

    Args:
        path: the file.
        verify: check page checksums.
    """
    place = find_place(path) if isinstance(path, str) else path
    if isinstance(place, Path):
        with pq.ParquetFile(place, page_checksum_verification=verify) as part:
            yield part
        return
    with (
        place.open_ranges() as stream,
        pq.ParquetFile(stream, page_checksum_verification=verify, pre_buffer=True) as part,
    ):
        yield part


def stream_part(
    path: Place | str, columns: Sequence[str] | None, batch_rows: int, *, verify: bool = True
) -> Iterator[pa.RecordBatch]:
    """Read a part in batches of some rows, whatever its row groups."""
    with open_part(path, verify=verify) as part:
        yield from cut_part(part, path, columns, batch_rows)


def cut_part(
    part: pq.ParquetFile, path: Place | str, columns: Sequence[str] | None, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Read what `open_part` opened in batches of some rows."""
    # Pre-buffering fetches all that it is told of at once, so that is a row group at a time.
    far = isinstance(path, StorePath) or (isinstance(path, str) and is_remote(path))
    for groups in [[number] for number in range(part.num_row_groups)] if far else [None]:
        yield from part.iter_batches(
            batch_rows,
            row_groups=groups,
            columns=None if columns is None else list(columns),
            use_threads=False,
        )


def read_batches(
    path: Place | str, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Read a part one row group at a time, checking page checksums."""
    with open_part(path) as part:
        for index in range(part.num_row_groups):
            table = part.read_row_group(index, columns=columns, use_threads=False)
            yield as_batch(table)


def read_part(path: Place | str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a whole part, checking page checksums."""
    with open_part(path) as part:
        return part.read(columns=columns, use_threads=False)


def read_parts(paths: Sequence[Place | str], schema: pa.Schema) -> pa.Table:
    """Read and append a schema's columns of some parts; no parts give an empty table."""
    empty = schema.empty_table()
    parts = [read_part(path, schema.names).cast(schema) for path in paths]
    return pa.concat_tables([empty, *parts])


def as_batch(table: pa.Table) -> pa.RecordBatch:
    """Turn a table into one batch without copying when it has one chunk already."""
    batches = table.combine_chunks().to_batches()
    if batches:
        assert len(batches) == 1
        return batches[0]
    return pa.RecordBatch.from_pylist([], schema=table.schema)


def complete_rows(
    schema: pa.Schema, given: Mapping[str, pa.Array | pa.ChunkedArray], rows: pa.RecordBatch
) -> pa.Table:
    """Build rows of a schema: the given columns, and every other one as `rows` has it."""
    columns = [given[name] if name in given else rows[name] for name in schema.names]
    return pa.table(columns, names=schema.names).cast(schema)


def view_ids(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """View a column of 16-byte ids as bytes, shape (n, 16), without copying."""
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if len(ids) == 0:
        return np.empty((0, 16), np.uint8)
    flat = np.frombuffer(ids.buffers()[1], np.uint8)
    return flat[ids.offset * 16 : (ids.offset + len(ids)) * 16].reshape(-1, 16)


def wrap_ids(ids: npt.NDArray[np.uint8]) -> pa.Array:
    """Make a column of 16-byte ids from bytes of shape (n, 16)."""
    flat = np.ascontiguousarray(ids, np.uint8)
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(16), len(flat), [None, pa.py_buffer(flat)]
    )


def locate_ids(ids: pa.Array, known: pa.Array) -> npt.NDArray[np.int64]:
    """Position of each id in `known`, or -1. Both are columns of 16-byte ids."""
    found = pc.index_in(ids, value_set=known)
    return np.asarray(pc.fill_null(found, -1).cast(pa.int64()))
