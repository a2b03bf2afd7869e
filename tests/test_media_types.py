"""Declared and sniffed types of bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.media_types import (
    HTML,
    PLAIN,
    MediaType,
    is_promising,
    parse_type,
    sniff_type,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/html; charset=UTF-8", MediaType("text/html", "utf-8")),
        ('Text/HTML;charset="iso-8859-1"', MediaType("text/html", "iso-8859-1")),
        ("text/html, text/html; charset = 'gbk'", MediaType("text/html", "gbk")),
        ("text/plain", MediaType("text/plain", None)),
        ("text/html; charset=", MediaType("text/html", None)),
        ("text/html charset=UTF-8", MediaType("text/html", "utf-8")),
        ("text/html:charset=UTF-8", MediaType("text/html", "utf-8")),
        ("text/html;charset=utf-8, text/html; charset=gbk", MediaType("text/html", "utf-8")),
        ('"text/html"; charset=utf-8', MediaType("text/html", "utf-8")),
        (" application/xhtml+xml ;x=y", MediaType("application/xhtml+xml", None)),
        ("charset=utf-8", MediaType("", "utf-8")),
        ("html", MediaType("", None)),
        (";;;", MediaType("", None)),
        ("", MediaType("", None)),
        (None, MediaType("", None)),
    ],
)
def test_parse_type(value: str | None, expected: MediaType) -> None:
    assert parse_type(value) == expected


@given(st.text(max_size=200))
def test_any_header_parses(value: str) -> None:
    parsed = parse_type(value)
    assert len(parsed.name) <= 121
    assert parsed.name == parsed.name.lower()


@pytest.mark.parametrize(
    ("name", "promising"),
    [
        ("text/html", True),
        ("application/xhtml+xml", True),
        ("text/plain", True),
        ("", True),
        ("application/octet-stream", True),
        ("application/pdf", False),
        ("image/png", False),
        ("text/css", False),
        ("application/json", False),
        ("text/xml", False),
    ],
)
def test_is_promising(name: str, promising: bool) -> None:
    assert is_promising(name) is promising


@pytest.mark.parametrize("declared", ["text/html", "text/plain", ""])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.4 x", "application/pdf"),
        (b"\n\n%PDF-1.4 x", "application/pdf"),
        (b"\x89PNG\r\n\x1a\nx", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"PK\x03\x04", "application/zip"),
        (b"\0\0\0\x20ftypmp42", "video/mp4"),
        (b'{"a": 1}', "application/json"),
        (b'[{"a": 1}]', "application/json"),
        (b'<?xml version="1.0"?>\n<!-- x --><rss version="2.0">', "text/xml"),
        (b"<!-- \xff -->\n<rss>", "text/xml"),
        (b"<feed xmlns='x'>", "text/xml"),
        (b"<svg width=1>", "text/xml"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>", HTML),
        (b"<HTML>", HTML),
        (b"<!-- x -->\n<div class=x>", HTML),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>', HTML),
    ],
)
def test_first_bytes_speak_louder_than_headers(body: bytes, kind: str, declared: str) -> None:
    assert sniff_type(body, declared) == kind


@pytest.mark.parametrize("body", [b"just words", b"", b"a <b>c</b>", b"{ braces", b"GIF of a cat"])
def test_plain_bytes_are_what_the_header_says(body: bytes) -> None:
    assert sniff_type(body, "text/html") == HTML
    assert sniff_type(body, "text/plain") == PLAIN
    assert sniff_type(body, "") == "unknown"


@given(st.binary(max_size=200), st.sampled_from(["text/html", "text/plain", ""]))
def test_any_bytes_have_a_type(body: bytes, declared: str) -> None:
    assert sniff_type(body, declared)
