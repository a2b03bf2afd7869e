"""Lines of text indexes, whole and broken, as columns."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import cdx_lines
from gristmill.cleaning.cdx_lines import COLUMNS, iterate_rows

KEYS = {
    "url": "url",
    "status": "fetch_status",
    "digest": "content_digest",
    "mime": "content_mime_type",
    "mime-detected": "content_mime_detected",
    "languages": "content_languages",
    "truncated": "content_truncated",
    "filename": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
}
NUMBERS = ("status", "offset", "length")
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
VALUES = st.fixed_dictionaries(
    {},
    optional={key: st.integers(0, 10**17).map(str) if key in NUMBERS else TEXT for key in KEYS},
)


def read(payload: bytes) -> tuple[list[dict], int]:
    rows, odd = [], 0
    for table, count in iterate_rows(io.BytesIO(payload)):
        assert table.schema == COLUMNS
        rows += table.to_pylist()
        odd += count
    return rows, odd


def expect(values: dict) -> dict:
    row = dict.fromkeys(COLUMNS.names)
    for key, value in values.items():
        row[KEYS[key]] = int(value) if key in NUMBERS else value
    return row


def write(values: dict) -> bytes:
    return f"org,example)/ 20240518010203 {json.dumps(values, ensure_ascii=False)}\n".encode()


@given(st.lists(VALUES, max_size=8), st.integers(1, 64))
def test_every_line_is_a_row_whatever_the_blocks(rows, block_bytes):
    payload = b"".join(write(values) for values in rows)
    before = cdx_lines.BLOCK_BYTES
    try:
        cdx_lines.BLOCK_BYTES = block_bytes
        assert read(payload) == ([expect(values) for values in rows], 0)
    finally:
        cdx_lines.BLOCK_BYTES = before


@given(st.binary(max_size=300))
def test_any_bytes_end_in_rows_and_a_count(payload):
    rows, odd = read(payload)
    assert odd >= 0 and len(rows) + odd <= payload.count(b"\n") + 1


@given(st.lists(VALUES, min_size=1, max_size=5), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_byte_spoils_its_line_alone(rows, place, byte):
    payload = bytearray(b"".join(write(values) for values in rows))
    payload[place % len(payload)] = byte
    found, odd = read(bytes(payload))
    kept = [row for row in found if row in [expect(values) for values in rows]]
    assert len(kept) >= len(rows) - 2  # two, where a line end is hit
    assert odd <= 2


def test_numbers_may_be_numbers_and_what_is_none_is_null():
    values = {"status": 200, "offset": 7, "length": "x", "url": ["a"], "mime": None}
    [row], odd = read(write(values))
    assert (row["fetch_status"], row["warc_record_offset"], row["warc_record_length"]) == (
        200,
        7,
        None,
    )
    assert row["url"] is None and odd == 0


FIELDS = (
    b"org,example)/ 20240518010203 https://example.org/ text/html 200 ABC - - 1043 53 f.warc.gz\n"
)


def test_fields_of_a_cdx_file_are_read_by_its_header():
    expected = expect(
        {
            "url": "https://example.org/",
            "mime": "text/html",
            "status": "200",
            "digest": "ABC",
            "length": "1043",
            "offset": "53",
            "filename": "f.warc.gz",
        }
    )
    assert read(FIELDS) == ([expected], 0)
    assert read(b" CDX N b a m s k r M S V g\n" + FIELDS) == ([expected], 0)
    other = b" CDX a V S g s\nhttps://example.org/ 53 1043 f.warc.gz 200\n"
    short = {**expected, "content_mime_type": None, "content_digest": None}
    assert read(other) == ([short], 0)
    assert read(b"one two three\n") == ([], 1)


def test_an_index_servers_answer_is_read_too():
    line = json.dumps({"urlkey": "org,example)/", "url": "https://example.org/", "x": {"y": 1}})
    assert read(line.encode())[0] == [expect({"url": "https://example.org/"})]


def test_a_line_that_never_ends_is_counted_and_left_behind():
    payload = write({"url": "a"}) + b"x" * (9 << 20) + b"\n" + write({"url": "b"})
    rows, odd = read(payload)
    assert [row["url"] for row in rows] == ["a", "b"] and odd == 1


@pytest.mark.parametrize("depth", [100, 100_000])
def test_nesting_is_no_way_in(depth):
    payload = b'a 1 {"url": ' + b"[" * depth + b"]" * depth + b"}\n" + write({"url": "b"})
    rows, odd = read(payload)
    assert rows[-1]["url"] == "b" and len(rows) + odd == 2
