"""One JSON array as rows: the same as a parser finds, in place, and total on any bytes."""

import gzip
import io
import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.json_arrays import split_elements
from gristmill.cleaning.json_lines import FieldMap, JsonRow, RowSettings, extract_row, iterate
from gristmill.cleaning.text_lines import TextLine
from gristmill.schemas.fates import QUARANTINE_REASONS, Damaged, Found

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\{}[],:\n é', max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def cut(data: bytes, step: int) -> Iterator[bytes]:
    return (data[start : start + step] for start in range(0, len(data), step))


def split_all(data: bytes, step: int = 1 << 16, limit: int = 1 << 20) -> list[TextLine | Damaged]:
    return list(split_elements(cut(data, step), max_element_bytes=limit))


@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=8),
    step=st.integers(1, 40),
    indent=st.none() | st.integers(0, 3),
    ascii_only=st.booleans(),
    mark=st.booleans(),
)
def test_equals_a_parser(
    rows: list[dict[str, object]], step: int, indent: int | None, ascii_only: bool, mark: bool
) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only)
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    elements = split_all(data, step)
    assert [json.loads(item.raw) for item in elements if isinstance(item, TextLine)] == rows
    assert len(elements) == len(rows)
    for ordinal, item in enumerate(elements):
        assert isinstance(item, TextLine) and item.ordinal == ordinal
        assert data[item.offset : item.offset + item.length] == item.raw


@given(st.binary(max_size=200), st.integers(1, 30))
def test_any_bytes_are_an_answer(noise: bytes, step: int) -> None:
    data = b"[{" + noise
    items = split_all(data, step)
    assert items == split_all(data)
    for item in items:
        assert isinstance(item, TextLine) or item.reason in QUARANTINE_REASONS


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (b'[{"a": 1}, 5, {"b": 2}]', [TextLine, Damaged, TextLine]),
        (b'[{"a": 1}, {"b": }, {"c": 3}]', [TextLine, TextLine, TextLine]),
        (b'[{"a": 1}, {"b": 2}', [TextLine, TextLine, Damaged]),
        (b'[{"a": 1}, {"b": 2', [TextLine, Damaged]),
        (b'[{"a": 1}] trailing', [TextLine, Damaged]),
        (b'[{"a": 1}]\n\n', [TextLine]),
        (b'[{"a": "x' + b"y" * 300 + b'"}, {"b": 2}]', [Damaged, TextLine]),
        (b"[]", []),
    ],
)
def test_damage_costs_itself(data: bytes, kinds: list[type]) -> None:
    for step in (1, 7, 1000):
        assert [type(item) for item in split_all(data, step, limit=200)] == kinds


def test_rows_of_a_file() -> None:
    rows = [{"text": f"document {n}", "meta": {"url": f"https://a.example/{n}"}} for n in range(3)]
    packed = gzip.compress(json.dumps(rows, indent=2).encode())
    fields = FieldMap(url="meta.url")
    fates = [
        extract_row(row, fields, RowSettings())
        for row in iterate(io.BytesIO(packed))
        if isinstance(row, JsonRow)
    ]
    assert [(fate.native_id, fate.text, fate.url) for fate in fates if isinstance(fate, Found)] == [
        (f"line:{n}", f"document {n}", f"https://a.example/{n}") for n in range(3)
    ]
    # Arrays of other things stay lines.
    assert len(list(iterate(io.BytesIO(b"[1, 2]\n[3]\n")))) == 2


def test_time_is_linear() -> None:
    def measure(pattern: bytes, size: int) -> float:
        data = b"[{" + pattern * (size // len(pattern))
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            for _ in split_elements(cut(data, 1 << 12), max_element_bytes=1 << 30):
                pass
            best = min(best, time.process_time() - started)
        return best

    for pattern in (b'"', b'\\"', b'"\\\\', b"{", b"[{}", b'"a', b"}{", b"x"):
        assert measure(pattern, 240_000) / max(measure(pattern, 30_000), 1e-3) < 17, pattern
