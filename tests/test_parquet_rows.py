"""Parquet rows: only mapped columns, one bad row costs one row, one bad group one group."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.cleaning import parquet_rows
from gristmill.cleaning.json_lines import FieldMap, RowSettings
from gristmill.cleaning.parquet_rows import ParquetRow, extract_row, iterate
from gristmill.schemas.errors import SchemaError
from gristmill.schemas.fates import Damaged, Found, Refused

SETTINGS = RowSettings()


def write(path: Path, columns: dict[str, pa.Array], **options: object) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def extract_all(path: Path, fields: FieldMap) -> list[Found | Refused | Damaged]:
    return [
        extract_row(row, fields, SETTINGS) if isinstance(row, ParquetRow) else row
        for row in iterate(path, fields)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.none() | st.text(max_size=20), max_size=30),
    group_rows=st.integers(1, 10),
    kind=st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]),
)
def test_rows_come_back(
    tmp_path: Path, texts: list[str | None], group_rows: int, kind: pa.DataType
) -> None:
    path = write(
        tmp_path / "a.parquet",
        {"text": pa.array(texts, kind), "other": pa.array(range(len(texts)))},
        row_group_size=group_rows,
    )
    rows = list(iterate(path, FieldMap()))
    expected = [None if text is None else text.encode() for text in texts]
    assert [row.values for row in rows if isinstance(row, ParquetRow)] == [
        {"text": raw} for raw in expected
    ]
    assert [row.offset for row in rows] == list(range(len(texts)))
    assert [row.length for row in rows] == [len(raw or b"") for raw in expected]


def test_found(tmp_path: Path) -> None:
    moment = datetime.datetime(2024, 5, 6, 7, tzinfo=datetime.UTC)
    path = write(
        tmp_path / "a.parquet",
        {
            "body": pa.array(["one ", "two"]),
            "key": pa.array([5, 6]),
            "meta": pa.array([{"url": "https://a.example"}, None]),
            "when": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "lang": pa.array(["en", "de"]).dictionary_encode(),
            "title": pa.array(["t", None]),
        },
    )
    fields = FieldMap(
        text="body", id="key", url="meta.url", date="when", language="lang", title="title"
    )
    first, second = extract_all(path, fields)
    assert first == Found(
        "5", "one", 0, 4, url="https://a.example", title="t", date=moment,
        declared_language="en", extraction="plain",
    )  # fmt: skip
    assert isinstance(second, Found)
    assert (second.native_id, second.url, second.date) == ("6", None, None)


def test_bad_utf8_costs_one_row(tmp_path: Path) -> None:
    raw = pa.array([b"one", b"\xff", b"three"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    path = write(tmp_path / "a.parquet", {"text": column, "title": column})
    fates = extract_all(path, FieldMap(title="title"))
    assert [type(fate) for fate in fates] == [Found, Damaged, Found]
    assert isinstance(fates[1], Damaged)
    assert (fates[1].reason, fates[1].native_id) == ("undecodable", "line:1")


def test_other_fates(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": pa.array(["", None, "a"])})
    empty, missing, found = extract_all(path, FieldMap(url="no_such_column"))
    assert isinstance(empty, Refused) and empty.rule == "empty_text"
    assert isinstance(missing, Damaged) and missing.reason == "bad_row"
    assert isinstance(found, Found) and found.native_id == "line:2"
    numbers = write(tmp_path / "b.parquet", {"text": pa.array([1, 2])})
    assert [
        fate.reason for fate in extract_all(numbers, FieldMap()) if isinstance(fate, Damaged)
    ] == ["bad_row"] * 2


def test_missing_text_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"body": pa.array(["a"])})
    with pytest.raises(SchemaError, match=r"column 'text' is missing; file has \['body'\]"):
        list(iterate(path, FieldMap()))


def test_damaged_group_costs_itself(tmp_path: Path) -> None:
    texts = [f"document {i} " * 20 for i in range(300)]
    path = write(
        tmp_path / "a.parquet",
        {"text": pa.array(texts)},
        row_group_size=100,
        write_page_checksum=True,
        use_dictionary=False,
        compression="zstd",
    )
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    place = column.data_page_offset + column.total_compressed_size * 3 // 4
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    rows = list(iterate(path, FieldMap()))
    assert [row.ordinal for row in rows if isinstance(row, ParquetRow)] == [
        *range(100),
        *range(200, 300),
    ]
    (damaged,) = [row for row in rows if isinstance(row, Damaged)]
    assert (damaged.reason, damaged.offset, damaged.length) == ("damaged_record", 100, 100)


def test_truncation_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"text": pa.array(["one", "two"])})
    whole = path.read_bytes()
    for cut in range(0, len(whole), 3):
        path.write_bytes(whole[:cut])
        (damaged,) = iterate(path, FieldMap())
        assert isinstance(damaged, Damaged) and damaged.reason == "damaged_record"


def test_only_mapped_columns_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", {"text": pa.array(["a"]), "huge": pa.array(["x" * 1_000_000])}
    )
    (row,) = iterate(path, FieldMap())
    assert isinstance(row, ParquetRow) and set(row.values) == {"text"}


def test_batches_do_not_shift_ordinals(tmp_path: Path) -> None:
    count = parquet_rows.BATCH_ROWS * 2 + 5
    path = write(tmp_path / "a.parquet", {"text": pa.array([str(i) for i in range(count)])})
    rows = [row for row in iterate(path, FieldMap()) if isinstance(row, ParquetRow)]
    assert [row.values["text"] for row in rows] == [str(row.ordinal).encode() for row in rows]
    assert len(rows) == count


def test_paths_into_structs_read_that_field_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"url": f"u{n}", "deep": {"text": f"t{n}", "blob": "x" * 99}} for n in range(3)]
    path = write(tmp_path / "a.parquet", {"meta": pa.array(rows), "other": pa.array(range(3))})
    asked: list[list[str]] = []
    real = pq.ParquetFile.iter_batches

    def spy(self: pq.ParquetFile, *arguments: object, **options: object) -> object:
        asked.append(list(options["columns"]))  # type: ignore[call-overload]
        return real(self, *arguments, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    fates = extract_all(path, FieldMap(text="meta.deep.text", url="meta.url", date="meta.none"))
    assert [(fate.text, fate.url) for fate in fates if isinstance(fate, Found)] == [
        ("t0", "u0"), ("t1", "u1"), ("t2", "u2"),
    ]  # fmt: skip
    assert asked == [["meta.deep.text", "meta.url"]]
    with pytest.raises(SchemaError, match=r"meta\.deep\.txt"):
        list(iterate(path, FieldMap(text="meta.deep.txt")))
