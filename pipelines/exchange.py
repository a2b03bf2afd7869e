"""The exchange: the one place where rows cross units.

A map unit writes its outgoing rows to one file, cut into chunks of one
partition each; the file's footer says which chunk belongs to which partition.
Embedded, a reduce unit reads its partition's chunks out of every file, so memory
is bounded by one partition. On an engine with a shuffle, the chunks travel
through GroupByKey as ``(partition key, Arrow IPC bytes)``. Either way a reducer
sorts what it gets: the order of arrival does not matter.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines.part_files import open_part, open_work_writer
from gristmill.schemas.places import Place

PARTITIONS_KEY = b"gristmill.partitions"
CHUNK_ROWS = 1 << 20
CHUNK_BYTES = 64 << 20


def pick_partitions(keys: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.int64]:
    """Partition of each hash: the range of the hash space that it falls in.

    Ranges, not remainders, so that partitions of sorted keys are themselves in order.
    """
    assert count > 0 and count & (count - 1) == 0, f"{count} is not a power of two"
    shift = np.uint64(64 - (count.bit_length() - 1))
    if count == 1:
        return np.zeros(len(keys), np.int64)
    return (keys >> shift).astype(np.int64)


def leading_hash(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """First eight bytes of ids, shape (n, 16), as big-endian numbers: ordered as the ids are."""
    return np.ascontiguousarray(ids[:, :8]).view(">u8").ravel().astype(np.uint64)


def trailing_hash(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Last eight bytes of ids, shape (n, 16), as big-endian numbers.

    For ids that are each the least of a group, as cluster ids are: their first bytes
    crowd near zero, the more the larger the group, and so would their rows.
    """
    return np.ascontiguousarray(ids[:, 8:]).view(">u8").ravel().astype(np.uint64)


def count_partitions(total: int, per_partition: int, limit: int = 1024) -> int:
    """Least power of two of partitions that holds `per_partition` or less each, up to a limit."""
    needed = max(1, -(-total // per_partition))
    return min(limit, 1 << (needed - 1).bit_length())


class ExchangeWriter:
    """Writes chunks of rows, each of one partition, to one file. Use as a context manager."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._partitions: list[int] = []
        self._writer = open_work_writer(path, schema)

    def write(self, partition: int, rows: pa.Table) -> None:
        """Append rows of a partition; large ones as several chunks."""
        for chunk in _cut_chunks(rows):
            self._writer.write_table(chunk, row_group_size=chunk.num_rows)
            self._partitions.append(partition)

    def __enter__(self) -> "ExchangeWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            listed = json.dumps(self._partitions).encode()
            self._writer.add_key_value_metadata({PARTITIONS_KEY: listed})
        self._writer.close()


def write_exchange(path: Path, table: pa.Table, partitions: npt.NDArray[np.int64]) -> None:
    """Write rows grouped by partition.

    Args:
        path: the file.
        table: the outgoing rows of one unit.
        partitions: shape (rows,), the partition of each.
    """
    order = np.argsort(partitions, kind="stable")
    ranked = partitions[order]
    present, starts = np.unique(ranked, return_index=True)
    ends = np.append(starts[1:], len(ranked))[: len(starts)]
    with ExchangeWriter(path, table.schema) as writer:
        for partition, start, end in zip(present, starts, ends, strict=True):
            writer.write(int(partition), table.take(pa.array(order[start:end])))


def _cut_chunks(rows: pa.Table) -> Iterator[pa.Table]:
    per_row = max(1, rows.nbytes // max(1, rows.num_rows))
    step = max(1, min(CHUNK_ROWS, CHUNK_BYTES // per_row))
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)


def read_chunks(path: Place | str, partition: int | None = None) -> Iterator[tuple[int, pa.Table]]:
    """Read the chunks of one partition of an exchange file, or of all of them.

    Yields:
        (partition, rows).
    """
    with open_part(path) as part:
        chunks = json.loads(part.metadata.metadata[PARTITIONS_KEY])
        for index, owner in enumerate(chunks):
            if partition is None or owner == partition:
                rows = part.read_row_group(index, use_threads=False)
                yield owner, rows.replace_schema_metadata()  # the list of chunks is the file's


def gather_partition(paths: Iterable[Place | str], partition: int, schema: pa.Schema) -> pa.Table:
    """All rows of one partition, from every map unit's file, in no meaningful order."""
    chunks = [schema.empty_table()]
    for path in paths:
        chunks.extend(rows.cast(schema) for _, rows in read_chunks(path, partition))
    return pa.concat_tables(chunks).combine_chunks()


def encode_chunk(rows: pa.Table) -> bytes:
    """Serialise a chunk as Arrow IPC, for an engine's own shuffle."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())


def decode_chunk(payload: bytes) -> pa.Table:
    """Inverse of `encode_chunk`."""
    with pa.ipc.open_stream(payload) as reader:
        return reader.read_all()


def encode_partition(partition: int) -> bytes:
    """A partition as a grouping key: bytes, because integer keys collide on some runners."""
    return partition.to_bytes(4, "big")


def decode_partition(key: bytes) -> int:
    """Inverse of `encode_partition`."""
    return int.from_bytes(key, "big")
