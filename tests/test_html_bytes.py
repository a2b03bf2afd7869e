"""The steps over the bytes of a page, each against a plain way to say the same."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.html_bytes import (
    BLANK,
    SPACE_BYTE,
    Bytes,
    Words,
    equals_word,
    find_byte,
    find_kind,
    is_letter,
    read_attribute,
    read_name,
    skip_comment,
    skip_raw_text,
)
from gristmill.cleaning.html_elements import KINDS, NAMES, RAW_TEXT, hash_element, tabulate_names

SPACES = {SPACE_BYTE: rb"\t\n\f\r ", BLANK: rb"\t\n\v\f\r "}
soup = st.lists(
    st.sampled_from([*b"<>/='\" \t\n\x0b\x0c\r-!?AbZ\0\x80\xff"]), max_size=60
).map(bytes)  # fmt: skip


def lay_out(raw: bytes) -> tuple[Bytes, Words]:
    page = np.frombuffer(raw, np.uint8)
    return page, page[: page.size & ~7].view(np.uint64)


@given(st.integers(0, 255))
def test_letters_are_those_of_ascii(code: int) -> None:
    assert is_letter(code) == bytes([code]).isalpha()


@given(soup, st.integers(0, 60), st.sampled_from(b"<>'\"\0\x80"))
def test_finds_bytes(raw: bytes, index: int, code: int) -> None:
    place = raw.find(code, index)
    expected = place if place >= 0 else max(index, len(raw))
    assert find_byte(*lay_out(raw), index, code) == expected


@given(soup, st.sampled_from([b"<!--", b"<!-", b"<!", b"<?", b"</"]))
def test_skips_comments_and_declarations(raw: bytes, opening: bytes) -> None:
    text = b"ab" + opening + raw
    is_comment = text.startswith(b"<!--", 2)
    pattern = rb"<!--(?:-?>|.*?--!?>)" if is_comment else rb"[^>]*>"
    found = re.compile(pattern, re.DOTALL).match(text, 2)
    assert skip_comment(*lay_out(text), 2) == (found.end() if found else len(text))


@given(soup, st.sampled_from(list(SPACES)))
def test_reads_names(raw: bytes, space: int) -> None:
    found = re.match(rb"[^/>%b]*" % SPACES[space], raw)
    assert found
    name = found[0].decode("latin-1")
    value, end = read_name(lay_out(raw)[0], 0, space)
    assert end == found.end()
    if name.isascii():
        assert value == hash_element(name.lower())


@given(soup.filter(lambda raw: raw[:1].strip(b"/> \t\n\x0b\x0c\r")), st.sampled_from(list(SPACES)))
def test_reads_attributes(raw: bytes, space: int) -> None:
    blank = SPACES[space]
    name_end, start, end, behind = read_attribute(*lay_out(raw), 0, space)
    found = re.match(rb".[^=/>%b]*" % blank, raw, re.DOTALL)
    assert found
    assert name_end == found.end()
    value = re.compile(
        rb"""[%b]*=[%b]*(?:"([^"]*)"?|'([^']*)'?|([^>%b]*))""" % (blank, blank, blank)
    ).match(raw, name_end)
    if value is None:
        assert (start, end, behind) == (name_end,) * 3
    else:
        assert (start, end) == value.span(value.lastindex or 0)
        assert behind == value.end()


@given(soup, st.sampled_from([b"b", b"ab"]))
def test_skips_raw_text(raw: bytes, name: bytes) -> None:
    text = raw.replace(b"-", b"</B").replace(b"!", b"</aB>")
    found = re.search(rb"</%b(?:[/>\t\n\f\r ]|\Z)" % name, text, re.IGNORECASE)
    hashed = hash_element(name.decode())
    expected = found.start() if found else len(text)
    assert skip_raw_text(*lay_out(text), 0, hashed, SPACE_BYTE) == expected


@given(st.sampled_from([b"class", b"Class", b"CLASS", b"clas", b"classy", b"c1ass", b""]))
def test_compares_words(name: bytes) -> None:
    page = lay_out(b"<" + name + b">")[0]
    word = np.frombuffer(b"class", np.uint8)
    assert equals_word(page, 1, 1 + len(name), word) == (name.lower() == b"class")


@given(st.lists(st.from_regex(r"\A[a-z]{1,3}\Z"), unique=True, max_size=300))
def test_names_are_found_by_their_kind(names: list[str]) -> None:
    groups = {1: " ".join(names[::3]), 2: " ".join(names[1::3])}
    table = tabulate_names(groups)
    for index, name in enumerate(names):
        assert find_kind(*table, hash_element(name)) == (1, 2, 0)[index % 3]


@pytest.mark.parametrize(("name", "kind"), [("script", RAW_TEXT), ("div", 0), ("scrip", 0)])
def test_kinds_of_elements(name: str, kind: int) -> None:
    assert find_kind(NAMES, KINDS, hash_element(name)) == kind
