"""Index files of a crawl, wherever they lie: read as little of each as a selection needs."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.cleaning.bounded_streams import StreamError, open_decoded
from gristmill.cleaning.cdx_lines import iterate_rows
from gristmill.cleaning.index_rows import (
    PICKS,
    RowFilter,
    draw_picks,
    key_prefixes,
    list_columns,
    may_hold,
    order_picks,
    select_picks,
)
from gristmill.pipelines.fetching import Fetching
from gristmill.pipelines.http_requests import is_url
from gristmill.pipelines.range_requests import open_ranges
from gristmill.schemas.errors import InputError, SchemaError, UsageError
from gristmill.schemas.places import READ_AHEAD_BYTES, StorePath, find_place, is_remote, show_place

MAX_DECODED_BYTES = 1 << 40  # of one text index
MAX_GROUP_BYTES = 4 << 30
_PARQUET_MAGIC = b"PAR1"
_KEY_COLUMN = "url_surtkey"
#: Picks are put in order, and drawn from, when so many have come together.
_MERGE_ROWS = 1 << 20


#: Picks of one run: at ten requests a second they take eleven days.
MAX_PICKS = 10_000_000


class Selected(NamedTuple):
    """What a selection found in one index file."""

    picks: pa.Table  # of schema `PICKS`, in order
    rows: int  # that were read; of a table without the row groups that were passed over
    odd_lines: int  # of a text index, that are no rows


def select_index(path: str, wanted: RowFilter, limit: int | None, fetching: Fetching) -> Selected:
    """Read an index file, a table or text, and pick records from it.

    Args:
        path: of a file on this disk, or an address.
        wanted: which rows.
        limit: how many picks at most: a fair draw.
        fetching: how to fetch.

    Raises:
        InputError: the file cannot be read, or is no index of a crawl.
        UsageError: over ten million rows are picked.
        StoreError: the store cannot be asked.
    """
    merger = _Merger(limit)
    rows = odd_lines = 0
    try:
        with _open_file(path, fetching) as stream:
            # A look at the first bytes would be a request more.
            is_table = path.partition("?")[0].endswith(".parquet") or _is_table(stream)
            for table, odd in _iterate_tables(stream, is_table, wanted):
                rows += table.num_rows
                odd_lines += odd
                merger.add(select_picks(table, wanted))
    except (SchemaError, StreamError, pa.ArrowException, OSError, ValueError) as error:
        raise InputError(
            f"{show_place(path)} is no whole index of a crawl: {error!s:.200}; fetch it again"
        ) from None
    if odd_lines > rows:
        raise InputError(
            f"{show_place(path)} is no index of a crawl: {odd_lines} lines are no rows"
        )
    return Selected(merger.finish(), rows, odd_lines)


def check_count(rows: int) -> None:
    """Refuse a selection that should be a run over whole files.

    Raises:
        UsageError: it is one.
    """
    if rows > MAX_PICKS:
        raise UsageError(
            f"the selection matches over {MAX_PICKS:,} records: narrow it, set its `limit`, or "
            "read whole files, named by `paths`"
        )


class _Merger:
    """Gathers picks and, where there is a limit, keeps no more than are drawn."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._parts: list[pa.Table] = []
        self._rows = 0

    def add(self, picks: pa.Table) -> None:
        self._parts.append(picks)
        self._rows += picks.num_rows
        if self._limit is None:
            check_count(self._rows)
        if self._limit is not None and self._rows > max(_MERGE_ROWS, 2 * self._limit):
            merged = self.finish()
            self._parts, self._rows = [merged], merged.num_rows

    def finish(self) -> pa.Table:
        picks = order_picks(pa.concat_tables([PICKS.empty_table(), *self._parts]))
        return picks if self._limit is None else draw_picks(picks, self._limit)


@contextlib.contextmanager
def _open_file(path: str, fetching: Fetching) -> Iterator[io.BufferedIOBase | io.RawIOBase]:
    try:
        if is_url(path):
            stream: Any = open_ranges(path, fetching)
        elif is_remote(path):
            place = find_place(path)
            assert isinstance(place, StorePath)
            stream = place.open_ranges()
        else:
            stream = open(path, "rb")  # noqa: SIM115
    except FileNotFoundError:
        raise InputError(f"{show_place(path)} does not exist") from None
    with stream:
        yield stream


def _is_table(stream: Any) -> bool:
    magic = stream.read(len(_PARQUET_MAGIC))
    stream.seek(0)
    return bool(magic == _PARQUET_MAGIC)


def _iterate_tables(
    stream: Any, is_table: bool, wanted: RowFilter
) -> Iterator[tuple[pa.Table, int]]:
    if is_table:
        yield from ((table, 0) for table in _iterate_groups(stream, wanted))
        return
    if not isinstance(stream, io.BufferedReader):
        stream = io.BufferedReader(stream, READ_AHEAD_BYTES)
    with open_decoded(cast(BinaryIO, stream), max_bytes=MAX_DECODED_BYTES) as lines:
        yield from iterate_rows(lines)


def _iterate_groups(stream: Any, wanted: RowFilter) -> Iterator[pa.Table]:
    """Read the columns of a filter, row group by row group where its hosts can be."""
    # Neighbouring columns come in one request.
    file = pq.ParquetFile(stream, pre_buffer=True)
    names = file.schema_arrow.names
    columns = list_columns(wanted, names)
    prefixes = key_prefixes(wanted)
    key = names.index(_KEY_COLUMN) if prefixes and _KEY_COLUMN in names else None
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).total_byte_size
        if size > MAX_GROUP_BYTES:
            raise SchemaError(f"a row group of {size} bytes, which no index has")
        if key is None or _may_hold_group(file, group, key, prefixes):
            yield file.read_row_group(group, columns=columns, use_threads=False)


def _may_hold_group(file: pq.ParquetFile, group: int, key: int, prefixes: list[bytes]) -> bool:
    statistics = file.metadata.row_group(group).column(key).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    least, most = (
        value.encode("utf-8") if isinstance(value, str) else bytes(value)
        for value in (statistics.min, statistics.max)
    )
    return may_hold(least, most, prefixes)
