"""Write token shards: Parquet files whose token pages can be mapped and sliced."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.schemas.atomic_files import appear_whole, sha256_file
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.tables import TOKENS, require_schema
from gristmill.tokenize.shard_layout import COLUMN_ENCODINGS, ShardHeader, largest_vocabulary

#: Documents of a row group: 8-16 MiB of tokens, the unit of packing and of ranged reads.
#: Best-fit packing loses 0.07 % to padding at 4,096 and 0.47 % at 256 documents.
ROW_GROUP_ROWS: Final = 4096

#: pyarrow starts another page after 20,000 rows; a chunk has to be one page.
MAX_ROW_GROUP_ROWS: Final = 16_384

#: A row group ends early rather than hold more token bytes. Page sizes are int32 in Parquet.
MAX_ROW_GROUP_BYTES: Final = 256 << 20

_PAGE_BYTES: Final = 1 << 30  # more than any row group: one page for each column chunk


@dataclass(frozen=True)
class TokenShardInfo:
    """What was written.

    Attributes:
        rows: documents.
        tokens: their sum of `n_tokens`.
        bytes: size of the file.
        text_bytes: their sum of `n_bytes`.
        row_groups: how many.
        tokens_sha256: hex digest of the bytes of all tokens; equal for equal content,
            whatever the row groups.
        sha256: hex digest of the file.
    """

    rows: int
    tokens: int
    bytes: int
    text_bytes: int
    row_groups: int
    tokens_sha256: str
    sha256: str


def write_token_shard(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    *,
    vocab_size: int,
    eos_id: int,
    tokenizer_sha256: str,
    row_group_rows: int = ROW_GROUP_ROWS,
) -> TokenShardInfo:
    """Write a token shard; it appears whole or not at all.

    The bytes of the file depend on the rows and the other arguments, not on how the
    rows are split into batches.

    Args:
        path: file to create or replace.
        batches: rows of the `TOKENS` table in order; may be empty.
        vocab_size: ids are uint16 in `tokens` if it is at most 65,536, else uint32.
        eos_id: must be the last token of every document, and stand nowhere else.
        tokenizer_sha256: hex digest of the tokenizer.json.
        row_group_rows: documents of each row group, at most 16,384.

    Raises:
        SchemaError: columns differ from `TOKENS`, hold nulls, or contradict each other.
        ValueError: an argument is out of range.
    """
    if not 1 <= row_group_rows <= MAX_ROW_GROUP_ROWS:
        raise ValueError(f"row_group_rows={row_group_rows} is not in 1..{MAX_ROW_GROUP_ROWS}")
    if not 0 <= eos_id < vocab_size <= 1 << 32:
        raise ValueError(f"eos_id={eos_id} is not in 0..vocab_size-1={vocab_size - 1}")
    dtype = np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)
    totals = _Totals(vocab_size, eos_id, dtype)
    with appear_whole(path) as partial:
        with _open_writer(partial) as writer:
            for group in _regroup(batches, row_group_rows, str(path)):
                totals.add(group, str(path))
                writer.write_table(group, row_group_size=group.num_rows)
            header = totals.describe(tokenizer_sha256)
            writer.add_key_value_metadata(header.to_key_values())
        return TokenShardInfo(
            rows=header.rows,
            tokens=header.tokens,
            bytes=partial.stat().st_size,
            text_bytes=header.text_bytes,
            row_groups=totals.row_groups,
            tokens_sha256=header.tokens_sha256,
            sha256=sha256_file(partial),
        )


def _open_writer(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        TOKENS,
        version="2.6",
        compression="none",
        use_dictionary=False,
        column_encoding=dict(COLUMN_ENCODINGS),
        data_page_size=_PAGE_BYTES,
        data_page_version="1.0",
        write_page_checksum=True,
        write_page_index=True,
        write_statistics=False,
        store_schema=False,
    )


def _regroup(batches: Iterable[pa.RecordBatch], rows: int, origin: str) -> Iterator[pa.Table]:
    """Cut the stream of rows into row groups, at places that depend on the rows alone."""
    pending: list[pa.RecordBatch] = []
    pending_rows = pending_bytes = 0
    for batch in batches:
        require_schema(batch.schema, TOKENS, origin)
        columns = batch.select(TOKENS.names)
        sizes = pc.binary_length(columns.column("tokens"))
        ends = np.cumsum(np.asarray(sizes.fill_null(0)), dtype=np.int64)
        start = 0
        while start < batch.num_rows:
            before = int(ends[start - 1]) if start else 0
            room = before + MAX_ROW_GROUP_BYTES - pending_bytes
            fitting = int(np.searchsorted(ends, room, side="right"))
            stop = min(fitting, start + rows - pending_rows)
            if stop <= start and not pending_rows:
                stop = start + 1  # a document larger than a row group stands alone
            if stop > start:
                pending.append(columns.slice(start, stop - start))
                pending_rows += stop - start
                pending_bytes += int(ends[stop - 1]) - before
            if pending_rows == rows or stop < batch.num_rows:
                yield _join(pending)
                pending, pending_rows, pending_bytes = [], 0, 0
            start = max(stop, start)
    if pending:
        yield _join(pending)


def _join(batches: list[pa.RecordBatch]) -> pa.Table:
    # Arrow tells nullable columns from others even where there are no nulls; batches may differ.
    bare = [pa.RecordBatch.from_arrays(b.columns, names=TOKENS.names) for b in batches]
    table = pa.Table.from_batches(bare).combine_chunks()
    return pa.Table.from_arrays(table.columns, schema=TOKENS)


class _Totals:
    """Checks row groups and adds them up."""

    def __init__(self, vocab_size: int, eos_id: int, dtype: np.dtype[Any]) -> None:
        if vocab_size > largest_vocabulary(dtype):
            raise ValueError(f"vocab_size={vocab_size} does not fit {dtype}")
        self.vocab_size, self.eos_id, self.dtype = vocab_size, eos_id, dtype
        self.rows = self.tokens = self.text_bytes = self.row_groups = 0
        self.digest = hashlib.sha256()

    def add(self, group: pa.Table, origin: str) -> None:
        for name in TOKENS.names:
            if group.column(name).null_count:
                raise SchemaError(f"{origin}: column {name!r} holds nulls")
        offsets, ids = _view_tokens(group.column("tokens"), self.dtype, origin)
        n_tokens = group.column("n_tokens").to_numpy()
        if not np.array_equal(np.diff(offsets), n_tokens):
            raise SchemaError(f"{origin}: n_tokens differs from the length of tokens")
        fault = _find_fault(offsets, ids, self.vocab_size, self.eos_id)
        if fault >= 0:
            raise SchemaError(
                f"{origin}: document {self.rows + fault} does not end with the only "
                f"eos_id={self.eos_id} it holds, or holds an id >= vocab_size={self.vocab_size}"
            )
        n_bytes = group.column("n_bytes").to_numpy()
        if n_bytes.min() < 0:
            raise SchemaError(f"{origin}: n_bytes is negative")
        self.digest.update(ids.astype(self.dtype.newbyteorder("<"), copy=False).data)
        self.rows += group.num_rows
        self.tokens += ids.size
        self.text_bytes += int(n_bytes.sum(dtype=np.int64))
        self.row_groups += 1

    def describe(self, tokenizer_sha256: str) -> ShardHeader:
        return ShardHeader(
            vocab_size=self.vocab_size,
            eos_id=self.eos_id,
            dtype=self.dtype.name,
            tokenizer_sha256=tokenizer_sha256,
            rows=self.rows,
            tokens=self.tokens,
            text_bytes=self.text_bytes,
            tokens_sha256=self.digest.hexdigest(),
        )


def _view_tokens(
    column: pa.ChunkedArray, dtype: np.dtype[Any], origin: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Give token offsets, shape (n + 1,), and ids of a `binary` column."""
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    _, offset_buffer, values = array.buffers()
    first = array.offset
    offsets = np.frombuffer(offset_buffer, dtype=np.int32)[first : first + len(array) + 1]
    byte_offsets = offsets.astype(np.int64)
    if ((byte_offsets - byte_offsets[0]) % dtype.itemsize).any():
        raise SchemaError(f"{origin}: tokens are not whole {dtype.name} values")
    start, stop = int(byte_offsets[0]), int(byte_offsets[-1])
    ids = np.frombuffer(values or b"", dtype=np.uint8)[start:stop].copy()
    stored = ids.view(dtype.newbyteorder("<")).astype(dtype, copy=False)
    return (byte_offsets - start) // dtype.itemsize, stored


@numba.njit(cache=True, nogil=True)
def _find_fault(
    offsets: npt.NDArray[np.int64], ids: npt.NDArray[Any], vocab_size: int, eos_id: int
) -> int:
    for document in range(offsets.size - 1):
        start, stop = offsets[document], offsets[document + 1]
        if stop == start or ids[stop - 1] != eos_id:
            return document
        for i in range(start, stop - 1):
            if ids[i] >= vocab_size or ids[i] == eos_id:
                return document
    return -1


# kernels of: bfd06e51696dde1e
