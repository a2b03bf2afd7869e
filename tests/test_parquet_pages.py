"""The page walk: hand-made headers, real files of other layouts, and garbage."""

import dataclasses
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.schemas.errors import CorruptFileError
from gristmill.tokenize.parquet_pages import (
    BYTE_ARRAY,
    DELTA_LENGTH_BYTE_ARRAY,
    INT32,
    PLAIN,
    Chunk,
    Column,
    Footer,
    Page,
    check_page,
    locate_page,
    read_footer,
)


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def i32(value: int) -> bytes:
    return varint((value << 1) ^ (value >> 63))


def make_header(
    body: bytes, rows: int, *, encoding: int = 0, kind: int = 0, crc: int | None = None
) -> bytes:
    """A v1 page header, fields in order, as pyarrow writes it."""
    head = b"\x15" + i32(kind) + b"\x15" + i32(len(body)) + b"\x15" + i32(len(body))
    delta = 2
    if crc is not None:
        head += b"\x15" + i32(crc - (1 << 32) if crc >> 31 else crc)
        delta = 1
    nested = b"\x15" + i32(rows) + b"\x15" + i32(encoding) + b"\x15" + i32(3) + b"\x15" + i32(3)
    return head + bytes([delta << 4 | 12]) + nested + b"\x00\x00"


def make_chunk(start: int, size: int, rows: int) -> Chunk:
    return Chunk("x", 0, (0, 3), rows, start, size, has_dictionary=False)


def locate(header: bytes, body: bytes, rows: int, **changes: Any) -> Page:
    data = b"PAR1" + header + body + b"\x00" * 8
    chunk = dataclasses.replace(make_chunk(4, len(header) + len(body), rows), **changes)
    return locate_page(memoryview(data), chunk, PLAIN, rows, "file.parquet")


@given(st.binary(max_size=300), st.integers(0, 2**31 - 1), st.none() | st.integers(0, 2**32 - 1))
def test_reads_hand_made_headers(body: bytes, rows: int, crc: int | None) -> None:
    header = make_header(body, rows, crc=crc)
    page = locate(header, body, rows)
    assert page == Page(4 + len(header), len(body), crc, rows)


def test_skips_unknown_fields_of_every_type() -> None:
    unknown = b"\x11\x12\x13\x7f\x14\x02\x16\x02\x17" + b"\x00" * 8 + b"\x18\x03abc"
    unknown += b"\x19\x25\x02\x04" + b"\x1a\xf3" + varint(20) + b"\x00" * 20  # list, long set
    unknown += b"\x19\x21\x01\x02" + b"\x1c\x15\x02\x00"  # booleans in a list, a struct
    header = make_header(b"abcd", 1)[:-1]
    page = locate(header + b"\x05" + i32(40) + i32(9) + unknown + b"\x00", b"abcd", 1)
    assert (page.body_bytes, page.num_values) == (4, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codec": 6}, "compressed"),
        ({"encodings": (0, 3, 8)}, "encoded"),
        ({"has_dictionary": True}, "encoded"),
        ({"encodings": (6, 3)}, "encoded"),
        ({"num_values": 3}, "3 values"),
        ({"offset": 0}, "outside"),
        ({"offset": -5}, "outside"),
        ({"size": 10**9}, "outside"),
        ({"size": 0}, "outside"),
        ({"size": 20}, "more than one page"),
    ],
)
def test_refuses_chunks(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptFileError, match=rf"file.parquet: column 'x' at offset .*{message}"):
        locate(make_header(b"abcd", 1), b"abcd", 1, **changes)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (make_header(b"abcd", 1, kind=2), "type 2"),
        (make_header(b"abcd", 1, kind=3), "type 3"),
        (make_header(b"abcd", 1, encoding=6), "encoding 6"),
        (make_header(b"abcd", 2), "2 values"),
        (make_header(b"abcde", 1), "up to"),
        (b"\x00", "type None"),
        (b"\x15" + b"\xff" * 12, "varint"),
        (b"\x1d\x00", "unknown Thrift type"),
        (b"\x18" + varint(1 << 40), "past its end"),
        (b"\x19\xfc" + varint(1 << 30), "too long"),
        (b"\x1c" * 40, "too deep"),
        (b"\x19\x19" * 40, "too deep"),
        (b"\x15\x00\x1c\x00\x00", "type 0"),
    ],
)
def test_refuses_headers(header: bytes, message: str) -> None:
    with pytest.raises(CorruptFileError, match=message):
        locate(header, b"abcd", 1)


@given(st.binary(max_size=400), st.integers(-10, 500), st.integers(-10, 500), st.integers(0, 9))
@example(b"PAR1" + b"\x19\xfc\xff\xff\x03" + b"\x0c" * 300, 4, 300, 1)
def test_garbage_never_escapes(data: bytes, start: int, size: int, rows: int) -> None:
    try:
        page = locate_page(memoryview(data), make_chunk(start, size, rows), PLAIN, rows, "x")
    except CorruptFileError:
        return
    assert 4 <= page.body_offset <= page.body_offset + page.body_bytes <= len(data) - 8


SCHEMA = pa.schema(
    [pa.field("n", pa.int32(), nullable=False), pa.field("b", pa.binary(), nullable=False)]
)
TABLE = pa.table({"n": list(range(100)), "b": [bytes([i]) * i for i in range(100)]}, schema=SCHEMA)
MAPPABLE = {
    "use_dictionary": False,
    "compression": "none",
    "column_encoding": {"n": "PLAIN", "b": "DELTA_LENGTH_BYTE_ARRAY"},
    "write_page_checksum": True,
}


def write(path: Path, table: pa.Table, **settings: Any) -> tuple[memoryview, Footer]:
    pq.write_table(table, path, **settings)
    data = memoryview(path.read_bytes())
    return data, read_footer(data, "x")


def test_footer_says_what_pyarrow_says(tmp_path: Path) -> None:
    table = TABLE.replace_schema_metadata({"key": "välue"})
    _, footer = write(tmp_path / "x", table, row_group_size=37, **MAPPABLE)
    expected = pq.read_metadata(tmp_path / "x")
    assert footer.num_rows == expected.num_rows == 100
    assert footer.key_values["key"] == "välue"
    assert footer.columns == (
        Column("n", INT32, 0, required=True),
        Column("b", BYTE_ARRAY, 0, required=True),
    )
    assert [group.num_rows for group in footer.row_groups] == [37, 37, 26]
    for i, group in enumerate(footer.row_groups):
        for j, chunk in enumerate(group.chunks):
            theirs = expected.row_group(i).column(j)
            assert chunk.name == theirs.path_in_schema
            assert chunk.offset == theirs.data_page_offset
            assert chunk.size == theirs.total_compressed_size
            assert chunk.num_values == theirs.num_values


def test_finds_values_in_real_files(tmp_path: Path) -> None:
    data, footer = write(tmp_path / "x", TABLE, row_group_size=37, **MAPPABLE)
    first = 0
    for group in footer.row_groups:
        numbers = range(first, first + group.num_rows)
        page = locate_page(data, group.chunks[0], PLAIN, group.num_rows, "x")
        body = data[page.body_offset : page.body_offset + page.body_bytes]
        assert bytes(body) == b"".join(n.to_bytes(4, "little") for n in numbers)
        check_page(data, page, "x")
        page = locate_page(data, group.chunks[1], DELTA_LENGTH_BYTE_ARRAY, group.num_rows, "x")
        body = data[page.body_offset : page.body_offset + page.body_bytes]
        assert bytes(body).endswith(b"".join(bytes([n]) * n for n in numbers))
        assert zlib.crc32(body) == page.crc32
        first += group.num_rows
    assert first == 100


@pytest.mark.parametrize(
    "changes",
    [
        {"compression": "zstd"},
        {"use_dictionary": True, "column_encoding": None},
        {"column_encoding": {"n": "DELTA_BINARY_PACKED", "b": "PLAIN"}},
        {"data_page_version": "2.0"},
        {"data_page_size": 64, "write_batch_size": 8},
    ],
)
def test_refuses_real_files_of_other_layouts(tmp_path: Path, changes: dict[str, Any]) -> None:
    data, footer = write(tmp_path / "x", TABLE, **{**MAPPABLE, **changes})
    with pytest.raises(CorruptFileError):
        locate_page(data, footer.row_groups[0].chunks[0], PLAIN, 100, "x")


def test_pages_without_or_with_wrong_checksum(tmp_path: Path) -> None:
    data, footer = write(tmp_path / "x", TABLE, **{**MAPPABLE, "write_page_checksum": False})
    page = locate_page(data, footer.row_groups[0].chunks[0], PLAIN, 100, "x")
    with pytest.raises(CorruptFileError, match="header says none"):
        check_page(data, page, "x")
    with pytest.raises(CorruptFileError, match=rf"offset {page.body_offset} has crc32"):
        check_page(data, dataclasses.replace(page, crc32=1), "x")


@given(data=st.data())
def test_damaged_footers_never_escape(data: st.DataObject, tmp_path_factory) -> None:
    """pyarrow 25 aborts the process on some of these."""
    path = tmp_path_factory.getbasetemp() / "footer.parquet"
    if not path.exists():
        pq.write_table(TABLE, path, row_group_size=50)
    whole = bytearray(path.read_bytes())
    size = int.from_bytes(whole[-8:-4], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(len(whole) - 8 - size, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    try:
        footer = read_footer(memoryview(whole), "some.parquet")
    except CorruptFileError as error:
        assert "some.parquet" in str(error)
    else:
        assert isinstance(footer, Footer)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1PAR1",
        b"PAR1" + b"\x00" * 4 + b"PAR1",
        b"PAR1" + b"\xff" * 4 + b"PAR1",
        b"PAR1\x00\x01\x00\x00\x00PAR1",
        b"PAR1\x00\x01\x00\x00\x00PARX",
        b"PAR1" + b"\x29\x00\x00" + b"\x03\x00\x00\x00PAR1",
    ],
)
def test_no_parquet(data: bytes) -> None:
    with pytest.raises(CorruptFileError, match=r"x\.parquet"):
        read_footer(memoryview(data), "x.parquet")
