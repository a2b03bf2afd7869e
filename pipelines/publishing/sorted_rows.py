"""Streams of row keys from Parquet shards that are sorted by `doc_id`, and joins of them.

Memory stays at one row group of each side, whatever the size of the versions.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines.part_files import cut_part, open_part
from gristmill.pipelines.publishing.row_digests import join_ids
from gristmill.schemas.errors import CorruptFileError, PublishError
from gristmill.schemas.places import Place

Keys = npt.NDArray[np.bytes_]
BATCH_ROWS = 1 << 16


def view_ids(column: pa.Array) -> npt.NDArray[np.uint8]:
    """See a fixed-size binary column without nulls as uint8, shape (n, width), without a copy."""
    width = column.type.byte_width
    raw = np.frombuffer(column.buffers()[1] or b"", dtype=np.uint8)
    start = column.offset * width
    return raw[start : start + len(column) * width].reshape(len(column), width)


def read_batches(
    paths: Iterable[Place], columns: Sequence[str], batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """Stream chosen columns of several Parquet files, in the order given.

    Raises:
        CorruptFileError: a file cannot be read as Parquet or lacks a column.
    """
    for path in paths:
        try:
            with open_part(path, verify=False) as file:
                missing = set(columns) - set(file.schema_arrow.names)
                if missing:
                    raise CorruptFileError(f"{path} has no column {sorted(missing)[0]!r}")
                yield from cut_part(file, path, columns, batch_rows)
        except (pa.ArrowException, OSError) as error:
            raise CorruptFileError(f"{path} cannot be read as Parquet: {error}") from error


def stream_rows(paths: Iterable[Place]) -> Iterator[Keys]:
    """Stream (doc_id, content_id) keys, dtype S32.

    Raises:
        PublishError: the keys are not strictly ascending over all the files.
    """
    columns = ("doc_id", "content_id")
    return _require_ascending(
        join_ids(view_ids(batch.column(0)), view_ids(batch.column(1)))
        for batch in read_batches(paths, columns)
    )


def stream_doc_ids(paths: Iterable[Place]) -> Iterator[Keys]:
    """Stream doc_ids, dtype S16.

    Raises:
        PublishError: they are not strictly ascending over all the files.
    """
    return _require_ascending(
        view_ids(batch.column(0)).copy().view("S16").reshape(batch.num_rows)
        for batch in read_batches(paths, ("doc_id",))
    )


def _require_ascending(stream: Iterator[Keys]) -> Iterator[Keys]:
    last: np.bytes_ | None = None
    for keys in stream:
        if len(keys) == 0:
            continue
        if bool((keys[1:] <= keys[:-1]).any()) or (last is not None and keys[0] <= last):
            raise PublishError("shards are not sorted by doc_id, or hold a doc_id twice")
        last = keys[-1]
        yield keys


def _match_chunks(wanted: Iterator[Keys], offered: Iterator[Keys]) -> Iterator[tuple[int, int]]:
    """Merge two ascending streams; yield (wanted rows, how many of them were found) in steps."""
    chunk = next(offered, None)
    for keys in wanted:
        rest = keys
        while len(rest):
            if chunk is None:
                yield len(rest), 0
                break
            cut = int(np.searchsorted(rest, chunk[-1], side="right"))
            part, rest = rest[:cut], rest[cut:]
            if len(part):
                places = np.searchsorted(chunk, part)
                yield len(part), int((chunk[places] == part).sum())
            if len(rest):
                chunk = next(offered, None)


def contains_all(wanted: Iterator[Keys], offered: Iterator[Keys]) -> bool:
    """Whether every key of an ascending stream is in another one."""
    return all(found == count for count, found in _match_chunks(wanted, offered))


def count_shared(left: Iterator[Keys], right: Iterator[Keys]) -> int:
    """How many keys two ascending streams have in common."""
    return sum(found for _, found in _match_chunks(left, right))


def streams_equal(left: Iterator[Keys], right: Iterator[Keys]) -> bool:
    """Whether two streams hold the same keys in the same order, however they are cut."""
    first: Keys = np.empty(0, dtype="S1")
    second: Keys = np.empty(0, dtype="S1")
    while True:
        if len(first) == 0:
            first = next(left, first)
        if len(second) == 0:
            second = next(right, second)
        length = min(len(first), len(second))
        if length == 0:
            return len(first) == len(second)
        if not np.array_equal(first[:length], second[:length]):
            return False
        first, second = first[length:], second[length:]
