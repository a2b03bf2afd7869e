"""Read rows of Parquet files: only the mapped columns, one batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.cleaning.json_lines import FieldMap, RowSettings, extract_values, look_up
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.fates import Damaged, Found, Refused

#: Rows decoded at a time: at 20 KB a document about 20 MB.
BATCH_ROWS: Final = 1024


class ParquetRow(NamedTuple):
    """Mapped values of a row; strings are UTF-8 bytes, since files may hold others.

    `offset` is the row's ordinal in the file and `length` the bytes of its text.
    """

    ordinal: int
    values: dict[str, Any]
    offset: int
    length: int


def _find_columns(schema: pa.Schema, fields: FieldMap, path: Path) -> list[str]:
    """List the columns that hold mapped fields; of a path with dots only that field is read."""
    columns = []
    for name in fields.names:
        if name in schema.names or _has_path(schema, name):
            columns.append(name)
        elif name == fields.text:
            raise SchemaError(f"{path}: column {name!r} is missing; file has {schema.names}")
    return list(dict.fromkeys(columns))


def _has_path(schema: pa.Schema, name: str) -> bool:
    """Tell whether a path of names leads through structs to a field."""
    outer, *inner = name.split(".")
    if outer not in schema.names:
        return False
    kind = schema.field(outer).type
    for part in inner:
        place = kind.get_field_index(part) if pa.types.is_struct(kind) else -1
        if place < 0:
            return False
        kind = kind.field(place).type
    return True


def _list_values(column: pa.Array, is_text: bool) -> list[Any]:
    """List a column's values, strings as binary: one row may hold no valid UTF-8."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _list_values(column.dictionary_decode(), is_text)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if pa.types.is_large_string(kind):
        column = column.cast(pa.large_binary())
    elif pa.types.is_string(kind) or pa.types.is_string_view(kind):
        column = column.cast(pa.binary())
    values: list[Any] = column.to_pylist()
    if is_text:
        return values
    return [_decode_or_none(value) if isinstance(value, bytes) else value for value in values]


def _decode_or_none(value: bytes) -> str | None:
    # An optional field that is no UTF-8 counts as missing.
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _take_rows(batch: pa.RecordBatch, fields: FieldMap, first: int) -> Iterator[ParquetRow]:
    names = batch.schema.names
    columns = [
        _list_values(column, name == fields.text)
        for name, column in zip(names, batch.columns, strict=True)
    ]
    for index, row in enumerate(zip(*columns, strict=True)):
        values = dict(zip(names, row, strict=True))
        text = look_up(values, fields.text)
        length = len(text) if isinstance(text, bytes | str) else 0
        yield ParquetRow(first + index, values, first + index, length)


def _iterate_group(
    file: pq.ParquetFile, group: int, columns: list[str], fields: FieldMap, first: int
) -> Iterator[ParquetRow | Damaged]:
    num_rows = file.metadata.row_group(group).num_rows
    done = 0
    try:
        for batch in file.iter_batches(
            batch_size=BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False
        ):
            yield from _take_rows(batch, fields, first + done)
            done += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        kind = type(error).__name__
        detail = f"{kind} in row group {group}, {num_rows - done} rows lost"
        yield Damaged("damaged_record", detail, first + done, num_rows - done)


def iterate(path: Path, fields: FieldMap) -> Iterator[ParquetRow | Damaged]:
    """Yield the rows of a Parquet file in order.

    Args:
        path: the file.
        fields: which columns are read; ``a.b`` is field ``b`` of the struct column ``a``.

    Yields:
        Rows; one `Damaged` in the place of the rest of a row group that cannot be decoded
        (its `offset` is the first lost row, its `length` their number), and one alone for a
        file that is no Parquet.

    Raises:
        SchemaError: the text column is missing: the recipe maps another file.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        yield Damaged("damaged_record", f"{type(error).__name__}: no Parquet file", 0, 0)
        return
    with file:
        columns = _find_columns(file.schema_arrow, fields, path)
        first = 0
        for group in range(file.metadata.num_row_groups):
            yield from _iterate_group(file, group, columns, fields, first)
            first += file.metadata.row_group(group).num_rows


def extract_row(
    row: ParquetRow, fields: FieldMap, settings: RowSettings
) -> Found | Refused | Damaged:
    """Turn a row into a document; see `json_lines.extract_values` for the fates.

    The id is that of the row, or ``line:<ordinal>``.
    """
    return extract_values(row.values, fields, settings, (row.ordinal, row.offset, row.length))
