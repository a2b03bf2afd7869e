"""Header blocks in every spelling that crawls hold, and bounds on hostile ones."""

import datetime
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import record_headers
from gristmill.cleaning.record_headers import (
    find_head_end,
    find_record,
    parse_date,
    parse_fields,
    parse_length,
    parse_status,
)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True)
values = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30)


@given(st.dictionaries(names, values, max_size=8), st.sampled_from(["\r\n", "\n"]))
def test_block_round_trips(fields: dict[str, str], line_end: str) -> None:
    fields = {name.lower(): value for name, value in fields.items()}
    lines = ["WARC/1.1", *(f"{name.title()}: {value}" for name, value in fields.items())]
    raw = "".join(line + line_end for line in [*lines, ""]).encode()
    assert find_head_end(raw + b"body\n\n", 0, len(raw) + 6) == len(raw)
    assert parse_fields(raw) == fields


def test_folded_repeated_and_odd_lines() -> None:
    raw = b"HTTP/1.0 200 OK\r\nA: one\r\n two\r\n\tthree\r\nb:x\r\nB : y\r\nno colon\r\n: z\r\nC:\r\n\r\n"
    assert parse_fields(raw) == {"a": "one two three", "b": "x, y", "c": ""}


def test_first_of_repeated_fields_and_values_on_their_second_line() -> None:
    raw = b"WARC/1.0\r\nA: \r\n\tone\r\na: two\r\n three\r\nB: x\r\nDate\r\n fold\r\n\r\n"
    assert parse_fields(raw, keep_first=True) == {"a": "one", "b": "x"}
    assert parse_fields(raw) == {"a": "one, two three", "b": "x"}


def test_bytes_that_are_no_utf8_become_replacements() -> None:
    assert parse_fields(b"X\nServer: caf\xe9\n\n") == {"server": "caf\ufffd"}


@pytest.mark.parametrize("line", [b"a:b\n", b" fold\n", b"a%d: b\n" % 7, b"\n"])
def test_hostile_block_takes_linear_time(line: bytes) -> None:
    raw = b"HTTP/1.1 200\na:b\n" + line * (record_headers.MAX_HEAD_BYTES // len(line))
    started = time.process_time()
    parse_fields(raw)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("0", 0),
        ("17", 17),
        (" 5 ", 5),
        ("5, 5", 5),
        ("-1", None),
        ("", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        ("+4", None),
    ],
)
def test_length(value: str, length: int | None) -> None:
    assert parse_length({"content-length": value}) == length


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/2 404", 404),
        ("http/1.0  301 Moved", 301),
        ("", None),
        ("HTTP/1.1", None),
        ("ICY 200 OK", None),
        ("HTTP/1.1 20 x", None),
        ("HTTP/1.1 ２００", None),
    ],
)
def test_status(line: str, status: int | None) -> None:
    assert parse_status(line.encode() + b"\r\nA: 200 b\r\n\r\n") == status


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-05-06T07:08:09Z", (2024, 5, 6, 7, 8, 9)),
        ("2009-03-06T08:43:19-0800", (2009, 3, 6, 16, 43, 19)),
        ("2024-05-06T07:08:09", (2024, 5, 6, 7, 8, 9)),
        ("2009-03-65T08:43:19-0800", None),
        ("0001-01-01T00:00:00+10:00", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_date(value: str, date: tuple[int, ...] | None) -> None:
    expected = datetime.datetime(*date, tzinfo=datetime.UTC) if date else None
    assert parse_date({"warc-date": value}) == expected


@given(st.binary(max_size=200).filter(lambda raw: b"ARC/" not in raw.upper()))
def test_finds_the_next_record(junk: bytes) -> None:
    header = b"WARC/1.0\r\nWARC-Type: response\r\n"
    assert find_record(junk + header, 0)[0] == len(junk)
    found, resume = find_record(junk + header[:-9], 0)
    assert found in (-1, len(junk))
    assert resume <= len(junk)
    assert find_record(junk, 0)[0] == -1
