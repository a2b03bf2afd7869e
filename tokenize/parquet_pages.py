"""Find where the values of Parquet column chunks lie, so that they can be mapped.

The format is https://github.com/apache/parquet-format (`parquet.thrift`: FileMetaData,
RowGroup, ColumnMetaData, PageHeader). Everything read here is untrusted.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gristmill.schemas.errors import CorruptFileError
from gristmill.tokenize.thrift_compact import CompactReader, MalformedThrift

PLAIN: Final = "PLAIN"
DELTA_LENGTH_BYTE_ARRAY: Final = "DELTA_LENGTH_BYTE_ARRAY"
INT32: Final = "INT32"
BYTE_ARRAY: Final = "BYTE_ARRAY"
FIXED_LEN_BYTE_ARRAY: Final = "FIXED_LEN_BYTE_ARRAY"

#: A row group of a token shard takes about 1.2 kB of footer.
MAX_FOOTER_BYTES: Final = 8 << 20

_MAGIC: Final = b"PAR1"
_MAX_HEADER_BYTES: Final = 1 << 16
_DATA_PAGE: Final = 0
_UNCOMPRESSED: Final = 0
_REQUIRED: Final = 0
_ENCODINGS: Final = {PLAIN: 0, DELTA_LENGTH_BYTE_ARRAY: 6}
_DICTIONARY_ENCODINGS: Final = frozenset({2, 8})  # PLAIN_DICTIONARY, RLE_DICTIONARY
_TYPES: Final = {1: INT32, 6: BYTE_ARRAY, 7: FIXED_LEN_BYTE_ARRAY}

_Kind = TypeVar("_Kind", int, bytes, list[Any], dict[int, Any])


@dataclass(frozen=True)
class Column:
    """A leaf of the schema: `kind` is its physical type, None where it is none of ours."""

    name: str
    kind: str | None
    width: int
    required: bool


@dataclass(frozen=True)
class Chunk:
    """What the footer says about one column of one row group; codes as in parquet.thrift."""

    name: str
    codec: int
    encodings: tuple[int, ...]
    num_values: int
    offset: int
    size: int
    has_dictionary: bool


@dataclass(frozen=True)
class RowGroup:
    """One row group: its rows and a chunk for each column."""

    num_rows: int
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Footer:
    """The metadata of a Parquet file without nested columns."""

    columns: tuple[Column, ...]
    num_rows: int
    row_groups: tuple[RowGroup, ...]
    key_values: Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """One data page.

    Attributes:
        body_offset: position in the file of the first byte of the body.
        body_bytes: size of the body.
        crc32: checksum of the body, or None if the header has none.
        num_values: values in the page.
    """

    body_offset: int
    body_bytes: int
    crc32: int | None
    num_values: int


def read_footer(data: memoryview, origin: str) -> Footer:
    """Parse the footer of a Parquet file of flat columns.

    Args:
        data: the whole file.
        origin: its name for messages.

    Raises:
        CorruptFileError: it is no Parquet file, has nested columns, or is damaged.
    """
    try:
        if len(data) < 12 or bytes(data[:4]) != _MAGIC or bytes(data[-4:]) != _MAGIC:
            raise MalformedThrift("no Parquet file: its magic bytes are missing")
        size = int.from_bytes(data[-8:-4], "little")
        start = len(data) - 8 - size
        if size > MAX_FOOTER_BYTES or start < 4:
            raise MalformedThrift(f"footer of {size} bytes does not fit")
        fields = CompactReader(data, start, len(data) - 8).read_struct()
        leaves = [_parse_column(leaf) for leaf in _field(fields, 2, list)[1:]]  # 0 is the root
        key_values = [_parse_pair(pair) for pair in fields.get(5, [])]
        return Footer(
            columns=tuple(leaves),
            num_rows=_field(fields, 3, int),
            row_groups=tuple(_parse_group(group) for group in _field(fields, 4, list)),
            key_values=dict(key_values),
        )
    except (MalformedThrift, TypeError, ValueError, AttributeError) as error:
        raise CorruptFileError(f"{origin}: damaged footer: {error}") from error


def locate_page(data: memoryview, chunk: Chunk, encoding: str, rows: int, origin: str) -> Page:
    """Find the only page of a column chunk and check that it may be mapped.

    It may if the chunk is one uncompressed, dictionary-free v1 data page of `rows`
    values in the expected encoding, and the column is required (which the caller
    checks), so that the body holds no levels.

    Args:
        data: the whole file.
        chunk: from the footer.
        encoding: `PLAIN` or `DELTA_LENGTH_BYTE_ARRAY`.
        rows: values that the row group should have.
        origin: file name for messages.

    Raises:
        CorruptFileError: the chunk is laid out in another way or its header is damaged.
    """
    stop = chunk.offset + chunk.size
    try:
        _check_chunk(chunk, _ENCODINGS[encoding], rows)
        if not 4 <= chunk.offset < stop <= len(data) - 8:
            raise MalformedThrift(f"chunk {chunk.offset}..{stop} lies outside the file")
        reader = CompactReader(data, chunk.offset, min(stop, chunk.offset + _MAX_HEADER_BYTES))
        page = _parse_page(reader.read_struct(), _ENCODINGS[encoding], reader.position)
        if page.body_offset + page.body_bytes != stop or page.num_values != rows:
            raise MalformedThrift(
                f"page has {page.num_values} values up to {page.body_offset + page.body_bytes}, "
                f"chunk has {rows} up to {stop}; more than one page?"
            )
    except MalformedThrift as error:
        raise CorruptFileError(
            f"{origin}: column {chunk.name!r} at offset {chunk.offset}: {error}"
        ) from error
    return page


def check_page(data: memoryview, page: Page, origin: str) -> None:
    """Compare a page with its checksum.

    Raises:
        CorruptFileError: they differ, or there is none.
    """
    found = zlib.crc32(data[page.body_offset : page.body_offset + page.body_bytes])
    if found != page.crc32:
        expected = "none" if page.crc32 is None else f"{page.crc32:08x}"
        raise CorruptFileError(
            f"{origin}: page at offset {page.body_offset} has crc32 {found:08x}, "
            f"its header says {expected}"
        )


def _field(fields: Any, field_id: int, kind: type[_Kind]) -> _Kind:
    value = fields.get(field_id) if isinstance(fields, dict) else None
    if type(value) is not kind:
        raise MalformedThrift(f"field {field_id} is missing or no {kind.__name__}")
    return value


def _parse_column(fields: Any) -> Column:
    return Column(
        name=_field(fields, 4, bytes).decode("utf-8"),
        kind=_TYPES.get(fields.get(1)),
        width=fields.get(2, 0),
        required=fields.get(3) == _REQUIRED,
    )


def _parse_pair(fields: Any) -> tuple[str, str]:
    return _field(fields, 1, bytes).decode("utf-8"), fields.get(2, b"").decode("utf-8")


def _parse_group(fields: Any) -> RowGroup:
    chunks = tuple(_parse_chunk(_field(chunk, 3, dict)) for chunk in _field(fields, 1, list))
    return RowGroup(_field(fields, 3, int), chunks)


def _parse_chunk(fields: dict[int, Any]) -> Chunk:
    return Chunk(
        name=b".".join(_field(fields, 3, list)).decode("utf-8"),
        codec=_field(fields, 4, int),
        encodings=tuple(int(code) for code in _field(fields, 2, list)),
        num_values=_field(fields, 5, int),
        offset=_field(fields, 9, int),
        size=_field(fields, 7, int),
        has_dictionary=11 in fields,
    )


def _check_chunk(chunk: Chunk, encoding: int, rows: int) -> None:
    if chunk.codec != _UNCOMPRESSED:
        raise MalformedThrift(f"chunk is compressed with codec {chunk.codec}")
    dictionary = chunk.has_dictionary or _DICTIONARY_ENCODINGS.intersection(chunk.encodings)
    if encoding not in chunk.encodings or dictionary:
        raise MalformedThrift(f"chunk is encoded as {chunk.encodings}, not plainly as {encoding}")
    if chunk.num_values != rows:
        raise MalformedThrift(f"chunk has {chunk.num_values} values, its row group {rows} rows")


def _parse_page(fields: dict[int, Any], encoding: int, body_offset: int) -> Page:
    if fields.get(1) != _DATA_PAGE or 5 not in fields:
        raise MalformedThrift(f"first page is of type {fields.get(1)}, not a v1 data page")
    v1 = _field(fields, 5, dict)
    body_bytes = _field(fields, 3, int)
    if fields.get(2) != body_bytes or body_bytes < 0:
        raise MalformedThrift("page sizes differ")
    if v1.get(2) != encoding:
        raise MalformedThrift(f"page has encoding {v1.get(2)}, not {encoding}")
    crc32 = _field(fields, 4, int) & 0xFFFFFFFF if 4 in fields else None
    return Page(body_offset, body_bytes, crc32, _field(v1, 1, int))
