"""The guard measures as a parser would nest, refuses attacks, and takes linear time."""

import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning import html_guard
from gristmill.cleaning.fact_scan import MAX_ATTRIBUTES
from gristmill.cleaning.html_guard import MAX_HTML_BYTES, measure_markup, refuse_reason
from gristmill.cleaning.html_nesting import MAX_DEPTH

CONTAINERS = ["div", "span", "B", "ul", "section", "x-custom", "table", "svg"]


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> tuple[str, int]:
    """Well-formed markup and how deep it nests."""
    if depth > 6 or draw(st.booleans()):
        text = draw(st.sampled_from(["", "text", "a < b", "<!-- <div> -->", "<br>", "<img a/>"]))
        return text, 0
    name = draw(st.sampled_from(CONTAINERS))
    attributes = draw(st.sampled_from(["", " a", " a='<div>'", ' b = "x>y" c', " d=<i"]))
    inner = [draw(trees(depth + 1)) for _ in range(draw(st.integers(0, 3)))]
    body = "".join(markup for markup, _ in inner)
    return f"<{name}{attributes}>{body}</{name}>", 1 + max((d for _, d in inner), default=0)


@given(trees())
def test_depth_of_well_formed_markup(tree: tuple[str, int]) -> None:
    markup, depth = tree
    assert measure_markup(markup).depth == depth
    assert measure_markup(markup.encode()).depth == depth


class _AttributeCounter(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.most = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.most = max(self.most, len(attrs))


@given(
    st.lists(
        st.sampled_from([" a", ' b="1"', " c='>'", " d=e", "\nf = g", "/h", ' i=""', " j=/k"]),
        max_size=30,
    )
)
def test_attributes_of_a_tag(attributes: list[str]) -> None:
    markup = f"<p {''.join(attributes)} >text</p><i>"
    counter = _AttributeCounter()
    counter.feed(markup)
    assert measure_markup(markup).attributes == counter.most


@pytest.mark.parametrize(
    ("markup", "depth"),
    [
        ("<p>" * 50, 1),
        ("<ul>" + "<li>x" * 50, 2),
        ("<ul>" + "<li><p>x" * 50, 3),
        ("<dl>" + "<dt>a<dd>b" * 50, 2),
        ("<table>" + "<tr><td>x" * 50, 1),
        ("<script>" + "<div>" * 50 + "</script><b>", 1),
        ("<style>" + "<div>" * 50, 0),
        ("<TITLE><b></TITLE><b>", 1),
        ("<div/>" * 50, 50),
        ("<svg>" + "<path/>" * 50, 1),
        ("<div></x>" * 50, 50),
        ("<div><table></div>" * 50, 100),
        ("<b><i></b></i>" * 50, 2),
        ("<!--><b>", 1),
        ("<!---><b>", 1),
        ("<!-- --!><b>", 1),
        ("<!-- <b>", 0),
        ("<?php <b> ?><b>", 1),
        ("</ <b><b>", 1),
        ("<", 0),
        ("</", 0),
        ("<b", 1),
        ("", 0),
    ],
)
def test_depth_follows_the_standard(markup: str, depth: int) -> None:
    assert measure_markup(markup).depth == depth


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        ("<div>" * 100_000, f"depth over {MAX_DEPTH}"),
        ("<div></x>" * 100_000, f"depth over {MAX_DEPTH}"),
        ("<li><dd>" * 100_000, f"depth over {MAX_DEPTH}"),
        ("<a " + " ".join(f"a{n}" for n in range(200_000)) + ">", "attributes over"),
        ("<a" + "/b='>'" * 50_000, "attributes over"),
        ("</a " + "b " * 50_000, "attributes over"),
        (" " * (MAX_HTML_BYTES + 1), "size over"),
    ],
)
def test_attacks_are_refused(attack: str, reason: str) -> None:
    found = refuse_reason(attack)
    assert found is not None
    assert found.startswith(reason)


def test_limits_are_exact() -> None:
    assert refuse_reason("<div>" * MAX_DEPTH) is None
    assert refuse_reason("<div>" * (MAX_DEPTH + 1)) is not None
    assert refuse_reason("<a" + " b" * MAX_ATTRIBUTES + ">") is None
    assert refuse_reason("<a" + " b" * (MAX_ATTRIBUTES + 1) + ">") is not None


@pytest.mark.parametrize(
    "pattern",
    ["<", "<!--", "<b></b>", "</b>", "<script>", "<a '", "<a b=", "<i>" * 9 + "</b>", "-->", "\0"],
)
def test_time_is_linear(pattern: str) -> None:
    page = pattern * (MAX_HTML_BYTES // len(pattern))
    measure_markup(b"<b>")
    started = time.process_time()
    measure_markup(page.encode())
    assert time.process_time() - started < 1.0


@given(st.binary(max_size=300))
def test_any_bytes_are_measured(raw: bytes) -> None:
    markup = measure_markup(raw)
    assert 0 <= markup.depth <= raw.count(b"<")
    assert 0 <= markup.attributes <= len(raw)


def test_real_pages_pass(shared_data: Callable[[str], Path]) -> None:
    paths = sorted(shared_data("extract-readability").rglob("source.html"))
    assert len(paths) > 100
    for path in paths:
        assert refuse_reason(path.read_bytes()) is None, path
    assert html_guard.refuse_reason(paths[0].read_text("utf-8", "replace")) is None
