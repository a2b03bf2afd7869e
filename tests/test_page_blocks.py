"""`cut_blocks` ends blocks where a reader sees it, and measures them."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gristmill.cleaning import page_elements as elements
from gristmill.cleaning.page_blocks import PageBlocks, cut_blocks
from gristmill.cleaning.page_keywords import GROUPS

WORD = re.compile(r"\w+")


def cut(html: str | bytes) -> list[str]:
    return cut_blocks(html).texts()


# What ends a block, and what does not


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("plain", ["plain"]),
        ("<p>one<p>two", ["one", "two"]),
        ("<p>one<div>two</div>three", ["one", "two", "three"]),
        ("<b>bo</b>ld <i>and</i>\n\t light", ["bold and light"]),
        ("a<br>b<br/><br>c<br><br><br>d", ["a\nb", "c", "d"]),
        ("one<hr>two", ["one", "two"]),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>e", ["a", "b", "c", "d", "e"]),
        ("<dl><dt>a<dd>b<dt>c</dl>", ["a", "b", "c"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", ["a", "b", "c", "d"]),
        ("<select><option>a<option>b</select>", ["a", "b"]),
        ("<a href=x>a</a><a href=y>b</a>", ["a b"]),
        ("<span>a</span><span>b</span>", ["ab"]),
        ("a <button>b</button>c", ["a bc"]),
        ("x<button>y", ["x y"]),
        ("<h1>a</h2>b", ["a", "b"]),
        ("&nbsp; <p>\u00a0a\u00a0\u00a0b&nbsp;</p>", ["a b"]),
        ("<pre>\n a  b\r\n\tc &lt;\n</pre>", [" a  b\n\tc <"]),
        ("<p> \n </p><div>\u00a0</div>", []),
        ("", []),
    ],
)
def test_blocks_end_where_a_reader_sees_it(html: str, blocks: list[str]) -> None:
    assert cut(html) == blocks


@pytest.mark.parametrize(
    ("html", "blocks"),
    [
        ("a<!-- b --><!--> c --><!---> d <!doctype e> f", ["a c --> d f"]),
        ("a<? b > c</ d>e<![CDATA[f]]>", ["a ce"]),
        ("a < b <3 </> c", ["a < b <3 c"]),
        ("<p title='a > b'>c<p title=\"</p>\">d", ["c", "d"]),
        ("<script>if (a<b) '</p>'</script>c<style><p></style>d", ["cd"]),
        ("<textarea><p>a</textarea><title>b</title>c", ["c"]),
        ("<svg><title>a</title><path/></svg>b<math><mi>x</mi></math>c", ["bc"]),
        ("<svg><g>a<p>b</p>c", ["b", "c"]),
        ("<template><p>a</template>b", ["b"]),
        ("<script>a", []),
        ("a<p", ["a"]),
        ("a<p title='", ["a"]),
        ("a\0b&#0;c", ["ab\ufffdc"]),
        ("</div></td></p>a", ["a"]),
        ("<div><b>a</div>b</b>c", ["a", "bc"]),
        ("<table><tr><td><div>a</table></div>b", ["a", "b"]),
        ("<P>a<BR>b<SCRIPT>c</SCRIPT>", ["a\nb"]),
        ("<head><title>t</title></head><body>a</body>b", ["ab"]),
        (b"caf\xc3\xa9", ["café"]),
        (b"caf\xe9 au", ["caf\ufffd au"]),
    ],
)
def test_broken_and_odd_markup(html: str | bytes, blocks: list[str]) -> None:
    assert cut(html) == blocks


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        "HIDDEN=''",
        "style='display:none'",
        "style='color:red; Display : None'",
        "style='visibility:hidden'",
        "style=font-size:0",
        "style='font-size: 0px;'",
        "style='font-size: 1px'",
    ],
)
def test_what_is_hidden_gives_no_text(attributes: str) -> None:
    assert cut(f"<p>a</p><div {attributes}>b<p>c</p></div><p>d</p>") == ["a", "d"]
    assert cut(f"a <span {attributes}>b</span> c") == ["a c"]


@pytest.mark.parametrize(
    "attributes",
    [
        "style='font-size:0.9em'",
        "style='font-size:10px'",
        "style='display:block'",
        "data-hidden",
        "title=hidden",
        "aria-hidden=false",
    ],
)
def test_what_is_shown_gives_text(attributes: str) -> None:
    assert cut(f"<p {attributes}>b</p>") == ["b"]


def test_what_scripts_or_readers_may_hide_is_marked() -> None:
    blocks = cut_blocks("<p>a<p aria-hidden=true>b</p><noscript><p>c</noscript><p>d")
    assert blocks.texts() == ["a", "b", "c", "d"]
    flags = blocks.column("flags")
    assert (flags & elements.IS_ARIA_HIDDEN != 0).tolist() == [False, True, False, False]
    assert (flags & elements.IN_NOSCRIPT != 0).tolist() == [False, False, True, False]


# Any input

TAGS = (
    "<p> <div> </div> <b> </b> <a\thref=x> </a> <ul> <li> </ul> <table> <tr> <td> </td> </table>"
    " <pre> </pre> <br> <svg> </svg> <math> <p/> <template> </template> <script> </script> <!--"
    " --> <h1> </h2> <select> <option> <dl> <dt> </dl> <blockquote> </blockquote> </p> <hr>"
    " <form> </form> <noscript> </noscript> <div\thidden> <x-y> </x-y> <title> </title> </ <?"
    " <!d> &amp; &#x41; &copy &nosuch; & < > \" ' = \0 é 語 word Word 12 , . \u200b"
)
MARKUP = st.sampled_from([*TAGS.split(" "), " ", "\r\n", "\xa0", "< "])
SOUP = st.lists(st.one_of(MARKUP, st.text(max_size=3)), max_size=60).map("".join)


def check_rows(blocks: PageBlocks) -> None:
    starts, ends = blocks.column("start"), blocks.column("end")
    assert (starts < ends).all()
    assert (ends[:-1] < starts[1:]).all()
    assert ends.max(initial=0) <= blocks.text.size
    assert (np.diff(blocks.column("source")) >= 0).all()
    assert (blocks.column("source") < blocks.column("source_end")).all()
    assert blocks.column("source_end").max(initial=0) <= blocks.size
    assert (blocks.column("container") < len(blocks.containers)).all()
    parents = blocks.containers[1:, 0]
    assert (parents < np.arange(1, len(blocks.containers))).all()
    assert (blocks.column("link_bytes") <= ends - starts).all()
    assert (blocks.table >= -1)[:, : blocks.table.shape[1] - 5].all()


@given(SOUP)
@example("<svg><template>")
@example("</")
@example("<p>" * 3)
def test_any_soup_is_read(html: str) -> None:
    blocks = cut_blocks(html)
    check_rows(blocks)
    for text in blocks.texts():
        assert text.strip("\n ") != ""
    if "&" not in html:
        page = iter("".join(html.encode("utf-8", "replace").decode().split()))
        written = "".join("".join(blocks.texts()).split()).replace("\xa0", "")
        assert all(letter in page for letter in written), "text that the page has not"


@given(st.binary(max_size=200))
def test_any_bytes_are_read(html: bytes) -> None:
    check_rows(cut_blocks(html))


@given(SOUP, st.integers(0, 400))
def test_reading_depends_on_nothing_but_the_page(html: str, cut_at: int) -> None:
    first, second = cut_blocks(html), cut_blocks(html.encode("utf-8", "replace"))
    assert first.text.tobytes() == second.text.tobytes()
    assert (first.table == second.table).all()
    check_rows(cut_blocks(html[:cut_at]))


# Text that is a known tree

LEAF = st.text("ab1é語,. ", min_size=1).filter(lambda text: text.strip())
TREE = st.recursive(
    st.tuples(st.sampled_from(["p", "h2", "div", "pre"]), LEAF),
    lambda inner: st.tuples(
        st.sampled_from(["div", "section", "blockquote", "article", "my-element"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


def _write_tree(tree: tuple[str, object]) -> tuple[str, list[str]]:
    name, content = tree
    if isinstance(content, str):
        shown = content.rstrip() if name == "pre" else " ".join(content.split())
        return f"<{name} class=x>{content}</{name}>", [shown]
    parts = [_write_tree(child) for child in content]
    html = "".join(part for part, _ in parts)
    return f"<{name}>{html}</{name}>", [text for _, texts in parts for text in texts]


@given(TREE)
def test_well_formed_pages_give_their_leaves(tree: tuple[str, object]) -> None:
    html, texts = _write_tree(tree)
    assert cut(html) == texts
    # Comments, scripts and unknown inline elements change nothing.
    assert cut(html.replace("</", "<!-- > --><script>'<p>'</script></")) == texts


@given(st.text("aB1é語,.!? _-", min_size=1, max_size=60))
def test_counts_are_those_of_python(text: str) -> None:
    blocks = cut_blocks(f"<p>{text}")
    for row, shown in enumerate(blocks.texts()):
        assert blocks.column("chars")[row] == len(shown)
        assert blocks.column("words")[row] == len(WORD.findall(shown))
        assert blocks.column("digits")[row] == sum(letter.isdigit() for letter in shown)
        assert blocks.column("uppers")[row] == shown.count("B")
        assert blocks.column("commas")[row] == shown.count(",")
        assert blocks.column("long_words")[row] == sum(
            len(word.encode()) >= 7 for word in WORD.findall(shown)
        )
        assert blocks.column("other_bytes")[row] == sum(
            len(letter.encode()) for letter in shown if not letter.isascii()
        )


# What the markup says


def test_flags_and_keywords_come_from_the_ancestors() -> None:
    blocks = cut_blocks(
        "<nav class=site-menu><a href=/>Home</a></nav><main id=content><article class=blogPost>"
        "<h1>T</h1><p>Some <em>text</em> <a href=x>link</a></p></article>"
        "<div class='widget'><section><p>w</p></section></div></main>"
    )
    flags = blocks.column("flags").tolist()
    assert flags[0] == elements.IN_NAV | elements.IN_LINK
    inside = elements.IN_MAIN | elements.IN_ARTICLE
    assert flags[1] == inside | elements.IN_HEADING
    assert flags[2] == inside | elements.IN_PARAGRAPH
    assert blocks.column("any_flags")[2] == flags[2] | elements.IN_EMPHASIS | elements.IN_LINK
    assert blocks.column("link_bytes").tolist() == [4, 0, 4, 0]
    assert blocks.column("links").tolist() == [1, 0, 1, 0]
    names = [
        {group for bit, group in enumerate(GROUPS) if bits >> bit & 1}
        for bits in blocks.column("bits").tolist()
    ]
    assert names[0] == {"menu"}
    assert names[2] == {"content", "article", "post"}
    assert names[3] == {"content", "widget"}
    assert blocks.column("good_level").tolist() == [-1, 1, 1, 3]
    assert blocks.column("bad_level").tolist() == [0, -1, -1, 2]
    assert blocks.column("heading").tolist() == [0, 1, 0, 0]


def test_lists_and_tables_are_numbered() -> None:
    blocks = cut_blocks(
        "<ol><li>a<p>b<li>c<ul><li>d</ul></ol><table><tr><td>e<td>f<tr><td>g</table><table><td>h"
    )
    assert blocks.column("item").tolist() == [1, 1, 2, 1, 0, 0, 0, 0]
    assert blocks.column("starts_item").tolist() == [1, 0, 1, 1, 0, 0, 0, 0]
    assert blocks.column("list_depth").tolist() == [1, 1, 1, 2, 0, 0, 0, 0]
    assert blocks.column("table").tolist() == [0, 0, 0, 0, 1, 1, 1, 2]
    assert blocks.column("row").tolist()[4:7] == [1, 1, 2]
    assert blocks.column("cell").tolist()[4:7] == [1, 2, 1]


def test_elements_that_look_alike_are_counted() -> None:
    html = "<ul class=cards>" + "<li class=card><p>x</p></li>" * 3 + "</ul><p>y</p>"
    blocks = cut_blocks(html)
    tags = blocks.containers[:, 1]
    alike = blocks.same[tags == elements.TAGS["li"]]
    assert alike.tolist() == [3, 3, 3]
    assert blocks.containers[tags == elements.TAGS["li"], 4].tolist() == [0, 1, 2]


def test_the_page_says_its_title() -> None:
    page = "<svg><title>s</title></svg><title>A &amp; b</title><title>c</title><body class=post>x"
    blocks = cut_blocks(page)
    assert blocks.title == b"A &amp; b"
    assert blocks.page_bits == 1 << GROUPS.index("post")
    assert len(blocks) == 1
    assert blocks.size == len(page)
