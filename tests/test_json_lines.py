"""JSON Lines: one bad line costs one row, in every container."""

import bz2
import datetime
import gzip
import io
import json
import lzma
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.json_lines import (
    FieldMap,
    JsonRow,
    RowSettings,
    extract_row,
    extract_values,
    iterate,
    look_up,
)
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged, Found, Refused

FIELDS = FieldMap(id="id", url="url", date="date", title="title", language="lang")
SETTINGS = RowSettings()
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def read_all(data: bytes, **options: int) -> list[JsonRow | Damaged]:
    return list(iterate(io.BytesIO(data), **options))


def extract_all(data: bytes, fields: FieldMap = FIELDS) -> list[Found | Refused | Damaged]:
    return [
        extract_row(row, fields, SETTINGS) if isinstance(row, JsonRow) else row
        for row in read_all(data)
    ]


def line_of(**values: object) -> bytes:
    return json.dumps(values).encode() + b"\n"


class Trickle(io.RawIOBase):
    def __init__(self, data: bytes, step: int) -> None:
        self._inner = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(self._step)


@given(
    lines=st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")), max_size=12),
    step=st.integers(1, 50),
    last_feed=st.booleans(),
)
def test_lines_equal_a_plain_split(lines: list[bytes], step: int, last_feed: bool) -> None:
    data = b"x" + b"\n".join(lines) + (b"\n" if last_feed else b"")
    rows = list(iterate(Trickle(data, step)))  # type: ignore[arg-type]
    expected = [
        (ordinal, line.strip(b" \t\r\n"))
        for ordinal, line in enumerate(data.split(b"\n"))
        if line.strip(b" \t\r\n")
    ]
    assert [(row.ordinal, row.raw) for row in rows if isinstance(row, JsonRow)] == expected
    for row in rows:
        assert row.raw in data[row.offset : row.offset + row.length]  # type: ignore[union-attr]
        assert data[row.offset : row.offset + row.length].count(b"\n") <= 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    row=st.dictionaries(
        st.sampled_from(["text", "id", "url", "date", "title", "lang", "x"]), json_values
    )
)
def test_any_row_is_an_answer(row: dict[str, object]) -> None:
    (fate,) = extract_all(line_of(**row))
    if isinstance(fate, Damaged):
        assert fate.reason in QUARANTINE_REASONS
        assert not isinstance(row.get("text"), str) or "surrogate" in fate.detail
    elif isinstance(fate, Refused):
        assert fate.rule == "empty_text"
    else:
        assert fate.text and isinstance(row["text"], str)


@pytest.mark.parametrize("name", CODECS)
def test_bad_line_in_the_middle(name: str) -> None:
    """datatrove: a bad byte in JSONL drops the rest of the file."""
    bad = [
        b'{"text": "a\xffb"}\n',
        b'{"text": "a\n',
        b'{"text": "\\ud800"}\n',
        b"\x00\x01\n",
        b"[1]\n",
    ]
    for bad_line in bad:
        lines = [line_of(text=f"document {i}") for i in range(3000)]
        lines[1500] = bad_line
        fates = extract_all(CODECS[name](b"".join(lines)))
        assert sum(isinstance(fate, Found) for fate in fates) == 2999
        assert isinstance(fates[1500], Damaged)
        assert fates[1500].native_id == "line:1500"
        assert len(fates) == 3000


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zst"])
def test_truncation_at_every_byte(name: str) -> None:
    data = line_of(text="one") + line_of(text="two") + line_of(text="three")
    whole = CODECS[name](data)
    intact = read_all(whole)
    assert len(intact) == 3
    for cut in range(1, len(whole)):
        rows = read_all(whole[:cut])
        fates = [
            extract_row(row, FIELDS, SETTINGS) if isinstance(row, JsonRow) else row for row in rows
        ]
        assert rows[:-1] == intact[: len(rows) - 1]
        assert isinstance(fates[-1], Damaged), cut


def test_plain_truncation_costs_the_last_row() -> None:
    data = line_of(text="one") + line_of(text="two")
    for cut in range(len(line_of(text="one")) + 1, len(data) - 1):
        first, second = extract_all(data[:cut])
        assert isinstance(first, Found) and isinstance(second, Damaged)


@pytest.mark.parametrize(
    ("raw", "reason", "detail"),
    [
        (b'{"text": "a\xff"}', "undecodable", "not UTF-8 at byte 11"),
        (b'{"text": "a"', "bad_row", "no JSON"),
        (b"{'text': 'a'}", "bad_row", "no JSON"),
        (b'["a"]', "bad_row", "row is list"),
        (b"null", "bad_row", "row is NoneType"),
        (b'{"body": "a"}', "bad_row", "text is NoneType"),
        (b'{"text": null}', "bad_row", "text is NoneType"),
        (b'{"text": 5}', "bad_row", "text is int"),
        (b'{"text": ["a"]}', "bad_row", "text is list"),
        (b'{"text": "\\udfff"}', "undecodable", "lone surrogate"),
        (b'{"text": "a", "n": ' + b"9" * 5000 + b"}", "bad_row", "no JSON number"),
        (b'{"text": ' + b"[" * 200_000, "too_complex", "JSON nests too deeply"),
        (b'{"a":' * 200_000, "too_complex", "JSON nests too deeply"),
    ],
)
def test_damaged_rows(raw: bytes, reason: str, detail: str) -> None:
    (fate,) = extract_all(raw)
    assert isinstance(fate, Damaged)
    assert fate.reason == reason and fate.detail.startswith(detail)
    assert fate.native_id == "line:0"


def test_details_hold_no_text() -> None:
    """Threat S12: document text does not reach logs."""
    canary = "canary"
    for raw in (
        f'{{"text": "{canary}',
        f'{{"text": ["{canary}"]}}',
        f'"{canary}"',
        f'{{"{canary}": 1}}',
    ):
        (fate,) = extract_all(raw.encode())
        assert isinstance(fate, Damaged) and canary not in fate.detail


def test_found() -> None:
    row = {
        "text": " Mill\r\n\n\n\nstone ", "id": "doc-1", "url": "https://a.example/", "title": "T",
        "date": "2024-05-06T07:08:09+02:00", "lang": "en", "other": 1,
    }  # fmt: skip
    data = line_of(text="first") + line_of(**row)
    fate = extract_all(data)[1]
    assert fate == Found(
        native_id="doc-1",
        text="Mill\n\nstone",
        offset=len(line_of(text="first")),
        length=len(line_of(**row)),
        url="https://a.example/",
        title="T",
        date=datetime.datetime(2024, 5, 6, 5, 8, 9, tzinfo=datetime.UTC),
        declared_language="en",
        extraction="plain",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-06", datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)),
        ("2024-05-06T00:00:00Z", datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)),
        (1714953600, datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)),
        (datetime.date(2024, 5, 6), datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)),
        (datetime.datetime(2024, 5, 6), datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)),
        ("yesterday", None), ("", None), (True, None), (1e300, None), (float("nan"), None),
        ("2009-03-65", None), ("1" * 1000, None), ([], None), ("0001-01-01T00:00:00+20:00", None),
    ],
)  # fmt: skip
def test_dates(value: object, expected: datetime.datetime | None) -> None:
    fate = extract_values({"text": "a", "date": value}, FIELDS, SETTINGS, (0, 0, 1))
    assert isinstance(fate, Found) and fate.date == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (7, "7"), (0, "0"), (True, "line:4"), ("", "line:4"), (None, "line:4"), ([], "line:4"),
     ("\ud800", "line:4"), (1 << 300, "line:4"), ("x" * 9000, "line:4")],
)  # fmt: skip
def test_native_ids(value: object, expected: str) -> None:
    fate = extract_values({"text": "a", "id": value}, FIELDS, SETTINGS, (4, 0, 1))
    assert fate.native_id == expected


def test_paths_with_dots() -> None:
    row = {"meta": {"url": "u", "x.y": 1}, "a.b": "c", "text": "t"}
    assert look_up(row, "meta.url") == "u"
    assert look_up(row, "a.b") == "c"
    assert look_up(row, "meta.none.z") is None
    assert look_up(row, "text.z") is None
    fate = extract_values(row, FieldMap(url="meta.url"), SETTINGS, (0, 0, 1))
    assert isinstance(fate, Found) and fate.url == "u"
    assert FieldMap(id="text", url="meta.url").names == ("text", "meta.url")


def test_limits() -> None:
    settings = RowSettings(max_document_bytes=3, licence="ODC-By-1.0")
    small = extract_values({"text": "é1"}, FIELDS, settings, (0, 0, 1))
    large = extract_values({"text": "é12"}, FIELDS, settings, (0, 0, 1))
    assert isinstance(small, Found) and small.licence == "ODC-By-1.0"
    assert isinstance(large, Damaged) and (large.reason, large.detail) == ("too_large", "4 > 3")
    blank = extract_values({"text": " \n"}, FIELDS, settings, (0, 0, 1))
    assert isinstance(blank, Refused) and blank.rule == "empty_text"


def test_long_line_costs_itself() -> None:
    data = line_of(text="a") + line_of(text="b" * 100_000) + line_of(text="c")
    rows = read_all(data, max_line_bytes=1000)
    assert [type(row) for row in rows] == [JsonRow, Damaged, JsonRow]
    assert isinstance(rows[1], Damaged) and rows[1].reason == "too_large"
    assert rows[2].offset == len(data) - len(line_of(text="c"))


@pytest.mark.parametrize("name", ["gz", "bz2", "xz", "zst"])
def test_bombs(name: str) -> None:
    started = time.process_time()
    rows = read_all(CODECS[name](line_of(text="a") + b" " * (1 << 27)))
    assert [type(row) for row in rows] == [JsonRow, Damaged]
    assert isinstance(rows[1], Damaged) and rows[1].reason == "too_large"
    assert time.process_time() - started < 10


def test_byte_order_mark_and_blank_lines() -> None:
    rows = read_all(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n   \n{"text": "b"}')
    assert [(row.ordinal, row.raw) for row in rows if isinstance(row, JsonRow)] == [
        (0, b'{"text": "a"}'),
        (3, b'{"text": "b"}'),
    ]
    assert read_all(b"") == read_all(b"\n\n") == []


# Real release formats


def _zipped(folder: Path, suffix: str) -> dict[str, bytes]:
    files = {}
    for path in sorted(folder.rglob("dummy_data.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(suffix) and "__MACOSX" not in name:
                    files[f"{path.parents[3].name}/{name}"] = archive.read(name)
    return files


@pytest.mark.parametrize(
    ("suffix", "fields"),
    [
        (".json.gz", FieldMap(url="url", date="timestamp")),  # C4 and mC4
        (".jsonl.zst", FieldMap(title="meta.title")),  # OpenWebText2
    ],
)
def test_release_formats(suffix: str, fields: FieldMap, shared_data: Callable[[str], Path]) -> None:
    files = _zipped(shared_data("bench-hf-release-formats"), suffix)
    assert files
    found = set()
    for name, data in files.items():
        for fate in extract_all(data, fields):
            assert isinstance(fate, Found), (name, fate)
            assert fields.url is None or (fate.url and fate.date)
            found.add(name)
    assert found == set(files)


def test_reddit_submissions(shared_data: Callable[[str], Path]) -> None:
    counts = {}
    for path in sorted(shared_data("owt-pushshift").rglob("*.xz")):
        with path.open("rb") as stream:
            rows = list(iterate(stream))
        assert all(isinstance(row, JsonRow) for row in rows)
        fields = FieldMap(text="title", id="id", url="url", date="created_utc")
        fates = [extract_row(row, fields, SETTINGS) for row in rows if isinstance(row, JsonRow)]
        assert all(isinstance(fate, Found) and fate.url and fate.date for fate in fates)
        assert len({fate.native_id for fate in fates}) == len(fates)
        counts[path.name] = len(fates)
    assert len(counts) == 2 and min(counts.values()) > 50
