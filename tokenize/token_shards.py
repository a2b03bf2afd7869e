"""Read token shards by mapping them: any segment of any document, without decoding.

A shard is plain Parquet (see `shard_writing`). Its token pages hold the tokens of all
documents of a row group end to end, so a segment is a slice of the mapped file.
"""

import mmap
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas.errors import CorruptFileError, SchemaError
from gristmill.schemas.tables import require_schema
from gristmill.tokenize.parquet_pages import check_page
from gristmill.tokenize.segment_copies import copy_uint16, copy_uint32, find_stray
from gristmill.tokenize.shard_layout import (
    ShardHeader,
    ShardLayout,
    read_layout,
    read_plain,
)
from gristmill.tokenize.shard_writing import (
    ROW_GROUP_ROWS,
    TokenShardInfo,
    write_token_shard,
)

__all__ = [
    "INDEX",
    "ROW_GROUP_ROWS",
    "ShardHeader",
    "TokenShard",
    "TokenShardInfo",
    "index_shard",
    "write_token_shard",
]

_REQUIRED: Final = {"nullable": False}

#: One row per row group of a shard: where its tokens lie and what they hold.
INDEX: Final = pa.schema(
    [
        pa.field("row_group", pa.int32(), **_REQUIRED),
        pa.field("body_offset", pa.int64(), **_REQUIRED),
        pa.field("body_bytes", pa.int64(), **_REQUIRED),
        pa.field("crc32", pa.uint32(), **_REQUIRED),
        pa.field("first_document", pa.int64(), **_REQUIRED),
        pa.field("n_docs", pa.int64(), **_REQUIRED),
        pa.field("n_tokens", pa.int64(), **_REQUIRED),
        pa.field("n_bytes", pa.int64(), **_REQUIRED),
    ]
)


def index_shard(path: Path) -> pa.Table:
    """Index a shard for the manifest.

    Returns:
        Rows of `INDEX`; `first_document` counts from the start of this shard.

    Raises:
        CorruptFileError: the file is no token shard or damaged outside its token
            pages, whose checksums are recorded here and compared by readers.
    """
    return TokenShard.open(path).index()


class TokenShard:
    """A mapped shard of n documents in g row groups. Build it with `open`.

    Arrays that it hands out are aligned copies; the mapping itself never leaves it.

    Attributes:
        path: the file.
        header: what the footer says.
        dtype: of the tokens, uint16 or uint32.
        n_documents: n.
        n_tokens: int32, shape (n,), read-only.
        n_bytes: int32, shape (n,), UTF-8 bytes of each text, read-only.
        sources: int32, shape (n,), read-only.
        row_group_starts: int64, shape (g + 1,): first document of each row group, then n.
    """

    def __init__(self, path: Path, data: memoryview, layout: ShardLayout, *, verify: bool) -> None:
        self.path = path
        self.header = layout.header
        self.dtype: np.dtype[Any] = np.dtype(layout.header.dtype)
        self.n_documents: int = layout.header.rows
        self._data = data
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        self._layout = layout
        self._verify = verify
        self.n_tokens = self._read_int32("n_tokens")
        self.n_bytes = self._read_int32("n_bytes")
        self.sources = self._read_int32("source")
        self.row_group_starts: npt.NDArray[np.int64] = _sum_before(layout.group_rows)
        self._value_offsets = self._locate_values()
        self._unchecked = np.full(len(layout.group_rows), verify, dtype=np.bool_)
        self._all_checked = not self._unchecked.any()

    @classmethod
    def open(
        cls, path: Path, index: pa.Table | None = None, *, verify: bool = True
    ) -> "TokenShard":
        """Map a shard.

        Args:
            path: the file; it must not change while it is open.
            index: what a manifest says about it, rows of `INDEX`, to compare with.
            verify: whether checksums are compared: those of tokens when a row group
                is first touched, all others now.

        Raises:
            CorruptFileError: the file is no token shard, is damaged, or differs from
                `index`. Names file and offset.
        """
        with path.open("rb") as stream:
            try:
                mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:  # an empty file cannot be mapped
                raise CorruptFileError(f"{path}: {error}") from error
        data = memoryview(mapped)
        shard = cls(path, data, read_layout(data, str(path)), verify=verify)
        if index is not None:
            shard._require_index(index)
        return shard

    def index(self) -> pa.Table:
        """Build the rows of `INDEX`: what `open` compares with."""
        pages = self._layout.pages["tokens"]
        starts = self.row_group_starts
        crcs = [page.crc32 for page in pages]
        if None in crcs:
            raise CorruptFileError(f"{self.path}: a token page has no checksum")
        columns: list[Any] = [
            np.arange(len(pages), dtype=np.int32),
            np.array([page.body_offset for page in pages], dtype=np.int64),
            np.array([page.body_bytes for page in pages], dtype=np.int64),
            np.array(crcs, dtype=np.uint32),
            starts[:-1],
            np.diff(starts),
            np.diff(_sum_before(self.n_tokens)[starts]),
            np.diff(_sum_before(self.n_bytes)[starts]),
        ]
        return pa.Table.from_arrays([pa.array(column) for column in columns], schema=INDEX)

    def doc_ids(self) -> npt.NDArray[np.uint8]:
        """Read the ids of all documents: uint8, shape (n, 16)."""
        return read_plain(self._data, self._layout, "doc_id", str(self.path), verify=self._verify)

    def tokens(self, document: int) -> npt.NDArray[Any]:
        """Copy the tokens of one document, final end-of-text token included.

        Args:
            document: 0..n-1.

        Returns:
            Shape (n_tokens[document],), of `dtype`.

        Raises:
            IndexError: there is no such document.
            CorruptFileError: its row group is damaged.
        """
        if not 0 <= document < self.n_documents:
            raise IndexError(f"document {document} is not in 0..{self.n_documents - 1}")
        if not self._all_checked:
            self._check_groups(np.array([document]))
        start = int(self._value_offsets[document])
        stop = start + int(self.n_tokens[document]) * self.dtype.itemsize
        stored = self._bytes[start:stop].copy().view(self.dtype.newbyteorder("<"))
        return stored.astype(self.dtype, copy=False)

    def gather(
        self,
        documents: npt.ArrayLike,
        starts: npt.ArrayLike,
        lengths: npt.ArrayLike,
        out: npt.NDArray[np.int64],
        positions: npt.ArrayLike,
    ) -> None:
        """Copy s segments into a buffer, widened to int64.

        Args:
            documents: which document each segment is of, integers, shape (s,).
            starts: first token of each segment in its document, shape (s,).
            lengths: tokens of each segment, shape (s,).
            out: int64, one-dimensional, contiguous; only the segments' places are written.
            positions: where each segment starts in `out`, shape (s,).

        Raises:
            IndexError: a segment leaves its document or `out`; nothing was written.
            ValueError: shapes or the type of `out` do not fit.
            CorruptFileError: a row group is damaged.
        """
        segments = [
            np.ascontiguousarray(values, dtype=np.int64)
            for values in (documents, starts, lengths, positions)
        ]
        if any(values.shape != (segments[0].size,) for values in segments):
            raise ValueError(f"shapes differ: {[values.shape for values in segments]}")
        if out.dtype != np.int64 or out.ndim != 1 or not out.flags.c_contiguous:
            raise ValueError(f"out must be contiguous int64, not {out.dtype} of {out.shape}")
        fault = find_stray(*segments, self.n_tokens, out.size)
        if fault >= 0:
            values = [int(values[fault]) for values in segments]
            raise IndexError(
                f"segment {fault} (document, start, length, position) = {values} leaves "
                f"its document or the {out.size} places of out"
            )
        if not self._all_checked:
            self._check_groups(segments[0])
        copy = copy_uint16 if self.dtype.itemsize == 2 else copy_uint32
        copy(self._bytes, self._value_offsets, *segments, out)

    def verify(self) -> None:
        """Compare the checksums of all row groups that were not touched yet.

        Raises:
            CorruptFileError: one differs.
        """
        for page in self._layout.pages["tokens"]:
            check_page(self._data, page, str(self.path))
        self._unchecked[:] = False
        self._all_checked = True

    def _check_groups(self, documents: npt.NDArray[np.int64]) -> None:
        touched = np.searchsorted(self.row_group_starts, documents, side="right") - 1
        for group in np.unique(touched[self._unchecked[touched]]).tolist():
            check_page(self._data, self._layout.pages["tokens"][group], str(self.path))
            self._unchecked[group] = False
        self._all_checked = not self._unchecked.any()

    def _read_int32(self, column: str) -> npt.NDArray[np.int32]:
        raw = read_plain(self._data, self._layout, column, str(self.path), verify=self._verify)
        values = raw.reshape(-1).view("<i4").astype(np.int32, copy=False)
        if column != "source" and values.size and values.min() < 0:
            raise CorruptFileError(f"{self.path}: column {column!r} holds a negative count")
        values.flags.writeable = False
        return values

    def _locate_values(self) -> npt.NDArray[np.int64]:
        """Find the file offset of each document's first token, shape (n,).

        A DELTA_LENGTH_BYTE_ARRAY body is packed lengths, then all values end to end:
        counted from its end, they are found without decoding the lengths.
        """
        pages = self._layout.pages["tokens"]
        ends = np.array([page.body_offset + page.body_bytes for page in pages], dtype=np.int64)
        sizes = np.array([page.body_bytes for page in pages], dtype=np.int64)
        before = _sum_before(self.n_tokens) * self.dtype.itemsize
        used = np.diff(before[self.row_group_starts])
        for group in np.flatnonzero(used > sizes).tolist():
            raise CorruptFileError(
                f"{self.path}: token page at offset {pages[group].body_offset} has "
                f"{sizes[group]} bytes, its documents need {used[group]}"
            )
        if before[-1] != self.header.tokens * self.dtype.itemsize:
            raise CorruptFileError(
                f"{self.path}: documents have {before[-1] // self.dtype.itemsize} tokens, "
                f"the footer says {self.header.tokens}"
            )
        shift = ends - used - before[self.row_group_starts[:-1]]
        return before[:-1] + np.repeat(shift, self._layout.group_rows)

    def _require_index(self, index: pa.Table) -> None:
        found = self.index()
        try:
            require_schema(index.schema, INDEX, "index")
        except SchemaError as error:
            raise CorruptFileError(f"{self.path}: {error}") from error
        for name in INDEX.names:
            expected, actual = index.column(name).to_pylist(), found.column(name).to_pylist()
            if expected != actual:
                raise CorruptFileError(
                    f"{self.path}: {name} of its row groups is {actual[:3]}…, "
                    f"the index says {expected[:3]}…"
                )


def _sum_before(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, dtype=np.int64, out=sums[1:])
    return sums
