"""`render_text` writes kept blocks in order, with marks that add no words of their own."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cleaning.page_blocks import cut_blocks
from gristmill.cleaning.page_text import Structure, choose_shown, render_text

WORD = re.compile(r"\w+")


def render(html: str, structure: Structure = "plain") -> str:
    blocks = cut_blocks(html)
    return render_text(blocks, np.ones(len(blocks), np.bool_), structure=structure)


@pytest.mark.parametrize(
    ("html", "plain", "markdown"),
    [
        ("", "", ""),
        ("<h2>a<br>b</h2>c", "a\nb\n\nc", "## a b\n\nc"),
        ("<p>a<br>b<p>c", "a\nb\n\nc", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb", "a\n\nb"),
        ("<div>a<br><br>b</div>", "a\n\nb", "a\n\nb"),
        ("a<ul><li>b<li>c</ul>d", "a\n\n- b\n- c\n\nd", "a\n\n- b\n- c\n\nd"),
        ("<ol><li>a<li>b<ul><li>c</ol>", "- a\n- b\n  - c", "1. a\n2. b\n    - c"),
        ("<ul><li>a<p>b<li>c", "- a\n\n  b\n- c", "- a\n\n  b\n- c"),
        ("<ul><li>a<br>b", "- a\n  b", "- a\n  b"),
        (
            "<table><tr><th>a<th>b<tr><td>c<td>d<p>e<br>f</table>g",
            "a | b\nc | d e f\n\ng",
            "| a | b |\n|---|---|\n| c | d e f |\n\ng",
        ),
        ("<table><tr><td>a<tr><td>b</table>", "a\nb", "a\n\nb"),
        ("<table><tr><td><h1>a</h1><td>b</table>", "a\n\nb", "# a\n\nb"),
        ("<pre>a\n  b\n</pre>c", "a\n  b\n\nc", "```\na\n  b\n```\n\nc"),
        ("<pre>a ``` b</pre>", "a ``` b", "````\na ``` b\n````"),
        ("<ul><li><pre>a\nb</pre>", "- a\n  b", "- ```\n  a\n  b\n  ```"),
        ("a<blockquote>b<p>c</blockquote>d", "a\n\nb\n\nc\n\nd", "a\n\n> b\n>\n> c\n\nd"),
        ("<dl><dt>a<dd>b</dl>", "a\nb", "a\n\nb"),
        ("a | b * c # d", "a | b * c # d", "a | b * c # d"),
    ],
)
def test_structure(html: str, plain: str, markdown: str) -> None:
    assert render(html) == plain
    assert render(html, "markdown") == markdown


def test_a_large_table_is_there_for_the_layout() -> None:
    prose = "word " * 150
    assert "|" not in render(f"<table><tr><td>{prose}<td>side</table>")


def test_an_item_begins_with_its_first_kept_block() -> None:
    blocks = cut_blocks("<ul><li><p>a<p>b<li>c</ul>")
    assert render_text(blocks, np.array([False, True, True])) == "- b\n- c"
    assert render_text(blocks, np.array([False, False, False])) == ""


def test_deep_nesting_stays_in_bounds() -> None:
    html = "<ul><li>" * 300 + "a<br>" * 200 + "<blockquote>" * 300 + "b"
    for structure in ("plain", "markdown"):
        text = render(html, structure)
        assert WORD.findall(text) == ["a"] * 200 + ["b"]


def test_all_that_is_shown() -> None:
    blocks = cut_blocks("<p>a<p aria-hidden=true>b<noscript>c</noscript><nav>d</nav>")
    assert render_text(blocks, choose_shown(blocks)) == "a\n\nd"


LEAVES = st.sampled_from(["a", "b<br>c", " d e ", "<b>f</b>g", "h\ni", "`", ""])
TAGS = (
    "<p> <div> </div> <ul> <ol> <li> </ul> </ol> <table> <tr> <td> <th> </table> <pre> </pre>"
    " <h1> </h1> <h6> </h6> <blockquote> </blockquote> <dl> <dt> <dd> </dl> <br>"
)
OPENERS = st.sampled_from(TAGS.split())


@given(
    st.lists(st.one_of(LEAVES, OPENERS), max_size=50).map("".join),
    st.lists(st.booleans(), min_size=50, max_size=50),
)
def test_words_are_those_of_the_kept_blocks(html: str, choice: list[bool]) -> None:
    blocks = cut_blocks(html)
    keep = np.resize(np.array(choice), len(blocks))
    texts = [text for text, is_kept in zip(blocks.texts(), keep, strict=True) if is_kept]
    words = [word for text in texts for word in WORD.findall(text)]
    plain = render_text(blocks, keep)
    assert WORD.findall(plain) == words
    markdown = render_text(blocks, keep, structure="markdown")
    added = Counter(WORD.findall(markdown)) - Counter(words)
    assert all(word.isdigit() for word in added), "Markdown adds numbers of items only"
    for text in (plain, markdown):
        assert not text.startswith("\n")
        assert not text.endswith(("\n", "\0"))
        assert "\n\n\n" not in text or "<pre>" in html
